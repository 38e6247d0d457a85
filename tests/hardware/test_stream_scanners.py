"""Scanners over a real pseudo-terminal and a real socket: heard, unplugged, heard again, nothing leaked.

`JIFEN_UNPLUG_CYCLES=500` runs the long form.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until

from hardware.addresses import scanner_address
from hardware.scans import Health, Scan, Scanner
from hardware.serial_scanner import serial_scanner
from hardware.socket_scanner import socket_scanner
from hardware.virtual.scanner import PtyScanner, SocketScanner, VirtualScanner

CYCLES = int(os.environ.get("JIFEN_UNPLUG_CYCLES", "25"))
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="SKIPPED, missing: pseudo-terminals, which are POSIX"
)


class Bench:
    """A virtual scanner, the real driver at its other end, and what was heard."""

    def __init__(self, device: VirtualScanner) -> None:
        self.device = device
        self.heard: queue.Queue[Scan] = queue.Queue()
        address = scanner_address(device.address)
        make = serial_scanner if address.kind == "serial" else socket_scanner
        self.scanner: Scanner = make(address, backoff_first_s=0.02)
        self.scanner.start(self.heard.put)
        self._serial_no = 0

    def scan_until_heard(self) -> str:
        """Scan new codes until one arrives; those before it were sent while nobody was connected."""
        for _ in range(400):
            self._serial_no += 1
            self.device.scan(f"M{self._serial_no:020d}")
            try:
                return self.heard.get(timeout=0.12).text
            except queue.Empty:
                continue
        raise AssertionError("never heard")

    def close(self) -> None:
        self.scanner.stop()
        self.device.stop()


@pytest.fixture(params=[PtyScanner, SocketScanner])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param())
    yield bench
    bench.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


def test_a_scan_is_heard(bench: Bench) -> None:
    text = bench.scan_until_heard()
    assert text.startswith("M")
    assert bench.scanner.wellbeing().health is Health.OK


def test_a_trigger_pulled_twice_is_one_scan(bench: Bench) -> None:
    bench.scan_until_heard()
    bench.device.scan("M77")
    bench.device.scan("M77")
    bench.device.scan("M78")
    assert [bench.heard.get(timeout=2).text for _ in range(2)] == ["M77", "M78"]
    assert bench.scanner.counts()["repeats"] == 1


def test_a_code_without_terminator_is_ended_by_silence(bench: Bench) -> None:
    bench.scan_until_heard()
    bench.device.scan("M79", terminator="")
    assert bench.heard.get(timeout=2).text == "M79"


def test_unplugging_again_and_again_leaks_nothing(bench: Bench) -> None:
    bench.scan_until_heard()
    threads, files = threading.active_count(), descriptors()
    for _ in range(CYCLES):
        bench.device.send(b"M123")  # torn in the middle of a code
        bench.device.unplug()
        bench.device.replug()
        assert bench.scan_until_heard() != "M123"
    assert bench.scanner.counts()["opened"] >= CYCLES + 1
    assert threading.active_count() <= threads
    assert descriptors() <= files


def test_a_scanner_that_is_called_well_hears_the_next_code(bench: Bench) -> None:
    """Right after opening a line nothing is believed; whoever scans when the till says so is heard."""
    for serial_no in range(10):
        assert until(lambda: bench.scanner.wellbeing().health is Health.OK)
        bench.device.scan(f"M{serial_no}")
        assert bench.heard.get(timeout=2).text == f"M{serial_no}"
        bench.device.unplug()
        assert until(lambda: bench.scanner.wellbeing().health is Health.CONNECTING)
        bench.device.replug()


def test_a_scanner_that_is_away_says_so_and_stops_when_told(bench: Bench) -> None:
    bench.scan_until_heard()
    bench.device.unplug()
    assert until(lambda: bench.scanner.wellbeing().health is Health.CONNECTING)
    assert bench.scanner.wellbeing().words == "fault.scanner_gone"
    before = threading.active_count()
    bench.scanner.stop()
    assert threading.active_count() < before


def test_a_scanner_that_was_never_there_keeps_trying() -> None:
    scanner = serial_scanner(scanner_address("serial:///dev/no-such-scanner"), backoff_first_s=0.01)
    scanner.start(lambda scan: None)
    scanner.stop()
    assert scanner.counts()["opened"] == 0
    assert scanner.wellbeing().health is Health.CONNECTING


def test_a_usb_scanner_is_looked_for_by_its_numbers() -> None:
    scanner = serial_scanner(scanner_address("serial+usb://dead:beef"), backoff_first_s=0.01)
    scanner.start(lambda scan: None)
    assert until(lambda: scanner.wellbeing().words == "fault.scanner_gone")
    scanner.stop()

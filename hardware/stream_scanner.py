"""A scanner at the end of a line of bytes: one thread that opens, reads, frames and opens again.

What always holds: the thread ends when it is told to, whatever the device does; a device that went away is
tried again after 0.25 s, doubling to 2 s, for ever; after every opening the framer starts anew, so a code
that was cut in half is not joined to another, and the scanner is called well only once the next code would be
heard; the port is closed exactly once for each time it was opened.

How a port is opened is not known here: `serial_scanner` and `socket_scanner` say it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hardware.faults import ScannerGone
from hardware.framing import Framer
from hardware.scans import WELL, Desk, Health, ScannerThread, Sink, Wellbeing, monotonic_ms

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 2.0
READ_MS = 50  # as long as the silence that ends a code


class Port(Protocol):
    """An open line."""

    def read(self) -> bytes:
        """What came within READ_MS, b"" if nothing did. Raises ScannerGone."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class StreamScanner:
    """Scans from whatever `open_port` opens."""

    def __init__(
        self, address: str, open_port: Callable[[], Port], backoff_first_s: float = BACKOFF_FIRST_S
    ) -> None:
        self.address = address
        self._open_port = open_port
        self._backoff_first_s = backoff_first_s
        self._desk = Desk(address)
        self._thread = ScannerThread(self.address, self._run)
        self._wellbeing = Wellbeing(Health.CONNECTING, "state.scanner_connecting")
        self._opened = 0
        self._overlong = 0

    def start(self, sink: Sink) -> None:
        self._thread.start(sink)

    def stop(self, timeout_s: float = 2.0) -> None:
        self._thread.stop(timeout_s)

    def wellbeing(self) -> Wellbeing:
        return self._wellbeing

    def counts(self) -> dict[str, int]:
        return {
            "scans": self._desk.delivered,
            "repeats": self._desk.repeats,
            "opened": self._opened,
            "overlong": self._overlong,
        }

    def _run(self, sink: Sink) -> None:
        wait_s = self._backoff_first_s
        while not self._thread.stopping.is_set():
            try:
                port = self._open_port()
            except ScannerGone as gone:
                self._wellbeing = Wellbeing(Health.CONNECTING, gone.remedy, gone.detail)
                self._thread.stopping.wait(wait_s)
                wait_s = min(wait_s * 2, BACKOFF_MAX_S)
                continue
            wait_s = self._backoff_first_s
            self._opened += 1
            try:
                self._read(port, sink)
            except ScannerGone as gone:
                self._wellbeing = Wellbeing(Health.CONNECTING, gone.remedy, gone.detail)
            finally:
                port.close()

    def _read(self, port: Port, sink: Sink) -> None:
        framer = Framer(monotonic_ms())
        while not self._thread.stopping.is_set():
            data = port.read()
            now = monotonic_ms()
            for text in framer.receive(data, now) if data else framer.quiet(now):
                scan = self._desk.take(text, now)
                if scan is not None:
                    sink(scan)
            if framer.believes:  # a code that comes earlier is swallowed
                self._wellbeing = WELL
            self._overlong += framer.overlong
            framer.overlong = 0


def gone(address: str, error: BaseException) -> ScannerGone:
    return ScannerGone("fault.scanner_gone", f"{address}: {error}", address=address)

"""Addresses: what is understood, and that what is not is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.words import load_words
from hardware.addresses import PRINTERS, SCANNERS, printer_address, scanner_address
from hardware.faults import AddressFault
from hardware.virtual.engine import FAULTS

GOOD_SCANNERS = [
    ("serial:///dev/serial/by-id/usb-Honeywell_1900", "serial", "/dev/serial/by-id/usb-Honeywell_1900"),
    ("serial:///dev/ttyACM0?baud=115200", "serial", "/dev/ttyACM0"),
    ("serial://COM3", "serial", "COM3"),
    ("serial+usb://1eab:1d06?serial=X-1", "serial+usb", "1eab:1d06"),
    ("socket://127.0.0.1:4001", "socket", "127.0.0.1:4001"),
    ("keyboard://?prefix=~&max_gap_ms=20", "keyboard", ""),
    ("page://", "page", ""),
    ("virtual://scanner", "virtual", "scanner"),
]
GOOD_PRINTERS = [
    ("tcp://10.0.0.5:9100", "tcp", "10.0.0.5:9100"),
    ("tcp://[::1]:9100?fence=none&qr=raster", "tcp", "[::1]:9100"),
    ("serial:///dev/ttyUSB0?baud=19200&text=raster", "serial", "/dev/ttyUSB0"),
    ("file:///dev/usb/lp0", "file", "/dev/usb/lp0"),
    ("virtual://printer", "virtual", "printer"),
]


@pytest.mark.parametrize(("text", "kind", "place"), GOOD_SCANNERS)
def test_a_scanners_address_is_understood(text: str, kind: str, place: str) -> None:
    address = scanner_address(text)
    assert (address.kind, address.place) == (kind, place)


@pytest.mark.parametrize(("text", "kind", "place"), GOOD_PRINTERS)
def test_a_printers_address_is_understood(text: str, kind: str, place: str) -> None:
    address = printer_address(text)
    assert (address.kind, address.place) == (kind, place)


def test_options_have_their_defaults() -> None:
    address = printer_address("tcp://[::1]:9100?fence=none")
    assert dict(address.options) == {"fence": "none", "qr": "native", "text": "gbk", "patience_ms": 5000}
    assert address.host_port() == ("::1", 9100)
    assert scanner_address("serial://COM3").number("baud") == 9600


@pytest.mark.parametrize(
    ("text", "remedy", "named"),
    [
        ("ttyACM0", "fault.address_malformed", "ttyACM0"),
        ("serial:///dev/tty ACM0", "fault.address_malformed", "tty ACM0"),
        ("tcp://10.0.0.5:9100", "fault.address_scheme", "tcp://"),
        ("bluetooth://x", "fault.address_scheme", "bluetooth://"),
        ("serial://ttyACM0", "fault.address_place", "/dev/…"),
        ("serial+usb://1eab", "fault.address_place", "1eab:1d06"),
        ("socket://localhost", "fault.address_place", "host:port"),
        ("socket://localhost:0", "fault.address_place", "host:port"),
        ("socket://localhost:99999", "fault.address_place", "host:port"),
        ("page://here", "fault.address_place", "nothing"),
        ("serial:///dev/ttyACM0?buad=9600", "fault.address_option", "buad"),
        ("page://?baud=9600", "fault.address_option", "baud"),
        ("serial:///dev/ttyACM0?baud=fast", "fault.address_value", "300-921600"),
        ("serial:///dev/ttyACM0?baud=", "fault.address_value", "baud"),
        ("serial:///dev/ttyACM0?baud=9600&baud=9600", "fault.address_value", "baud"),
        ("keyboard://?max_gap_ms=500", "fault.address_value", "5-60"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_wrong_is_named(text: str, remedy: str, named: str, language: str) -> None:
    with pytest.raises(AddressFault) as caught:
        scanner_address(text)
    assert caught.value.remedy == remedy
    assert named in load_words(language).say(caught.value.remedy, **caught.value.detail)


def test_every_kind_of_the_table_is_tried_here() -> None:
    assert {kind for _, kind, _ in GOOD_SCANNERS} == SCANNERS.keys()
    assert {kind for _, kind, _ in GOOD_PRINTERS} == PRINTERS.keys()


def test_every_kind_and_option_is_described() -> None:
    readme = (Path(__file__).resolve().parents[2] / "hardware" / "README.md").read_text("utf-8")
    for table in (SCANNERS, PRINTERS):
        for name, kind in table.items():
            assert f"`{name}://" in readme, name
            for option in kind.options:
                assert f"`{option}`" in readme, option


def test_every_fault_of_the_virtual_printer_is_described() -> None:
    readme = (Path(__file__).resolve().parents[2] / "hardware" / "README.md").read_text("utf-8")
    assert [fault for fault in FAULTS if f"`{fault}`" not in readme] == []


@pytest.mark.parametrize("package", ["hardware", "config"])
def test_the_examples_of_the_readme_run(package: str) -> None:
    readme = (Path(__file__).resolve().parents[2] / package / "README.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, f"{package}/README.md", "exec"), {})

"""Addresses of devices: one parser, one table.

An address is `kind://place?option=value&option=value`. The table below says which kinds there are for
scanners and for printers, what their place looks like and which options they know. An option that nobody
knows is a fault that names it: `?buad=9600` would otherwise be a scanner that reads noise.

Parsing touches no device and imports no driver. What an address leads to is `hardware.devices`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from hardware.faults import AddressFault

Value = str | int
ADDRESS = re.compile(r"(?P<kind>[a-z][a-z0-9+]*)://(?P<place>[^?\s]*)(\?(?P<options>\S*))?")


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand between `://` and `?`."""

    pattern: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Option:
    read: Callable[[str], Value | None]
    wanted: str
    default: Value


@dataclass(frozen=True, slots=True)
class Kind:
    place: Place
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """A device address that was understood; `options` holds every option of its kind."""

    text: str
    kind: str
    place: str
    options: Mapping[str, Value]

    def number(self, option: str) -> int:
        value = self.options[option]
        assert isinstance(value, int)
        return value

    def word(self, option: str) -> str:
        value = self.options[option]
        assert isinstance(value, str)
        return value

    def host_port(self) -> tuple[str, int]:
        host, _, port = self.place.rpartition(":")
        return host.strip("[]"), int(port)


def _number(low: int, high: int, default: int) -> Option:
    def read(text: str) -> int | None:
        found = re.fullmatch(r"[0-9]{1,9}", text)
        return int(text) if found and low <= int(text) <= high else None

    return Option(read, f"{low}-{high}", default)


def _choice(default: str, *others: str) -> Option:
    words = (default, *others)
    return Option(lambda text: text if text in words else None, " / ".join(words), default)


def _text(pattern: str, wanted: str) -> Option:
    return Option(lambda text: text if re.fullmatch(pattern, text) else None, wanted, "")


NOTHING = Place(r"", "nothing")
PORT = Place(r"(/dev/\S+|/\S+|COM[0-9]{1,3})", "/dev/… or COM3")
USB_ID = Place(r"[0-9a-f]{4}:[0-9a-f]{4}", "vendor:product, such as 1eab:1d06")
HOST_PORT = Place(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}", "host:port")
DEVICE_FILE = Place(r"/\S+", "/dev/usb/lp0")

BAUD = _number(300, 921_600, 9_600)
SERIAL_NUMBER = _text(r"[\w.-]+", "the serial number")

SCANNERS: Mapping[str, Kind] = {
    "serial": Kind(PORT, {"baud": BAUD}),
    "serial+usb": Kind(USB_ID, {"baud": BAUD, "serial": SERIAL_NUMBER}),
    "socket": Kind(HOST_PORT),
    "page": Kind(NOTHING),
    "keyboard": Kind(
        NOTHING,
        {"prefix": _text(r"[!-~]{1,8}", "1 to 8 characters"), "max_gap_ms": _number(5, 60, 35)},
    ),
    "virtual": Kind(Place(r"scanner", "virtual://scanner")),
}

PRINTING: Mapping[str, Option] = {
    "fence": _choice("gsr", "none"),  # none: a one-way printer that never answers
    "qr": _choice("native", "raster"),
    "text": _choice("gbk", "raster"),  # raster: export firmware without Chinese
    "patience_ms": _number(500, 60_000, 5_000),
}

PRINTERS: Mapping[str, Kind] = {
    "tcp": Kind(HOST_PORT, PRINTING),
    "serial": Kind(PORT, {**PRINTING, "baud": BAUD}),
    "file": Kind(DEVICE_FILE, PRINTING),
    "virtual": Kind(Place(r"printer", "virtual://printer"), PRINTING),
}


def scanner_address(text: str) -> Address:
    """Read a scanner's address. Raises AddressFault, which names what is wrong with it."""
    return _parse(text, SCANNERS)


def printer_address(text: str) -> Address:
    """Read a printer's address. Raises AddressFault, which names what is wrong with it."""
    return _parse(text, PRINTERS)


def _parse(text: str, table: Mapping[str, Kind]) -> Address:
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise AddressFault("fault.address_malformed", f"malformed address {text!r}", address=text)
    name, place = found["kind"], found["place"]
    if name not in table:
        known = ", ".join(f"{kind}://" for kind in table)
        raise AddressFault(
            "fault.address_scheme",
            f"unknown kind {name} in {text!r}",
            scheme=f"{name}://",
            address=text,
            known=known,
        )
    kind = table[name]
    if not re.fullmatch(kind.place.pattern, place) or (kind.place is HOST_PORT and not _port_exists(place)):
        raise AddressFault(
            "fault.address_place", f"wrong place in {text!r}", address=text, wanted=kind.place.wanted
        )
    return Address(text, name, place, _options(text, found["options"] or "", kind))


def _port_exists(place: str) -> bool:
    return 1 <= int(place.rpartition(":")[2]) <= 65_535


def _options(text: str, query: str, kind: Kind) -> dict[str, Value]:
    values: dict[str, Value] = {name: option.default for name, option in kind.options.items()}
    seen: set[str] = set()
    for name, raw in parse_qsl(query, keep_blank_values=True):
        option = kind.options.get(name)
        if option is None:
            known = ", ".join(kind.options) or "–"
            raise AddressFault(
                "fault.address_option",
                f"unknown option {name} in {text!r}",
                address=text,
                option=name,
                known=known,
            )
        value = option.read(raw)
        if value is None or name in seen:
            wanted = option.wanted if value is None else f"{option.wanted} ×1"
            raise AddressFault(
                "fault.address_value",
                f"wrong {name} in {text!r}",
                address=text,
                option=name,
                wanted=wanted,
            )
        seen.add(name)
        values[name] = value
    return values

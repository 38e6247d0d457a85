"""Scanners on a serial line or a USB virtual COM port. A door of pyserial.

What always holds: names are resolved at each opening, because a replugged ttyACM0 comes back as ttyACM1
(use /dev/serial/by-id, or `serial+usb://` with vendor and product); and every way in which pyserial fails
becomes ScannerGone. It fails in three: SerialException (an OSError), `termios.error` on a device that was
pulled out, which is not an OSError, and TypeError from a file that was closed under a read.
"""

from __future__ import annotations

import contextlib

import serial
from serial.tools import list_ports

from hardware.addresses import Address
from hardware.stream_scanner import BACKOFF_FIRST_S, READ_MS, StreamScanner, gone

try:
    from termios import error as termios_error
except ImportError:  # Windows has no termios, and no such error
    termios_error = OSError  # type: ignore[misc, assignment]

BROKEN = (OSError, termios_error, TypeError)
READ_BYTES_MAX = 4_096


class SerialPort:
    """An open serial line."""

    def __init__(self, address: Address) -> None:
        self._address = address.text
        name = _device_of(address)
        try:
            # exclusive: two programs that read one scanner tear its codes apart between them
            self._line = serial.Serial(name, address.number("baud"), timeout=READ_MS / 1000, exclusive=True)
        except (*BROKEN, ValueError) as error:
            raise gone(self._address, error) from error

    def read(self) -> bytes:
        try:
            # read(64) would wait the whole timeout with data at hand; one byte, then what else is there
            first: bytes = self._line.read(1)
            if not first:
                return b""
            return first + self._line.read(min(self._line.in_waiting, READ_BYTES_MAX))
        except BROKEN as error:
            raise gone(self._address, error) from error

    def close(self) -> None:
        with contextlib.suppress(*BROKEN):
            self._line.close()


def serial_scanner(address: Address, backoff_first_s: float = BACKOFF_FIRST_S) -> StreamScanner:
    """The scanner at `serial://…` or `serial+usb://…`."""
    return StreamScanner(address.text, lambda: SerialPort(address), backoff_first_s)


def _device_of(address: Address) -> str:
    if address.kind != "serial+usb":
        return address.place
    vendor, product = (int(part, 16) for part in address.place.split(":"))
    wanted = address.word("serial")
    for port in list_ports.comports():
        if (port.vid, port.pid) == (vendor, product) and wanted in ("", port.serial_number):
            return str(port.device)
    raise gone(address.text, OSError("no such USB device"))

"""The way to a printer on a serial line or a USB virtual COM port. A door of pyserial.

What always holds: the same promises as `printer_link`, and every way in which pyserial fails becomes a
LinkFault, `termios.error` (no OSError) and TypeError among them.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import serial

from hardware.printer_link import HEAR_BYTES_MAX, Link, broken, unreachable

try:
    from termios import error as termios_error
except ImportError:  # Windows has no termios, and no such error
    termios_error = OSError  # type: ignore[misc, assignment]

BROKEN = (OSError, termios_error, TypeError)
PIECE_BYTES = 256  # handed over at a time, so that `sent` is nearly right when the line breaks


class SerialLink:
    """An open serial line."""

    def __init__(self, address: str, line: serial.Serial) -> None:
        self._address, self._line = address, line

    def send(self, data: bytes, within_ms: int) -> None:
        until = time.monotonic() + within_ms / 1000
        sent = 0
        try:
            while sent < len(data):
                left = until - time.monotonic()
                if left <= 0:
                    raise broken(self._address, "it does not take the bytes", sent)
                self._line.write_timeout = left
                sent += self._line.write(data[sent : sent + PIECE_BYTES]) or 0
        except BROKEN as error:  # a write timeout is one of pyserial's OSErrors
            # part of the piece that failed may have left, and then nobody may say that nothing did
            raise broken(self._address, error, sent + 1) from error

    def hear(self, within_ms: int) -> bytes:
        try:
            self._line.timeout = within_ms / 1000
            first: bytes = self._line.read(1)
            return first + self._line.read(min(self._line.in_waiting, HEAR_BYTES_MAX)) if first else b""
        except BROKEN as error:
            raise broken(self._address, error) from error

    def close(self) -> None:
        with contextlib.suppress(*BROKEN):
            self._line.close()


@dataclass(frozen=True, slots=True)
class SerialOpener:
    """`serial:///dev/ttyUSB0?baud=19200`"""

    address: str
    device: str
    baud: int

    def open(self) -> Link:
        try:
            line = serial.Serial(self.device, self.baud, exclusive=True)
        except (*BROKEN, ValueError) as error:
            raise unreachable(self.address, error) from error
        return SerialLink(self.address, line)

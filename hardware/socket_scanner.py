"""Scanners that speak TCP: the virtual ones, and serial servers in the shop's network.

What always holds: the far end's close is ScannerGone at once, never a line that is silent for ever.
"""

from __future__ import annotations

import contextlib
import socket

from hardware.addresses import Address
from hardware.stream_scanner import BACKOFF_FIRST_S, READ_MS, StreamScanner, gone

CONNECT_S = 2.0
READ_BYTES_MAX = 4_096


class SocketPort:
    """An open connection."""

    def __init__(self, address: Address) -> None:
        self._address = address.text
        try:
            self._socket = socket.create_connection(address.host_port(), CONNECT_S)
        except OSError as error:
            raise gone(self._address, error) from error
        self._socket.settimeout(READ_MS / 1000)

    def read(self) -> bytes:
        try:
            data = self._socket.recv(READ_BYTES_MAX)
        except TimeoutError:
            return b""
        except OSError as error:
            raise gone(self._address, error) from error
        if not data:
            raise gone(self._address, OSError("closed by the far end"))
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


def socket_scanner(address: Address, backoff_first_s: float = BACKOFF_FIRST_S) -> StreamScanner:
    """The scanner at `socket://host:port`."""
    return StreamScanner(address.text, lambda: SocketPort(address), backoff_first_s)

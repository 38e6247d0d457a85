"""The ways to a printer: TCP and a device file. (`serial_link` has the serial line.) They know no ESC/POS.

What always holds: nothing waits longer than it was told; opening, sending and hearing fail with a
LinkFault, and one from sending says how many bytes the system had taken, because "nothing left this
machine" and "something may be on paper" are different ends of a job; closing never fails. That all bytes
were taken says nothing about paper: a stalled printer "took" a receipt in 1 ms.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hardware.faults import LinkFault

HEAR_BYTES_MAX = 4_096
CONNECT_S = 2.0


class Link(Protocol):
    """An open way to a printer."""

    def send(self, data: bytes, within_ms: int) -> None:
        """Hand all of `data` to the system. Raises LinkFault with `sent`."""
        ...

    def hear(self, within_ms: int) -> bytes:
        """What the printer said, b"" if nothing came. Raises LinkFault."""
        ...

    def close(self) -> None: ...


class Opener(Protocol):
    """How to open the way to one printer."""

    @property
    def address(self) -> str: ...

    def open(self) -> Link:
        """Raises LinkFault."""
        ...


def unreachable(address: str, reason: object) -> LinkFault:
    return LinkFault("fault.printer_unreachable", f"{address}: {reason}", address=address, reason=str(reason))


def broken(address: str, reason: object, sent: int = 0) -> LinkFault:
    return LinkFault(
        "fault.link_broken", f"{address}: {reason}", sent=sent, address=address, reason=str(reason)
    )


# poll, because select() cannot wait for a descriptor above 1023, and epoll not for a plain file
Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


def _ready(line: int | socket.socket, event: int, within_s: float) -> bool:
    with Selector() as selector:
        selector.register(line, event)
        return bool(selector.select(within_s))


class WaitedLink:
    """The loop that a socket and a device file share. The two below say how to write, read and close."""

    def __init__(self, address: str, line: int | socket.socket) -> None:
        self._address, self._line = address, line

    def send(self, data: bytes, within_ms: int) -> None:
        until = time.monotonic() + within_ms / 1000
        sent = 0
        while sent < len(data):
            left = until - time.monotonic()
            if left <= 0:
                raise broken(self._address, "it does not take the bytes", sent)
            try:
                if _ready(self._line, selectors.EVENT_WRITE, left):
                    sent += self._write(data[sent:])
            except BlockingIOError:
                continue
            except OSError as error:
                raise broken(self._address, error.strerror, sent) from error

    def hear(self, within_ms: int) -> bytes:
        try:
            if not _ready(self._line, selectors.EVENT_READ, within_ms / 1000):
                return b""
            data = self._read()
        except BlockingIOError:
            return b""
        except OSError as error:
            raise broken(self._address, error.strerror) from error
        if not data:
            raise broken(self._address, "closed by the printer")
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._shut()

    def _write(self, data: bytes) -> int:
        assert isinstance(self._line, int)
        return os.write(self._line, data)

    def _read(self) -> bytes:
        assert isinstance(self._line, int)
        return os.read(self._line, HEAR_BYTES_MAX)

    def _shut(self) -> None:
        assert isinstance(self._line, int)
        os.close(self._line)


class SocketLink(WaitedLink):
    """Over a socket, whose descriptor is not a file's on Windows."""

    def _write(self, data: bytes) -> int:
        assert isinstance(self._line, socket.socket)
        return self._line.send(data)

    def _read(self) -> bytes:
        assert isinstance(self._line, socket.socket)
        return self._line.recv(HEAR_BYTES_MAX)

    def _shut(self) -> None:
        assert isinstance(self._line, socket.socket)
        self._line.close()


@dataclass(frozen=True, slots=True)
class TcpOpener:
    """`tcp://host:port`: one connection a job, closed after it, because idle ones die and block others."""

    address: str
    host: str
    port: int

    def open(self) -> Link:
        try:
            line = socket.create_connection((self.host, self.port), CONNECT_S)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise unreachable(self.address, error.strerror or error) from error
        line.setblocking(False)
        return SocketLink(self.address, line)


@dataclass(frozen=True, slots=True)
class FileOpener:
    """`file:///dev/usb/lp0`: a device of the kernel's printer driver, read and written."""

    address: str
    path: Path

    def open(self) -> Link:
        try:
            line = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | getattr(os, "O_NOCTTY", 0))
        except OSError as error:
            raise unreachable(self.address, error.strerror) from error
        return WaitedLink(self.address, line)

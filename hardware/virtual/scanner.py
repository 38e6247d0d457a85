"""A scanner that does not exist: it sends codes over a real pseudo-terminal or a real TCP port.

What always holds: `address` stays the same over unplugging and plugging in again, as a name under
/dev/serial/by-id does, while the device behind it is a new one each time; unplugging breaks every open
line the way the real thing does (EIO on a terminal, end of file on a socket).
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Protocol

from hardware.faults import HardwareFault


class VirtualScanner(Protocol):
    """What both virtual scanners can do."""

    @property
    def address(self) -> str: ...

    def scan(self, text: str, terminator: str = "\r") -> None: ...

    def send(self, data: bytes) -> None: ...

    def unplug(self) -> None: ...

    def replug(self) -> None: ...

    def stop(self) -> None: ...


class PtyScanner:
    """A scanner on a pseudo-terminal (POSIX): `serial://…/scanner`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jifen-scanner-")
        self._name = Path(self._folder.name) / "scanner"
        self._master: int | None = None
        self.replug()

    @property
    def address(self) -> str:
        return f"serial://{self._name}"

    def scan(self, text: str, terminator: str = "\r") -> None:
        self.send((text + terminator).encode())

    def send(self, data: bytes) -> None:
        if self._master is not None:  # a scanner that is not plugged in beeps, and nobody hears it
            with contextlib.suppress(BlockingIOError):  # nobody reads, and the line is full
                os.write(self._master, data)

    def unplug(self) -> None:
        if self._master is not None:
            self._name.unlink()
            os.close(self._master)
            self._master = None

    def replug(self) -> None:
        if self._master is not None:
            return
        self._master, slave, name = raw_terminal()
        os.close(slave)
        os.set_blocking(self._master, False)
        self._name.symlink_to(name)

    def stop(self) -> None:
        self.unplug()
        self._folder.cleanup()


def raw_terminal() -> tuple[int, int, str]:
    """A pseudo-terminal whose line changes no byte. Its name is the slave's."""
    try:
        import pty
        import tty
    except ImportError as error:
        raise HardwareFault("fault.virtual_port", "no pty here", reason="no pty here") from error
    master, slave = pty.openpty()
    tty.setraw(slave)
    return master, slave, os.ttyname(slave)


class SocketScanner:
    """A scanner on a TCP port: `socket://127.0.0.1:port`. Everybody who connects hears every code."""

    def __init__(self) -> None:
        self._listener: socket.socket | None = None
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._connected = threading.Condition(self._lock)
        self._port = 0
        self.replug()

    @property
    def address(self) -> str:
        return f"socket://127.0.0.1:{self._port}"

    def scan(self, text: str, terminator: str = "\r") -> None:
        self.send((text + terminator).encode())

    def send(self, data: bytes) -> None:
        with self._lock:
            for line in list(self._lines):
                try:
                    line.sendall(data)
                except OSError:
                    self._lines.remove(line)

    def wait_for_a_listener(self, timeout_s: float = 5.0) -> bool:
        """Whether somebody has connected, so that a scan would be heard."""
        with self._connected:
            return self._connected.wait_for(lambda: bool(self._lines), timeout_s)

    def unplug(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            lines, self._lines = self._lines, []
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept()
            listener.close()
        for line in lines:
            line.close()

    def replug(self) -> None:
        if self._listener is not None:
            return
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name=self.address, daemon=True).start()

    def stop(self) -> None:
        self.unplug()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return  # unplugged
            with self._connected:
                if self._listener is not listener:
                    line.close()
                    return
                self._lines.append(line)
                self._connected.notify_all()

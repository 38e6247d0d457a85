"""A receipt printer that does not exist, at a real TCP port or a real pseudo-terminal.

`start()` it, print to its `address`, look at its `receipts`, its `roll_png()`, and set its faults while it
works. What always holds: one thread serves all lines and does all printing; every answer goes to the line
that asked; `stop()` leaves neither thread, port nor terminal. What happens between bytes and paper is
`engine`; here are the lines and the faults of lines.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import tempfile
import threading
from pathlib import Path

from hardware.paper import SIZES
from hardware.printer_link import Opener, TcpOpener
from hardware.scans import monotonic_ms
from hardware.virtual.engine import Answer, Engine
from hardware.virtual.roll import Slip, roll_png
from hardware.virtual.scanner import raw_terminal

READ_BYTES = 4_096
LINES_MAX = 32
ALL_WELL = b"\x12"


class VirtualPrinter:
    """A printer with a roll of 58 or 80 mm, on TCP (`tcp://…`) or, with `pty`, `serial://…`."""

    def __init__(self, paper_mm: int = 58, *, pty: bool = False, port: int = 0) -> None:
        self.size = SIZES[paper_mm]
        self.engine = Engine(self.size)
        self.connections = 0
        self._pty, self._port = pty, port
        self._lock = threading.RLock()
        self._printed = threading.Condition(self._lock)
        self._lines: dict[int, socket.socket | int] = {}
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._slave: int | None = None
        self._stopping = False
        self._ear, self._bell = socket.socketpair()

    # What a test, the demo and a doctor use

    @property
    def address(self) -> str:
        if self._folder is not None:
            return f"serial://{self._folder.name}/printer"
        return f"tcp://127.0.0.1:{self._port}"

    def opener(self) -> Opener:
        assert not self._pty
        return TcpOpener(self.address, "127.0.0.1", self._port)

    def __enter__(self) -> VirtualPrinter:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._ear.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        if self._pty:
            self._open_terminal()
        else:
            self._listen()
        self._thread = threading.Thread(target=self._run, name=self.address, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
        self._ring()
        if self._thread is not None:
            self._thread.join(5)
        for line in list(self._lines):
            self._drop(line)
        self._close_listener()
        self._selector.close()
        self._ear.close()
        self._bell.close()
        if self._slave is not None:
            os.close(self._slave)
        if self._folder is not None:
            self._folder.cleanup()

    def set_fault(self, name: str, value: int = 1) -> None:
        """Set a fault of `engine.FAULTS`, or lift it with 0. Numbers count bytes, or bytes a second."""
        with self._lock:
            self._answer(self.engine.set_fault(name, value))
            if not self._pty and name == "refuse":
                self._close_listener() if value else self._listen()
            if name == "stalled":
                self._watch_lines(not value)
        self._ring()

    @property
    def faults(self) -> dict[str, int]:
        """The faults that are set now."""
        with self._lock:
            return {name: value for name, value in self.engine.faults.items() if value}

    def power_cycle(self) -> None:
        """Off and on: every connection breaks, the buffer is lost, what was printed hangs out."""
        with self._lock:
            for line in list(self._lines):
                if not self._pty:
                    self._drop(line)
            self.engine.power_cycle()
        self._ring()

    @property
    def receipts(self) -> list[Slip]:
        """Slips that were cut, oldest first."""
        with self._lock:
            return [slip for slip in self.engine.slips if slip.complete]

    @property
    def torn(self) -> list[Slip]:
        """Slips that were never finished, and what hangs out of the printer now."""
        with self._lock:
            pending = self.engine.pending()
            slips = [slip for slip in self.engine.slips if not slip.complete]
            return slips if pending.empty else [*slips, pending]

    def wait_for_receipts(self, count: int, timeout_s: float = 5.0) -> bool:
        """Whether so many receipts were cut within the time."""
        with self._printed:
            return self._printed.wait_for(lambda: len(self.receipts) >= count, timeout_s)

    def roll_png(self) -> bytes:
        """The roll as a picture, the newest slip on top."""
        with self._lock:
            pending = self.engine.pending()
            slips = [*self.engine.slips, *([] if pending.empty else [pending])]
        return roll_png(slips, self.size.dots)

    # Lines

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._listener.setblocking(False)
            self._port = self._listener.getsockname()[1]
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _open_terminal(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jifen-printer-")
        # Our own hold on the far end keeps the near end readable while nobody else has it open.
        master, self._slave, name = raw_terminal()
        os.set_blocking(master, False)
        (Path(self._folder.name) / "printer").symlink_to(name)
        self._lines[master] = master
        self._selector.register(master, selectors.EVENT_READ)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            line, _ = self._listener.accept()
        except OSError:
            return
        if len(self._lines) >= LINES_MAX:
            line.close()
            return
        line.setblocking(False)
        self.connections += 1
        self._lines[line.fileno()] = line
        if not self.engine.faults.get("stalled"):
            self._selector.register(line, selectors.EVENT_READ)
        if self.engine.faults.get("stale_status"):
            self._answer([Answer(line.fileno(), self.engine.automatic_status() + ALL_WELL)])

    def _drop(self, number: int, *, reset: bool = False) -> None:
        line = self._lines.pop(number, None)
        if line is None:
            return
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(line)
        self.engine.hung_up(number)
        with contextlib.suppress(OSError):
            if isinstance(line, int):
                os.close(line)
                return
            if reset:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()

    def _watch_lines(self, watched: bool) -> None:
        """A stalled printer reads from nobody, and the senders' buffers fill."""
        for line in self._lines.values():
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(line)
            if watched:
                self._selector.register(line, selectors.EVENT_READ)

    # The thread

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _run(self) -> None:
        wait_s: float | None = None
        while True:
            ready = self._selector.select(wait_s)
            with self._lock:
                if self._stopping:
                    return
                for key, _ in ready:
                    self._serve(key.fileobj)
                wait_s = None if self.engine.faults.get("stalled") else self._step()

    def _step(self) -> float | None:
        answers, again_ms = self.engine.step(monotonic_ms())
        self._answer(answers)
        self._printed.notify_all()
        return None if again_ms is None else max(0.001, (again_ms - monotonic_ms()) / 1000)

    def _serve(self, source: object) -> None:
        if source is self._ear:
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(READ_BYTES)
        elif source is self._listener:
            self._accept()
        else:
            number = source if isinstance(source, int) else source.fileno()  # type: ignore[attr-defined]
            if number in self._lines:
                self._read(number)

    def _read(self, number: int) -> None:
        line = self._lines[number]
        try:
            data = os.read(line, READ_BYTES) if isinstance(line, int) else line.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(number)
            return
        if self.engine.full():
            self._drop(number, reset=True)
            return
        if self.engine.faults.get("half_open"):
            return
        left = self.engine.faults.get("rst_after", 0)
        if left:
            data, breaks = data[:left], len(data) >= left
            self.engine.faults["rst_after"] = 0 if breaks else left - len(data)
            self._answer(self.engine.receive(number, data))
            if breaks:
                self._step()
                self._drop(number, reset=True)
            return
        self._answer(self.engine.receive(number, data))

    def _answer(self, answers: list[Answer]) -> None:
        for answer in answers:
            line = self._lines.get(answer.line)
            with contextlib.suppress(OSError):  # who does not listen hears nothing
                if isinstance(line, int):
                    os.write(line, answer.data)
                elif line is not None:
                    line.send(answer.data)

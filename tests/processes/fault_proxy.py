"""A way between a till and headquarters that goes wrong: one proxy on loopback, one fault a request.

What passes is read as whole HTTP messages, so that a fault falls on a request or its answer and on no third
thing. Which one is drawn from the proxy's own chance, or said by the test; without either it is a plain way.
Nothing waits longer than ``PATIENCE_S``. It refuses to know what it carries: it reads no body.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

PATIENCE_S = 3.0
HOLD_S = 0.3
"""How long a half-open connection says nothing before it ends."""
DELAY_S = 0.15
KEPT_MAX = 4_000
LATE_MAX = 64
END = b"\r\n\r\n"


class Fault(StrEnum):
    """What may happen to one request and its answer."""

    CUT = "the line is cut before the request goes through"
    HALF_OPEN = "the request is heard and nothing is ever said"
    DELAY = "both ways take long"
    RESET = "the line is reset after some bytes of the answer"
    TRUNCATE = "the answer ends early, in good order"
    TORN = "the request ends early, in good order"
    FLIP_OUT = "a bit of the request is flipped"
    FLIP_BACK = "a bit of the answer is flipped"
    SWALLOW = "the request goes through and its answer is lost"
    LATER = "the request goes through, and once more later"


class FaultProxy:
    """Listens on ``port`` for one till and passes on to ``upstream``, a port of this machine.

    ``weather`` gives each fault its share of a thousand requests; ``next`` faults come first, in order.
    ``met`` counts what happened, ``requests`` keeps what went through whole, to be delivered again.
    """

    def __init__(
        self, upstream: int, seed: str = "", weather: Mapping[Fault, int] | None = None, *, port: int = 0
    ) -> None:
        self.upstream = upstream
        self.weather = dict(weather or {})
        self.next: list[Fault] = []
        self.met: Counter[str] = Counter()
        self.requests: list[bytes] = []
        self._late: list[bytes] = []
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.port = port
        self.listen()

    @property
    def url(self) -> str:
        """Where the till finds headquarters."""
        return f"http://127.0.0.1:{self.port}"

    # -- switches -----------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take connections, again on the same port."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse connections, and end those that are open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            gone, self._open = self._open, set()
        for one in gone:
            _reset(one)

    def calm(self) -> None:
        """A plain way from now on."""
        self.weather, self.next = {}, []
        self.listen()

    def deliver_late(self) -> int:
        """Deliver now what was kept for later; nobody hears the answers. Gives how many it were."""
        with self._lock:
            late, self._late = self._late, []
        for raw in late:
            self.deliver(raw)
        return len(late)

    def deliver(self, raw: bytes) -> int:
        """Deliver a captured request again; gives the status that it was answered with, 0 for none."""
        with contextlib.suppress(OSError), self._reach() as hub:
            hub.sendall(raw)
            answer = _message(hub)
            return int(answer.split(b" ", 2)[1]) if answer else 0
        return 0

    # -- one connection -----------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                till, _ = listener.accept()
            except OSError:
                return
            till.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(till)
            threading.Thread(target=self._serve, args=(till,), daemon=True).start()

    def _serve(self, till: socket.socket) -> None:
        try:
            while raw := _message(till):
                if not self._pass(till, raw):
                    return
        except OSError:
            return
        finally:
            with self._lock:
                self._open.discard(till)
            till.close()

    def _reach(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.upstream), timeout=PATIENCE_S)

    def _draw(self) -> tuple[Fault | None, random.Random]:
        """The fault of this request, and chance of its own for where in it."""
        with self._lock:
            chance = random.Random(self._chance.random())
            if self.next:
                return self.next.pop(0), chance
            drawn = chance.randrange(1000)
            for fault, share in self.weather.items():
                drawn -= share
                if drawn < 0:
                    return fault, chance
            return None, chance

    def _pass(self, till: socket.socket, raw: bytes) -> bool:
        """One request and its answer; whether the connection lives on."""
        fault, chance = self._draw()
        self.met[fault.name if fault else "plain"] += 1
        match fault:
            case Fault.CUT:
                _reset(till)
                return False
            case Fault.HALF_OPEN:
                time.sleep(HOLD_S)
                _reset(till)
                return False
            case Fault.TORN:
                with contextlib.suppress(OSError), self._reach() as hub:
                    hub.sendall(raw[: chance.randrange(1, len(raw))])
                    hub.shutdown(socket.SHUT_WR)
                    hub.recv(1)
                _reset(till)
                return False
            case Fault.DELAY:
                time.sleep(DELAY_S * chance.random())
            case Fault.FLIP_OUT:
                raw = flipped(raw, chance)
        answer = self._asked(raw)
        if fault is not Fault.FLIP_OUT:
            self._keep(raw, late=fault is Fault.LATER)
        return self._answer(till, fault, answer, chance)

    def _asked(self, raw: bytes) -> bytes:
        try:
            with self._reach() as hub:
                hub.sendall(raw)
                return _message(hub)
        except OSError:
            return b""

    def _answer(self, till: socket.socket, fault: Fault | None, answer: bytes, chance: random.Random) -> bool:
        if not answer or fault is Fault.SWALLOW:
            _reset(till)
            return False
        match fault:
            case Fault.RESET:
                till.sendall(answer[: chance.randrange(len(answer))])
                _reset(till)
                return False
            case Fault.TRUNCATE:
                till.sendall(answer[: chance.randrange(len(answer))])
                return False
            case Fault.FLIP_BACK:
                till.sendall(flipped(answer, chance))
                return False
            case Fault.DELAY:
                time.sleep(DELAY_S * chance.random())
        till.sendall(answer)
        return fault is None or fault in (Fault.DELAY, Fault.LATER)

    def _keep(self, raw: bytes, *, late: bool) -> None:
        with self._lock:
            if len(self.requests) < KEPT_MAX:
                self.requests.append(raw)
            if late and len(self._late) < LATE_MAX:
                self._late.append(raw)

    def close(self) -> None:
        """Close for good."""
        self.refuse()


def flipped(raw: bytes, chance: random.Random) -> bytes:
    """The same bytes with one bit changed."""
    at = chance.randrange(len(raw) * 8)
    return raw[: at // 8] + bytes([raw[at // 8] ^ 1 << at % 8]) + raw[at // 8 + 1 :]


def _reset(one: socket.socket) -> None:
    """End a connection by RST."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        one.close()


def _message(one: socket.socket) -> bytes:
    """The next whole message, or nothing when the connection ends before."""
    raw = b""
    while END not in raw:
        more = one.recv(65536)
        if not more:
            return b""
        raw += more
    head, _, body = raw.partition(END)
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        while not body.endswith(b"0" + END):
            more = one.recv(65536)
            if not more:
                return b""
            body += more
        return head + END + body
    length = fields.get(b"content-length", b"0").strip()
    wanted = int(length) if length.isdigit() else 0
    while len(body) < wanted:
        more = one.recv(65536)
        if not more:
            return b""
        body += more
    return head + END + body

"""An authorisation has one deadline for everything: dripping lines and clocks that are off have no more."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shopfloor import NOON_MS, identity, open_till, tell_member

from agent import uplink
from agent.counter import Counter
from agent.funding import No
from agent.recorder import Recorded
from agent.store import cells, sales
from agent.till import Till
from agent.uplink import AUTHORISE_MS_MAX, REFUND_MS_MAX, Uplink
from hub.authorisations import RECALL_MS_MAX
from hub.refunds import WAIT_MS_MAX
from points.refusals import Refusal
from points.wire import canonical, endpoints, hub_time
from points.wire.faults import ClockSkew
from points.wire.keys import SigningKey

M = 1030
GRANTED = b'{"granted":50}'
HUB = SigningKey.from_raw(b"h" * 32)

Say = Callable[[socket.socket, dict[str, str]], None]


class SlowHub:
    """A server on a real port that says one thing after another, each in its own manner."""

    def __init__(self, *says: Say) -> None:
        self.says = list(says)
        self.heard = 0
        self.hung_up = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self.says:
            try:
                way, _ = self._listening.accept()
            except OSError:
                return
            with way:
                try:
                    while self.says and (headers := self._hear(way)) is not None:
                        self.heard += 1
                        self.says.pop(0)(way, headers)
                except OSError:
                    self.hung_up.set()

    @staticmethod
    def _hear(way: socket.socket) -> dict[str, str] | None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            more = way.recv(65_536)
            if not more:
                return None
            raw += more
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value for name, _, value in lines}
        while len(body) < int(headers["content-length"]):
            body += way.recv(65_536)
        return headers

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # a thread may wait for the next who asks
        self._listening.close()
        self._thread.join(10)


def answer(status: int, body: bytes, kind: str = endpoints.JSON) -> bytes:
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def at_once(way: socket.socket, _headers: dict[str, str]) -> None:
    way.sendall(answer(200, GRANTED))


def drips(way: socket.socket, _headers: dict[str, str]) -> None:
    """A good answer, in the end: each byte comes long before a time-out that begins anew with every byte."""
    pause = threading.Event()
    for byte in answer(200, GRANTED):
        way.sendall(bytes([byte]))
        pause.wait(0.03)


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    till = open_till(tmp_path)
    tell_member(till, M, 500)
    yield till
    till.book.close()


def redeem(till: Till, hub: SlowHub, mono_s: Callable[[], float] = time.monotonic) -> Recorded | No:
    way = Uplink(hub.url, identity().key, HUB.public_raw, mono_s=mono_s)
    try:
        return Counter(till, way.authorise).redeem(M, 50, "c1")
    finally:
        hub.close()
        way.close()


def is_given_up(till: Till, done: Recorded | No) -> bool:
    """Refused in words, the intent ended by its void, and nothing else written down."""
    assert isinstance(done, No)
    assert done.refusal is Refusal.not_here_offline
    kinds = [canonical.decode(body)["t"] for _, body in sales.since(till.book, 0)]
    return kinds == ["auth.void"] and cells.intents(till.book) == []


def test_a_customer_waits_as_long_as_the_design_says_and_headquarters_answers_before() -> None:
    """As it is shipped; every other test is more patient."""
    assert AUTHORISE_MS_MAX == 800
    assert RECALL_MS_MAX < AUTHORISE_MS_MAX
    assert WAIT_MS_MAX < REFUND_MS_MAX <= 5_000


def test_an_answer_that_drips_is_not_waited_for(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "AUTHORISE_MS_MAX", 200)
    hub = SlowHub(drips)
    assert is_given_up(till, redeem(till, hub))
    assert hub.heard == 1
    assert hub.hung_up.is_set(), "and the line is not held open for it"


def test_an_answer_in_time_is_taken(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "AUTHORISE_MS_MAX", 60_000)
    done = redeem(till, SlowHub(at_once))
    assert isinstance(done, Recorded)
    assert done.op.fund == [["auth", 50]]


class Watch:
    """A watch that the server moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def clock_is_off(watch: Watch, takes_s: int) -> Say:
    """Headquarters' answer to a PC whose clock is off, after a while."""

    def say(way: socket.socket, headers: dict[str, str]) -> None:
        watch.now_s += takes_s
        fault = ClockSkew(**hub_time.tell(hub_time.HubTime("hub", 1, NOON_MS), headers["signature"], HUB))
        way.sendall(
            answer(endpoints.status_of(fault.problem), endpoints.problem_body(fault), endpoints.PROBLEM)
        )

    return say


@pytest.mark.parametrize(("each_s", "in_time"), [(20, True), (40, False)])
def test_asking_again_with_another_clock_has_what_is_left_of_the_deadline(
    till: Till, monkeypatch: pytest.MonkeyPatch, each_s: int, in_time: bool
) -> None:
    monkeypatch.setattr(uplink, "AUTHORISE_MS_MAX", 60_000)
    watch = Watch()

    def grants(way: socket.socket, headers: dict[str, str]) -> None:
        watch.now_s += each_s
        at_once(way, headers)

    hub = SlowHub(clock_is_off(watch, each_s), grants)
    done = redeem(till, hub, watch)
    assert hub.heard == 2
    assert isinstance(done, Recorded) if in_time else is_given_up(till, done)


def test_after_the_deadline_nothing_is_asked_again(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "AUTHORISE_MS_MAX", 60_000)
    watch = Watch()

    hub = SlowHub(clock_is_off(watch, 61), at_once)
    assert is_given_up(till, redeem(till, hub, watch))
    assert hub.heard == 1

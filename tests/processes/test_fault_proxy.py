"""The proxy does what each fault says, to that request alone, and the same seed draws the same faults."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fault_proxy import Fault, FaultProxy, flipped

ANSWER = b"heard: " + bytes(range(256)) * 4
QUESTION = b"batch " * 50


class Listener:
    """A headquarters that keeps what it hears."""

    def __init__(self) -> None:
        heard: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if len(body) != int(self.headers["content-length"]):
                    return
                heard.append(body)
                self.send_response(200)
                self.send_header("content-length", str(len(ANSWER)))
                self.end_headers()
                self.wfile.write(ANSWER)

            def log_message(self, *_: object) -> None:
                pass

        self.heard = heard
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def hub() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


@pytest.fixture
def way(hub: Listener) -> Iterator[FaultProxy]:
    proxy = FaultProxy(hub.server.server_port, "way")
    yield proxy
    proxy.close()


def ask(way: FaultProxy) -> bytes | None:
    try:
        return httpx.post(way.url, content=QUESTION, timeout=5, trust_env=False).content
    except httpx.HTTPError:
        return None


def test_a_plain_way_changes_nothing(hub: Listener, way: FaultProxy) -> None:
    with httpx.Client(trust_env=False) as client:
        answers = [client.post(way.url, content=QUESTION).content for _ in range(3)]
    assert answers == [ANSWER] * 3
    assert hub.heard == [QUESTION] * 3
    assert len(way.requests) == way.met["plain"] == 3


@pytest.mark.parametrize(
    ("fault", "answered", "heard"),
    [
        (Fault.CUT, False, 0), (Fault.HALF_OPEN, False, 0), (Fault.TORN, False, 0), (Fault.DELAY, True, 1),
        (Fault.RESET, False, 1), (Fault.TRUNCATE, False, 1), (Fault.SWALLOW, False, 1),
        (Fault.LATER, True, 1),
    ],
)  # fmt: skip
def test_a_fault_falls_on_one_request(
    hub: Listener, way: FaultProxy, fault: Fault, answered: bool, heard: int
) -> None:
    way.next = [fault]
    assert ask(way) == (ANSWER if answered else None)
    assert len(hub.heard) == heard
    assert way.met[fault.name] == 1
    assert ask(way) == ANSWER, "the next one goes through"


def test_a_bit_is_flipped_in_either_direction(hub: Listener, way: FaultProxy) -> None:
    way.weather = {Fault.FLIP_BACK: 1000}
    assert [ask(way) for _ in range(5)].count(ANSWER) < 5
    assert hub.heard == [QUESTION] * 5
    way.weather = {Fault.FLIP_OUT: 1000}
    for _ in range(5):
        ask(way)
    assert hub.heard.count(QUESTION) < 10
    whole = bytes(100)
    changed = flipped(whole, random.Random(1))
    assert sum(bin(byte).count("1") for byte in changed) == 1
    assert len(changed) == len(whole)


def test_what_was_kept_is_delivered_again_later(hub: Listener, way: FaultProxy) -> None:
    way.next = [Fault.LATER]
    assert ask(way) == ANSWER
    assert way.deliver_late() == 1
    assert way.deliver_late() == 0
    assert hub.heard == [QUESTION, QUESTION]
    assert way.deliver(way.requests[0]) == 200


def test_a_way_that_refuses_is_opened_again_on_the_same_port(hub: Listener, way: FaultProxy) -> None:
    port = way.port
    way.refuse()
    assert ask(way) is None
    way.calm()
    assert ask(way) == ANSWER
    assert way.port == port
    assert len(hub.heard) == 1


def test_a_hub_that_is_down_is_no_answer(hub: Listener, way: FaultProxy) -> None:
    way.upstream = 9
    assert ask(way) is None
    assert way.deliver(b"GET / HTTP/1.1\r\n\r\n") == 0


def test_the_same_seed_draws_the_same_faults(hub: Listener) -> None:
    weather = dict.fromkeys((Fault.CUT, Fault.SWALLOW, Fault.RESET), 250)
    drawn = []
    for _ in range(2):
        proxy = FaultProxy(hub.server.server_port, "7", weather)
        drawn.append([ask(proxy) for _ in range(12)])
        proxy.close()
    assert drawn[0] == drawn[1]
    assert {None, ANSWER} == set(drawn[0])

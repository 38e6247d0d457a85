"""One question a contact: what is new comes with the answer, and nothing new is nearly nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from pretend_till import PretendTill

from agent import enrolment, outgoing
from agent.recorder import Recorded
from agent.uplink import Uplink
from config.night_window import NightWindow
from hub import hello as hub_hello
from hub.night import Night
from hub.private_page import COUNTED_MAX
from hub.store import schema
from points.wire import endpoints, hello
from points.wire.faults import Problem, WireFault
from points.wire.hello import LANES_TOLD_MAX, Question

QUESTION = Question(
    agent="pretend", nonce="ab" * 16, lanes={1: 1}, feeds={}, held=frozenset(), has_more=False,
    is_shut=False, boot="b", mono=1, wall=1,
)  # fmt: skip


def asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """(path, bytes sent, bytes heard) of every question of this till from now on, its headers counted."""
    questions: list[tuple[str, int, int]] = []
    send = shop.uplink._client.stream

    @contextmanager
    def stream(method: str, url: str, **how: Any) -> Iterator[Any]:
        with send(method, url, **how) as answer:
            yield answer
        heads = [sum(len(k) + len(v) + 4 for k, v in one.headers.items()) for one in (answer.request, answer)]
        sent, heard = len(answer.request.content) + heads[0], answer.num_bytes_downloaded + heads[1]
        questions.append((answer.request.url.path, sent, heard))

    monkeypatch.setattr(shop.uplink._client, "stream", stream)
    return questions


def enrolled(shop: Shop) -> int:
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(shop.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
    return new.m


def test_a_contact_without_news_is_one_question_of_two_kilobytes(
    home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(home)
    for _ in range(3):
        home.sync()
    questions = asked(home, monkeypatch)
    home.sync()
    ((path, sent, heard),) = questions
    assert path == endpoints.hello_to()
    assert sent <= 2_048
    assert heard <= 2_048


def test_a_contact_with_a_sale_says_hello_sends_and_hears_all_that_is_new(
    home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    questions = asked(home, monkeypatch)
    home.sync()
    paths = [path.split("/")[2] for path, _, _ in questions]
    assert paths == ["hello", "lanes", "hello", "blob"]
    row = home.till.row(m)
    assert row is not None
    assert sum(lot[1] for lot in row.lots) == 100


def test_a_till_that_holds_all_is_told_how_long_it_may_be_silent(hq: Headquarters, home: Shop) -> None:
    hq.office.session_ms = DAY_MS
    home.sync()
    first = home.till.session.until_ms
    hq.clock.now_ms += 60_000
    ver = hq.rows("SELECT ver FROM manifests WHERE topic = 'till'")
    home.sync()
    assert home.till.session.until_ms == hq.clock.now_ms + DAY_MS
    assert first == hq.clock.now_ms + DAY_MS - 60_000
    assert hq.rows("SELECT ver FROM manifests WHERE topic = 'till'") == ver, "no edition was made for it"


def test_a_till_with_more_to_send_hears_of_its_lanes_alone(till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    raw = hello.ask(replace(QUESTION, has_more=True))
    answer = till.call("POST", endpoints.hello_to(), raw, endpoints.JSON)
    place = (till.lane.chain, till.lane.store, till.lane.till)
    told = hello.open_answer(answer.body, raw, till.grant.keys.manifest, place)
    assert [(lane.epoch, lane.next) for lane in told.lanes] == [(till.lane.epoch, till.sent + 1)]
    assert (told.pieces, told.sess_until) == ((), None)


def test_a_till_that_holds_nothing_is_told_everything(till: PretendTill) -> None:
    raw = hello.ask(QUESTION)
    answer = till.call("POST", endpoints.hello_to(), raw, endpoints.JSON)
    place = (till.lane.chain, till.lane.store, till.lane.till)
    told = hello.open_answer(answer.body, raw, till.grant.keys.manifest, place)
    manifests = {piece.topic for piece in told.pieces if piece.kind == hello.MANIFEST}
    assert manifests == {"rules", "keys", "members", "phones", "till"}
    assert {piece.topic for piece in told.pieces if piece.kind == hello.BLOB} == {"till"}


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"v":2}', hello.ask(QUESTION)[:-1], b"x" * 9_000])
def test_what_is_no_question_is_refused(till: PretendTill, raw: bytes) -> None:
    answer = till.call("POST", endpoints.hello_to(), raw, endpoints.JSON)
    assert answer.status in (400, 413, 415)
    assert answer.fault is not None


def test_what_every_contact_adds_is_forgotten_at_night_and_the_latest_is_told(
    hq: Headquarters, home: Shop
) -> None:
    m = enrolled(home)
    home.sync()
    with hq.office.store.turn() as turn:
        turn.put(schema.counted, [("s001", "01", 1, 0, -g) for g in range(1, 501)])
    before = hq.rows("SELECT last_seq, g FROM counted WHERE till = '01' ORDER BY g DESC")
    Night(hq.office, NightWindow(0, 60)).run()
    after = hq.rows("SELECT last_seq, g FROM counted WHERE till = '01' ORDER BY g DESC")
    assert len(before) > 500
    assert after == before[:COUNTED_MAX]
    home.sync()
    card = home.counter.card(m)
    assert card is not None
    assert card.points == 100, "what is counted is counted once"


def test_of_very_many_lanes_the_latest_are_told(hq: Headquarters, till: PretendTill) -> None:
    with hq.office.store.turn() as turn:
        head = "ab" * 32
        turn.put(schema.lanes, [("s001", "01", epoch, 7, head, 0) for epoch in range(100, 200)])
    raw = hello.ask(replace(QUESTION, has_more=True))
    answer = till.call("POST", endpoints.hello_to(), raw, endpoints.JSON)
    told = hello.open_answer(answer.body, raw, till.grant.keys.manifest, ("demo", "s001", "01"))
    assert [lane.epoch for lane in told.lanes] == list(range(200 - LANES_TOLD_MAX, 200))
    assert till.page("own"), "and its page can be signed"


def test_too_many_at_once_are_asked_to_come_again_and_do(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the beginning of a contact that is put off; what one sends that has begun is taken."""
    inside, go_on = threading.Semaphore(0), threading.Event()
    answer = hub_hello.answer

    def slow(*told: Any) -> bytes:
        inside.release()
        assert go_on.wait(30)
        return answer(*told)

    asked = outgoing.question(home.till, has_more=False, token=None, inst=home.till.inst)
    others = [
        Uplink(hq.url, home.till.identity.key, home.till.identity.hub_receipt_public) for _ in range(20)
    ]

    def ask(way: Uplink) -> bytes:
        return way.call("POST", endpoints.hello_to(), asked, endpoints.JSON)

    with monkeypatch.context() as busy, ThreadPoolExecutor(20) as pool:
        busy.setattr(hub_hello, "answer", slow)
        waiting = [pool.submit(ask, way) for way in others]
        assert all(inside.acquire(timeout=30) for _ in waiting)
        with pytest.raises(WireFault) as told:
            ask(home.uplink)
        assert told.value.problem == Problem.BUSY
        assert 2 <= told.value.detail["retry_after_s"] < 10
        go_on.set()
        assert all(one.result() for one in waiting)
    for way in others:
        way.close()
    home.sync()

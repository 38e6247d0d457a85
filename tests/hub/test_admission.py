"""A ticket opens one till, once: asked again, by another key, expired, forged; problems have statuses."""

from __future__ import annotations

import httpx
from headquarters import DAY_MS, Headquarters
from pretend_till import PretendTill

from hub.keys import index_key
from points.wire import endpoints, joining
from points.wire import ticket as tickets
from points.wire.faults import Problem
from points.wire.keys import SigningKey


def join(till: PretendTill, raw: bytes) -> tuple[int, str]:
    heard = till.client.post("/v1/join", content=raw)
    return heard.status_code, "" if heard.status_code == 200 else heard.json()["type"]


def test_the_same_request_has_the_same_answer_and_another_key_none(
    hq: Headquarters, till: PretendTill
) -> None:
    till.ticket = tickets.decode(hq.ticket("s001", "02"))
    key = SigningKey.from_raw(b"2" * 32)
    raw = till.ask(key)
    first, again = (till.client.post("/v1/join", content=raw) for _ in range(2))
    assert first.status_code == 200
    assert first.content == again.content
    assert join(till, till.ask(SigningKey.from_raw(b"3" * 32))) == (409, "ticket-spent")
    assert join(till, till.ask(key)) == (409, "ticket-spent"), "another request, though by the same key"
    assert len(hq.rows("SELECT kid FROM keys WHERE till = '02'")) == 1


def test_a_ticket_expires(hq: Headquarters, till: PretendTill) -> None:
    till.ticket = tickets.decode(hq.ticket("s001", "02"))
    hq.clock.now_ms += 2 * DAY_MS
    assert join(till, till.ask(till.key)) == (410, "ticket-expired")
    assert hq.rows("SELECT count(*) FROM agents") == [(1,)]


def test_a_request_must_prove_the_ticket(hq: Headquarters, till: PretendTill) -> None:
    good = tickets.decode(hq.ticket("s001", "02"))
    for changed in ({"secret": b"x" * 16}, {"ticket_id": b"x" * 8}):
        fields = {name: getattr(good, name) for name in good.__dataclass_fields__} | changed
        till.ticket = tickets.Ticket(**fields)
        assert join(till, till.ask(till.key)) == (409, "ticket-spent")
    for changed in ({"store": "s009"}, {"till": "09"}, {"chain": "other"}):
        fields = {name: getattr(good, name) for name in good.__dataclass_fields__} | changed
        till.ticket = tickets.Ticket(**fields)
        assert join(till, till.ask(till.key)) == (403, "wrong-lane")
    till.ticket = good
    raw = till.ask(till.key)
    for place in range(0, len(raw), 29):
        status, problem = join(till, raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert status in (400, 401, 403, 409, 415, 422), (place, status, problem)
    assert join(till, b"") == (400, "malformed")
    assert join(till, b"x" * 10**6) == (413, "too-large")


def test_a_till_that_joins_anew_gets_a_new_lane_and_a_new_term(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    anew = PretendTill(hq, "s001", "01", seed=2)
    assert (anew.lane.epoch, anew.term) == (2, 3)
    assert anew.key.kid != till.key.kid
    anew.earn(m, 10, add=False)
    assert anew.send() == {}
    anew.close()


def test_every_problem_has_a_status() -> None:
    assert set(endpoints.STATUS) == set(Problem)
    assert all(400 <= status < 600 for status in endpoints.STATUS.values())


def test_what_is_not_there_is_not_found(hq: Headquarters, till: PretendTill) -> None:
    for path in (
        "/v1/feed/members/other/g1/manifest", "/v1/feed/members/main/g2/manifest",
        "/v1/feed/till/s002/01/g1/manifest", "/v1/feed/phones/s002/g1/manifest", "/v1/blob/" + "0" * 64,
        "/v1/feed/members/main/gx/manifest",
    ):  # fmt: skip
        told = till.call("GET", path)
        assert (told.status, told.fault.problem) == (404, "not-found"), path


def test_the_private_blobs_of_a_till_are_its_own(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    mine = till.manifest("till", "s001/01")
    assert till.call("GET", endpoints.blob(mine.chunks[0].sha)).status == 200
    assert other.call("GET", endpoints.blob(mine.chunks[0].sha)).status == 404


def test_a_clean_url_tells_that_it_lives(hq: Headquarters) -> None:
    assert httpx.get(hq.url + "/health/live", trust_env=False).json() == {"status": "live"}


def test_the_join_answer_is_for_the_key_that_asked(hq: Headquarters, till: PretendTill) -> None:
    till.ticket = tickets.decode(hq.ticket("s001", "02"))
    assert join(till, till.ask(till.key)) == (403, "wrong-lane"), "this key is another till's"
    key = SigningKey.from_raw(b"4" * 32)
    raw = till.ask(key)
    heard = till.client.post("/v1/join", content=raw)
    answer, keys = joining.open_grant(heard.content, till.ticket, raw, key.public_raw, till.seal_key)
    assert answer.lane.till == "02"
    assert keys.index == index_key(hq.office.keys, "s001") != index_key(hq.office.keys, "s002")

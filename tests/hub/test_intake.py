"""Batches over real HTTP: heard twice, lost, reordered, forked, damaged, foreign: each has its answer."""

from __future__ import annotations

import threading
import time

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of

from points.wire import hub_time
from points.wire.keys import SigningKey
from points.wire.lane import Lane


def kept(hq: Headquarters) -> list[tuple[object, ...]]:
    """Everything that a refused request must leave as it was."""
    return [
        *hq.rows("SELECT store, seq, head FROM lanes ORDER BY 1"),
        *hq.rows("SELECT op_id FROM op_seen ORDER BY 1"),
        *hq.rows("SELECT count(*), sum(pts) FROM postings"),
        *hq.rows("SELECT count(*) FROM batches"),
    ]


def test_a_batch_heard_twice_gets_the_stored_answer_byte_for_byte(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    raw = till.cut()
    first = till.deliver(raw)
    assert till.heard(first) == {}
    before = kept(hq)
    hq.clock.now_ms += 60_000
    assert till.deliver(raw).body == first.body
    assert kept(hq) == before
    assert points_of(hq, m) == (100, 0)


def test_a_lost_answer_costs_nothing(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.deliver(till.cut())  # the answer is dropped: the till does not know
    till.earn(m, 50)
    assert till.heard(till.deliver(till.cut(1, 2))) == {}
    assert till.heard(till.deliver(till.cut(3, 3))) == {}
    assert points_of(hq, m) == (150, 0)


def test_a_batch_that_overlaps_adds_only_its_new_tail(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    till.earn(m, 50)
    till.write(b'{"poison":1}')
    assert till.heard(till.deliver(till.cut(1, 4)))[4][0] == "Q"
    assert points_of(hq, m) == (150, 0)
    assert till.heard(till.deliver(till.cut(2, 4)))[4][0] == "Q", "what was said of it is said again"
    assert points_of(hq, m) == (150, 0)


def test_a_gap_is_told_and_then_closed(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    before = kept(hq)
    told = till.deliver(till.cut(2, 2))
    assert (told.status, told.fault.problem) == (409, "gap")
    assert told.fault.detail == {"next": 1, "head": till.hashes[0].hex()}
    assert kept(hq) == before
    assert till.heard(till.deliver(till.cut(1, 1))) == {}
    assert till.heard(till.deliver(till.cut(2, 2))) == {}
    assert points_of(hq, m) == (100, 0)


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_another_history_of_a_lane_is_a_fork_and_is_not_kept(
    hq: Headquarters, till: PretendTill, first: int
) -> None:
    """A restored backup or a cloned PC, with operations of its own at the same numbers."""
    m = till.enrol()
    for _ in range(4):
        till.earn(m, 10)
    till.send()
    before = kept(hq)
    bodies, hashes = list(till.bodies), list(till.hashes)
    del till.bodies[first:], till.hashes[first + 1 :]
    for _ in range(4):
        till.earn(m, 77)
    for last in {first + 1, 5, len(till.bodies)}:
        told = till.deliver(till.cut(first, last))
        assert (told.status, told.fault.problem) == (409, "fork"), last
        assert hq.rows("SELECT count(*) FROM cases") == [(0,)]
    assert kept(hq) == before
    till.bodies, till.hashes = bodies, hashes
    till.earn(m, 10)
    assert till.heard(till.deliver(till.cut(first, 6))) == {}
    assert points_of(hq, m) == (50, 0)


def test_a_damaged_envelope_is_refused_wherever_the_damage_is(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    raw = till.cut()
    before = kept(hq)
    for place in range(0, len(raw), 37):
        bad = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        told = till.deliver(bad)
        assert told.status in (400, 401, 403, 409, 413, 415, 422), (place, told.status)
        assert told.fault.problem != "internal"
        told = till.deliver(raw, damaged=bad)  # the damage happened on the way
        assert (told.status, told.fault.problem) == (422, "integrity"), place
    for bad in (b"", raw[:-1], raw + b"\0", raw[:7], b"JFB9" + raw[4:]):
        told = till.deliver(bad)
        assert told.status in (400, 401, 415, 422), (len(bad), told.status)
    assert kept(hq) == before
    assert till.heard(till.deliver(raw)) == {}


def test_keys_open_only_their_own_lane(hq: Headquarters, till: PretendTill, other: PretendTill) -> None:
    stranger = SigningKey.from_raw(b"x" * 32)
    till.earn(till.enrol(), 100)
    raw = till.cut()
    before = kept(hq)
    told = till.deliver(raw, key=stranger)
    assert (told.status, told.fault.problem) == (401, "unknown-key")
    told = till.deliver(till.cut(key=stranger), key=stranger)
    assert (told.status, told.fault.problem) == (401, "unknown-key")
    told = till.deliver(till.cut(key=stranger))
    assert (told.status, told.fault.problem) == (403, "wrong-lane")
    told = till.deliver(till.cut(key=other.key), key=other.key)
    assert (told.status, told.fault.problem) == (403, "wrong-lane"), "another till's key, this lane"
    told = other.deliver(raw)
    assert (told.status, told.fault.problem) == (403, "wrong-lane"), "sent by another till"
    told = till.deliver(raw, lane=Lane("demo", "s002", "01", 1))
    assert (told.status, told.fault.problem) == (403, "wrong-lane"), "sent to another lane"
    told = till.deliver(raw, lane=Lane("demo", "hq", "w1", 1))
    assert told.status == 403, "nobody writes headquarters' lane"
    told = till.call("POST", "/v1/lanes/s001/01/9999999999999/batches", raw, "application/vnd.jifen.batch")
    assert (told.status, told.fault.problem) == (404, "not-found")
    assert kept(hq) == before
    assert till.heard(till.deliver(raw)) == {}


def test_an_unsigned_request_is_nobody(hq: Headquarters, till: PretendTill) -> None:
    till.earn(till.enrol(), 100)
    heard = till.client.post("/v1/lanes/s001/01/1/batches", content=till.cut())
    assert heard.status_code == 401
    assert heard.json()["type"] == "bad-signature"


def test_a_revoked_key_is_believed_up_to_what_was_accepted(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    raw = till.cut()
    first = till.deliver(raw)
    till.heard(first)
    with hq.office.store.turn() as turn:
        turn.run("UPDATE keys SET revoked_at_ms = ?, max_seq = 2 WHERE kid = ?", (1, till.key.kid))
    assert till.deliver(raw).body == first.body, "what was accepted stays accepted"
    till.earn(m, 100)
    raw = till.cut()
    told = till.deliver(raw)
    assert [code for code, _ in till.heard(told).values()] == ["Q"]
    assert till.deliver(raw).body == told.body
    assert hq.rows("SELECT reason, store FROM cases") == [("revoked", "s001")], "people look at it, once"
    assert till.call("GET", "/v1/feed/members/main/g1/manifest").status == 403
    assert points_of(hq, m) == (100, 0)


def test_a_wrong_clock_is_told_the_time_and_believed_then(hq: Headquarters, till: PretendTill) -> None:
    till.earn(till.enrol(), 100)
    raw = till.cut()
    for wrong in (-86_400, 86_400):
        till.ahead_s = wrong
        signature = {}
        seen = till.client.event_hooks["request"]
        till.client.event_hooks["request"] = [lambda r: signature.update(s=r.headers["signature"])]  # noqa: B023
        told = till.deliver(raw)
        till.client.event_hooks["request"] = seen
        assert (told.status, told.fault.problem) == (401, "clock-skew")
        now = hub_time.heard(told.fault.detail, signature["s"], till.grant.keys.receipt)
        till.ahead_s += (now.ms // 1000 - int(time.time())) - wrong
    assert till.heard(till.deliver(raw)) == {}


def test_a_batch_in_two_threads_at_once_is_one_batch(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    raw = till.cut()
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(till.deliver(raw).body)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert points_of(hq, m) == (100, 0)

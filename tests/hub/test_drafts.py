"""Drafts made on what was held change nothing but the speed: the same rows, or none of the draft."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of

from hub import intake, judgement
from hub.delivery import Delivered, Delivery
from hub.drafts import NONE, Recent, draft
from hub.opening import Opened, _packed, _unpacked, open_envelope
from hub.store.engine import Collision
from hub.verify import verify
from points.wire import canonical, envelope

TABLES = ("members", "cells", "postings", "facts", "op_seen", "told", "waiting", "cases")


def drafted(hq: Headquarters, raw: bytes) -> Opened:
    """As a process of its own opens an envelope, here and now."""
    with hq.office.store.look() as look:
        record = intake.key_record(look, hq.office, envelope.peek(raw)[1])
        opened = open_envelope(raw, record, hq.office.books)
        heard = [opened.heard(n) for n in range(opened.batch.header.count)]
        drafts = draft(look, heard, hq.office.books, hq.office.today())
    return _unpacked(_packed(opened.batch, heard, drafts), opened.batch.header, hq.office.books)


def by(opened: Opened) -> Any:
    """What opens envelopes for a headquarters, if it has opened this one already."""
    return lambda *_: opened


def write_some(till: PretendTill, ms: list[int], chance: random.Random, sales: list[Any]) -> None:
    for _ in range(30):
        m = chance.choice(ms)
        act = chance.random()
        if act < 0.5:
            said = {"tier": 1} if chance.random() < 0.2 else {}
            sales.append((m, till.earn(m, chance.choice((0, 5, 50)), add=chance.random() < 0.8, **said)))
        elif act < 0.65:
            till.redeem(m, chance.randrange(1, 60))
        elif act < 0.8:
            till.op("rights.return", m, fund=[["back_l", 1]])
        elif act < 0.9 and sales:
            of, sale = chance.choice(sales)
            till.refund(chance.choice((of, of, m, None)), sale, 100)
        elif act < 0.96:
            till.op("coupon.redeem", m)  # nobody knows it: what comes back of this member waits behind it
        else:
            till.write(b"{")


class Undo(Exception):
    """Ends a turn without its rows."""


def written(hq: Headquarters, opened: Opened, raw: bytes) -> dict[str, list[Any]]:
    """Every row after the batch, which is then forgotten again."""
    rows: dict[str, list[Any]] = {}
    with suppress(Undo), hq.office.store.turn() as turn:
        record = intake.key_record(turn, hq.office, envelope.peek(raw)[1])
        intake.post_batch(turn, hq.office, opened, raw, record, hopeful=True)
        for table in TABLES:
            rows[table] = sorted(turn.run(f"SELECT * FROM {table}"), key=repr)
        raise Undo
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_with_drafts_the_same_rows_are_written(hq: Headquarters, till: PretendTill, seed: int) -> None:
    chance = random.Random(seed)
    ms = [till.enrol() for _ in range(8)]
    till.send()
    used, alike, sales = 0, 0, list[Any]()
    for _ in range(6):
        write_some(till, ms, chance, sales)
        raw = till.cut()
        opened = drafted(hq, raw)
        used += len(hq.office.recent.still_good(opened.drafts, hq.office.today()))
        plain = written(hq, replace(opened, drafts=NONE), raw)
        hq.office.recent = Recent()  # what was forgotten changed nobody
        with suppress(Collision):  # a refund that does not name its member: judged again without drafts
            assert written(hq, opened, raw) == plain
            alike += 1
        hq.office.recent = Recent()
        hq.office.open_envelope = by(opened)
        till.heard(till.deliver(raw))
    assert used > 5
    assert alike > 2
    assert verify(hq.office).faults == []


@pytest.mark.parametrize("hint", [True, False])
def test_a_draft_of_what_has_changed_since_is_not_written(
    hq: Headquarters, till: PretendTill, other: PretendTill, monkeypatch: pytest.MonkeyPatch, hint: bool
) -> None:
    """The hint spares the try; without it the version finds it out, and the batch is judged again."""
    if not hint:
        monkeypatch.setattr(Recent, "note", lambda *_: None)
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    till.redeem(m, 10)
    other.st = till.st
    other.earn(m, 7)
    here, there = till.cut(), other.cut()
    opened = {here: drafted(hq, here), there: drafted(hq, there)}
    assert all(one.drafts.by_member for one in opened.values())
    hq.office.open_envelope = lambda raw, *_: opened[raw]
    for writer, raw in ((till, here), (other, there)):
        writer.heard(writer.deliver(raw))
    assert points_of(hq, m) == (7, 0)
    assert verify(hq.office).faults == []


def test_a_draft_with_an_operation_that_is_not_admitted_is_not_written(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    sale = till.earn(m, 20)
    other.st = till.st
    other.write(canonical.encode(sale))
    other.earn(m, 1)
    here, there = till.cut(), other.cut()
    opened = drafted(hq, there)
    assert opened.drafts.by_member[m].ids == [sale["id"], opened.heard(1).id]  # type: ignore[union-attr]
    till.heard(till.deliver(here))
    hq.office.open_envelope = by(opened)
    said = other.heard(other.deliver(there))
    assert said[1][0] == "D"
    assert points_of(hq, m) == (31, 0)
    assert verify(hq.office).faults == []


def test_a_draft_beside_a_close_of_rights_is_not_written(hq: Headquarters, till: PretendTill) -> None:
    """The close concerns every member of the till, though it names none."""
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    till.earn(m, 20)
    till.op("rights.close", None, inc=1, term=1)
    raw = till.cut()
    opened = drafted(hq, raw)
    assert opened.drafts.by_member.keys() == {m}
    hq.office.open_envelope = by(opened)
    till.heard(till.deliver(raw))
    assert hq.rows("SELECT added, closed FROM cells WHERE m = ?", m) == [(30, 1)]
    assert verify(hq.office).faults == []


@pytest.mark.parametrize("first", ["sale without a head", "refund without a member", "close"])
def test_a_draft_of_a_twin_that_is_refused_is_not_written(
    hq: Headquarters, till: PretendTill, first: str
) -> None:
    """Another body under the same id comes first, and no draft sees it."""
    m = till.enrol()
    sale = till.earn(m, 100)
    till.send()
    if first == "close":
        twin = till.op("rights.close", None, inc=1, term=1)
    elif first == "refund without a member":
        twin = till.refund(None, sale, 10_000)
    else:
        twin = till.earn(m, 10, memo='a"b')
    later = till.body(
        "sale.earn", m, receipt="r", lines=[[1, "all", 1, 50_000]], tenders=[["cash", 50_000]], tier=0,
        m_bp=10_000, day_used=0, desired=500, pts=500, fund=[["add", 500]],
    )  # fmt: skip
    till.write(canonical.encode(later | {"id": twin["id"]}))
    raw = till.cut()
    opened = drafted(hq, raw)
    assert opened.drafts.by_member[m].ids == [twin["id"]]
    hq.office.open_envelope = by(opened)
    said = till.heard(till.deliver(raw))
    assert said[4] == ("Q", {"reason": "equivocation"})
    assert verify(hq.office).faults == []
    left = {"close": 100, "refund without a member": 0}.get(first, 110)
    assert points_of(hq, m) == (left, 0)


def test_a_draft_of_another_day_or_of_a_batch_half_known_is_not_tried(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.send()
    till.earn(m, 10)
    opened = drafted(hq, till.cut())
    assert hq.office.recent.still_good(opened.drafts, hq.office.today()).keys() == {m}
    assert not hq.office.recent.still_good(opened.drafts, hq.office.today() + 1)
    hq.office.recent.note([m], opened.drafts.as_of + 1)
    assert not hq.office.recent.still_good(opened.drafts, hq.office.today())


def test_a_draft_beside_a_refund_that_cannot_be_posted_is_not_written(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refund names no member; what cannot be posted of a member takes all of theirs into custody."""

    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("made by the test")

    m = till.enrol()
    sale = till.earn(m, 10)
    till.send()
    till.earn(m, 20)
    till.op("sale.refund", None, refs=[sale["id"]], lines=[[1, 0, 100]])
    raw = till.cut()
    opened = drafted(hq, raw)
    assert opened.drafts.by_member.keys() == {m}
    hq.office.open_envelope = by(opened)
    monkeypatch.setattr(judgement, "post", fails)
    said = till.heard(till.deliver(raw))
    assert {code for code, _ in said.values()} == {"Q"}
    assert len(said) == 2


def test_ids_that_are_chained_through_a_batch_are_read_no_oftener(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    ms = [till.enrol() for _ in range(20)]
    till.send()
    bodies = [till.body("rights.return", m, fund=[["back_l", 1]]) | {"inc": 1, "term": 1} for m in ms]
    for body, after in pairwise(bodies):
        body["refs"] = [after["id"]]
    till.op("coupon.redeem", 7, refs=[bodies[0]["id"]])
    for body in bodies:
        till.write(canonical.encode(body))
    raw = till.cut()
    opened = drafted(hq, raw)
    assert len(opened.drafts.by_member) == 20
    count = 0
    plain = Delivery.one

    def one(self: Delivery, n: int) -> Delivered:
        nonlocal count
        count += 1
        return plain(self, n)

    monkeypatch.setattr(Delivery, "one", one)
    assert written(hq, opened, raw)["facts"]
    assert count <= 3 * 21


@pytest.mark.parametrize("heard", [True, False])
def test_what_waits_is_kept_with_the_member_that_it_named(
    hq: Headquarters, till: PretendTill, heard: bool
) -> None:
    """A close of rights concerns nobody by name; kept waiting, it holds back the member whom it names."""
    one, two = till.enrol(), till.enrol()
    till.earn(one, 10)
    till.send()
    till.op("coupon.redeem", two)
    till.op("rights.close", one, inc=1, term=1, **({} if heard else {"memo": 'a"b'}))
    till.op("rights.return", one, fund=[["back_l", 10]])
    assert till.send()[6][0] == "P"
    assert hq.rows("SELECT seq, m FROM waiting ORDER BY seq") == [(4, two), (5, one), (6, one)]


def test_what_stands_behind_the_known_entries_of_a_line_is_ignored(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 10)
    till.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, 100, "of tomorrow"]])
    assert till.send() == {}
    assert points_of(hq, m) == (9, 0)

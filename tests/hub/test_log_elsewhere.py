"""The log as others have it: a headquarters that was restored goes on from what it has, stores compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from headquarters import Headquarters, Shop, headquarters
from test_hello import QUESTION
from test_witnesses import bent, other_store_sells, said, sell

from agent import witness
from agent.store import witnessed
from hub import hello as answering
from hub import witnesses
from hub.sequencer import Sequencer
from points.wire import checkpoint, envelope, hello
from points.wire import witness as shown
from points.wire.hello import Piece, Told
from points.wire.lane import KeyRecord
from points.wire.witness import Seen


def test_a_restored_headquarters_signs_over_what_it_has_and_links_it_to_the_former_log(
    hq: Headquarters, home: Shop
) -> None:
    sell(home, 2)
    hq.clock.now_ms += 60_000
    home.sync()
    own = witness.own_head(home.till)
    assert own is not None
    hq.office.inc = 2
    told, raw, piece = asked_by(hq, home)
    witness.hear(home.till, told, raw)
    new = witness.own_head(home.till)
    assert new is not None
    assert (new.origin, new.size) == ("jifen/demo/2", own.size)
    assert witness.fault(home.till) is None
    assert witness.in_batch(home.till) is None, "the batch's incarnation is still the old one"
    shows = shown.read(piece.raw)
    assert shows.link is not None
    assert said(hq) == []


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    """Not verified at the end: its log is torn on purpose."""
    with headquarters(tmp_path) as made:
        yield made


def put_back(hq: Headquarters, heads: int) -> None:
    """The log as a backup has it that knows only so many heads."""
    kept = [0, *(size for (size,) in hq.rows("SELECT size FROM log_heads ORDER BY size"))][heads]
    with hq.office.store.turn() as turn:
        turn.run("DELETE FROM log_leaves WHERE idx >= ?", (kept,))
        turn.run("DELETE FROM log_heads WHERE size > ?", (kept,))
        turn.run("DELETE FROM log_subtrees WHERE (idx + 1) << level > ?", (kept,))
        turn.run("UPDATE batches SET g = 1 WHERE g IS NULL")


def test_a_headquarters_that_was_put_back_and_does_not_say_so_is_found_out(
    hq: Headquarters, home: Shop
) -> None:
    sell(home, 2)
    hq.clock.now_ms += 60_000
    home.sync()
    put_back(hq, 1)
    home.sync()
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.SMALLER]
    assert said(hq) == [("log-contradicted", witnesses.OTHER_HEAD)]


@pytest.mark.parametrize("left", [0, 1])
def test_what_a_restore_lost_of_the_log_is_no_contradiction(hq: Headquarters, home: Shop, left: int) -> None:
    sell(home, 2)
    hq.clock.now_ms += 60_000
    home.sync()
    put_back(hq, left)
    hq.office.inc = 2
    other_store_sells(hq, "s008")
    told, raw, _ = asked_by(hq, home)
    witness.hear(home.till, told, raw)
    new = witness.own_head(home.till)
    assert witness.fault(home.till) is None
    assert new is not None
    assert new.origin == "jifen/demo/2"
    assert said(hq) == []


def test_a_till_follows_a_headquarters_that_was_put_back_and_says_so(hq: Headquarters, home: Shop) -> None:
    sell(home)
    hq.clock.now_ms += 60_000
    home.sync()
    copy = hq.copy()
    sell(home)
    hq.clock.now_ms += 60_000
    home.sync()
    own = witness.own_head(home.till)
    hq.put_back(copy, is_said=True)
    for _ in range(3):
        home.sync()
        hq.clock.now_ms += 60_000
    new = witness.own_head(home.till)
    assert own is not None
    assert new is not None
    assert (own.origin, new.origin) == ("jifen/demo/1", "jifen/demo/2")
    assert witness.fault(home.till) is None
    assert witnessed.owed(home.till.book, 1) == []
    assert said(hq) == []


def test_a_new_log_without_a_link_is_not_believed(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(home)
    own = witness.own_head(home.till)
    hq.office.inc = 2
    bent(monkeypatch, lambda one: replace(one, link=None))
    told, raw, _ = asked_by(hq, home)
    witness.hear(home.till, told, raw)
    assert witness.own_head(home.till) == own
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.LINK]


def asked_by(hq: Headquarters, shop: Shop) -> tuple[Told, bytes, Piece]:
    """What this till is told when it says no more than where it stands in the log."""
    of_log, sth = witness.to_say(shop.till)
    raw = hello.ask(replace(QUESTION, log=of_log, sth=sth))
    Sequencer(hq.office).step()
    lane = shop.till.identity.lane
    answered = answering.answer(hq.office, lane, hello.read(raw), raw)
    place = (lane.chain, lane.store, lane.till)
    told = hello.open_answer(answered, raw, shop.till.identity.hub_manifest_public, place)
    return told, answered, next(piece for piece in told.pieces if piece.kind == hello.LOG)


def test_a_till_is_shown_what_another_store_has_seen_and_compares_it(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shop in (home, away, away, home, away):
        sell(shop, 2)
        hq.clock.now_ms += 60_000
    compared: list[Seen] = []
    plain = shown.agree

    def agree(head: checkpoint.Checkpoint, seen: Seen, record: KeyRecord) -> None:
        compared.append(seen)
        plain(head, seen, record)

    monkeypatch.setattr(shown, "agree", agree)
    monkeypatch.setattr(witnesses, "DRAWS_MAX", 64)
    sell(home, 3)
    stores = {envelope.peek(seen.batch)[0].lane.store for seen in compared}
    assert stores == {"s002"}
    assert witness.fault(home.till) is None
    assert said(hq) == []
    bent(monkeypatch, lambda one: replace(one, seen=tuple(Seen(s.batch, (bytes(32),)) for s in one.seen)))
    monkeypatch.setattr(witnesses, "DRAWS_MAX", 64)
    hq.clock.now_ms += 60_000
    sell(home, 3)
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.SEEN]
    held, piece = home.till.book.row("SELECT held, shown FROM log_evidence") or (b"", b"")
    assert envelope.peek(held)[0].lane.store == "s002", "signed by the other store's till"
    assert shown.read(piece).seen

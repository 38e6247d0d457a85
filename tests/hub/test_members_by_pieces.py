"""Members are taken piece by piece: each own operation is shown once at every moment on the way (W15)."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from told_by_steps import (
    CutOff,
    contact,
    enrolled,
    enrolled_in_many,
    fetched,
    here,
    know_nobody,
    shown,
    sold,
    there,
    used,
)

from agent import replica
from agent.contact import Contact
from agent.store import feeds, members
from agent.till import IN_USE_MS
from hub import publishing
from points.amounts import BadAmount
from points.wire import chunk, deltas
from points.wire.faults import Malformed
from points.wire.manifest import Manifest, open_manifest


@pytest.fixture
def pieces_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "IDLE_ROWS", 1)
    monkeypatch.setattr(replica, "IN_USE_ROWS", 1)


def with_points(hq: Headquarters, shop: Shop, other: Shop) -> list[int]:
    """Members with points that this till may spend, known to both.

    What is used is drawn from lots of the other till, which are older: an own sale that is folded again makes
    its lot anew, and would hide that what was drawn from it is counted twice.
    """
    ms = [enrolled(shop) for _ in range(6)]
    shop.sync()
    other.sync()
    for m in ms:
        sold(other, m, 500)
    other.sync()
    for _ in range(2):
        hq.clock.now_ms += DAY_MS
        for m in ms:
            sold(shop, m)
        shop.sync()
        hq.clock.now_ms += DAY_MS
    shop.sync()
    other.sync()
    return ms


@pytest.mark.parametrize("seed", range(5))
def test_every_own_operation_is_shown_once_between_any_two_pieces(
    hq: Headquarters, home: Shop, away: Shop, pieces_of_one: None, seed: int
) -> None:
    """Sold and used here, sold elsewhere; cut off at a drawn piece, started again, more sold, and again."""
    draw, ms = random.Random(seed), with_points(hq, home, away)
    expected = {m: shown(home, m) for m in ms}
    for _ in range(6):
        shop = home
        for _ in range(draw.randrange(1, 7)):
            m = draw.choice(ms)
            if draw.random() < 0.6 and used(home, m, 7):
                expected[m] -= 7
            else:
                sold(home, m)
                expected[m] += 100
        for _ in range(draw.randrange(3)):  # so that there is news of somebody else
            enrolled(away)
        away.sync()
        left = [draw.randrange(12)]

        def tell(what: str, _left: int, left: list[int] = left, shop: Shop = shop) -> None:
            if what != "filling":
                return
            assert {m: shown(shop, m) for m in ms} == expected
            left[0] -= 1
            if left[0] == 0:
                raise CutOff

        try:
            contact(home, tell)
        except CutOff:
            home.till.book.close()
            home.till.log.mirror.close()
            identity = home.till.identity
            home = hq.open(home.folder, identity)
        assert {m: shown(home, m) for m in ms} == expected
    home.sync()
    assert {m: shown(home, m) for m in ms} == expected
    assert here(home) == there(hq)


def test_what_is_sold_between_two_pieces_is_shown_with_them(
    hq: Headquarters, home: Shop, away: Shop, pieces_of_one: None
) -> None:
    ms = with_points(hq, home, away)
    expected = {m: shown(home, m) for m in ms}
    for m in ms:
        assert used(home, m, 5)
        expected[m] -= 5

    def tell(what: str, _left: int) -> None:
        if what == "filling":
            m = ms[_left % len(ms)]
            assert used(home, m, 3)
            expected[m] -= 3
            assert {m: shown(home, m) for m in ms} == expected

    contact(home, tell)
    assert {m: shown(home, m) for m in ms} == expected
    home.sync()
    assert {m: shown(home, m) for m in ms} == expected


def newcomer(hq: Headquarters, monkeypatch: pytest.MonkeyPatch, codes_at_once: int) -> Shop:
    """A till that knows nobody and is told a snapshot of now, in small turns."""
    enrolled_in_many(hq)
    late = hq.shop("s009")
    late.sync()
    publishing.publish(hq.office, is_whole=True)
    know_nobody(late)
    monkeypatch.setattr(replica, "IDLE_ROWS", 2)
    monkeypatch.setattr(replica, "CODES_AT_ONCE", codes_at_once)
    return late


def every_code_leads_there(shop: Shop) -> bool:
    """Each code of each row that a till holds, and nobody else's."""
    told = {members.code_key(tag): m for m, row in here(shop).items() for tag in row[members.ROW_CODES]}
    return told == dict(shop.till.book.rows("SELECT who, m FROM codes WHERE m >= 1024"))


@pytest.mark.parametrize("codes_at_once", [1, 7, 1_000])
def test_a_bootstrap_goes_on_where_it_was_cut_off(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch, codes_at_once: int
) -> None:
    late = newcomer(hq, monkeypatch, codes_at_once)
    for upto in (6, 12):

        def tell(what: str, _left: int, upto: int = upto) -> None:
            if what == "filling" and members.count(late.till.book) >= upto:
                raise CutOff

        with pytest.raises(CutOff):
            contact(late, tell)
        assert upto <= members.count(late.till.book) < 18
        assert feeds.edition(late.till.book, "members", "main") == (0, 0), "it is not here as a whole"
    names = fetched(late, monkeypatch)
    done = feeds.chunks(late.till.book, "members", "main")
    late.sync()
    assert here(late) == there(hq)
    assert every_code_leads_there(late)
    assert done
    assert not done & set(names), "what was applied is not fetched again"


def test_a_counter_in_use_gets_small_turns_and_rests_between_them(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "IN_USE_ROWS", 3)
    m = enrolled(home)
    home.sync()
    away.sync()
    for in_use in (True, False):
        for _ in range(11):
            enrolled(home)
        home.sync()
        rests: list[int] = []
        hq.clock.now_ms += IN_USE_MS
        if in_use:
            away.counter.card(m)
        Contact(away.till, away.uplink, rest=rests.append).run()
        assert here(away) == there(hq)
        assert rests == ([replica.IN_USE_REST_MS] * 4 if in_use else [])


@pytest.mark.parametrize("codes_at_once", [1, 7, 1_000])
def test_every_code_of_a_first_edition_leads_to_its_member(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch, codes_at_once: int
) -> None:
    late = newcomer(hq, monkeypatch, codes_at_once)
    late.sync()
    assert here(late) == there(hq)
    assert every_code_leads_there(late)


@pytest.mark.parametrize("tags", [["zz" * 8], ["ab"], [7], "ab" * 8, {"a": 1}])
def test_a_row_with_a_code_that_is_none_is_refused(tags: Any) -> None:
    with pytest.raises(BadAmount):
        members.Told.of([*row(7, 3)[: members.ROW_CODES], tags], "[]")


def test_bytes_that_are_no_text_are_no_rows() -> None:
    with pytest.raises(Malformed):
        replica._text([b"[1,2]", b"\xff"])


def row(m: int, ver: int, status: str = "active", *tags: str) -> list[Any]:
    return [m, ver, status, 0, 0, "", "", 0, [], [0, 0], [0, 0], [], list(tags)]


def test_who_is_erased_takes_the_codes_along_and_nothing_older_brings_them_back(home: Shop) -> None:
    book, tag = home.till.book, "ab" * 8

    def put(*rows: list[Any]) -> int:
        with book.turn() as turn:
            return members.put(turn, [members.Told.of(row, json.dumps(row)) for row in rows])

    def codes() -> list[tuple[Any, ...]]:
        return book.rows("SELECT who, m FROM codes WHERE m IN (7, 8)")

    assert put(row(7, 3, "active", tag), row(8, 1, "active", "cd" * 8)) == 2
    assert len(codes()) == 2
    assert put(row(7, 5, "erased")) == 1
    assert [m for _, m in codes()] == [8]
    assert put(row(7, 3, "active", tag), row(7, 5, "erased")) == 0
    assert [m for _, m in codes()] == [8]


def test_an_alias_keeps_its_codes(home: Shop) -> None:
    with home.till.book.turn() as turn:
        members.put(
            turn, [members.Told.of(row(7, 3, "active", "ab" * 8), "[]"), members.Told.of(row(8, 1), "[]")]
        )
        members.put(turn, [members.Told.of([7, 4, "merged", 8], "[]")])
    assert home.till.book.rows("SELECT m FROM codes WHERE m = 7") == [(7,)]


def test_who_an_alias_leads_to_is_here_before_it(home: Shop) -> None:
    rows = [[7, 4, "merged", 8], row(8, 2), row(9, 1)]
    piece, blob = chunk.make("members", "main", rows)
    _, _, raw = home.till.book.row("SELECT 1, 1, manifest FROM feeds WHERE topic = 'members'") or (0, 0, b"")
    told = open_manifest(raw, home.till.identity.hub_manifest_public, "demo", "members", "main")
    lines = replica._lines(home.till, told, replica.Piece(piece, None), {piece.sha: blob})
    assert [one[0] for one in chunk.read_lines(lines)] == [8, 9, 7]


@pytest.mark.parametrize(
    "plain",
    [
        b'[7,1,"active"],[8,1,"active"]\n[9,1,"active"]',  # two rows in a line
        b'[7,1,"active"\n]',  # a row in two lines
        b'[7,1,"active"]\n{"m":8}',
        b'[7,-1,"active"]',
        b'[7,1,"active",0,0,"","",0,[["lot",-5,0,0,0,"s001"]]]',
    ],
)
def test_a_blob_whose_lines_are_no_rows_is_not_taken(home: Shop, plain: bytes) -> None:
    with pytest.raises(Malformed):
        list(replica._slices(home.till, plain.split(b"\n")))


def test_steps_that_come_to_an_empty_till_are_no_snapshot(hq: Headquarters, home: Shop) -> None:
    """A member stands in two of them; the newest is taken first, and nothing older over it."""
    told = [[row(7, 2)], [row(7, 1)]]
    made = [chunk.make("members", "main", rows) for rows in told]
    steps = [deltas.Step(1, 2, made[1][0]), deltas.Step(2, 3, made[0][0])]
    listed = deltas.make(steps)
    heavy = tuple(replace(made[0][0], sha=f"{n:064x}", size=9_000) for n in range(2))
    manifest = Manifest(
        "hub", 1, "demo", "members", "main", 1, 1, 3, 9, 0, 1, 3, heavy, chunk.blob_name(listed)
    )  # fmt: skip
    with home.till.book.turn() as turn:
        turn.execute("DELETE FROM members")
        feeds.keep_edition(turn, "members", "main", 1, 1, b"")
    blobs = {piece.sha: blob for piece, blob in made} | {chunk.blob_name(listed): listed}
    replica.fill(home.till, manifest, b"", blobs, lambda _ms: None, lambda _left: None)
    assert here(home)[7][1] == 2

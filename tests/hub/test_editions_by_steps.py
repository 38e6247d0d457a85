"""Members are told by steps from edition to edition: every way there ends in what headquarters has (W16)."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from pretend_till import PretendTill
from told_by_steps import (
    bare,
    blobs,
    by_stick,
    enrolled,
    enrolled_in_many,
    fetched,
    here,
    rotate,
    snapshot,
    sold,
    steps,
    there,
)

from agent.store import feeds
from config.night_window import NightWindow
from hub import editions, member_editions, publishing
from hub.night import Night
from hub.regions import MAIN
from points.wire import endpoints, hello


@pytest.mark.parametrize("seed", range(6))
def test_every_till_ends_with_what_headquarters_has(hq: Headquarters, seed: int) -> None:
    """W16: one that is always there, one that comes now and then, one by stick, one that begins late."""
    draw = random.Random(seed)
    shops = [hq.shop(f"s00{n}") for n in (1, 2, 3)]
    folder = hq.folder / "stick"
    folder.mkdir()
    known: list[int] = []
    night = Night(hq.office, NightWindow(0, 240))
    for round_ in range(30):
        for shop in draw.sample(shops, draw.randrange(1, 4)):
            for _ in range(draw.randrange(4)):
                here_known = [m for m in known if shop.till.look(m)]
                if not here_known or draw.random() < 0.4:
                    known.append(enrolled(shop))
                else:
                    sold(shop, draw.choice(here_known), draw.randrange(1, 40))
        if draw.random() < 0.1:
            hq.clock.now_ms += draw.choice((3_700_000, DAY_MS, 40 * DAY_MS))
        if draw.random() < 0.08:
            rotate(hq)
        if draw.random() < 0.1:
            night.run()
        if draw.random() < 0.2:
            by_stick(hq, shops[2], folder)
        for chance, shop in zip((1, 0.3, 0.1), shops, strict=True):
            if draw.random() < chance:
                shop.sync()
                assert bare(here(shop)) == bare(there(hq)), f"round {round_}"
    shops.append(hq.shop("s009"))
    for shop in shops:
        shop.sync()
        shop.sync()
    for shop in shops:
        shop.sync()
        assert bare(here(shop)) == bare(there(hq))
        assert not shop.till.book.rows("SELECT 1 FROM counted")


def test_who_asks_often_fetches_what_changed_and_no_chunk(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled_in_many(hq)
    away.sync()
    names = fetched(away, monkeypatch)
    for _ in range(12):
        sold(home, enrolled(home))
        home.sync()
        away.sync()
        assert here(away) == there(hq)
    assert names == [], "the steps came with the answer to its hello"


def test_the_list_of_steps_stays_short(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no snapshot is ever cut, and nothing is forgotten."""
    monkeypatch.setattr(member_editions, "_forget", lambda *_: [])
    ms = [till.enrol() for _ in range(20)]
    till.send()
    publishing.publish(hq.office)
    lengths = []
    for n in range(150):
        till.earn(ms[n % 20], 1)
        till.send()
        publishing.publish(hq.office, part=0)
        lengths.append(len(steps(hq)))
    assert max(lengths) <= 3 * member_editions.FAN
    assert sum(n for _, _, n in steps(hq)) <= 2 * 20, "who changed again stands in the later step alone"


def test_the_snapshot_is_cut_seldom_and_at_night_sooner(hq: Headquarters, till: PretendTill) -> None:
    """With chunks of some size; in a handful of members every step outgrows it."""
    ms = [till.enrol() for _ in range(400)] if len(till.pool) >= 400 else []
    for _ in range(400 - len(ms)):
        till.page()
        till.pool = till.pool or [(row[1], row[2]) for row in till.page("p")]
        ms.append(till.enrol())
        if not till.pool:
            till.send()
            till.pool = [(row[1], row[2]) for row in till.page("p")]
    for m in ms:
        till.earn(m, 100)
    till.send()
    publishing.publish(hq.office, is_whole=True)
    ver, snap = snapshot(hq)
    assert ver == snap
    for m in ms[:60]:
        till.earn(m, 1)
    till.send()
    publishing.publish(hq.office)
    assert snapshot(hq) == (ver + 1, snap), "by day it is not cut for this"
    for m in ms[60:120]:
        till.earn(m, 1)
    till.send()
    publishing.publish(hq.office, part=member_editions.AT_NIGHT)
    assert snapshot(hq) == (ver + 2, ver + 2), "at night it is"
    assert steps(hq)[0][0] == ver, "and who holds the edition before still goes on by steps"


def test_more_members_at_once_than_a_step_holds_are_told_by_the_snapshot(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_editions, "STEP_ROWS_MAX", 3)
    for n in (2, 5, 1):
        for _ in range(n):
            enrolled(home)
        home.sync()
        assert all(rows <= 3 for _, _, rows in steps(hq))
        away.sync()
        assert here(away) == here(home) == there(hq)


def test_a_till_that_knows_no_steps_is_told_a_snapshot_of_now(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    for pts in (10, 20, 30):
        till.earn(m, pts)
        till.send()
        publishing.publish(hq.office)
        assert sum(lot[1] for lot in till.members()[m][8]) == sum(range(10, pts + 1, 10))
        told = till.manifest("members", "main")
        assert told.snap_ver == told.ver


def test_an_edition_that_an_earlier_program_kept_is_followed_by_a_snapshot(
    hq: Headquarters, home: Shop, away: Shop
) -> None:
    enrolled(home)
    home.sync()
    with hq.office.store.turn() as turn:
        held = editions.held_edition(turn, "members", MAIN)
        assert held is not None
        old = {"chunks": held[2]["chunks"], "touched": held[2]["touched"], "secret": held[2]["secret"]}
        turn.run("UPDATE settings SET value = ? WHERE name = 'edition:members/main'", (json.dumps(old),))
    enrolled(home)
    home.sync()
    away.sync()
    assert here(away) == here(home) == there(hq)


def test_what_a_later_step_replaces_is_kept_an_hour(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    counts = []
    for _ in range(60):
        till.earn(m, 1)
        till.send()
        publishing.publish(hq.office)
        hq.clock.now_ms += 4 * 60_000
        counts.append(len(blobs(hq)))
    assert max(counts) < 60, "an hour is fifteen editions, each a list and a step or two"
    with hq.office.store.look() as look:
        named = member_editions.names(member_editions.kept(look, MAIN))
    assert named <= blobs(hq)
    assert len(blobs(hq)) < 60


def test_no_night_sweeps_what_the_list_of_steps_names(hq: Headquarters, home: Shop, away: Shop) -> None:
    for _ in range(30):
        enrolled(home)
    home.sync()
    away.sync()
    night = Night(hq.office, NightWindow(0, 240))
    for _ in range(3):
        enrolled(home)
        home.sync()
        hq.clock.now_ms += 2 * DAY_MS
        night.run()
    assert steps(hq)
    away.sync()
    assert here(away) == there(hq)


def test_a_step_that_is_gone_is_asked_for_by_a_fresh_manifest(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.hello.STEPS_INLINE_MAX", 1)  # the list alone
    ask, gone = away.uplink.call, []

    def call(method: str, path: str, *more: Any, **how: Any) -> bytes:
        if path.startswith("/v1/blob/") and not gone:
            gone.append(path.rpartition("/")[2])
            for _ in range(6):  # it is joined with later ones, and an hour passes
                sold(home, enrolled(home))
                home.sync()
                hq.clock.now_ms += member_editions.KEPT_REPLACED_MS
            assert gone[0] not in blobs(hq)
        return ask(method, path, *more, **how)

    enrolled(home)
    home.sync()
    monkeypatch.setattr(away.uplink, "call", call)
    away.night.contact(rest=lambda _ms: None)
    away.sync()
    assert gone
    assert here(away) == there(hq)


def test_a_till_whose_hello_knows_no_steps_hears_a_snapshot_of_now(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled_in_many(hq)
    away.sync()
    ask = hello.ask
    monkeypatch.setattr(hello, "ask", lambda question: ask(replace(question, takes_deltas=False)))
    for _ in range(3):
        enrolled(home)
        home.sync()
        ver, snap_ver = snapshot(hq)
        assert ver == snap_ver


def test_a_step_whose_secret_is_told_no_more_is_listed_no_more(
    hq: Headquarters, home: Shop, away: Shop
) -> None:
    enrolled_in_many(hq)
    away.sync()
    held = feeds.edition(away.till.book, "members", "main")[0]
    for secrets_later in range(3):
        enrolled(home)
        home.sync()
        assert (steps(hq)[0][0] <= held) is (secrets_later < 2)
        rotate(hq)
    away.sync()
    assert bare(here(away)) == bare(there(hq))


def test_steps_are_not_joined_to_more_than_a_blob_holds(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_editions, "STEP_ROWS_MAX", 5)
    monkeypatch.setattr(member_editions, "_forget", lambda *_: [])
    ms = [till.enrol() for _ in range(20)]
    for start in range(0, 20, 2):
        for m in ms[start : start + 2]:
            till.earn(m, 1)
        till.send()
        publishing.publish(hq.office, part=0)
        assert all(rows <= 5 for _, _, rows in steps(hq))


def test_a_stick_brings_the_steps_and_not_the_snapshot(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.hello.STEPS_INLINE_MAX", 1)  # the list alone comes with the answer
    enrolled_in_many(hq)
    away.sync()
    enrolled(home)
    home.sync()
    before = feeds.chunks(away.till.book, "members", "main")
    folder = hq.folder / "stick"
    folder.mkdir()
    by_stick(hq, away, folder)
    assert bare(here(away)) == bare(there(hq))
    assert feeds.edition(away.till.book, "members", "main")[0] == snapshot(hq)[0]
    assert before, "what a till holds of the snapshot is not brought again"


def test_a_query_says_that_a_till_knows_steps(hq: Headquarters, home: Shop) -> None:
    enrolled_in_many(hq)
    sold(home, enrolled(home), 1)
    home.sync()
    before = snapshot(hq)
    assert before[0] != before[1]
    path = endpoints.manifest_of("members", "main", 1)
    home.uplink.call("GET", f"{path}?{endpoints.DELTAS}")
    assert snapshot(hq) == before
    home.uplink.call("GET", path)
    assert snapshot(hq)[0] == snapshot(hq)[1]

"""Goods go back to another store that cannot ask: headquarters claws by the sale itself, and tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headquarters import Headquarters, Shop, headquarters

from agent import approval, claims, enrolment, goods_back
from agent.desk import Desk, Done
from agent.recorder import Recorded
from agent.store import outbox
from hub.verify import verify
from points.returns import Sale

PIN = "246810"
CAPPED = {"refund_elsewhere": {"sale_fen": 20_000, "day_fen": 50_000}}
GOODS = [[1, "all", 2, 8_000], [2, "all", 1, 4_000]]


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    """One whose rule book lets a till that is cut off take goods of other stores back."""
    with headquarters(tmp_path, CAPPED) as made:
        yield made
        assert verify(made.office).faults == []


@pytest.fixture
def home(hq: Headquarters) -> Shop:
    return hq.shop("s001")


@pytest.fixture
def away(hq: Headquarters, home: Shop) -> Shop:
    shop = hq.shop("s002")
    approval.set_pin(shop.till, PIN)
    return shop


@pytest.fixture
def m(home: Shop) -> int:
    """A member with 100 points."""
    new = enrolment.enrol(home.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(home.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
    home.sync()
    return new.m


def sell(home: Shop, m: int) -> tuple[Recorded, str]:
    """A sale of 120 yuan, 24 points among its tenders, and the code on its paper."""
    done = home.counter.sell(m, GOODS, "c1", points_used=24)
    assert isinstance(done, Recorded)
    return done, claims.digits(home.till, done.op.id)


def back(away: Shop, claim: str, fen: int, n: int = 0) -> Done:
    told = Desk(away.counter).refund_elsewhere(f"act-{n:08d}", "c2", claim, [[0, fen]], pin=PIN)
    assert isinstance(told, Done), told
    return told


def shown(shop: Shop, m: int) -> int:
    card = shop.counter.card(m)
    assert card is not None
    return card.points


def test_headquarters_claws_by_the_sale_s_own_lines_and_the_next_feed_shows_it(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    done, claim = sell(home, m)
    home.sync()
    away.sync()
    before = shown(away, m)
    assert before == 100 - 24 + done.op.body["pts"]
    sale = Sale(done.op.body, hq.office.rules())
    claw, restore = sale.take_back_groups([[0, 9_000]])
    assert (claw > 0, restore > 0) == (True, True)
    told = back(away, claim, 9_000)
    assert (told.receipt.balance, told.receipt.unconfirmed) == (before, True)
    assert shown(away, m) == before, "nothing is clawed here, and the paper says so"
    away.sync()
    assert outbox.outcomes(away.till.book) == [], "accepted, and nothing to remark"
    home.sync()
    after = before - claw + restore
    assert (shown(home, m), shown(away, m)) == (after, after)
    back(away, claim, 3_000, 1)
    away.sync()
    home.sync()
    assert (shown(home, m), shown(away, m)) == (100, 100), "all of it came back, all of it is undone"


def test_a_sale_that_headquarters_does_not_have_yet_is_waited_for(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    away.sync()
    home.uplink.connected = False
    done, claim = sell(home, m)
    back(away, claim, 12_000)
    away.sync()
    assert [letter for _, letter, _ in outbox.outcomes(away.till.book)] == ["P"]
    home.uplink.connected = True
    home.sync()
    away.sync()
    assert [letter for _, letter, _ in outbox.outcomes(away.till.book)] == ["A"]
    assert (shown(home, m), shown(away, m)) == (100, 100)
    assert done.op.body["pts"] > 100


@pytest.mark.parametrize("away_is_first", [False, True])
@pytest.mark.parametrize("away_is_heard_first", [False, True])
def test_two_offline_refunds_of_one_sale_are_borne_by_the_store_without_the_right(
    hq: Headquarters, home: Shop, away: Shop, m: int, away_is_first: bool, away_is_heard_first: bool
) -> None:
    done, claim = sell(home, m)
    home.sync()
    away.sync()
    home.uplink.connected = False
    acts = [
        lambda: goods_back.refund(home.till, done.op.id, [[1, 2, 8_000]], "c1"),
        lambda: back(away, claim, 12_000),
    ]
    for act in reversed(acts) if away_is_first else acts:
        assert isinstance(act(), Recorded | Done)
        hq.clock.now_ms += 60_000
    home.uplink.connected = True
    for shop in (away, home, away, home) if away_is_heard_first else (home, away, home):
        shop.sync()
    said = [row[1:] for shop in (home, away) for row in outbox.outcomes(shop.till.book)]
    assert said == [("J", '{"bearer": "s002", "reason": "refund-beyond-sale"}')]
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["refund-beyond-sale"]
    assert (shown(home, m), shown(away, m)) == (100, 100), "no point is clawed twice"


def test_a_paper_of_a_till_that_was_never_heard_of_proves_nothing(home: Shop, away: Shop, m: int) -> None:
    _, claim = sell(home, m)
    with away.till.book.turn() as turn:
        turn.execute("DELETE FROM device_keys")
    told = Desk(away.counter).refund_elsewhere("act-00000000", "c2", claim, [[0, 100]])
    assert not isinstance(told, Done)
    assert told.refusal.name == "receipt_not_proved"

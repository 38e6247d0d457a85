"""Goods go back to another store: headquarters claws by the sale itself, and the next feed shows it."""

from __future__ import annotations

import pytest
from headquarters import Headquarters, Shop

from agent import claims, enrolment, goods_back
from agent.desk import Desk, Done
from agent.recorder import Recorded
from agent.store import outbox
from points.returns import Sale

GOODS = [[1, "all", 2, 8_000], [2, "all", 1, 4_000]]


@pytest.fixture
def home(hq: Headquarters) -> Shop:
    return hq.shop("s001")


@pytest.fixture
def away(hq: Headquarters, home: Shop) -> Shop:
    return hq.shop("s002")


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
    told = Desk(away.counter).refund_elsewhere(f"act-{n:08d}", "c2", claim, [[0, fen]], online=True)
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


def test_the_same_goods_at_both_stores_claw_once_and_make_a_case_of_the_second(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    done, claim = sell(home, m)
    home.sync()
    away.sync()
    home.uplink.connected = False
    assert isinstance(goods_back.refund(home.till, done.op.id, [[1, 2, 8_000]], "c1"), Recorded)
    hq.clock.now_ms += 60_000
    back(away, claim, 12_000)
    home.uplink.connected = True
    for shop in (home, away, home):
        shop.sync()
    ((_, letter, detail),) = outbox.outcomes(away.till.book)
    assert (letter, detail) == ("J", '{"bearer": "s002", "reason": "refund-beyond-sale"}')
    assert hq.rows("SELECT reason, store FROM cases") == [("refund-beyond-sale", "s002")]
    assert (shown(home, m), shown(away, m)) == (100, 100), "no point is clawed twice"


def test_a_paper_of_a_till_that_was_never_heard_of_proves_nothing(home: Shop, away: Shop, m: int) -> None:
    _, claim = sell(home, m)
    with away.till.book.turn() as turn:
        turn.execute("DELETE FROM device_keys")
    told = Desk(away.counter).refund_elsewhere("act-00000000", "c2", claim, [[0, 100]], online=True)
    assert not isinstance(told, Done)
    assert told.refusal.name == "receipt_not_proved"

"""Goods of another till's sale come back by headquarters' reservation: the right moves, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from headquarters import Headquarters, Shop
from test_bells import listening

from agent import claims, enrolment, goods_back, refund_rights, reservations
from agent.desk import Desk, Done
from agent.funding import No
from agent.goods_back import Returnable
from agent.recorder import Recorded
from agent.store import outbox, refunds, sales
from hub.verify import verify
from points.refusals import Refusal
from points.returns import Sale
from points.wire import canonical

GOODS = [[1, "all", 2, 8_000], [2, "all", 1, 4_000]]


@pytest.fixture
def third(hq: Headquarters, away: Shop) -> Shop:
    return hq.shop("s003")


@pytest.fixture
def m(home: Shop, away: Shop) -> int:
    """A member with 100 points, known at both stores."""
    new = enrolment.enrol(home.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(home.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
    home.sync()
    away.sync()
    return new.m


@pytest.fixture
def bells() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def sell(home: Shop, m: int, *, send: bool = True) -> tuple[Recorded, str]:
    """A sale of 120 yuan, 24 points among its tenders, and the code on its paper."""
    done = home.counter.sell(m, GOODS, "c1", points_used=24)
    assert isinstance(done, Recorded)
    if send:
        home.sync()
    return done, claims.digits(home.till, done.op.id)


def desk(shop: Shop) -> Desk:
    return Desk(shop.counter, shop.uplink.refund)


def back(shop: Shop, claim: str, lines: list[list[int]], n: int = 0) -> Done | No:
    """What a counter does: it looks at the paper, then refunds lines."""
    at = desk(shop)
    found = at.find_elsewhere(claim, reaches=True)
    if isinstance(found, No):
        return found
    return at.refund(f"act-{n:08d}", "c2", found.sale, lines)


def shown(shop: Shop, m: int) -> int:
    card = shop.counter.card(m)
    assert card is not None
    return card.points


def kinds(shop: Shop) -> list[str]:
    return [canonical.decode(body)["t"] for _, body in sales.since(shop.till.book, 0)]


def remarks(shop: Shop) -> list[tuple[str, str]]:
    return [(letter, detail) for _, letter, detail in outbox.outcomes(shop.till.book)]


def test_another_till_s_sale_comes_back_to_the_line_and_the_paper_says_the_points(
    hq: Headquarters, home: Shop, away: Shop, m: int, bells: ExitStack
) -> None:
    sold, claim = sell(home, m)
    away.sync()
    before = shown(away, m)
    bells.enter_context(listening(hq, home))
    found = desk(away).find_elsewhere(claim, reaches=True)
    assert isinstance(found, Returnable)
    assert (found.lines, found.rest) == (GOODS, [[1, 2, 8_000], [2, 1, 4_000]])
    assert found.origin.startswith("s001 · 01-1-")
    whole = Sale(sold.op.body, hq.office.rules())
    claw, restore = whole.take_back([[1, 1, 4_000]])
    done = back(away, claim, [[1, 1, 4_000]])
    assert isinstance(done, Done), done
    told = done.receipt
    assert (told.clawed, told.restored, told.back_fen, told.unconfirmed) == (claw, restore, 4_000, False)
    assert told.balance == before - claw + restore
    assert shown(away, m) == told.balance
    assert kinds(home)[-1] == "refund.cede"
    for shop in (away, home, away):
        shop.sync()
    assert shown(home, m) == shown(away, m) == told.balance, "what the paper said is what headquarters says"
    assert (remarks(away), remarks(home)) == ([], [])
    assert hq.rows("SELECT count(*) FROM refund_reserved WHERE ended = 0") == [(0,)]
    rest = back(away, claim, [[1, 1, 4_000], [2, 1, 4_000]], 1)
    assert isinstance(rest, Done), rest
    away.sync()
    assert shown(away, m) == 100, "all of it came back, all of it is undone"


def test_fractions_of_points_are_clawed_once_wherever_the_parts_come_back(
    hq: Headquarters, home: Shop, away: Shop, third: Shop, m: int
) -> None:
    sold = home.counter.sell(m, [[1, "all", 1, 150], [2, "all", 1, 150]], "c1")
    assert isinstance(sold, Recorded)
    assert sold.op.body["pts"] == 3
    assert refund_rights.cede(home.till, sold.op.id)
    for shop in (home, away, third):
        shop.sync()
    claim = claims.digits(home.till, sold.op.id)
    parts = [back(away, claim, [[1, 1, 150]]), back(third, claim, [[2, 1, 150]])]
    assert [part.receipt.clawed for part in parts if isinstance(part, Done)] == [2, 1]
    for shop in (away, third):
        shop.sync()
        assert remarks(shop) == []


def test_own_rights_are_burned_first_and_what_is_restored_goes_to_headquarters(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    away.sync()
    assert isinstance(away.counter.sell(m, [[1, "all", 1, 3_000]], "c2"), Recorded)
    assert refund_rights.cede(home.till, sold.op.id)
    home.sync()
    assert away.here(m) == 30
    done = back(away, claim, [[1, 1, 4_000]])
    assert isinstance(done, Done), done
    assert done.op.moves() == [("burn_l", 30)]
    assert (done.receipt.clawed, done.receipt.restored) == (40, 8)
    assert away.here(m) == 0
    away.sync()
    assert remarks(away) == []
    assert hq.rows("SELECT sum(added - local_used) FROM cells WHERE store = 's002'") == [(0,)]
    assert verify(hq.office).faults == []


def test_after_ceding_the_owner_asks_headquarters_like_any_other(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    sale = sold.op.id
    assert refund_rights.cede(home.till, sale)
    assert not refund_rights.cede(home.till, sale), "once"
    assert kinds(home).count("refund.cede") == 1
    for no in (
        goods_back.returnable(home.till, sale),
        goods_back.refund(home.till, sale, [[1, 1, 4_000]], "c1"),
        goods_back.void(home.till, sale, "c1"),
        desk(home).refund("act-00000009", "c1", sale, [[1, 1, 4_000]]),
    ):
        assert isinstance(no, No)
        assert no.refusal is Refusal.refund_ceded
    home.sync()
    done = back(home, claim, [[1, 1, 4_000]])
    assert isinstance(done, Done), done
    home.sync()
    away.sync()
    assert remarks(home) == []
    assert shown(home, m) == shown(away, m) == done.receipt.balance
    assert isinstance(back(away, claim, [[2, 1, 4_000]], 1), Done)


def test_a_till_that_lost_its_database_has_ceded_all_the_same(hq: Headquarters, home: Shop, m: int) -> None:
    sold, _ = sell(home, m)
    assert refund_rights.cede(home.till, sold.op.id)
    home.till.book.close()
    for file in (home.folder / "data").glob("agent.sqlite*"):
        file.unlink()
    again = hq.open(home.folder)
    no = goods_back.refund(again.till, sold.op.id, [[1, 1, 4_000]], "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.refund_ceded


def test_what_came_back_at_the_owner_before_is_taken_off(
    hq: Headquarters, home: Shop, away: Shop, m: int, bells: ExitStack
) -> None:
    sold, claim = sell(home, m)
    assert isinstance(goods_back.refund(home.till, sold.op.id, [[1, 2, 8_000]], "c1"), Recorded)
    bells.enter_context(listening(hq, home))
    too_much = back(away, claim, [[1, 1, 4_000]])
    assert isinstance(too_much, No), "headquarters has it from the owner's own lane, which ceded behind it"
    assert too_much.refusal is Refusal.refund_too_much
    assert too_much.values == {"money": 4_000}
    assert isinstance(back(away, claim, [[2, 1, 4_000]], 1), Done)
    assert kinds(away).count("refund.void") == 1
    away.sync()
    assert shown(away, m) == 100
    assert remarks(away) == []


def test_an_owner_out_of_reach_is_said_and_gives_its_right_with_its_next_page(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    _, claim = sell(home, m)
    no = back(away, claim, [[2, 1, 4_000]])
    assert isinstance(no, No)
    assert no.refusal is Refusal.refund_owner_silent
    home.sync()
    assert kinds(home)[-1] == "refund.cede"
    assert isinstance(back(away, claim, [[2, 1, 4_000]], 1), Done)


def test_a_wish_is_over_when_the_customer_has_gone(hq: Headquarters, home: Shop, away: Shop, m: int) -> None:
    sold, claim = sell(home, m)
    assert isinstance(back(away, claim, [[2, 1, 4_000]]), No)
    hq.clock.now_ms += 16 * 60_000
    home.sync()
    assert "refund.cede" not in kinds(home)
    assert isinstance(goods_back.refund(home.till, sold.op.id, [[2, 1, 4_000]], "c1"), Recorded)


def test_two_offline_refunds_of_one_sale(
    hq: Headquarters, home: Shop, away: Shop, m: int, bells: ExitStack
) -> None:
    """By the rights path it cannot happen: who is cut off has the right, or has it not."""
    sold, claim = sell(home, m)
    home.uplink.connected = False
    assert isinstance(goods_back.refund(home.till, sold.op.id, [[1, 2, 8_000]], "c1"), Recorded)
    silent = back(away, claim, [[1, 2, 8_000]])
    assert isinstance(silent, No)
    away.uplink.connected = False
    cut = back(away, claim, [[1, 2, 8_000]], 1)
    assert isinstance(cut, No)
    assert cut.refusal is Refusal.refund_elsewhere_offline
    home.uplink.connected = away.uplink.connected = True
    home.sync()
    home.uplink.connected = False
    assert isinstance(back(away, claim, [[2, 1, 4_000]], 2), Done), "its page had asked for the right"
    no = goods_back.refund(home.till, sold.op.id, [[2, 1, 4_000]], "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.refund_ceded
    home.uplink.connected = True
    for shop in (away, home, away):
        shop.sync()
    assert (remarks(home), remarks(away)) == ([], [])
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]
    assert shown(home, m) == shown(away, m) == 100


def test_two_tills_that_ask_at_once_never_refund_more_than_was_sold(
    hq: Headquarters, home: Shop, away: Shop, third: Shop, m: int, bells: ExitStack
) -> None:
    _, claim = sell(home, m)
    third.sync()
    bells.enter_context(listening(hq, home))
    with ThreadPoolExecutor(2) as hands:
        done = list(hands.map(lambda shop: back(shop, claim, [[1, 2, 8_000]]), (away, third)))
    assert sorted(isinstance(one, Done) for one in done) == [False, True]
    for shop in (away, third, home, away, third):
        shop.sync()
        assert remarks(shop) == []
    assert hq.rows("SELECT count(*) FROM refund_reserved WHERE ended = 0") == [(0,)]
    assert shown(home, m) == shown(away, m) == shown(third, m)


class Line:
    """A line on which answers get lost, or after which the till is killed."""

    def __init__(self, shop: Shop, *, loses: int = 0) -> None:
        self.shop, self.loses = shop, loses

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        told = self.shop.uplink.refund(asked)
        if asked.get("id") and self.loses:
            self.loses -= 1
            return None
        return told


def test_an_answer_that_was_lost_strands_nothing_for_long(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    refund_rights.cede(home.till, sold.op.id)
    home.sync()
    at = Desk(away.counter, Line(away, loses=1))
    found = at.find_elsewhere(claim, reaches=True)
    assert isinstance(found, Returnable)
    assert isinstance(at.refund("act-00000000", "c2", found.sale, [[1, 2, 8_000]]), No)
    assert hq.rows("SELECT ended FROM refund_reserved") == [(0,)], "reserved for the intent that is given up"
    assert refunds.intents(away.till.book) == []
    assert kinds(away)[-1] == "refund.void"
    away.sync()
    assert hq.rows("SELECT ended FROM refund_reserved") == [(1,)]
    assert isinstance(at.refund("act-00000001", "c2", found.sale, [[1, 2, 8_000]]), Done)


def test_a_till_that_is_killed_between_asking_and_recording_gives_up_when_it_wakes(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    refund_rights.cede(home.till, sold.op.id)
    home.sync()

    class Killed(Exception):
        pass

    def die(asked: dict[str, Any]) -> dict[str, Any] | None:
        told = away.uplink.refund(asked)
        if asked.get("id"):
            raise Killed
        return told

    at = Desk(away.counter, die)
    found = at.find_elsewhere(claim, reaches=True)
    assert isinstance(found, Returnable)
    with pytest.raises(Killed):
        at.refund("act-00000000", "c2", found.sale, [[1, 2, 8_000]])
    assert len(refunds.intents(away.till.book)) == 1
    away.till.book.close()
    again = hq.open(away.folder)
    again.sync()
    assert refunds.intents(again.till.book) == []
    assert kinds(again)[-1] == "refund.void"
    assert hq.rows("SELECT ended FROM refund_reserved") == [(1,)]
    assert isinstance(back(again, claim, [[1, 2, 8_000]], 1), Done)


def test_a_refund_that_is_told_late_is_still_reserved_for(
    hq: Headquarters, home: Shop, away: Shop, third: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    refund_rights.cede(home.till, sold.op.id)
    home.sync()
    third.sync()
    assert isinstance(back(away, claim, [[1, 2, 8_000]]), Done)
    hq.clock.now_ms += 9 * 86_400_000
    third.sync()
    no = back(third, claim, [[1, 1, 4_000]])
    assert isinstance(no, No), "no time ends it"
    assert no.refusal is Refusal.refund_too_much
    away.sync()
    third.sync()
    assert isinstance(back(third, claim, [[2, 1, 4_000]], 1), Done)
    third.sync()
    assert (remarks(away), remarks(third)) == ([], [])
    assert verify(hq.office).faults == []


def test_a_sale_that_headquarters_has_not_heard_of_is_said_so(home: Shop, away: Shop, m: int) -> None:
    _, claim = sell(home, m, send=False)
    no = back(away, claim, [[1, 1, 4_000]])
    assert isinstance(no, No)
    assert no.refusal is Refusal.refund_not_told


def test_only_the_paper_s_own_sale_is_believed(home: Shop, away: Shop, m: int) -> None:
    sold, claim = sell(home, m)
    other, _ = sell(home, m)
    changed = {**sold.op.body, "lines": [[1, "wine", 2, 8_000], [2, "all", 1, 4_000]]}
    for body in (other.op.body, changed):
        lie = {"sale": canonical.encode(body).decode(), "m": m, "rest": [[1, 2, 8_000]], "granted": True}
        told = reservations.look(away.till, claim, lambda _asked, lie=lie: lie)
        assert isinstance(told, No)
        assert told.refusal is Refusal.receipt_not_proved
    for odd in ({"sale": 5}, {"sale": "{}", "rest": []}, {"rest": "x"}, {"sale": "\ud800", "rest": []}, {}):
        assert isinstance(reservations.look(away.till, claim, lambda _asked, odd=odd: odd), No)

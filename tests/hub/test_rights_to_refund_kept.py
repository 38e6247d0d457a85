"""A right to refund that a sister till gave outlives what happens to the till that has it."""

from __future__ import annotations

from dataclasses import replace

from headquarters import Headquarters, Shop
from test_refunds_by_sisters import answer, sell, store

from agent import elsewhere, refund_rights
from agent.desk import Desk, Done
from agent.funding import No
from agent.goods_back import Returnable
from agent.recorder import Recorded
from agent.store import refunds
from points.refusals import Refusal

__all__ = ["store"]


def test_a_right_is_never_forgotten(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    assert refund_rights.take(other.till, answer(one, other, paper))
    held = refunds.find(other.till.book, sale)
    assert held is not None
    with other.till.book.turn() as turn:
        for n in range(refunds.KEPT_MAX + 5):
            refunds.keep(turn, held._replace(sale=f"{n:032x}", given=None))
        refunds.keep(turn, held._replace(given=None))
    assert refund_rights.is_given(other.till, refunds.find(other.till.book, sale))
    assert other.till.book.rows("SELECT count(*) FROM papers") == [(refunds.KEPT_MAX,)]


def test_what_came_back_before_the_database_was_put_back_stays_back(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    assert refund_rights.take(other.till, answer(one, other, paper))
    copy = other.till.book.rows("SELECT * FROM papers")
    assert isinstance(Desk(other.counter).refund("a1", "c2", sale, [[1, 2, 8_000]]), Done)
    with other.till.book.turn() as turn:
        turn.execute("DELETE FROM papers")
        turn.execute("DELETE FROM refunds_elsewhere")
        turn.execute(f"INSERT INTO papers VALUES ({', '.join('?' * len(copy[0]))})", tuple(copy[0]))
    found = Desk(other.counter).find_elsewhere(paper, reaches=False)
    assert isinstance(found, Returnable)
    assert found.rest == [[2, 1, 4_000]]
    over = Desk(other.counter).refund("a2", "c2", sale, [[1, 2, 8_000]])
    assert isinstance(over, No)
    assert over.refusal is Refusal.refund_too_much


def test_what_came_back_by_the_paper_alone_before_the_gift_arrived_is_taken_off(
    store: tuple[Shop, Shop, int],
) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    late = answer(one, other, paper)
    rules = replace(other.till.rule(), elsewhere_sale_fen=100_000, elsewhere_day_fen=100_000)
    other.till.books[rules.hash] = other.till.rules = rules
    assert isinstance(elsewhere.refund(other.till, paper, [[0, 4_000]], "c2"), Recorded)
    assert refund_rights.take(other.till, late)
    again = elsewhere.refund(other.till, paper, [[0, 8_000]], "c2")
    assert isinstance(again, No)
    assert again.refusal is Refusal.refund_by_lines
    at = Desk(other.counter)
    found = at.find_elsewhere(paper, reaches=False)
    assert isinstance(found, Returnable)
    assert sum(line[2] for line in found.rest) == 8_000
    assert isinstance(at.refund("a1", "c2", sale, found.rest), Done)
    assert isinstance(at.find_elsewhere(paper, reaches=False), No)

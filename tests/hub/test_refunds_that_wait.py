"""A refund that waits for headquarters keeps nobody else waiting, and a day that was closed stays closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from headquarters import Shop
from test_refund_rights import GOODS, kinds

from agent import claims, enrolment, refund_rights
from agent.desk import Desk, Done
from agent.funding import No
from agent.goods_back import Returnable
from agent.recorder import Recorded
from points.refusals import Refusal

LINES = [[1, 1, 4_000]]


@pytest.fixture
def paper(home: Shop, away: Shop) -> tuple[str, str]:
    """A sale whose right to be refunded is headquarters', and the code on its paper."""
    new = enrolment.enrol(home.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    sold = home.counter.sell(new.m, GOODS, "c1")
    assert isinstance(sold, Recorded)
    refund_rights.cede_wanted(home.till, {sold.op.id})
    home.sync()
    away.sync()
    return sold.op.id, claims.digits(home.till, sold.op.id)


def desk(shop: Shop, claim: str, meanwhile: Callable[[], object]) -> Desk:
    """A desk that has looked at a paper; something happens while it asks for lines."""

    def ask(question: dict[str, Any]) -> dict[str, Any] | None:
        if "id" in question:
            meanwhile()
        return shop.uplink.refund(question)

    made = Desk(shop.counter, ask)
    assert isinstance(made.find_elsewhere(claim, reaches=True), Returnable)
    return made


def test_the_next_customer_does_not_wait_and_a_double_click_is_one_refund(
    away: Shop, paper: tuple[str, str]
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(20)

    sale, claim = paper
    at = desk(away, claim, wait)
    with ThreadPoolExecutor(2) as hands:
        clicks = [hands.submit(at.refund, "act-1", "c2", sale, LINES) for _ in range(2)]
        assert asked.wait(20)
        assert isinstance(at.sell("act-2", "c2", None, [[1, "all", 1, 500]]), Done)
        assert not any(click.done() for click in clicks)
        go_on.set()
        assert all(isinstance(click.result(), Done) for click in clicks)
    assert kinds(away) == ["sale.earn", "sale.refund"]


def test_a_day_that_was_closed_meanwhile_takes_no_refund(away: Shop, paper: tuple[str, str]) -> None:
    sale, claim = paper
    at = desk(away, claim, lambda: at.close_day("c2", reaches=True))
    late = at.refund("act-1", "c2", sale, LINES)
    assert isinstance(late, No)
    assert late.refusal is Refusal.day_closed
    assert kinds(away)[-1] == "refund.void"

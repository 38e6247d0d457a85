"""The canonical order, told by what stands where, and the day counters that a return lowers."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.fold import fold
from points.operations import Operation, read
from points.order import canonical

RULES = book()
BOOKS = {RULES.hash: RULES}


def fact(n: int, st: int, store: str = "s001", till: str = "01", of: Operation | None = None) -> Operation:
    """The operation whose id is ``n``, at store time ``st``; a void where another operation is meant."""
    body: dict[str, Any] = {
        "id": f"{n:032x}", "t": "member.enrol", "tv": 1, "day": 20260101, "st": st, "boot": "b", "mono": st,
        "by": "c1", "rule": RULES.hash, "m": 1024,
    }  # fmt: skip
    if of is not None:
        body |= {"t": "sale.void", "refs": [of.id]}
    return read(body, store, till)


def stands(*expected: Operation) -> None:
    """These facts stand in this order, however they arrive and however often."""
    for arrived in permutations(expected):
        assert [op.id for op in canonical([*arrived, arrived[0]])] == [op.id for op in expected]


def test_facts_of_one_instant_stand_by_store_then_till_then_id() -> None:
    stands(
        fact(9, 100, "s001", "01"), fact(8, 100, "s001", "02"), fact(2, 100, "s002", "01"),
        fact(5, 100, "s002", "01"), fact(1, 101, "s001", "01"),
    )  # fmt: skip


def test_lifted_facts_of_one_instant_stand_by_store_and_till_too() -> None:
    sold = fact(7, 100, "s001")
    stands(sold, fact(9, 101, "s001", "02"), fact(8, 40, "s002", of=sold), fact(1, 101, "s003"))


def test_a_fact_stands_behind_what_it_refers_to_whatever_its_clock_said() -> None:
    sold = fact(3, 100, "s002")
    between, back = fact(9, 100, "s003"), fact(1, 5, "s001", of=sold)
    stands(sold, between, back, fact(2, 102, "s001", "02"))


def test_a_chain_of_causes_is_lifted_from_its_root() -> None:
    sold = fact(9, 100, "s003")
    first = fact(8, 50, "s002", of=sold)
    stands(sold, first, fact(1, 10, "s001", of=first))


def test_what_a_lane_wrote_behind_a_lifted_fact_stays_behind_it() -> None:
    sold = fact(9, 100, "s001")
    back, after = fact(8, 5, "s002", of=sold), fact(7, 50, "s002")
    elsewhere = fact(6, 60, "s002", "02")
    stands(elsewhere, sold, back, after)


def test_a_return_lowers_the_day_on_which_its_sale_was_counted_and_no_other() -> None:
    story = Story(RULES)
    sold = story.sale(FIRST_MS, 100_000, pts=100)
    next_day = story.sale(FIRST_MS + MS_PER_DAY, 30_000, pts=30)
    half = story.op("sale.refund", FIRST_MS + MS_PER_DAY, refs=[sold.id], lines=[[1, 0, 50_000]])
    rest = story.op("sale.void", FIRST_MS + 2 * MS_PER_DAY, refs=[sold.id])
    days = [
        fold(1024, ops, BOOKS).days for ops in ([sold], [sold, next_day, half], [sold, next_day, half, rest])
    ]
    assert days == [{20260101: 100}, {20260101: 50, 20260102: 30}, {20260101: 0, 20260102: 30}]

"""Whom a till trusts beyond every right, and with how much: a table, and what no showing can change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programme import FIRST_MS, Story, book

from points.debt import DEBT
from points.fold import fold
from points.trust import SHOWN_MS_MAX, VIEW_MS_MAX, Budget, Known, left

MAY = Budget(100, 150, 300)
REGULAR = Known(400, 0, is_frozen=False, was_served=True, row_age_ms=0, shown_age_ms=None)
STRANGER = replace(REGULAR, was_served=False, row_age_ms=None, shown_age_ms=0)

PTS = st.integers(0, 10**12)
AGES = st.none() | st.integers(0, 2 * VIEW_MS_MAX)
KNOWN = st.builds(Known, PTS, st.sampled_from((0, 0, 1)), st.booleans(), st.booleans(), AGES, AGES)

TABLE = [
    ("a regular", {}, 100),
    ("whose row is too old", {"row_age_ms": VIEW_MS_MAX + 1}, 0),
    ("who was never here", {"was_served": False}, 0),
    ("and shows a token", {"was_served": False, "shown_age_ms": 0}, 100),
    ("who showed it a while ago", {"was_served": False, "shown_age_ms": SHOWN_MS_MAX + 1}, 0),
    ("without a row, with a token", {"was_served": False, "row_age_ms": None, "shown_age_ms": 0}, 100),
    ("who owes, with a token", {"debt": 1, "shown_age_ms": 0}, 0),
    ("who is frozen, with a token", {"is_frozen": True, "shown_age_ms": 0}, 0),
    ("who has less", {"points": 60}, 60),
    ("who has nothing", {"points": 0, "shown_age_ms": 0}, 0),
]


@pytest.mark.parametrize(("known", "pts"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_whom_a_till_trusts(known: dict[str, int], pts: int) -> None:
    assert left(MAY, replace(REGULAR, **known), 0, 0) == pts  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spent", "today", "pts"), [(0, 0, 100), (0, 90, 60), (0, 150, 0), (250, 0, 50), (300, 0, 0), (900, 0, 0)]
)
def test_each_limit_holds_by_itself(spent: int, today: int, pts: int) -> None:
    for known in (REGULAR, STRANGER):
        assert left(MAY, known, spent, today) == pts


@given(KNOWN, st.lists(PTS, max_size=30))
def test_nothing_that_is_shown_passes_the_budget_and_without_one_nothing_is_trusted(
    known: Known, wishes: list[int]
) -> None:
    spent = 0
    for wish in wishes:
        assert left(Budget(), known, spent, spent) == 0
        may = left(MAY, known, spent, spent)
        assert 0 <= may <= min(MAY.operation, known.points)
        spent += min(wish, may)
    assert spent <= min(MAY.member_day, MAY.whole)


def test_points_on_trust_that_are_not_there_are_headquarters_debt_whatever_was_clawed_back_before() -> None:
    rules = book()
    story = Story(rules)
    sold = story.sale(FIRST_MS, 100_000, pts=100)
    back = story.op("sale.void", FIRST_MS + 1, refs=[sold.id])
    fund = [["trust", 60], ["local", 50]]
    spent = story.op("redeem.cash", FIRST_MS + 2, "s002", pts=110, fen=1_100, fund=fund)
    account = fold(1024, [sold, back, spent], {rules.hash: rules})
    assert [(draw.pts, draw.home, draw.bearer) for draw in account.draws[spent.id]] == [
        (60, DEBT, "hq"), (50, DEBT, "s001"),
    ]  # fmt: skip

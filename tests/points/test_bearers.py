"""Who bears what was spent and was not there: whose claw-back took the points, however late it was heard."""

from __future__ import annotations

import pytest
from programme import FIRST_MS, Story, book

from points.debt import DEBT
from points.fold import Account, fold
from points.operations import Operation
from points.rulebook import RuleBook

RULES: RuleBook = book()


def told(ops: list[Operation]) -> Account:
    return fold(1024, ops, {RULES.hash: RULES})


def debts(account: Account) -> list[tuple[int, str]]:
    return [
        (draw.pts, draw.bearer) for draws in account.draws.values() for draw in draws if draw.home == DEBT
    ]


@pytest.mark.parametrize("is_repaid", [False, True])
def test_a_store_cannot_pump_points_out_of_headquarters_by_telling_late(*, is_repaid: bool) -> None:
    """A sale, a redemption and a refund out of reach; elsewhere headquarters promises all it knows of."""
    story = Story(RULES)
    first = story.sale(FIRST_MS, 100_000, pts=100)
    used = story.op("redeem.cash", FIRST_MS + 1, pts=100, fen=1_000, fund=[["local", 100]])
    back = story.op("sale.void", FIRST_MS + (2 if is_repaid else 50), refs=[first.id])
    other = story.sale(FIRST_MS + 20, 120_000, store="s002", pts=120)
    spent = story.op("redeem.cash", FIRST_MS + 90, "s003", pts=120, fen=1_200, fund=[["auth", 120]])
    account = told([first, used, back, other, spent])
    assert debts(account) == [(100, "s001")]
    assert account.debt == 100


def test_the_oldest_claw_back_is_first_and_each_pays_for_no_more_than_it_took() -> None:
    story = Story(RULES)
    one, two = story.sale(FIRST_MS, 50_000, pts=50), story.sale(FIRST_MS + 1, 30_000, store="s002", pts=30)
    used = story.op("redeem.cash", FIRST_MS + 2, pts=80, fen=800, fund=[["local", 80]])
    backs = [
        story.op("sale.void", FIRST_MS + 3, refs=[one.id]),
        story.op("sale.void", FIRST_MS + 4, "s002", refs=[two.id]),
    ]
    more = story.sale(FIRST_MS + 5, 100_000, store="s003", pts=100)
    spent = story.op("redeem.cash", FIRST_MS + 6, "s003", pts=100, fen=1_000, fund=[["auth", 100]])
    assert debts(told([one, two, used, *backs, more, spent])) == [(50, "s001"), (30, "s002")]


def test_what_trust_owed_and_was_repaid_is_nobodys_cause() -> None:
    story = Story(RULES)
    risk = story.op("redeem.cash", FIRST_MS, "s002", pts=40, fen=400, fund=[["trust", 40]])
    one = story.sale(FIRST_MS + 1, 100_000, pts=100)
    used = story.op("redeem.cash", FIRST_MS + 2, pts=60, fen=600, fund=[["local", 60]])
    back = story.op("sale.void", FIRST_MS + 3, refs=[one.id])
    more = story.sale(FIRST_MS + 4, 150_000, store="s003", pts=150)
    spent = story.op("redeem.cash", FIRST_MS + 5, "s003", pts=150, fen=1_500, fund=[["auth", 150]])
    owed = debts(told([risk, one, used, back, more, spent]))
    assert all(bearer == "s001" for _, bearer in owed)
    assert sum(pts for pts, _ in owed) == 100

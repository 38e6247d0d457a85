"""What headquarters remarks of a return or a sale, and of which one."""

from __future__ import annotations

import pytest
from programme import FIRST_MS, Story, book

from points.amounts import BadAmount
from points.fold import Account, fold
from points.holding import Standing
from points.judging import post
from points.members import begin, read_row
from points.operations import Operation


def told(ops: list[Operation], rules: Story) -> dict[str, dict[str, object]]:
    """The remarks on operations by their ids, and that each of them moved what it should."""
    done = post(Standing(rules.m), ops, [], {rules.rules.hash: rules.rules})
    return {op_id: outcome.detail for op_id, outcome in done.remarks.items()}


def test_a_return_beyond_the_sale_is_remarked_and_names_who_bears_it_and_no_later_one_is() -> None:
    story = Story(book())
    sale = story.sale(FIRST_MS, 50_000)
    over = story.op("sale.refund", FIRST_MS + 1, "s002", refs=[sale.id], lines=[[99, 0, 10]])
    honest = story.op("sale.refund", FIRST_MS + 2, refs=[sale.id], lines=[[1, 0, 10]])
    said = told([sale, over, honest], story)
    assert said[over.id] == {"reason": "refund-beyond-sale", "bearer": "s002"}
    assert honest.id not in said


def test_six_of_five_units_claw_what_five_claw() -> None:
    rules = book()
    for lines in ([[1, 6, 50_000]], [[1, 5, 50_001]], [[1, 6, 10_000]]):
        story = Story(rules)
        sale = story.sale(FIRST_MS, 50_000, pts=50, lines=[[1, "all", 5, 50_000]])
        over = story.op("sale.refund", FIRST_MS + 1, refs=[sale.id], lines=lines)
        account = fold(1024, [sale, over], {rules.hash: rules})
        assert (account.returned[over.id], account.debt, account.over_refunded) == ((50, 0), 0, {over.id})


def test_a_sale_above_its_own_cap_gives_what_its_cap_allows() -> None:
    story = Story(book(day_cap_pts=100))
    sale = story.sale(FIRST_MS, 60_000, pts=60, day_used=70)
    account = Account(story.m, {story.rules.hash: story.rules})
    account.take(sale)
    assert account.balance(sale.day) == 30
    assert told([sale], story)[sale.id] == {"reason": "earn-differs", "delta": -30}


def test_an_alias_is_read_and_holds_nothing() -> None:
    row = read_row([1025, 3, "merged", 2049])
    assert (row.m, row.ver, row.status, row.into) == (1025, 3, "merged", 2049)
    assert begin(row, {}).balance(20260101) == 0
    with pytest.raises(BadAmount):
        read_row([1025, 3, "merged", -1])

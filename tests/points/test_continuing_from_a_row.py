"""A checkpoint row is continued only where that is exact: the same account as the whole fold gives."""

from __future__ import annotations

import random

from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.fold import fold
from points.judging import Standing, extends, post
from points.members import begin, end, own_row, read_row
from points.operations import Operation

RULES = book()
BOOKS = {RULES.hash: RULES}


def standing_after(ops: list[Operation]) -> Standing:
    standing = Standing(1024)
    done = post(standing, ops, [], BOOKS)
    standing.row = own_row(end(done.account, 1, "", ""))
    return standing


def test_who_bought_before_enrolling_is_enrolled_all_the_same() -> None:
    story = Story(RULES)
    sale, enrolled = story.sale(FIRST_MS, 50_000), story.op("member.enrol", FIRST_MS + 1_000)
    standing = standing_after([sale])
    assert standing.row is not None
    assert standing.row.status == "new"
    assert extends(standing, [enrolled], BOOKS)
    row = end(post(standing, [enrolled], None, BOOKS).account, 2, "", "")
    assert row[2] == fold(1024, [sale, enrolled], BOOKS).status == "active"


def test_what_refers_to_another_operation_is_never_continued() -> None:
    story = Story(RULES)
    sale = story.sale(FIRST_MS, 50_000)
    standing = standing_after([sale])
    assert not extends(
        standing, [story.op("sale.refund", FIRST_MS + 9, refs=[sale.id], lines=[[1, 1, 1]])], BOOKS
    )
    assert not extends(standing, [story.sale(FIRST_MS + 9, 50_000, refs=[sale.id])], BOOKS)


def test_lots_of_one_day_are_drawn_as_they_were_earned_from_a_row_too() -> None:
    story = Story(RULES)
    first, second = story.sale(FIRST_MS, 50_000), story.sale(FIRST_MS + 1_000, 70_000)
    spent = story.op("redeem.cash", FIRST_MS + 2_000, pts=30, fen=3, fund=[["local", 30]])
    standing = standing_after([first])
    assert extends(standing, [second, spent], BOOKS)
    continued = end(post(standing, [second, spent], None, BOOKS).account, 2, "", "")
    whole = end(fold(1024, [first, second, spent], BOOKS), 2, "", "")
    assert continued[8] == whole[8]
    assert [lot[0] for lot in whole[8]] == [f"{first.id}.0", f"{second.id}.0"]


def test_a_day_that_is_only_claimed_frees_no_expired_points() -> None:
    """The shift's day is what a cashier says; whether points have expired goes by the time of the sale."""
    story = Story(RULES)
    standing = standing_after([story.sale(FIRST_MS, 50_000)])
    late = FIRST_MS + 400 * MS_PER_DAY
    claimed = story.op("redeem.cash", late, pts=10, fen=1, day=20260102, fund=[["local", 10]])
    assert not extends(standing, [claimed], BOOKS)
    in_time = story.op("redeem.cash", FIRST_MS + MS_PER_DAY, pts=10, fen=1, fund=[["local", 10]])
    assert extends(standing, [in_time], BOOKS)


def test_nothing_is_continued_before_a_lifted_fact() -> None:
    """A return stands after its sale however early its clock says, and what follows it must too."""
    story = Story(RULES)
    sale = story.sale(FIRST_MS + 50_000, 50_000)
    early = story.op("sale.refund", FIRST_MS, store="s002", refs=[sale.id], lines=[[1, 1, 10_000]])
    standing = standing_after([sale, early])
    tied = story.sale(0, 30_000)
    tied.st = sale.st + 1
    assert not extends(standing, [tied], BOOKS)
    after = story.sale(0, 30_000)
    after.st = sale.st + 2
    assert extends(standing, [after], BOOKS)


def test_our_own_row_is_read_as_any_other() -> None:
    dice = random.Random(4)
    story = Story(RULES)
    ops = [story.sale(FIRST_MS + n * MS_PER_DAY, dice.randrange(90_000)) for n in range(20)]
    row = end(fold(1024, ops, BOOKS), 3, "王*", "8000")
    ours, theirs = own_row(row), read_row(row)
    assert ours == theirs
    assert end(begin(ours, BOOKS), 3, "王*", "8000") == row

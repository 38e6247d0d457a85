"""A checkpoint row is continued only where that is exact: the same account as the whole fold gives."""

from __future__ import annotations

import copy
import random

import pytest
from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.checkpoint import Earn, follows, plain_of, post_plain
from points.fold import fold
from points.holding import Standing
from points.judging import extends, key_of, post
from points.legs import MEM, Leg
from points.members import begin, end, own_row, read_row
from points.operations import Operation
from points.quoting import recompute_earn

RULES = book()
BOOKS = {RULES.hash: RULES}
TIERS = [[0, 10_000, "普通"], [40, 12_000, "银卡"], [90_000, 15_000, "金卡"]]
LEVELS = book(min_order_fen=3_000, tiers=TIERS, expiry=["rolling", 2])
LONGER = book(min_order_fen=3_000, tiers=TIERS, expiry=["rolling", 7])


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


@pytest.mark.parametrize("seed", range(60))
def test_plain_operations_are_posted_as_the_fold_posts_them(seed: int) -> None:
    """Row, legs, rights, remark and what the till holds: the same as by unfolding the account."""
    chance = random.Random(seed)
    story = Story(LEVELS)
    ops = [story.op("member.enrol", FIRST_MS)] if chance.random() < 0.5 else []
    at_ms = FIRST_MS
    for _ in range(30):
        at_ms += chance.choice((0, 1_000, MS_PER_DAY, 40 * MS_PER_DAY))
        store, fen = chance.choice(("s001", "s002")), chance.choice((0, 50, 9_999, 250_000, 4_000_000))
        right = recompute_earn(LEVELS, {**story.sale(at_ms, fen).body, "pts": 10**9})
        if chance.random() < 0.2:
            used = chance.randrange(1, 60)
            ops.append(story.op("redeem.cash", at_ms, store, pts=used, fen=1, fund=[["local", used]]))
            continue
        pts = max(0, right + chance.choice((0, 0, 0, -1)))
        more = {"fund": [["add", pts]]} if pts and chance.random() < 0.8 else {}
        more |= {"tier": chance.randrange(4)} if chance.random() < 0.2 else {}
        more |= {"day": 20260101} if chance.random() < 0.1 else {}
        more |= {"rule": LONGER} if chance.random() < 0.3 else {}
        ops.append(story.sale(at_ms, fen, store=store, pts=pts, desired=pts, **more))
    books = {LEVELS.hash: LEVELS, LONGER.hash: LONGER}
    standing, alike, n = Standing(1024), 0, 0
    while n < len(ops):
        coming = ops[n : n + chance.randrange(1, 4)]
        n += len(coming)
        twin = copy.deepcopy(standing)
        extending = extends(standing, coming, books)
        done = post(standing, coming, None if extending else ops[: n - len(coming)], books)
        row = end(done.account, 1, "", "")
        plain = [does for op in coming if (does := plain_of(op, books[op.rule])) is not None]
        quick = None
        if len(plain) == len(coming) and twin.row and follows(twin.row.raw, twin.last_key, coming):
            told = copy.deepcopy(twin.row.raw)
            covered = all(cell.local_used <= cell.added for cell in twin.cells.values())
            for op, does in zip(coming, plain, strict=True):
                cell = twin.cell(op.store, op.till)
                cell.added += does.added if isinstance(does, Earn) else 0
                cell.local_used += 0 if isinstance(does, Earn) else does.pts
                covered = covered and cell.local_used <= cell.added
            quick = post_plain(twin.row.raw, coming, plain, books) if covered else None
            assert twin.row.raw == told, "what was told is only read"
        if quick is not None:
            alike += 1
            assert (quick.row, quick.remarks) == (row, done.remarks)
            legs = quick.legs + [Leg(op, debit, MEM, lot, n) for op, debit, _, lot, n in quick.at_once]
            rights = quick.rights + [Leg(op, MEM, here, "", n) for op, _, here, _, n in quick.at_once]
            if extending:
                assert (sorted(legs), sorted(rights)) == (sorted(done.legs), sorted(done.rights))
            else:
                assert sorted(rights) == sorted(done.rights)
                fresh = {op.id for op in coming}
                assert sorted(legs) == sorted(leg for leg in done.legs if leg.op in fresh)
            assert (twin.cells, key_of(coming[-1])) == (standing.cells, standing.last_key)
        standing.row = own_row(row)
    assert alike

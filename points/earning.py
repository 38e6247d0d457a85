"""A sale that only earns, posted onto a member's row without unfolding the account.

Most of what a chain records is this: nothing is spent, returned or owed, and the sale is the member's
latest. What it earns is said by the sale and the book it cites alone (``Earn``), so it can be found
before anybody looks the member up; what it makes of the row is a lot more, and never another account
than the fold gives: a law is tested with both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from points.fold import MEM, Leg
from points.judging import Key, Outcome, earn_remark, key_of
from points.operations import Operation
from points.postings import held_by
from points.quoting import earn_due
from points.returns import Sale
from points.rulebook import RuleBook


class Earn(NamedTuple):
    """What such a sale says: points due and granted, the points and the tier it wrote, their last day, and
    the points it adds to its till's own rights."""

    due: int
    granted: int
    pts: int
    tier: int
    expires_on: int
    added: int


def earn_of(op: Operation, book: RuleBook) -> Earn | None:
    """What a sale earns, if earning is all it does; None for every other operation."""
    if op.kind != "sale.earn" or op.refs or [act for act, _ in op.moves() if act != "add"]:
        return None
    if len(op.fund) > 1 or any(tender[0] == "points" for tender in op.body["tenders"]):
        return None
    sale = Sale(op.body, book)
    last = book.expires_on(book.today(op.st))
    added = sum(n for _, n in op.moves())
    return Earn(earn_due(sale, op.body), sale.granted, op.body["pts"], op.body["tier"], last, added)


def after_earn(row: Sequence[Any], op: Operation, earn: Earn, book: RuleBook) -> Sequence[Any]:
    """Headquarters' own row of a member who owes nothing, after ``op``; its version is not touched."""
    m, ver, status, tier, tier_pts, name, tail, _, lots, day, _, _, *behind = row
    kept = [lot for lot in lots if lot[1]]
    if earn.granted:
        kept.append([f"{op.id}.0", earn.granted, 0, earn.expires_on, 0, op.store])
        tier_pts += earn.granted
        tier = max(tier, book.tier_at(tier_pts))
        if op.day >= day[0]:
            day = [op.day, earn.granted + (day[1] if op.day == day[0] else 0)]
    return [m, ver, status, tier, tier_pts, name, tail, 0, kept, day, [0, 0], [], *behind]


class PostedEarns(NamedTuple):
    """What ``judging.Posted`` is, with headquarters' row in the place of the account.

    ``at_once`` are legs of the fold and of rights in one, from the issuer straight into the till's own
    rights: what the first gives the member, the second takes from there.
    """

    row: Sequence[Any]
    legs: list[Leg]
    rights: list[Leg]
    at_once: list[Leg]
    remarks: dict[str, Outcome]


def earns_in_order(row: Sequence[Any] | None, last: Key, ops: Iterable[Operation]) -> bool:
    """Whether sales that only earn may be posted onto a row whose latest fact stands at ``last``."""
    if row is None or row[7]:
        return False
    for op in ops:
        key = key_of(op)
        if op.refs or key <= last:
            return False
        last = key
    return True


def post_earns(
    row: Sequence[Any], earned: Sequence[tuple[Operation, Earn]], books: Mapping[str, RuleBook]
) -> PostedEarns:
    """What ``judging.post`` does, for sales that only earn, in order, at tills that have not used more local
    points than were added: the same row, legs and remarks. Each adds ``Earn.added`` to its till's cell."""
    done = PostedEarns(row, [], [], [], {})
    for op, earn in earned:
        granted, added = earn.granted, earn.added
        row = after_earn(row, op, earn, books[op.rule])
        issuer, here, lot = f"x.issue:{op.store}", held_by("local", op.store, op.till), f"{op.id}.0"
        if granted == added:
            if granted:
                done.at_once.append(Leg(op.id, issuer, here, lot, granted))
            continue
        if granted:
            done.legs.append(Leg(op.id, issuer, MEM, lot, granted))
        if added:
            done.rights.append(Leg(op.id, MEM, here, "", added))
    for op, earn in earned:
        remark = earn_remark(earn.due, earn.pts, earn.tier, row[3])
        if remark is not None:
            done.remarks[op.id] = remark
    return done._replace(row=row)

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


class PostedEarns(NamedTuple):
    """What ``judging.Posted`` is, with headquarters' row in the place of the account.

    ``at_once`` are legs of the fold and of rights in one, from the issuer straight into the till's own
    rights: what the first gives the member, the second takes from there.
    """

    row: list[Any]
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
    points than were added: the same row, legs and remarks. Each adds ``Earn.added`` to its till's cell.

    ``row`` is headquarters' own of a member who owes nothing; its version is not touched.
    """
    legs: list[Leg] = []
    rights: list[Leg] = []
    at_once: list[Leg] = []
    m, ver, status, tier, tier_pts, name, tail, _, lots, day, _, _, *behind = row
    lots = [lot for lot in lots if lot[1]]
    for op, (_, granted, _, _, expires_on, added) in earned:
        lot, issuer, here = f"{op.id}.0", f"x.issue:{op.store}", held_by("local", op.store, op.till)
        if granted:
            lots.append([lot, granted, 0, expires_on, 0, op.store])
            tier_pts += granted
            tier = max(tier, books[op.rule].tier_at(tier_pts))
            if op.day >= day[0]:
                day = [op.day, granted + (day[1] if op.day == day[0] else 0)]
        if granted == added:
            if granted:
                at_once.append(Leg(op.id, issuer, here, lot, granted))
            continue
        if granted:
            legs.append(Leg(op.id, issuer, MEM, lot, granted))
        if added:
            rights.append(Leg(op.id, MEM, here, "", added))
    remarks = {}
    for op, (due, _, pts, tier_said, _, _) in earned:
        remark = earn_remark(due, pts, tier_said, tier)
        if remark is not None:
            remarks[op.id] = remark
    after = [m, ver, status, tier, tier_pts, name, tail, 0, lots, day, [0, 0], [], *behind]
    return PostedEarns(after, legs, rights, at_once, remarks)

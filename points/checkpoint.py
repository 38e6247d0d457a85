"""Plain operations, posted onto a member's checkpoint row without unfolding the account.

Most of what a chain records is this: a sale that only earns, or points that are spent from what the till
earned itself; nothing is returned or owed, and it is the member's latest. What such an operation does is
said by itself and the book it cites alone (``Plain``), so it can be found before anybody looks the member
up. What it makes of the row is never another account than the fold gives: a law is tested with both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from points.caps import under_cap
from points.expiry import expiry_rank, is_past
from points.holding import Key
from points.judging import Outcome, earn_remark, key_of, worth_remark
from points.legs import MEM, Leg
from points.operations import Operation
from points.postings import held_by
from points.returns import whole_earns
from points.rulebook import RuleBook
from points.settlement import settle


class Earn(NamedTuple):
    """What a sale says that only earns: points due and granted, the points and the tier it wrote, their last
    day, and the points it adds to its till's own rights."""

    due: int
    granted: int
    pts: int
    tier: int
    expires_on: int
    added: int


class Spend(NamedTuple):
    """What a redemption says that spends its till's own rights alone: its points, and its local day."""

    pts: int
    today: int


Plain = Earn | Spend


def plain_of(op: Operation, book: RuleBook) -> Plain | None:
    """What an operation does, if it is plain; None for every other one."""
    if op.refs or len(op.fund) > 1:
        return None
    act, n = next(iter(op.moves()), ("", 0))
    if op.kind == "redeem.cash":
        whole = act == "local" and n == op.body["pts"] and worth_remark(op, book) is None
        return Spend(n, book.today(op.st)) if whole else None
    if op.kind != "sale.earn" or act not in ("", "add"):
        return None
    body = op.body
    full = whole_earns(body, book)
    if full is None:  # something paid that earns nothing: points, for one
        return None
    pts, due = body["pts"], under_cap(full, book, body)
    last = book.expires_on(book.today(op.st))
    return Earn(due, min(pts, due), pts, body["tier"], last, n)


def follows(row: Sequence[Any] | None, last: Key, ops: Iterable[Operation]) -> bool:
    """Whether plain operations may be posted onto a row whose latest fact stands at ``last``: they come
    after it in order, and nothing is owed."""
    if row is None or row[7]:
        return False
    for op in ops:
        key = key_of(op)
        if key <= last:
            return False
        last = key
    return True


class PostedPlain(NamedTuple):
    """What ``judging.Posted`` is, with headquarters' row in the place of the account.

    ``at_once`` are legs of the fold and of rights in one, from the issuer straight into the till's own
    rights: what the first gives the member, the second takes from there.
    """

    row: list[Any]
    legs: list[Leg]
    rights: list[Leg]
    at_once: list[Leg]
    remarks: dict[str, Outcome]


def post_plain(
    row: Sequence[Any], ops: Sequence[Operation], does: Sequence[Plain], books: Mapping[str, RuleBook]
) -> PostedPlain | None:
    """What ``judging.post`` does, for plain operations that follow headquarters' own ``row`` and what each
    ``does``; None when its lots do not suffice. The row's version is not touched.

    The caller answers for the tills: none has used more of its own points than were added there. An
    ``Earn`` adds to its till's cell, a ``Spend`` uses.
    """
    legs: list[Leg] = []
    rights: list[Leg] = []
    at_once: list[Leg] = []
    m, ver, status, tier, tier_pts, name, tail, _, lots, day, _, _, *behind = row
    lots = [lot for lot in lots if lot[1]]
    for op, plain in zip(ops, does, strict=True):
        here = held_by("local", op.store, op.till)
        if isinstance(plain, Spend):
            drawn = _draw(lots, op, plain, legs)
            if drawn is None:
                return None
            lots = drawn
            rights.append(Leg(op.id, here, MEM, "", plain.pts))
            continue
        _, granted, _, _, expires_on, added = plain
        lot, issuer = f"{op.id}.0", f"x.issue:{op.store}"
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
    for op, plain in zip(ops, does, strict=True):
        if isinstance(plain, Earn):
            remark = earn_remark(plain.due, plain.pts, plain.tier, tier)
            if remark is not None:
                remarks[op.id] = remark
    after = [m, ver, status, tier, tier_pts, name, tail, 0, lots, day, [0, 0], [], *behind]
    return PostedPlain(after, legs, rights, at_once, remarks)


def _draw(
    lots: Sequence[Sequence[Any]], op: Operation, spend: Spend, legs: list[Leg]
) -> list[Sequence[Any]] | None:
    """The lots after a redemption, drawn as ``fold`` draws, with its legs; None when they do not suffice."""
    left, today = spend.pts, spend.today
    parts: dict[str, int] = {}
    for lot_id, remaining, pending_until, expires_on, _, issuer in sorted(lots, key=_rank):
        if pending_until <= today and not is_past(expires_on, today):
            part = min(left, remaining)
            parts[lot_id] = part
            legs.append(Leg(op.id, MEM, f"x.redeem:{op.store}", lot_id, part))
            legs += settle(op.id, issuer, op.store, op.rule, part)
            left -= part
            if not left:
                break
    if left:
        return None
    after = [[lot[0], lot[1] - parts[lot[0]], *lot[2:]] if lot[0] in parts else lot for lot in lots]
    return [lot for lot in after if lot[1]]


def _rank(lot: Sequence[Any]) -> int:
    return expiry_rank(lot[3])

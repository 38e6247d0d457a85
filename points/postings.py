"""Double entry: every point that moves leaves one account and enters another, citing its operation.

Two kinds of legs. The fold's legs say what became of points (issued, redeemed, clawed, owed,
settled) and are recomputed whenever a late fact changes the fold; what is posted then is the
difference. The rights' legs say where a member's points are held (headquarters, a till's local
rights, its allowance, an authorisation) and follow decisions in the order headquarters posts them.

Accounts: ``mem.avail`` (held by headquarters; below zero it is overhang), ``mem.local:store/till``,
``mem.lease:store/till``, ``mem.auth``, ``mem.debt``, ``x.issue:store``, ``x.redeem:store``,
``x.expire:store``, ``x.writeoff:bearer``, ``settle:store``. Debits equal credits in every leg, so the
trial balance is zero by construction and is checked all the same (P16).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from points.expiry import is_past
from points.fold import Account
from points.legs import MEM, Leg
from points.operations import Operation
from points.rights import Cell, is_over_with

AUTH = "mem.auth"


def held_by(kind: str, store: str, till: str) -> str:
    """The account of a till's ``local`` or ``lease`` rights."""
    return f"mem.{kind}:{store}/{till}"


def totals(legs: Iterable[Leg]) -> Counter[tuple[str, str, str, str]]:
    """Legs summed by (op, debit, credit, ref)."""
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for op, debit, credit, ref, pts in legs:
        sums[op, debit, credit, ref] += pts
    return sums


def correction(target: Iterable[Leg], posted: Mapping[tuple[str, str, str, str], int]) -> list[Leg]:
    """The legs that turn what is posted into what a re-fold says; nothing when they agree."""
    wanted = totals(target)
    keys = sorted(wanted.keys() | posted.keys())
    return [Leg(*key, wanted[key] - posted.get(key, 0)) for key in keys if wanted[key] != posted.get(key, 0)]


def expiry_legs(account: Account, final_day: int) -> list[Leg]:
    """Breakage: what lay unspent in lots past ``final_day``; only headquarters posts it, once it is final."""
    return [
        Leg(lot.id.partition(".")[0], MEM, f"x.expire:{lot.issuer}", lot.id, lot.remaining)
        for lot in account.lots.values()
        if lot.remaining and is_past(lot.expires_on, final_day)
    ]


def rights_legs(op: Operation, cell: Cell) -> list[Leg]:
    """Post an operation's funding to its till's cell; the legs of what really moved.

    A spend that no right covers moves nothing here: the fold has already taken it from the member,
    and the shortage is a case.
    """
    moves = op.moves()
    if len(moves) == 1 and moves[0][0] == "add" and cell.local_used <= cell.added:  # nearly all there are
        cell.added += moves[0][1]
        return [Leg(op.id, MEM, held_by("local", op.store, op.till), "", moves[0][1])]
    escrow, home = cell.escrow, cell.home
    cell.post(op)
    legs = []
    for kind, change in (("lease", cell.escrow - escrow), ("local", cell.home - home)):
        if change > 0:
            legs.append(Leg(op.id, MEM, held_by(kind, op.store, op.till), "", change))
        elif change < 0:
            legs.append(Leg(op.id, held_by(kind, op.store, op.till), MEM, "", -change))
    return legs


def grant_legs(op: Operation, cell: Cell) -> list[Leg]:
    """Raise a cell's grant to the operation's cumulative ``g``; a smaller one was already heard.

    A later term is granted to only when the old one holds nothing any more: closed by its till's own hand,
    or used up. So who hears of it before it hears of that may take the old one for over.
    """
    before = cell.escrow
    term = (op.body["inc"], op.body["term"])
    if term > cell.term:
        cell.renew(term)
    if term == cell.term:
        cell.granted = max(cell.granted, op.body["g"])
    store, till = op.body["to"][:2]
    moved, lease = cell.escrow - before, held_by("lease", store, till)
    if moved < 0:
        return [Leg(op.id, lease, MEM, "", -moved)]
    return [Leg(op.id, MEM, lease, "", moved)] if moved else []


def close_legs(op: Operation, cell: Cell) -> list[Leg]:
    """End a till's term: what its allowance still held comes home."""
    if not is_over_with(cell.term, (op.body["inc"], op.body["term"])) or cell.closed:
        return []
    left = cell.escrow
    cell.closed = True
    return [Leg(op.id, held_by("lease", op.store, op.till), MEM, "", left)] if left else []


def lost_legs(op: Operation, cell: Cell, home: int) -> list[Leg]:
    """End what a lost PC holds: the allowance of its last term, and the ``home`` points it gave itself.

    A counter may have its next PC already, or an earlier one may come back; what those hold stays.
    """
    store, till = op.body["agent"][:2]
    legs = []
    if is_over_with(cell.term, (op.body["inc"], op.body["term"])):
        if cell.escrow:
            legs.append(Leg(op.id, held_by("lease", store, till), MEM, "", cell.escrow))
        cell.closed = True
    home = min(home, cell.home)
    if home:
        legs.append(Leg(op.id, held_by("local", store, till), MEM, "", home))
        cell.local_used += home
    return legs


def trial_balance(legs: Iterable[Leg]) -> dict[str, int]:
    """Credit minus debit of every account; the sum over all accounts is zero."""
    balances: Counter[str] = Counter()
    for leg in legs:
        balances[leg.debit] -= leg.pts
        balances[leg.credit] += leg.pts
    return dict(balances)

"""What one till may spend of one member's points, and the funding that its operations carry.

A till spends only what nobody else can: points it computed itself from money it took (*local*), and
points headquarters set aside for it (*allowance*). Both are counters with one writer: headquarters
raises the cumulative grant ``G``, the till counts what it used. So a grant heard twice, late or out
of order changes nothing (R10), and no clock is read for safety.

Every right carries the day its points expire. Spending takes the soonest first and only what has
not passed; what has passed can still be given back. A term that was closed never opens again; its
unspent allowance is nothing from then on, local rights stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from points.expiry import expiry_rank, is_past
from points.fund import GIVES, SPENDS, USES_ALLOWANCE, USES_LOCAL
from points.operations import Operation

Fund = list[list[Any]]
_UNEXPIRED = SPENDS | GIVES
"""Acts that use only what has not passed."""


@dataclass(frozen=True, slots=True)
class Rights:
    """One till's cell for one member: ``allowance`` [(expires_on, granted, used)…] and ``local``
    [(expires_on, left)…], soonest first.

    ``used_before`` is what the term used of an allowance that the cell does not know: a till that lost
    its database remembers what it spent before it hears again what it was granted. ``taken``
    [(expires_on, points)…] is the part of the allowance that sister tills gave in this term.
    ``stopped``: the till was not heard for too long, and until it is the allowance can only go home.
    """

    inc: int = 1
    term: int = 1
    granted: int = 0
    allowance: tuple[tuple[int, int, int], ...] = ()
    local: tuple[tuple[int, int], ...] = ()
    closed: bool = False
    used_before: int = 0
    taken: tuple[tuple[int, int], ...] = ()
    stopped: bool = False

    def left(self, today: int) -> tuple[int, int]:
        """Points that may be spent on ``today``: (local, allowance)."""
        local = sum(n for expires_on, n in self.local if not is_past(expires_on, today))
        allowance = 0
        if not self.closed and not self.stopped:
            allowance = sum(g - u for expires_on, g, u in self.allowance if not is_past(expires_on, today))
        return local, allowance

    @property
    def empty(self) -> bool:
        """Whether nothing is left to spend or to give back."""
        return not any(n for _, n in self.local) and (
            self.closed or not any(g - u for _, g, u in self.allowance)
        )


NONE = Rights()


def hear_grant(rights: Rights, inc: int, term: int, g: int, sched: Iterable[Sequence[int]]) -> Rights:
    """Rights after a grant was heard: the larger G wins, a lower term is ignored, a higher closes the old."""
    if (inc, term) < (rights.inc, rights.term):
        return rights
    if (inc, term) > (rights.inc, rights.term):
        rights = renew(rights, inc, term)
    if g <= rights.granted:
        return rights
    used = {expires_on: u for expires_on, _, u in rights.allowance}
    entries = {int(expires_on): int(n) for expires_on, n in sched}
    for expires_on, n in rights.taken:
        entries[expires_on] = entries.get(expires_on, 0) + n
    for expires_on in used.keys() - entries.keys():
        entries[expires_on] = used[expires_on]
    allowance = tuple(
        (expires_on, max(n, used.get(expires_on, 0)), used.get(expires_on, 0))
        for expires_on, n in sorted(entries.items(), key=lambda entry: expiry_rank(entry[0]))
    )
    allowance, unknown = _drain_allowance(allowance, rights.used_before, 0)
    return replace(rights, granted=g, allowance=allowance, used_before=unknown)


def renew(rights: Rights, inc: int, term: int) -> Rights:
    """A term begins: nothing is left of an earlier one but local rights; the same or a later one stays."""
    if (rights.inc, rights.term) >= (inc, term):
        return rights
    return Rights(inc, term, local=rights.local)


def close(rights: Rights) -> Rights:
    """The term is over for good; only local rights stay."""
    return replace(rights, closed=True)


def earn(rights: Rights, pts: int, expires_on: int) -> Rights:
    """Points computed from money paid here become spendable here at once."""
    if not pts:
        return rights
    left = dict(rights.local)
    left[expires_on] = left.get(expires_on, 0) + pts
    return replace(rights, local=_by_expiry(left))


def spend(rights: Rights, pts: int, today: int) -> tuple[Rights, Fund, int]:
    """Take ``pts`` from local, then allowance; gives (rights after, fund entries, points not covered)."""
    return _take(rights, pts, today, "local", "allowance")


def burn(rights: Rights, pts: int) -> tuple[Rights, Fund, int]:
    """A claw-back takes this till's own rights first: local, then allowance, of any day."""
    return _take(rights, pts, 0, "burn_l", "burn_a")


def give_back(rights: Rights) -> tuple[Rights, Fund]:
    """Everything that is left goes home: (empty rights, fund entries)."""
    whole = sum(n for _, n in rights.local) + sum(g - u for _, g, u in rights.allowance)
    after, fund, _ = _take(rights, whole, 0, "back_l", "back_a")
    return after, fund


def give_back_allowance(rights: Rights) -> tuple[Rights, Fund]:
    """The allowance goes home, local rights stay: (rights after, fund entries)."""
    whole = sum(g - u for _, g, u in rights.allowance)
    after, fund, _ = _take(replace(rights, local=()), whole, 0, "back_l", "back_a")
    return replace(after, local=rights.local), fund


def give(rights: Rights, pts: int, today: int) -> tuple[Rights, Fund, list[list[int]]]:
    """Up to ``pts`` for a sister till: (rights after, fund entries, schedule [[expires_on, points]…]).

    What has passed stays: nobody could spend it there.
    """
    after, fund, _ = _take(rights, pts, today, "give_l", "give_a")
    left = dict(after.local)
    gone = {expires_on: n - left.get(expires_on, 0) for expires_on, n in rights.local}
    for (expires_on, _, before), (_, _, used) in zip(rights.allowance, after.allowance, strict=True):
        gone[expires_on] = gone.get(expires_on, 0) + used - before
    return after, fund, [[expires_on, n] for expires_on, n in _by_expiry(gone) if n]


def take(rights: Rights, sched: Iterable[Sequence[int]]) -> Rights:
    """Rights after taking what a sister till gave for this very term; it ends with the term like a grant."""
    taken = dict(rights.taken)
    entries = {expires_on: (granted, used) for expires_on, granted, used in rights.allowance}
    for expires_on, n in sched:
        taken[expires_on] = taken.get(expires_on, 0) + n
        granted, used = entries.get(expires_on, (0, 0))
        entries[expires_on] = (granted + n, used)
    allowance = tuple((expires_on, *entries[expires_on]) for expires_on in sorted(entries, key=expiry_rank))
    allowance, unknown = _drain_allowance(allowance, rights.used_before, 0)
    return replace(rights, allowance=allowance, taken=_by_expiry(taken), used_before=unknown)


def replay(rights: Rights, op: Operation, today: int, expires_on: int) -> Rights:
    """Rights after one of the till's own recorded operations, for rebuilding them from its book.

    ``today`` is the local day of the operation's store time, ``expires_on`` the expiry of what it adds.
    The book says how many were moved, the rule (soonest first, only what has not passed) says which; so
    the same book gives the same rights. An allowance of an earlier term is nothing any more.
    """
    pair = (op.body.get("inc", 0), op.body.get("term", 0))
    rights = renew(rights, *pair)
    for act, n in op.moves():
        if act == "add":
            rights = earn(rights, n, expires_on)
        elif act in USES_LOCAL:
            day = today if act in _UNEXPIRED else 0
            rights = replace(rights, local=_drain_local(rights.local, n, day)[0])
        elif pair != (rights.inc, rights.term):
            continue
        elif act == "take":
            rights = take(rights, op.body["sched"])
        elif act in USES_ALLOWANCE:
            day = today if act in _UNEXPIRED else 0
            allowance, unknown = _drain_allowance(rights.allowance, n, day)
            rights = replace(rights, allowance=allowance, used_before=rights.used_before + unknown)
    return rights


def _take(
    rights: Rights, pts: int, today: int, local_act: str, allowance_act: str
) -> tuple[Rights, Fund, int]:
    fund: Fund = []
    local, rest = _drain_local(rights.local, pts, today)
    if rest < pts:
        fund.append([local_act, pts - rest])
    allowance, short = rights.allowance, rest
    may = not rights.closed and not (rights.stopped and allowance_act in _UNEXPIRED)
    if rest and may:
        allowance, short = _drain_allowance(rights.allowance, rest, today)
        if short < rest:
            fund.append([allowance_act, rest - short])
    return replace(rights, local=local, allowance=allowance), fund, short


def _drain_local(
    entries: Sequence[tuple[int, int]], pts: int, today: int
) -> tuple[tuple[tuple[int, int], ...], int]:
    kept = []
    for expires_on, left in entries:
        part = 0 if is_past(expires_on, today) else min(pts, left)
        pts -= part
        if left > part:
            kept.append((expires_on, left - part))
    return tuple(kept), pts


def _drain_allowance(
    entries: Sequence[tuple[int, int, int]], pts: int, today: int
) -> tuple[tuple[tuple[int, int, int], ...], int]:
    kept = []
    for expires_on, granted, used in entries:
        part = 0 if is_past(expires_on, today) else min(pts, granted - used)
        pts -= part
        kept.append((expires_on, granted, used + part))
    return tuple(kept), pts


def _by_expiry(left: dict[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(left.items(), key=lambda entry: expiry_rank(entry[0])))


def is_over_with(term: tuple[int, int], over: tuple[int, int]) -> bool:
    """Whether what was given in ``term`` is over with ``over``, each (inc, term): it is the same term of the
    same PC, in that incarnation of headquarters or an earlier one."""
    return term[1] == over[1] and term[0] <= over[0]


@dataclass(slots=True)
class Cell:
    """Headquarters' view of one till's cell, from posted operations alone; sums, so order is nothing.

    ``escrow`` is E, what may still be spent from the allowance; ``home`` is F, of the local rights; ``taken``
    is what sister tills have given it in this term.
    """

    term: tuple[int, int] = (1, 1)
    granted: int = 0
    allowance_used: int = 0
    added: int = 0
    local_used: int = 0
    closed: bool = False
    taken: int = 0

    @property
    def escrow(self) -> int:
        """E: never below zero; a spend without rights is a case, not a debt of the till's next grant."""
        return 0 if self.closed else max(0, self.granted + self.taken - self.allowance_used)

    @property
    def home(self) -> int:
        """F."""
        return max(0, self.added - self.local_used)

    def renew(self, term: tuple[int, int]) -> None:
        """A later term begins: the old allowance is nothing for ever, local rights stay."""
        self.term, self.granted, self.taken, self.allowance_used, self.closed = term, 0, 0, 0, False

    def post(self, op: Operation) -> int:
        """Count one operation's funding; gives the points that no right covered."""
        allowance, local = self.granted + self.taken - self.allowance_used, self.added - self.local_used
        current = (op.body.get("inc", 0), op.body.get("term", 0)) == self.term
        for act, n in op.moves():
            if act == "add":
                self.added += n
            elif act in USES_LOCAL:
                self.local_used += n
            elif act in USES_ALLOWANCE:
                self.allowance_used += n if current else 0
        short = max(0, self.allowance_used - self.granted - self.taken) - max(0, -allowance)
        return short + max(0, self.local_used - self.added) - max(0, -local)

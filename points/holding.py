"""Where a member's points are held, posted from facts and decisions: at headquarters, or at one till.

A till's rights are counters that only its own operations and headquarters' grants move; they settle by these
counters, never by a clock. Rights come home by the till's own return, by the close of its term behind its
complete lane, or when two people have declared its PC lost; from till to till they move by the operation
that gave them, counted once. What was spent without a right is said,
and is nobody's loss but headquarters' or the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from points.fold import Account
from points.fund import SPENDS, USES_ALLOWANCE
from points.legs import MEM, Leg
from points.members import MemberRow
from points.operations import Operation
from points.postings import AUTH, close_legs, grant_legs, held_by, lost_legs, rights_legs
from points.rights import Cell, is_over_with

Key = tuple[int, str, str, str]
Agent = tuple[str, str]
Lost = Mapping[Agent, Set[tuple[int, int]]]
"""Tills of which a PC was declared lost, each with the (inc, term) of every such PC."""
NOBODY_LOST: Lost = {}


def _ended(intent: str, agent: Agent) -> str:
    """An intent is its till's own: nobody else can end it."""
    return f"{intent}@{agent[0]}/{agent[1]}"


POT, ADVANCE = "give:", "gave:"
"""These begin the names of what a till was given and headquarters cannot count to its term yet, and of what
stands against a giver until its own lane tells that it gave."""
TRANSFERS = frozenset({"rights.give", "rights.take"})
UNTOLD = (1, 0)
"""The term of a reservation that was made before reservations told theirs; any close of its till ends it."""


class Reserved(NamedTuple):
    """Points kept for one operation of a till: by which device asked, for they end with that one's term."""

    store: str
    till: str
    pts: int
    inc: int = 1
    term: int = 1


@dataclass(slots=True)
class Standing:
    """What is held of one member: the checkpoint row, its last fact's key, cells and reservations."""

    m: int
    row: MemberRow | None = None
    last_key: Key = (0, "", "", "")
    cells: dict[Agent, Cell] = field(default_factory=dict)
    reserved: dict[str, Reserved] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    reserved_changed: bool = False

    def end(self, intent: str, agent: Agent) -> None:
        """This till's intent is over: a reservation for it that comes later is not made. What it gave to a
        sister till is over too, once it has moved."""
        self.voided.add(_ended(intent, agent))
        self.reserved_changed = True

    def set_apart(self, name: str, held: Reserved) -> None:
        """Keep points in a place of their own."""
        self.reserved[name] = held
        self.reserved_changed = True

    def bring_back(self, name: str) -> Reserved | None:
        """They are kept there no more; gives what was."""
        self.reserved_changed |= name in self.reserved
        return self.reserved.pop(name, None)

    def is_over(self, intent: str, agent: Agent) -> bool:
        """Whether this till's intent has ended before its reservation came, or what it gave has moved."""
        return _ended(intent, agent) in self.voided

    def cell(self, store: str, till: str) -> Cell:
        """The till's cell, begun empty."""
        cell = self.cells.get((store, till))
        if cell is None:
            cell = self.cells[store, till] = Cell()
        return cell

    @property
    def held(self) -> int:
        """ΣE + ΣF + ΣH: points that are not headquarters' to give."""
        cells = sum(cell.escrow + cell.home for cell in self.cells.values())
        return cells + sum(held.pts for held in self.reserved.values())

    @property
    def untold(self) -> int:
        """Points in circulation that nobody has told headquarters of: a till gave them, and how it came by
        them stands in its own lane, which is not heard yet."""
        ahead: dict[Agent, int] = {}
        for name, held in self.reserved.items():
            if name.startswith(ADVANCE):
                ahead[held[:2]] = ahead.get(held[:2], 0) - held.pts
        cells = {agent: self.cells.get(agent, Cell()) for agent in ahead}
        return sum(max(0, pts - cells[at].escrow - cells[at].home) for at, pts in ahead.items())


def available(account: Account, standing: Standing, today: int) -> int:
    """A − overhang: what headquarters may still grant; below zero it is overhang.

    What is untold may have come back already, and is in no lot yet: it is granted when it is told.
    """
    left = account.balance(today) - standing.held
    return left if left <= 0 else max(0, left - standing.untold)


def move_rights(standing: Standing, op: Operation, lost: Lost = NOBODY_LOST) -> tuple[list[Leg], int]:
    """Post where a member's points are held; gives (legs, points spent that no right covered).

    What comes to light of a PC that was declared lost moves no rights any more: they have come home.
    """
    legs, short = _move(standing, op, lost)
    return legs + _empty_pots(standing, op) if standing.reserved else legs, short


def _move(standing: Standing, op: Operation, lost: Lost) -> tuple[list[Leg], int]:
    decided = _DECISIONS.get(op.kind)
    if decided is not None:
        legs = decided(standing, op)
        return legs, _given_without(legs) if op.kind in TRANSFERS else 0
    released = _release(standing, op, op.id) if standing.reserved else []
    if op.kind == "sale.earn":
        standing.cell(op.store, op.till)  # whoever serves a member has a cell, if only an empty one
    if not op.fund:
        return released, 0
    if lost and _is_of_the_lost(op, lost):
        return released, sum(n for act, n in op.moves() if act in SPENDS)
    cell, moves = standing.cell(op.store, op.till), op.moves()
    if len(moves) == 1 and moves[0][0] == "add":
        return released + rights_legs(op, cell), 0
    before = cell.escrow + cell.home
    legs = rights_legs(op, cell)
    wanted = sum(n if act != "add" else -n for act, n in moves if act not in ("auth", "trust"))
    authorised = sum(leg.pts for leg in released)
    from_pots = _from_pots(standing, op, cell)
    short = max(0, wanted - (before - cell.escrow - cell.home) - sum(leg.pts for leg in from_pots))
    if op.body.get("inc", 0) < cell.term[0]:
        short = 0  # what an earlier incarnation granted may be forgotten; a shortage is the fold's to find
    asked = sum(n for act, n in op.moves() if act == "auth")
    if asked and not released:  # the reservation may still come, and must find that it is over
        standing.end(op.id, (op.store, op.till))
    short += max(0, asked - authorised)
    return released + legs + from_pots, short


def _given_without(legs: list[Leg]) -> int:
    """Points that a till gave and had no right to, or that came home as a lost PC's: headquarters' own share
    pays for them."""
    return max(
        0, sum(leg.pts for leg in legs if leg.debit == MEM) - sum(n for *_, c, _, n in legs if c == MEM)
    )


def _is_of_the_lost(op: Operation, lost: Lost) -> bool:
    return is_lost((op.body.get("inc", 0), op.body.get("term", 0)), (op.store, op.till), lost)


def is_lost(term: tuple[int, int], agent: Agent, lost: Lost) -> bool:
    """Whether a term, (inc, term), was that of a till's PC that is lost."""
    return any(is_over_with(term, over) for over in lost.get(agent, ()))


def _grant(standing: Standing, op: Operation) -> list[Leg]:
    return grant_legs(op, standing.cell(*op.body["to"][:2]))


def _void(standing: Standing, op: Operation) -> list[Leg]:
    standing.end(op.refs[0], (op.store, op.till))
    return _release(standing, op, op.refs[0])


def _reserve(standing: Standing, op: Operation) -> list[Leg]:
    intent = op.refs[0]
    store, till = op.body["to"][:2]
    if intent in standing.reserved or standing.is_over(intent, (store, till)):
        return []
    standing.set_apart(intent, Reserved(store, till, op.body["n"], op.body["inc"], op.body["term"]))
    return [Leg(op.id, MEM, AUTH, intent, op.body["n"])]


def _release(standing: Standing, op: Operation, intent: str) -> list[Leg]:
    """A reservation ends by its own till's operation or void, once; never by time, never by another."""
    return _released(standing, op, intent, (op.store, op.till))


def _released(standing: Standing, op: Operation, intent: str, agent: Agent) -> list[Leg]:
    held = standing.reserved.get(intent)
    if held is None or held[:2] != agent:
        return []
    standing.bring_back(intent)
    return [Leg(op.id, AUTH, MEM, intent, held[2])]


def _dismiss(standing: Standing, op: Operation) -> list[Leg]:
    """What an operation that is closed unposted had used at its till comes home; the till has counted it.

    Counted like a use of that till's, so that it is the same in whatever order the lanes arrive.
    """
    store, till = op.body["place"][:2]
    for intent in op.refs:
        standing.end(intent, (store, till))
    legs = [leg for intent in op.refs for leg in _released(standing, op, intent, (store, till))]
    if "back" not in op.body:
        return legs
    cell = standing.cell(store, till)
    escrow, home = cell.escrow, cell.home
    allowance, local, *_ = op.body["back"]
    cell.allowance_used += allowance if (op.body["inc"], op.body["term"]) == cell.term else 0
    cell.local_used += local
    moved = (("lease", escrow - cell.escrow), ("local", home - cell.home))
    return legs + [Leg(op.id, held_by(kind, store, till), MEM, "", pts) for kind, pts in moved if pts]


def _give(standing: Standing, op: Operation) -> list[Leg]:
    """A till has given points to a sister till: they leave its rights, and arrive unless they did before."""
    agent, pts = (op.store, op.till), sum(n for _, n in op.moves())
    advance = standing.bring_back(ADVANCE + op.id)
    if advance is None and standing.is_over(op.id, agent):
        return []  # its PC was declared lost, and all that it held came home without this
    cell = standing.cell(*agent)
    escrow, home = cell.escrow, cell.home
    cell.post(op)
    lease, local = escrow - cell.escrow, home - cell.home
    legs = _from_pots(standing, op, cell)
    if advance is None:
        standing.end(op.id, agent)
        store, till, inc, term, *_ = op.fund[0][3]
        to, spent = _arrive(standing, op, op.id, Reserved(store, till, pts, inc, term))
        legs += spent
        ref = POT + op.id if to == AUTH else ""
    else:
        to, ref = AUTH, ADVANCE + op.id
    rest = pts - lease - local
    parts = ((held_by("lease", *agent), lease), (held_by("local", *agent), local), (MEM, rest))
    return legs + [Leg(op.id, held, to, ref, n) for held, n in parts if n and held != to]


def _take(standing: Standing, op: Operation) -> list[Leg]:
    """A till has taken them. ``giving`` is the operation that gave, as its signed bytes tell it.

    If the giver's own lane has not told it yet, what it will take from there stands against it in advance:
    its rights of that moment may not be known yet.
    """
    given: Operation = op.body["giving"]
    agent, (store, till, inc, term, *_) = (given.store, given.till), given.fund[0][3]
    if standing.is_over(given.id, agent):
        waits = standing.bring_back(POT + given.id)
        if waits is None:
            return []
        to, spent = _arrive(standing, op, given.id, waits)
        return [] if to == AUTH else [Leg(op.id, AUTH, to, POT + given.id, waits.pts), *spent]
    standing.end(given.id, agent)
    pts = sum(n for _, n in given.moves())
    to, spent = _arrive(standing, op, given.id, Reserved(store, till, pts, inc, term))
    ref = POT + given.id if to == AUTH else ""
    if op.body["is_of_the_lost"]:
        return [Leg(op.id, MEM, to, ref, pts), *spent] if to != MEM else []
    body = given.body
    standing.set_apart(ADVANCE + given.id, Reserved(*agent, -pts, body["inc"], body["term"]))
    legs = [Leg(op.id, AUTH, MEM, ADVANCE + given.id, pts)]
    return legs if to == MEM else [*legs, Leg(op.id, MEM, to, ref, pts), *spent]


def _arrive(standing: Standing, op: Operation, give: str, given: Reserved) -> tuple[str, list[Leg]]:
    """Count what a till was given to its term; gives the account where it lies, and what is spent of it.

    A term that is over can take nothing any more: it comes home. One that headquarters cannot count to yet,
    because another device's term of the same till is in the cell, keeps it in a pot of its own.
    """
    if op.body["is_over"]:
        return MEM, []
    cell, term = standing.cell(given.store, given.till), (given.inc, given.term)
    if term > cell.term and not cell.escrow:
        cell.renew(term)
    if term != cell.term:
        standing.set_apart(POT + give, given)
        return AUTH, []
    if cell.closed:
        return MEM, []
    return held_by("lease", given.store, given.till), _count(cell, op, given)


def _count(cell: Cell, op: Operation, given: Reserved) -> list[Leg]:
    """Raise a cell by what it was given; the legs of what it had used of it before it was counted."""
    before = cell.escrow
    cell.taken += given.pts
    spent = given.pts - (cell.escrow - before)
    return [Leg(op.id, held_by("lease", given.store, given.till), MEM, "", spent)] if spent else []


def _from_pots(standing: Standing, op: Operation, cell: Cell) -> list[Leg]:
    """What an operation of another term than the cell's used of points that were given to that term."""
    term = (op.body["inc"], op.body["term"])
    left = sum(n for act, n in op.moves() if act in USES_ALLOWANCE) if term != cell.term else 0
    legs = []
    for name in sorted(standing.reserved) if left else ():
        pot = standing.reserved[name]
        if not name.startswith(POT) or pot[:2] != (op.store, op.till) or pot[3:] != term:
            continue
        part = min(left, pot.pts)
        left -= part
        standing.bring_back(name)
        if part < pot.pts:
            standing.set_apart(name, pot._replace(pts=pot.pts - part))
        legs.append(Leg(op.id, AUTH, MEM, name, part))
    return legs


def _empty_pots(standing: Standing, op: Operation) -> list[Leg]:
    """What waited for a term to begin is counted to it as soon as the cell can be that term's."""
    legs = []
    for name in sorted(name for name in standing.reserved if name.startswith(POT)):
        pot = standing.reserved[name]
        cell, term = standing.cell(pot.store, pot.till), (pot.inc, pot.term)
        if term > cell.term and not cell.escrow:
            cell.renew(term)
        if term == cell.term and not cell.closed:
            standing.bring_back(name)
            legs.append(Leg(op.id, AUTH, held_by("lease", pot.store, pot.till), name, pot.pts))
            legs += _count(cell, op, pot)
    return legs


def _close(standing: Standing, op: Operation) -> list[Leg]:
    """A till's term ends: its allowance and what was reserved in it come home.

    What another device of the same till has reserved stays: this one's lane does not tell what became of it.
    """
    legs = close_legs(op, standing.cell(op.store, op.till))
    for intent in _reserved_in(standing, (op.body["inc"], op.body["term"]), UNTOLD):
        legs += _release(standing, op, intent)
    return legs


def _reserved_in(standing: Standing, over: tuple[int, int], *more: tuple[int, int]) -> list[str]:
    """The names of what was reserved in a term that is over."""
    return sorted(
        intent
        for intent, held in standing.reserved.items()
        if is_over_with((held.inc, held.term), over) or held[3:] in more
    )


def _lost(standing: Standing, op: Operation) -> list[Leg]:
    """A PC will never be heard again: all that it holds of this member comes home."""
    store, till = op.body["agent"][:2]
    legs = lost_legs(op, standing.cell(store, till), op.body.get("home", 0))
    for intent in _reserved_in(standing, (op.body["inc"], op.body["term"])):
        legs += _released(standing, op, intent, (store, till))
    return legs


_DECISIONS: dict[str, Callable[[Standing, Operation], list[Leg]]] = {
    "rights.grant": _grant,
    "rights.close": _close,
    "rights.give": _give,
    "rights.take": _take,
    "auth.reserve": _reserve,
    "auth.unlock": _reserve,
    "auth.void": _void,
    "op.dismiss": _dismiss,
    "agent.lost": _lost,
}

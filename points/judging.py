"""Headquarters' judgement of operations: pure, in bulk, and never blocking a lane.

Every delivered operation gets exactly one outcome (W6): accepted (nothing is said), ``J`` accepted
with a remark, ``D`` a duplicate, ``Q`` quarantined, ``P`` parked until what it waits for arrives. The
guard stood at the counter when goods changed hands; here nothing that happened is refused, a
shortage becomes visible with its cause. Knows no database: what is known comes as a ``Docket``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from points.fold import FOLDED, Account
from points.identifiers import HUB_STORE
from points.legs import MEM, Leg
from points.members import MemberRow, begin
from points.operations import HUB_KINDS, KINDS, SPENDS, BadOperation, Operation, known, read
from points.order import canonical
from points.postings import AUTH, close_legs, grant_legs, held_by, rights_legs
from points.quoting import earn_due, recompute_earn
from points.returns import Sale
from points.rights import Cell
from points.rulebook import RuleBook

UNKNOWN_TYPE, UNKNOWN_VERSION = NOT_LEARNT = ("unknown-type", "unknown-version")
"""Kinds that this program has not learnt yet; what is of them is judged again by the next that starts."""

Key = tuple[int, str, str, str]
Agent = tuple[str, str]


class Outcome(NamedTuple):
    """``letter`` J, D, Q or P and what is said with it."""

    letter: str
    detail: dict[str, Any]


class Seen(NamedTuple):
    """Where an operation id was first heard (store, till, epoch), what it said, and for whom."""

    lane: tuple[str, str, int]
    seq: int
    digest: bytes
    m: int | None
    posted: bool


def _ended(intent: str, agent: Agent) -> str:
    """An intent is its till's own: nobody else can end it."""
    return f"{intent}@{agent[0]}/{agent[1]}"


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
        """This till's intent is over; a reservation for it that comes later is not made."""
        self.voided.add(_ended(intent, agent))
        self.reserved_changed = True

    def is_over(self, intent: str, agent: Agent) -> bool:
        """Whether this till's intent has ended before its reservation came."""
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


@dataclass(slots=True)
class Docket:
    """Everything a judgement may know, loaded once for a batch."""

    books: Mapping[str, RuleBook]
    seen: dict[str, Seen]
    issued: set[int]
    waiting: set[tuple[str, str, int]] = field(default_factory=set)
    """(store, till, m) that have an unresolved operation, behind which returns and a close of rights wait."""
    dismissed: frozenset[str] = frozenset()
    """Ids among those that are referred to that people have closed unposted: nothing waits for them."""


def twin(named: str, digest: bytes, docket: Docket) -> Outcome | None:
    """What becomes of an operation whose id was heard before; None for a new one."""
    known_as = docket.seen.get(named)
    if known_as is None:
        return None
    if known_as.digest != digest:
        return Outcome("Q", {"reason": "equivocation"})
    return Outcome("D", {"lane": list(known_as.lane), "seq": known_as.seq})


def shaped(body: Mapping[str, Any], store: str, till: str) -> Operation | Outcome:
    """The operation in a body, or the outcome of one that is misshapen or of an unknown kind."""
    if not isinstance(body.get("t"), str) or type(body.get("tv")) is not int:
        return Outcome("Q", {"reason": "bad-field", "field": "t"})
    if not known(body):
        heard_of = any(kind == body["t"] for kind, _ in KINDS)
        return Outcome("P", {"reason": UNKNOWN_VERSION if heard_of else UNKNOWN_TYPE})
    try:
        return read(body, store, till)
    except BadOperation as error:
        return Outcome("Q", {"reason": "bad-field", "field": error.field})


def admit(op: Operation, docket: Docket) -> Outcome | None:
    """The outcome that keeps an operation in custody; None if it may be posted now.

    The caller adds what is admitted to ``docket.seen`` at once, so that a later operation of the same
    batch may refer to it.
    """
    if op.kind in HUB_KINDS and op.store != HUB_STORE:
        return Outcome("Q", {"reason": "policy", "field": "t"})
    if op.rule not in docket.books:
        return _waits("rule", op.rule)
    if op.kind == "member.issue" or (op.kind == "op.dismiss" and op.m is None):
        return None
    if op.kind == "rights.close":
        op.m = None  # it concerns every member of its till, whomever it names
        behind = any(entry[:2] == (op.store, op.till) for entry in docket.waiting)
        return _waits("lane", f"{op.store}/{op.till}") if behind else None
    if op.kind in ("sale.refund", "sale.void"):
        sold = docket.seen.get(op.refs[0])
        if sold is None or not sold.posted:
            if op.refs[0] in docket.dismissed:
                return Outcome("Q", {"reason": "policy", "field": "refs"})
            return _waits("op", op.refs[0])
        op.m = sold.m  # the sale's own member, whatever the till knew or was told
    if op.m is None:
        return _waits("member", op.body.get("who") or op.body.get("pii") or "")
    if op.m not in docket.issued:
        return _waits("m", op.m)
    if op.kind == "rights.return" and (op.store, op.till, op.m) in docket.waiting:
        return _waits("lane", f"{op.store}/{op.till}")
    return None


def _waits(what: str, on: object) -> Outcome:
    return Outcome("P", {"reason": "missing-dependency", what: on})


def key_of(op: Operation) -> Key:
    """The canonical key of an operation that refers to nothing."""
    return (op.st, op.store, op.till, op.id)


def extends(standing: Standing, ops: Sequence[Operation], books: Mapping[str, RuleBook]) -> bool:
    """Whether new facts may be folded onto the checkpoint row, with the same result as a whole fold.

    Only earning and spending in order, with nothing owed and enough in the lots: everything else
    needs the draws that a row does not carry.
    """
    row = standing.row
    last = standing.last_key
    spent = 0
    days = []
    for op in ops:
        if op.kind not in FOLDED:
            continue
        key = key_of(op)
        if key <= last or op.refs:
            return False
        last = key
        if op.fund:
            used = sum(n for act, n in op.moves() if act in SPENDS)
            if used:
                spent += used
                days.append(books[op.rule].today(op.st))
    if row is None:
        return spent == 0
    if row.debt:
        return not days and last == standing.last_key
    if not spent:
        return True
    first, latest = min(days), max(days)
    safe = sum(lot[1] for lot in row.lots if lot[2] <= first and (not lot[3] or lot[3] >= latest))
    return bool(spent <= safe)


class Posted(NamedTuple):
    """The result for one member: the account now, new legs of the fold, legs of rights, remarks by op id."""

    account: Account
    legs: list[Leg]
    rights: list[Leg]
    remarks: dict[str, Outcome]


def post(
    standing: Standing,
    ops: Sequence[Operation],
    history: list[Operation] | None,
    books: Mapping[str, RuleBook],
) -> Posted:
    """Post new operations of one member, in lane order.

    Facts that only move rights are never folded: their order is headquarters' order of decisions.
    ``history`` None means that ``extends`` held: the checkpoint is continued and ``legs`` are only the
    new ones. Otherwise it is every earlier fact, and ``legs`` are the target of the whole fold.
    """
    if history is None:
        account = begin(standing.row, books) if standing.row else Account(standing.m, books)
        for op in ops:
            account.take(op)
            if op.kind in FOLDED:
                standing.last_key = max(standing.last_key, key_of(op))
    else:
        facts = canonical(op for op in (*history, *ops) if op.kind in FOLDED)
        account = Account(standing.m, books)
        for op in facts:
            account.take(op)
        standing.last_key = max(standing.last_key, _last_key(facts))
    rights: list[Leg] = []
    remarks: dict[str, Outcome] = {}
    for op in ops:
        remark = _remark(op, account, books)
        moved, short = move_rights(standing, op)
        rights += moved
        if short and remark is None:
            remark = Outcome("J", {"reason": "uncovered", "pts": short})
        if remark is not None:
            remarks[op.id] = remark
    return Posted(account, account.legs, rights, remarks)


def _last_key(facts: list[Operation]) -> Key:
    """A key that no fact of a folded history stands behind.

    A fact is lifted past what it refers to, at most one millisecond for each reference of the history.
    """
    latest = max(map(key_of, facts), default=(0, "", "", ""))
    lifted = sum(1 for op in facts if op.refs)
    return (latest[0] + lifted, "~", "", "") if lifted else latest


def move_rights(standing: Standing, op: Operation) -> tuple[list[Leg], int]:
    """Post where a member's points are held; gives (legs, points spent that no right covered)."""
    decided = _DECISIONS.get(op.kind)
    if decided is not None:
        return decided(standing, op), 0
    released = _release(standing, op, op.id) if standing.reserved else []
    if op.kind == "sale.earn":
        standing.cell(op.store, op.till)  # whoever serves a member has a cell, if only an empty one
    if not op.fund:
        return released, 0
    cell, moves = standing.cell(op.store, op.till), op.moves()
    if len(moves) == 1 and moves[0][0] == "add":
        return released + rights_legs(op, cell), 0
    before = cell.escrow + cell.home
    legs = rights_legs(op, cell)
    wanted = sum(n if act != "add" else -n for act, n in moves if act not in ("auth", "trust"))
    authorised = sum(leg.pts for leg in released)
    short = max(0, wanted - (before - cell.escrow - cell.home))
    asked = sum(n for act, n in op.moves() if act == "auth")
    if asked and not released:  # the reservation may still come, and must find that it is over
        standing.end(op.id, (op.store, op.till))
    short += max(0, asked - authorised)
    return released + legs, short


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
    standing.reserved_changed = True
    standing.reserved[intent] = Reserved(store, till, op.body["n"], op.body["inc"], op.body["term"])
    return [Leg(op.id, MEM, AUTH, intent, op.body["n"])]


def _release(standing: Standing, op: Operation, intent: str) -> list[Leg]:
    """A reservation ends by its own till's operation or void, once; never by time, never by another."""
    return _released(standing, op, intent, (op.store, op.till))


def _released(standing: Standing, op: Operation, intent: str, agent: Agent) -> list[Leg]:
    held = standing.reserved.get(intent)
    if held is None or held[:2] != agent:
        return []
    del standing.reserved[intent]
    standing.reserved_changed = True
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
    allowance, local = op.body["back"]
    cell.allowance_used += allowance if (op.body["inc"], op.body["term"]) >= cell.term else 0
    cell.local_used += local
    moved = (("lease", escrow - cell.escrow), ("local", home - cell.home))
    return legs + [Leg(op.id, held_by(kind, store, till), MEM, "", pts) for kind, pts in moved if pts]


def _close(standing: Standing, op: Operation) -> list[Leg]:
    """A till's term ends: its allowance and what was reserved in it come home.

    What another device of the same till has reserved stays: this one's lane does not tell what became of it.
    """
    legs = close_legs(op, standing.cell(op.store, op.till))
    ended = ((op.body["inc"], op.body["term"]), UNTOLD)
    for intent in sorted(intent for intent, held in standing.reserved.items() if held[3:] in ended):
        legs += _release(standing, op, intent)
    return legs


_DECISIONS: dict[str, Callable[[Standing, Operation], list[Leg]]] = {
    "rights.grant": _grant,
    "rights.close": _close,
    "auth.reserve": _reserve,
    "auth.void": _void,
    "op.dismiss": _dismiss,
}


def _remark(op: Operation, account: Account, books: Mapping[str, RuleBook]) -> Outcome | None:
    if op.kind == "sale.earn":
        sold = account.sale(op.id)
        due = earn_due(sold, op.body) if sold else recompute_earn(books[op.rule], op.body)
        return earn_remark(due, op.body["pts"], op.body["tier"], account.tier)
    if op.kind in ("sale.refund", "sale.void"):
        if op.body.get("m", op.m) != op.m:
            return Outcome("J", {"reason": "other-member", "m": op.m})
        sale: Sale | None = account.sale(op.refs[0])
        if sale is not None and sale.over_refunded:
            return Outcome("J", {"reason": "refund-beyond-sale"})
        claw, restore = account.returned.get(op.id, (0, 0))
        said = (op.body.get("claw_pts", claw), op.body.get("restore_pts", restore))
        if said != (claw, restore):
            return Outcome("J", {"reason": "return-differs", "delta": (restore - claw) - (said[1] - said[0])})
    return None


def earn_remark(due: int, pts: int, tier_said: int, tier: int) -> Outcome | None:
    """What is said of a sale that wrote other points than it was due, or a tier above the member's."""
    if due != pts:
        return Outcome("J", {"reason": "earn-differs", "delta": due - pts})
    if tier_said > tier:
        return Outcome("J", {"reason": "tier-differs", "tier": tier})
    return None


def available(account: Account, standing: Standing, today: int) -> int:
    """A − overhang: what headquarters may still grant; below zero it is overhang."""
    return account.balance(today) - standing.held

"""Headquarters' judgement of operations: pure, in bulk, and never blocking a lane.

Every delivered operation gets exactly one outcome (W6): accepted (nothing is said), ``J`` accepted
with a remark, ``D`` a duplicate, ``Q`` quarantined, ``P`` parked until what it waits for arrives. The
guard stood at the counter when goods changed hands; here nothing that happened is refused, a
shortage becomes visible with its cause. Knows no database: what is known comes as a ``Docket``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from points.fields import BadOperation
from points.fold import FOLDED, Account
from points.fund import SPENDS
from points.holding import NOBODY_LOST, Key, Lost, Standing, move_rights
from points.identifiers import HUB_STORE
from points.legs import Leg
from points.members import begin
from points.operations import HUB_KINDS, KINDS, Kinds, Operation, known, read
from points.order import CLOCK_FIX, believed, canonical
from points.quoting import earn_due, recompute_earn
from points.returns import Sale
from points.rulebook import RuleBook

UNKNOWN_TYPE, UNKNOWN_VERSION = NOT_LEARNT = ("unknown-type", "unknown-version")
"""Kinds that this program has not learnt yet; what is of them is judged again by the next that starts."""


BEHIND = frozenset({"rights.return", "rights.give", "refund.cede", "refund.give"})
"""Kinds that wait behind an unresolved earlier operation of their lane on the same member. What takes points
does not: what spends them does not either. Who gives away the right to refund a sale has told all that came
back of it."""
RETURNS = frozenset({"sale.refund", "sale.void"})
OF_A_SALE = RETURNS | {CLOCK_FIX} | {"refund.cede", "refund.give"}
"""Kinds that wait for the sale or another fact that they mean, and concern its own member."""


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
    kinds: Kinds = field(default_factory=lambda: KINDS)
    """The kinds that this headquarters has learnt."""


def twin(named: str, digest: bytes, docket: Docket) -> Outcome | None:
    """What becomes of an operation whose id was heard before; None for a new one."""
    known_as = docket.seen.get(named)
    if known_as is None:
        return None
    if known_as.digest != digest:
        return Outcome("Q", {"reason": "equivocation"})
    return Outcome("D", {"lane": list(known_as.lane), "seq": known_as.seq})


def shaped(body: Mapping[str, Any], store: str, till: str, kinds: Kinds = KINDS) -> Operation | Outcome:
    """The operation in a body, or the outcome of one that is misshapen or of an unknown kind."""
    if not isinstance(body.get("t"), str) or type(body.get("tv")) is not int:
        return Outcome("Q", {"reason": "bad-field", "field": "t"})
    if not known(body, kinds):
        heard_of = any(kind == body["t"] for kind, _ in kinds)
        return Outcome("P", {"reason": UNKNOWN_VERSION if heard_of else UNKNOWN_TYPE})
    try:
        return read(body, store, till, kinds)
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
    if op.kind == "agent.lost":
        op.m = None  # it concerns every member whose points lay there
        return None
    if op.kind == "rights.close":
        op.m = None  # it concerns every member of its till, whomever it names
        behind = any(entry[:2] == (op.store, op.till) for entry in docket.waiting)
        return _waits("lane", f"{op.store}/{op.till}") if behind else None
    if op.kind in ("refund.reserve", "refund.void"):
        op.m = None  # no points of anybody move
        return None
    if op.kind in OF_A_SALE:
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
    if op.kind in BEHIND and (op.store, op.till, op.m) in docket.waiting:
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


MayRefund = Callable[[Operation, Operation], bool]
"""Whether who took goods of a sale back, to the line, had the right to: (the sale, what came back)."""


def is_at_home(sold: Operation, back: Operation) -> bool:
    """Whether goods came back where they were sold; what is known of rights without headquarters' books."""
    return (back.store, back.till) == (sold.store, sold.till)


def post(
    standing: Standing,
    ops: Sequence[Operation],
    history: list[Operation] | None,
    books: Mapping[str, RuleBook],
    lost: Lost = NOBODY_LOST,
    may_refund: MayRefund = is_at_home,
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
        last = _last_key(facts)
        is_moved = any(op.kind == CLOCK_FIX for op in ops)  # back from a time that could not be true, perhaps
        standing.last_key = last if is_moved else max(standing.last_key, last)
    rights: list[Leg] = []
    remarks: dict[str, Outcome] = {}
    for op in ops:
        asks_all = account.over_refunded or "given" in op.body
        every = believed([*(history or ()), *ops]) if asks_all else []
        remark = _remark(op, account, books, every, may_refund)
        moved, short = move_rights(standing, op, lost)
        rights += moved
        if short and remark is None:
            remark = Outcome("J", {"reason": "uncovered", "pts": short})
        if remark is None:
            remark = worth_remark(op, books[op.rule])
        if remark is not None:
            remarks[op.id] = remark
    return Posted(account, account.legs, rights, remarks)


def _last_key(facts: list[Operation]) -> Key:
    """A key that no fact of a folded history stands behind.

    A fact is lifted past what it refers to, at most one millisecond for each reference of the history.
    """
    latest = max(map(key_of, facts), default=(0, "", "", ""))
    claimed = [(int(op.body["earned_st"]), "~", "", "") for op in facts if op.kind == "claim.earn"]
    latest = max([latest, *claimed])  # the sale of a paper stands before its paper, whenever it comes
    lifted = sum(1 for op in facts if op.refs)
    return (latest[0] + lifted, "~", "", "") if lifted else latest


def _beyond_sale(
    op: Operation, account: Account, facts: Sequence[Operation], may_refund: MayRefund
) -> str | None:
    """Who bears that more came back of a sale than was sold: the store that took a part of it back by its
    paper alone, else one that did without the right to. None if this return has no part in it.

    Whose return stands behind in the fold is not asked: what was refunded offline comes to light late.
    """
    returns = [one for one in facts if one.refs[:1] == op.refs[:1] and one.kind in RETURNS]
    beyond = [one for one in returns if one.id in account.over_refunded]
    if not any(one.id == op.id or key_of(one) > key_of(op) for one in beyond):
        return None
    sold = account.sales[op.refs[0]][0]
    by_paper = [one for one in returns if "groups" in one.body]
    bearers = by_paper or [one for one in returns if not may_refund(sold, one)] or [op]
    return op.store if op in bearers else max(bearers, key=key_of).store


def _by_its_gift(op: Operation, account: Account, facts: Sequence[Operation]) -> tuple[int, int] | None:
    """Claw and restore of a refund by a right that was given, by what its giver said was left, or None.

    What had come back at the giver may come to light after it.
    """
    if "given" not in op.body:
        return None
    sold = account.sales[op.refs[0]][0]
    sale = Sale(sold.body, account.books[sold.rule])
    sale.keep_only(json.loads(op.body["given"][5])["rest"])
    own = [
        one
        for one in facts
        if one.kind in RETURNS and one.refs == op.refs and (one.store, one.till) == (op.store, op.till)
    ]
    took = [
        sale.take_back_as(one.kind, one.body) for one in sorted(own, key=key_of) if key_of(one) <= key_of(op)
    ]
    return took[-1]


def _remark(
    op: Operation,
    account: Account,
    books: Mapping[str, RuleBook],
    facts: Sequence[Operation],
    may_refund: MayRefund,
) -> Outcome | None:
    if op.kind == "sale.earn":
        sold = account.sale(op.id)
        due = earn_due(sold, op.body) if sold else recompute_earn(books[op.rule], op.body)
        return earn_remark(due, op.body["pts"], op.body["tier"], account.tier)
    if op.kind in RETURNS:
        if op.body.get("m", op.m) != op.m:
            return Outcome("J", {"reason": "other-member", "m": op.m})
        bearer = _beyond_sale(op, account, facts, may_refund) if account.over_refunded else None
        if bearer is not None:
            return Outcome("J", {"reason": "refund-beyond-sale", "bearer": bearer})
        if "lines" in op.body and not may_refund(account.sales[op.refs[0]][0], op):
            return Outcome("J", {"reason": "refund-without-right"})
        claw, restore = account.returned.get(op.id, (0, 0))
        said = (op.body.get("claw_pts", claw), op.body.get("restore_pts", restore))
        if said != (claw, restore) and said != _by_its_gift(op, account, facts):
            return Outcome("J", {"reason": "return-differs", "delta": (restore - claw) - (said[1] - said[0])})
    return None


def worth_remark(op: Operation, book: RuleBook) -> Outcome | None:
    """What is said of points for which more was given than they are worth by the book that was cited."""
    if op.kind == "redeem.cash":
        fen, pts = op.body["fen"], op.body["pts"]
    elif op.kind == "sale.earn":
        used = [tender for tender in op.body["tenders"] if tender[0] == "points"]
        fen, pts = sum(tender[1] for tender in used), sum(tender[2] for tender in used)
    else:
        return None
    over = fen - book.worth_fen(pts)
    return Outcome("J", {"reason": "worth-differs", "fen": over}) if over > 0 else None


def earn_remark(due: int, pts: int, tier_said: int, tier: int) -> Outcome | None:
    """What is said of a sale that wrote other points than it was due, or a tier above the member's."""
    if due != pts:
        return Outcome("J", {"reason": "earn-differs", "delta": due - pts})
    if tier_said > tier:
        return Outcome("J", {"reason": "tier-differs", "tier": tier})
    return None

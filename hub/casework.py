"""What people do with a case: judge its operation again, dismiss it, charge a store, or close it with a note.

Judged again, after a fix, it is posted if nothing keeps it now, and is told to its till like any later
word. Dismissed, it stays what it is, an operation that was refused, and is over: a fact of headquarters'
lane says so, what it had used of its till's rights comes home, and what waited behind it goes on. What a
store spent beyond every right was posted, because the goods are gone; charged to that store, it bears what of
it is owed still, and neither headquarters nor whoever's points were clawed back. Every act is kept with who,
when and why. An act names how many were done before it, so the same form sent twice is one act.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hub import arrivals, intake, late_word, losses, lost_claims, reception, second_pcs
from hub.decisions import decide
from hub.judgement import judge
from hub.office import Office
from hub.overdue import MISSING
from hub.posting import Now, Place
from hub.store import doubted_pcs, schema, standings
from hub.store.engine import Turn
from points.fold import FOLDED
from points.fund import points_moved
from points.identifiers import bucket
from points.order import canonical as in_order
from points.wire import canonical
from points.wire.faults import WireFault
from points.wire.lane import Lane

AGAIN, DISMISS, CLOSE, ACCEPT, TURN_DOWN = "judge_again", "dismiss", "close", "accept", "turn_down"
CHARGE, ACCEPT_PC, TURN_DOWN_PC = "charge", "accept_pc", "turn_down_pc"
BELIEVE, DISBELIEVE = "believe", "disbelieve"
BEYOND_RIGHTS = frozenset({"uncovered", "beyond-budget"})
ALLOWANCE = frozenset({"allowance", "burn_a", "back_a"})
LOCAL = frozenset({"local", "burn_l", "back_l"})


class Case(NamedTuple):
    """One case, with its operation when headquarters keeps that in custody."""

    number: int
    reason: str
    op_id: str
    m: int | None
    store: str
    detail: str
    opened_ms: int
    closed_ms: int | None
    place: Place | None
    body: bytes
    acts: list[tuple[Any, ...]]
    """(when, who, what, note) of what was done so far."""
    asks_for: Lane | None
    """The lane of a second PC that waits to be accepted, or of a lost one whose late word does."""
    kept: int | None
    """How many operations of such a PC are kept now; None where the case is of none, or nobody was to decide
    about it."""

    @property
    def why(self) -> str:
        """The reason with what it names, as an outcome tells it."""
        return json.dumps({"reason": self.reason, **json.loads(self.detail)}, ensure_ascii=False)

    @property
    def is_under_way(self) -> bool:
        """Whether people have decided about a PC, and not all that was kept of it is done yet."""
        return self.closed_ms is not None and bool(self.kept)

    @property
    def may(self) -> tuple[str, ...]:
        """What may be done now."""
        if self.closed_ms is not None:
            return ()
        if self.reason == lost_claims.REASON:
            return (ACCEPT, TURN_DOWN)
        if self.asks_for is not None:
            return (BELIEVE, DISBELIEVE) if self.reason == late_word.REASON else (ACCEPT_PC, TURN_DOWN_PC)
        if self.place is not None:
            return (AGAIN, DISMISS)
        return (CHARGE, CLOSE) if self.reason in BEYOND_RIGHTS and self.m is not None else (CLOSE,)


def find(look: Turn, office: Office, number: int) -> Case | None:
    """A case by its number."""
    row = look.one(
        "SELECT id, reason, op_id, m, store, detail, opened_ms, closed_ms FROM cases WHERE id = ?", (number,)
    )
    if row is None:
        return None
    acts = look.run('SELECT at_ms, "by", act, note FROM case_acts WHERE case_id = ? ORDER BY n', (number,))
    number, reason, op_id, m, store, detail, opened_ms, closed_ms = row
    place, body = _custody(look, store, reason, op_id) if closed_ms is None else (None, b"")
    asks_for, kept = _pc(look, office, reason, store, detail, is_open=closed_ms is None)
    return Case(
        number, reason, op_id, m, store, detail, opened_ms, closed_ms, place, body, acts, asks_for, kept
    )


def _pc(
    look: Turn, office: Office, reason: str, store: str, detail: str, *, is_open: bool
) -> tuple[Lane | None, int | None]:
    """(the PC that people are to decide about, how much of it is kept), as ``Case`` has them."""
    if reason == second_pcs.REASON:
        pc = second_pcs.lane_of(office, store, detail)
        thought, is_asked = doubted_pcs.thought(look, pc), second_pcs.is_asked(look, pc)
    elif reason == late_word.REASON:
        pc = late_word.lane_of(office, store, detail)
        thought, is_asked = doubted_pcs.thought_late(look, pc), late_word.is_asked(look, pc)
    else:
        return None, None
    if is_asked and not is_open:  # it is of a later case
        return None, None
    return pc if is_asked else None, doubted_pcs.kept(look, pc) if thought else None


def _custody(look: Turn, store: str, reason: str, op_id: str) -> tuple[Place | None, bytes]:
    what = "%:%" if reason == MISSING else reason  # what is parked waits for a thing by its name
    for at, till, epoch, seq, body in look.run(
        "SELECT store, till, epoch, seq, body FROM waiting WHERE on_what LIKE ? AND on_what NOT LIKE ?"
        " AND store = ? ORDER BY till, epoch, seq",
        (what, doubted_pcs.ON + "%", store),
    ):
        told = _read(bytes(body)).get("id")
        if (told if isinstance(told, str) else "") == op_id or (not op_id and not isinstance(told, str)):
            return (at, till, epoch, seq), bytes(body)
    return None, b""


def _read(body: bytes) -> dict[str, Any]:
    try:
        return canonical.decode(body)
    except WireFault:
        return {}


def act(turn: Turn, office: Office, number: int, before: int, what: str, by: str, note: str) -> bool:
    """Do ``what`` with a case of which ``before`` acts are known; False when that was done, or is no more."""
    case = find(turn, office, number)
    if case is None or what not in case.may or before != len(case.acts):
        return False
    if what == ACCEPT and not lost_claims.accept(turn, office, case.op_id):
        return False
    turn.put(schema.case_acts, [(number, before, office.clock(), by, what, note)])
    if what == AGAIN:
        _judge_again(turn, office, case)
    elif what == DISMISS:
        _dismiss(turn, office, case)
    else:
        if what == CHARGE:
            _charge(turn, office, case, by, note)
        elif what == BELIEVE and case.asks_for is not None:
            losses.believe(turn, office, case.asks_for)
        elif what == DISBELIEVE and case.asks_for is not None:
            losses.disbelieve(turn, case.asks_for)
        elif case.asks_for is not None:
            (second_pcs.accept if what == ACCEPT_PC else second_pcs.turn_down)(turn, office, case.asks_for)
        turn.run("UPDATE cases SET closed_ms = ? WHERE id = ?", (office.clock(), number))
    return True


def _judge_again(turn: Turn, office: Office, case: Case) -> None:
    assert case.place is not None
    alone = f"case:{case.number}"
    where = "store = ? AND till = ? AND epoch = ? AND seq = ?"
    before = turn.one(f"SELECT on_what FROM waiting WHERE {where}", case.place)
    turn.run(f"UPDATE waiting SET on_what = ? WHERE {where}", (alone, *case.place))
    now = Now(arrivals.next_arrival(turn), office.today(), office.chain, office.kinds)
    done = judge(turn, None, office.books, now, {alone})
    done.cases = [one for one in done.cases if one[:2] != (case.reason, case.op_id)]
    intake.keep_outcomes(turn, office, done)
    reception.settle(turn, office, done)
    left = turn.one(f"SELECT on_what FROM waiting WHERE {where}", case.place)
    if left != before:
        _close(turn, office, case)


def _dismiss(turn: Turn, office: Office, case: Case) -> None:
    assert case.place is not None
    told = _read(case.body)
    body: dict[str, Any] = {"place": list(case.place)}
    if case.op_id:
        body["refs"] = [case.op_id]
    m = told.get("m")
    if _is_issued(turn, m):
        body["m"] = m
        used = _used(told)
        if used is not None:
            body |= {"inc": told["inc"], "term": told["term"], "back": used}
    decide(turn, office, [("op.dismiss", body)])
    detail = json.dumps({**json.loads(case.detail), "closed": True}, ensure_ascii=False)
    turn.put(schema.told, [(*case.place, "Q", detail, 1, None)], on_conflict="replace")
    _close(turn, office, case)


def _charge(turn: Turn, office: Office, case: Case, by: str, note: str) -> None:
    assert case.m is not None
    # It stands behind all that was known of the member, however far ahead a till's time is of ours.
    known = in_order(standings.histories(turn, [case.m], FOLDED)[case.m])
    body = {"m": case.m, "refs": [known[-1].id], "spent": case.op_id, "pts": json.loads(case.detail)["pts"],
            "note": note, "decided_by": by}  # fmt: skip
    decide(turn, office, [("debt.charge", body)])


def _is_issued(turn: Turn, m: object) -> bool:
    return type(m) is int and bool(turn.find(schema.issued, ["m"], ["bucket", "m"], [(bucket(m), m)]))


def _used(told: dict[str, Any]) -> list[int] | None:
    """What an operation says it used of its till's [allowance, local rights]; None if unreadable."""
    try:
        moves = list(points_moved(told["fund"]))
        terms = (told["inc"], told["term"])
        numbers = [n for _, n in moves] + list(terms)
        if not all(type(n) is int and 1 <= n < 2**31 for n in numbers):
            return None
    except (KeyError, TypeError, IndexError, ValueError):
        return None
    return [sum(n for act, n in moves if act in kinds) for kinds in (ALLOWANCE, LOCAL)]


def _close(turn: Turn, office: Office, case: Case) -> None:
    """Close this case and its twins of the same operation."""
    turn.run(
        "UPDATE cases SET closed_ms = ? WHERE closed_ms IS NULL AND (id = ? OR"
        " (op_id <> '' AND op_id = ? AND reason = ? AND store = ?))",
        (office.clock(), case.number, case.op_id, case.reason, case.store),
    )

"""A batch's operations judged, inside the caller's transaction.

Everything the judgement may know is loaded in a few questions, the judgement itself is pure
(``points.judging``), its result is written in a few statements (``hub.posting``). A failure in
judging one member's operations puts those into custody and spoils no other. What was parked is
judged again as soon as what it waited for is there, in the same transaction.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from hub import posting
from hub.drafts import Draft
from hub.posting import Admitted, Known, Now, Place, op_bucket
from hub.reading import Head, Heard
from hub.store import schema, standings
from hub.store.engine import Turn
from points.identifiers import bucket
from points.judging import Docket, Outcome, Seen, admit, post, shaped, twin
from points.operations import Operation
from points.rulebook import RuleBook
from points.wire import canonical, chain
from points.wire.faults import WireFault

log = logging.getLogger(__name__)

Case = tuple[str, str, int | None, str, str]
"""reason, operation, member, store, detail."""

RESOLVE = "resolve:"
"""Begins the name of what an operation waits for whose member headquarters must name."""
UNKNOWN_KIND = "unknown-type"
UNDECODABLE = Outcome("Q", {"reason": "undecodable"})
MISSPELT = Outcome("Q", {"reason": "undecodable", "field": "form"})
_IS_ID = re.compile(r"[0-9a-f]{32}").fullmatch
INTERNAL = Outcome("Q", {"reason": "policy", "field": "internal"})
ARRIVAL_OPS_MAX = 2**20
"""Facts are numbered by their arrival and their place in it; with all that waited for it, it has fewer."""
NO_DRAFTS: Mapping[int, Draft] = MappingProxyType({})
NAMELESS = ("equivocation", "bad-field", "undecodable")
"""Reasons for which an operation does not even take possession of its id."""


class Delivered(NamedTuple):
    """One operation as it arrived, with its head if it was read already and found plainly right."""

    place: Place
    body: bytes
    digest: bytes
    head: Head | None = None


class _Reading(NamedTuple):
    """As far as an operation without a head could be read: a body that may be misshapen, or not even that.

    ``id`` and ``m`` are its id and member where it has such, for keys of the database.
    """

    id: str = ""
    m: int | None = None
    refs: Sequence[str] = ()
    body: Mapping[str, Any] | None = None
    wrong: Outcome | None = None


@dataclass(slots=True)
class Judgement:
    """What became of operations: outcomes by place (nothing said: accepted) and cases to open.

    ``arrived`` are ids of operations that are posted now, ``awaited`` names that others wait for,
    ``latest_st`` is the latest store time among what was accepted at once, ``touched`` the members changed.
    """

    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    later: dict[Place, Outcome] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    awaited: list[str] = field(default_factory=list)
    latest_st: int = 0
    touched: set[int] = field(default_factory=set)


def judge(
    turn: Turn,
    delivered: Sequence[Delivered],
    books: Mapping[str, RuleBook],
    now: Now,
    unlocked: Iterable[str] = (),
    *,
    hopeful: bool = False,
    drafts: Mapping[int, Draft] = NO_DRAFTS,
) -> Judgement:
    """Judge and post ``delivered``, then whatever waited for it or for what is ``unlocked`` besides.

    ``drafts`` are what plain operations of members would write, made on what is still held.

    ``hopeful``: what is plainly right is not looked for among what was heard before, which is nearly
    always right and saves a question for each. What was heard before all the same raises ``Collision``
    when it is written; then judge it again without hope.
    """
    done = Judgement()
    names = set(unlocked)
    if delivered:
        names |= _Round(turn, delivered, books, now, done, hopeful=hopeful, drafts=drafts).run()
    while names:  # each round takes something out of the waiting room, or is the last
        fresh = _waiting_on(turn, names)
        names = _Round(turn, fresh, books, now, done, later=True).run() if fresh else set()
    return done


class _Round:
    """One pass over operations that arrive together, or that are judged again (``later``)."""

    def __init__(
        self,
        turn: Turn,
        delivered: Sequence[Delivered],
        books: Mapping[str, RuleBook],
        now: Now,
        done: Judgement,
        *,
        later: bool = False,
        hopeful: bool = False,
        drafts: Mapping[int, Draft] = NO_DRAFTS,
    ) -> None:
        self.turn, self.delivered, self.books = turn, delivered, books
        self.now, self.done, self.later = now, done, later
        self.hopeful, self.drafts = hopeful, drafts
        self.waiting: list[tuple[Any, ...]] = []
        self.seen: list[tuple[Any, ...]] = []

    def run(self) -> set[str]:
        """Judge, post and keep; gives the names of what became known by it."""
        turn, done = self.turn, self.done
        readings = [one.head or _read(one) for one in self.delivered]
        resolved = _resolutions(turn, readings)
        heard = {
            reading.id
            for reading in readings
            if reading.id and not (self.hopeful and isinstance(reading, Head))  # that would collide
        }
        docket, known = _docket(
            turn, self.delivered, readings, heard, self.drafts, self.books, resolved.values()
        )
        admitted: list[Admitted] = []
        for one, reading in zip(self.delivered, readings, strict=True):
            verdict = _admit_plain(one, docket) or _admit(one, reading, docket, resolved)
            if isinstance(verdict, Outcome):
                self._keep(one, reading, verdict)
                _remember(one, reading, verdict, docket)
            else:
                admitted.append(verdict)
        posted = posting.post_all(turn, admitted, known, self.books, self.now, post)
        done.touched |= posted.touched
        if posted.spoiled:
            for bad in admitted:
                if bad.op.id in posted.spoiled:
                    one = Delivered(bad.place, bad.body, bad.digest)
                    self._keep(one, _Reading(bad.op.id, _number(bad.op.body)), INTERNAL)
            admitted = [one for one in admitted if one.op.id not in posted.spoiled]
        for of in admitted if posted.remarks else ():
            outcome = posted.remarks.get(of.op.id)
            if outcome is None:
                continue
            (done.later if self.later else done.outcomes)[of.place] = outcome
            detail = json.dumps(outcome.detail, ensure_ascii=False)
            case = (str(outcome.detail["reason"]), of.op.id, of.op.m, of.place[0], detail)
            done.cases.append(case)
        turn.put(schema.waiting, self._undismissed(posted.unlocked), on_conflict="replace")
        turn.put(schema.op_seen, self.seen, on_conflict="" if self.hopeful else "ignore")
        first = self.now.touched * ARRIVAL_OPS_MAX + len(done.arrived)
        posting.keep(turn, admitted, first, replace=self.later)
        done.arrived += [one.op.id for one in admitted]
        if not self.later:
            done.latest_st = max((one.op.st for one in admitted), default=0)
        else:
            self._leave_waiting(admitted, posted.unlocked)
        return posted.unlocked

    def _undismissed(self, unlocked: set[str]) -> list[tuple[Any, ...]]:
        """What goes into custody, without what people have closed; heard again, it holds up nothing."""
        place = ["store", "till", "epoch", "seq"]
        closed = set(self.turn.find(schema.dismissed, place, place, [row[:4] for row in self.waiting]))
        unlocked |= {f"lane:{store}/{till}" for store, till, _, _ in closed}
        return [row for row in self.waiting if row[:4] not in closed]

    def _leave_waiting(self, admitted: Sequence[Admitted], unlocked: set[str]) -> None:
        self.turn.many(
            "DELETE FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND seq = ?",
            [one.place for one in admitted],
        )
        for arrived in admitted:
            self.done.later.setdefault(arrived.place, Outcome("A", {}))
            unlocked.add(f"lane:{arrived.place[0]}/{arrived.place[1]}")

    def _keep(self, one: Delivered, reading: Head | _Reading, outcome: Outcome) -> None:
        """Custody: an operation that is not posted now is kept, with what it waits for."""
        op_id, m = reading.id, reading.m
        if not (self.later and outcome.letter == "P"):  # else it still waits, perhaps for something else
            (self.done.later if self.later else self.done.outcomes)[one.place] = outcome
        reason = str(outcome.detail.get("reason"))
        if outcome.letter in ("P", "Q"):
            on_what = _awaited(outcome, op_id)
            self.done.awaited.append(on_what)
            self.waiting.append((*one.place, on_what, m, one.body))
            if op_id and reason not in NAMELESS:
                self.seen.append((op_id, op_bucket(op_id), *one.place, one.digest, m, 0))
        if outcome.letter == "Q":
            detail = json.dumps(outcome.detail, ensure_ascii=False)
            self.done.cases.append((reason, op_id, m, one.place[0], detail))


def _remember(one: Delivered, reading: Head | _Reading, verdict: Outcome, docket: Docket) -> None:
    """What went into custody is heard of from now on: its twin in the same batch is a duplicate."""
    op_id = reading.id
    if not op_id or verdict.letter not in ("P", "Q") or verdict.detail.get("reason") in NAMELESS:
        return
    store, till, epoch, seq = one.place
    seen = Seen((store, till, epoch), seq, one.digest, reading.m, posted=False)
    docket.seen.setdefault(op_id, seen)


def _docket(
    turn: Turn,
    delivered: Sequence[Delivered],
    readings: Sequence[Head | _Reading],
    ids: set[str],
    drafts: Mapping[int, Draft],
    books: Mapping[str, RuleBook],
    named: Iterable[int],
) -> tuple[Docket, Known]:
    """What may be known about these operations, and the members they may touch but for those with drafts.

    ``ids`` are those that may have been heard before, ``named`` members that they do not name themselves.
    """
    for reading in readings:
        if reading.refs:
            ids.update(reading.refs)
    columns = ["op_id", "store", "till", "epoch", "seq", "digest", "m", "posted"]
    keys = [(op_bucket(op_id), op_id) for op_id in ids]
    seen = {
        op_id: Seen((store, till, epoch), seq, bytes(digest), m, bool(was_posted))
        for op_id, store, till, epoch, seq, digest, m, was_posted in turn.find(
            schema.op_seen, columns, ["op_bucket", "op_id"], keys
        )
    }
    ms = {reading.m for reading in readings if reading.m is not None} | set(named)
    ms |= {one.m for one in seen.values() if one.m is not None}
    held = standings.load(turn, ms - drafts.keys())
    issued = {m for m, one in held.items() if one.ver}  # who has a row was given a number
    issued |= drafts.keys()
    unheard = [(bucket(m), m) for m in ms - issued]
    issued |= {m for (m,) in turn.find(schema.issued, ["m"], ["bucket", "m"], unheard)}
    judged = {one.place for one in delivered}
    lanes = {place[:2] for place in judged}
    waiting = turn.find(schema.waiting, ["store", "till", "epoch", "seq", "m"], ["store", "till"], lanes)
    behind = {(row[0], row[1], row[4]) for row in waiting if row[4] is not None and row[:4] not in judged}
    docket = Docket(books, seen, issued, behind, _dismissed(turn, readings, seen))
    return docket, Known(held, drafts)


def _dismissed(turn: Turn, readings: Sequence[Head | _Reading], seen: Mapping[str, Seen]) -> frozenset[str]:
    """What these operations refer to and people have closed unposted."""
    refs = {
        ref for reading in readings for ref in reading.refs or () if ref not in seen or not seen[ref].posted
    }
    return frozenset(
        ref for (ref,) in turn.find(schema.dismissed, ["op_id"], ["op_id"], [(ref,) for ref in refs])
    )


def _read(one: Delivered) -> _Reading:
    try:
        body = canonical.decode(one.body)
    except WireFault:
        return _Reading(wrong=UNDECODABLE)
    wrong = None if canonical.is_canonical(one.body, body) else MISSPELT
    return _Reading(_name(body), _number(body), _refs(body), body, wrong)


def _name(body: Mapping[str, Any]) -> str:
    """The operation's id if it is one, else nothing: no other text comes near a key of the database."""
    op_id = body.get("id")
    return op_id if isinstance(op_id, str) and _IS_ID(op_id) else ""


def _number(body: Mapping[str, Any]) -> int | None:
    """The member a body names, if it is a number that a member may have."""
    m = body.get("m")
    return m if type(m) is int and 0 <= m < 2**53 else None


def _refs(body: Mapping[str, Any]) -> list[str]:
    refs = body.get("refs")
    return [ref for ref in refs if isinstance(ref, str) and _IS_ID(ref)] if isinstance(refs, list) else []


def _resolutions(turn: Turn, readings: Sequence[Head | _Reading]) -> dict[str, int]:
    """Operation id -> member, for operations that a ``member.resolve`` has named."""
    ids = [reading.id for reading in readings if reading.m is None and reading.id]
    keys = [(op_bucket(op_id), op_id) for op_id in ids]
    return dict(turn.find(schema.resolved, ["op_id", "m"], ["op_bucket", "op_id"], keys))


def _admit_plain(one: Delivered, docket: Docket) -> Admitted | None:
    """A plain operation, of a known member by a known book and not heard before; None for the rest.

    ``_admit`` would say the same of it: nothing that it asks besides concerns such an operation.
    """
    head = one.head
    if head is None or head.plain is None or head.id in docket.seen:
        return None
    if head.m not in docket.issued or head.rule not in docket.books:
        return None
    store, till, epoch, seq = one.place
    docket.seen[head.id] = Seen((store, till, epoch), seq, one.digest, head.m, True)
    return Admitted(one.place, Heard(head, one.body, store, till), one.body, one.digest)


def _admit(
    one: Delivered, reading: Head | _Reading, docket: Docket, resolved: Mapping[str, int]
) -> Admitted | Outcome:
    """Admit an operation, or say what keeps it."""
    if isinstance(reading, _Reading) and reading.wrong is not None:
        return reading.wrong
    named = reading.id
    store, till, epoch, seq = one.place
    known = docket.seen.get(named)
    if known is not None and not known.posted and (known.lane, known.seq) == ((store, till, epoch), seq):
        del docket.seen[named]  # it is this very operation, judged again
    try:
        verdict = twin(named, one.digest, docket) or _shaped(one, reading, resolved.get(named))
        if isinstance(verdict, Operation):
            verdict = admit(verdict, docket) or verdict
    except Exception:
        log.exception("an operation could not be judged")
        verdict = INTERNAL
    if isinstance(verdict, Outcome):
        if verdict.letter in ("P", "Q") and reading.m is not None:
            docket.waiting.add((store, till, reading.m))
        return verdict
    docket.seen[verdict.id] = Seen((store, till, epoch), seq, one.digest, verdict.m, True)
    if verdict.kind == "member.issue":
        body = verdict.body
        docket.issued |= set(range(body["first"], body["first"] + len(body["codes"])))
    return Admitted(one.place, verdict, one.body, one.digest)


def _shaped(one: Delivered, reading: Head | _Reading, m: int | None) -> Operation | Outcome:
    """The operation; ``m`` is the member whom headquarters has named for it."""
    store, till = one.place[:2]
    if isinstance(reading, Head):
        op = Heard(reading, one.body, store, till)
        return op if m is None else shaped({**op.body, "m": m}, store, till)
    assert reading.body is not None, "what cannot be read is not asked for its shape"
    return shaped(reading.body if m is None else {**reading.body, "m": m}, store, till)


def _awaited(outcome: Outcome, op_id: str) -> str:
    """The name of what an operation in custody waits for; a reason when it waits for people."""
    if outcome.detail.get("reason") != "missing-dependency":
        return str(outcome.detail.get("reason"))
    if "member" in outcome.detail:
        return RESOLVE + op_id
    return next(f"{what}:{on}" for what, on in outcome.detail.items() if what != "reason")


def _waiting_on(turn: Turn, unlocked: Iterable[str]) -> list[Delivered]:
    rows = turn.find(
        schema.waiting,
        ["store", "till", "epoch", "seq", "body"],
        ["on_what"],
        [(name,) for name in sorted(unlocked)],
    )
    return [
        Delivered((store, till, epoch, seq), bytes(body), chain.body_digest16(bytes(body)))
        for store, till, epoch, seq, body in sorted(rows)
    ]

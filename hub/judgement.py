"""A batch's operations judged, inside the caller's transaction.

Everything the judgement may know is loaded in a few questions, the judgement itself is pure
(``points.judging``), its result is written in a few statements (``hub.posting``). A failure in
judging one member's operations puts those into custody and spoils no other. What was parked is
judged again as soon as what it waited for is there, in the same transaction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hub import custody, handovers, posting, refund_rights
from hub.custody import NAMELESS
from hub.delivery import OF_A_PC, Delivered, Delivery, Reading, number, read
from hub.posting import Admitted, Now, Place, Posts
from hub.reading import Heard
from hub.store import losses, schema, standings
from hub.store.engine import Turn
from hub.store.standings import Held
from points.holding import Lost
from points.identifiers import bucket, op_bucket
from points.judging import Docket, Outcome, Seen, admit, post, shaped, twin
from points.operations import KINDS, Kinds, Operation
from points.rulebook import RuleBook

log = logging.getLogger(__name__)

Case = tuple[str, str, int | None, str, str]
"""reason, operation, member, store, detail."""

GIVEN_IN_QUESTION = "given-in-question"
INTERNAL = Outcome("Q", {"reason": "policy", "field": "internal"})
ARRIVAL_OPS_MAX = 2**20
"""Facts are numbered by their arrival and their place in it; with all that waited for it, it has fewer."""
DOUBTED = refund_rights.DOUBTED | {"rights.take", "agent.lost"}
"""Kinds of which it is asked whether what they move is there to be moved."""


@dataclass(slots=True)
class Judgement:
    """What became of operations: outcomes by place (nothing said: accepted) and cases to open.

    ``arrived`` are ids of operations that are posted now, ``awaited`` names that others wait for,
    ``latest_st`` is the latest store time among what was accepted at once, ``touched`` the members changed,
    ``overdrawn`` those of whom more is out than they have.
    """

    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    later: dict[Place, Outcome] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    awaited: list[str] = field(default_factory=list)
    latest_st: int = 0
    touched: set[int] = field(default_factory=set)
    overdrawn: set[int] = field(default_factory=set)


def judge(
    turn: Turn,
    delivery: Delivery | None,
    books: Mapping[str, RuleBook],
    now: Now,
    unlocked: Iterable[str] = (),
    *,
    hopeful: bool = False,
) -> Judgement:
    """Judge and post a delivery, then whatever waited for it or for what is ``unlocked`` besides.

    ``hopeful``: what is plainly right is not looked for among what was heard before, which is nearly
    always right and saves a question for each. What was heard before all the same raises ``Collision``
    when it is written; then judge it again without hope, and without drafts.
    """
    done = Judgement()
    names, count, reached = set(unlocked), 0, None
    lost = losses.lost(turn)
    if delivery is not None:
        if delivery.till in lost or now.kinds is not KINDS:  # drafts and the short way know nothing of that
            delivery.drafts = {}
        delivery.give_up(custody.waiting_of(turn, *delivery.till, delivery.drafts))
        rest, readings = delivery.undrafted()
        if delivery.till in lost or now.kinds is not KINDS:
            for reading in readings:
                if isinstance(reading, Heard):
                    reading.plain = None
        names |= _Round(turn, rest, readings, books, now, done, delivery, hopeful=hopeful, lost=lost).run()
        names.add("lost:{}/{}".format(*delivery.till))
        count, reached = delivery.count, delivery.reached
    while names:  # each round takes something out of the waiting room, or is the last
        fresh = custody.waiting_on(turn, names, count)
        if not fresh:
            break
        readings, lost = [read(one.body) for one in fresh], losses.lost(turn)
        names = _Round(turn, fresh, readings, books, now, done, lost=lost, reached=reached).run()
        count += len(fresh)
    return done


class _Round:
    """One pass over operations that arrive in a ``delivery``, or that are judged again."""

    def __init__(
        self,
        turn: Turn,
        delivered: Sequence[Delivered],
        readings: Sequence[Heard | Reading],
        books: Mapping[str, RuleBook],
        now: Now,
        done: Judgement,
        delivery: Delivery | None = None,
        *,
        hopeful: bool = False,
        lost: Lost,
        reached: Place | None = None,
    ) -> None:
        self.lost, self.reached = lost, reached
        self.turn, self.delivered, self.readings, self.books = turn, delivered, readings, books
        self.now, self.done, self.delivery = now, done, delivery
        self.later, self.hopeful = delivery is None, hopeful
        self.waiting: list[tuple[Any, ...]] = []
        self.seen: list[tuple[Any, ...]] = []
        self.told_before: list[Place] = []

    def run(self) -> set[str]:
        """Judge, post and keep; gives the names of what became known by it."""
        turn, done, readings = self.turn, self.done, self.readings
        resolved = _resolutions(turn, readings)
        heard = {
            reading.id
            for reading in readings
            if reading.id and not (self.hopeful and isinstance(reading, Heard))  # that would collide
        }
        docket, held = _docket(turn, self.delivered, readings, heard, self.books, resolved.values())
        docket.kinds = self.now.kinds
        admitted: list[Admitted] = []
        for one, reading in zip(self.delivered, readings, strict=True):
            verdict = self._kept(one) or _admit_plain(one, docket) or _admit(one, reading, docket, resolved)
            if isinstance(verdict, Admitted) and verdict.op.kind in DOUBTED:
                doubt = self._doubt(verdict, docket)
                if doubt is not None:
                    del docket.seen[verdict.op.id]
                    verdict = doubt
            if isinstance(verdict, Outcome):
                self._keep(one, reading, verdict)
                _remember(one, reading, verdict, docket)
            else:
                admitted.append(verdict)
        drafts = self.delivery.drafts if self.delivery is not None else {}
        gifts = {one.op.id: one.op for one in admitted if one.op.kind in refund_rights.GIVE_AWAY}
        may_refund = partial(refund_rights.may_refund, turn, gifts)
        post_with = partial(post, lost=self.lost, may_refund=may_refund)
        posted = posting.post_all(turn, admitted, held, drafts, self.books, self.now, post_with)
        if posted.spoiled:
            for bad in admitted:
                if bad.op.id in posted.spoiled:
                    one = Delivered(bad.place, bad.n, bad.body, bad.digest)
                    self._keep(one, Reading(bad.op.id, bad.op.kind, number(bad.op.body)), INTERNAL)
            admitted = [one for one in admitted if one.op.id not in posted.spoiled]
        first = self.now.touched * ARRIVAL_OPS_MAX
        posts = posting.posts_of(admitted, first)
        if self.delivery is not None:
            self.delivery.add_drafted(posts, first)
        posts.seen.sort()
        if posted.remarks:
            self._remark(posts, posted.remarks)
        turn.put(schema.waiting, self._undismissed(posted.unlocked), on_conflict="replace")
        turn.put(schema.op_seen, self.seen, on_conflict="" if self.hopeful else "ignore")
        posting.keep(turn, posts, replace=self.later)
        done.touched |= posted.touched
        done.overdrawn |= posted.overdrawn
        done.arrived += [row[0] for row in posts.seen]
        if not self.later:
            done.latest_st = posts.latest_st
        else:
            self._leave_waiting([*(one.place for one in admitted), *self.told_before], posted.unlocked)
            for arrived in admitted:
                done.later.setdefault(arrived.place, Outcome("A", {}))
        return posted.unlocked

    def _kept(self, one: Delivered) -> Outcome | None:
        """What headquarters has answered to it before it was put back, if that kept it from being posted."""
        return None if self.delivery is None else self.delivery.kept(one.place[3])

    def _doubt(self, one: Admitted, docket: Docket) -> Outcome | None:
        """What keeps rights that a till gave, or says that it was given, in custody all the same; and what
        says that a PC is lost until all that headquarters had heard of it is heard here."""
        if one.op.kind == "agent.lost":
            return self._unheard(one.op.body)
        of = docket.seen.get(one.op.refs[0])
        if one.op.kind in refund_rights.DOUBTED:
            return refund_rights.doubt(self.turn, self.now.chain, one.place, one.op, of)
        kept = handovers.doubt(self.turn, self.now.chain, one.op, of)
        if kept is None:
            self._ask_of_giver(one.op)
        return kept

    def _ask_of_giver(self, taken: Operation) -> None:
        """A take is posted, and people look at it, when nobody believes the PC that gave."""
        pc = handovers.in_question(self.turn, self.now.chain, taken)
        if pc:
            detail = json.dumps({"pc": pc, "pts": sum(n for _, n in taken.moves())})
            self.done.cases.append((GIVEN_IN_QUESTION, taken.id, taken.m, taken.store, detail))

    def _unheard(self, lost: Mapping[str, Any]) -> Outcome | None:
        """What a loss waits for: what its PC gave itself is found in its lane."""
        if all(
            self._reached((*lost["agent"][:2], epoch)) >= seq
            for epoch, seq, *_ in ([lost["epoch"], lost["seq"]], *lost.get("went_on", ()))
        ):
            return None
        return Outcome("P", {"reason": "missing-dependency", "lost": "{}/{}".format(*lost["agent"][:2])})

    def _reached(self, lane: tuple[str, str, int]) -> int:
        """How far a lane is heard, with what is being judged."""
        if self.reached is not None and self.reached[:3] == lane:
            return self.reached[3]
        row = self.turn.one("SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?", lane)
        return 0 if row is None else int(row[0])

    def _remark(self, posts: Posts, remarks: Mapping[str, Outcome]) -> None:
        """What is said of operations that were posted, and a case for each."""
        for op_id, _, store, till, epoch, seq, _, m, _ in posts.seen:
            outcome = remarks.get(op_id)
            if outcome is None or not (self.delivery is None or self.delivery.may_be_remarked(seq)):
                continue
            (self.done.later if self.later else self.done.outcomes)[store, till, epoch, seq] = outcome
            detail = json.dumps(outcome.detail, ensure_ascii=False)
            self.done.cases.append((str(outcome.detail["reason"]), op_id, m, store, detail))

    def _undismissed(self, unlocked: set[str]) -> list[tuple[Any, ...]]:
        """What goes into custody, without what people have closed; heard again, it holds up nothing."""
        place = ["store", "till", "epoch", "seq"]
        closed = set(self.turn.find(schema.dismissed, place, place, [row[:4] for row in self.waiting]))
        unlocked |= {f"lane:{store}/{till}" for store, till, _, _ in closed}
        return [row for row in self.waiting if row[:4] not in closed]

    def _leave_waiting(self, places: Sequence[Place], unlocked: set[str]) -> None:
        self.turn.many("DELETE FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND seq = ?", places)
        unlocked |= {f"lane:{store}/{till}" for store, till, _, _ in places}

    def _keep(self, one: Delivered, reading: Heard | Reading, outcome: Outcome) -> None:
        """Custody: an operation that is not posted now is kept, with what it waits for."""
        op_id, m = reading.id, reading.m
        if not (self.later and outcome.letter == "P"):  # else it still waits, perhaps for something else
            (self.done.later if self.later else self.done.outcomes)[one.place] = outcome
        reason = str(outcome.detail.get("reason"))
        if self.later and outcome.letter == "D":  # another lane has told it: it waits for nothing more
            self.told_before.append(one.place)
        if outcome.letter in ("P", "Q"):
            on_what = custody.name_of(outcome, op_id)
            self.done.awaited.append(on_what)
            self.waiting.append((*one.place, on_what, m, one.body))
            if op_id and reason not in NAMELESS:
                self.seen.append((op_id, op_bucket(op_id), *one.place, one.digest, m, 0))
        if outcome.letter == "Q" and reason not in OF_A_PC:
            detail = json.dumps(outcome.detail, ensure_ascii=False)
            self.done.cases.append((reason, op_id, m, one.place[0], detail))


def _remember(one: Delivered, reading: Heard | Reading, verdict: Outcome, docket: Docket) -> None:
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
    readings: Sequence[Heard | Reading],
    ids: set[str],
    books: Mapping[str, RuleBook],
    named: Iterable[int],
) -> tuple[Docket, dict[int, Held]]:
    """What may be known about these operations, and the members they may touch.

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
    held = standings.load(turn, ms)
    issued = {m for m, one in held.items() if one.ver}  # who has a row was given a number
    unheard = [(bucket(m), m) for m in ms - issued]
    issued |= {m for (m,) in turn.find(schema.issued, ["m"], ["bucket", "m"], unheard)}
    judged = {one.place for one in delivered}
    lanes = {place[:2] for place in judged}
    behind = custody.members(turn, lanes, ms, judged)
    docket = Docket(books, seen, issued, behind, _dismissed(turn, readings, seen))
    return docket, held


def _dismissed(turn: Turn, readings: Sequence[Heard | Reading], seen: Mapping[str, Seen]) -> frozenset[str]:
    """What these operations refer to and people have closed unposted."""
    refs = {
        ref for reading in readings for ref in reading.refs or () if ref not in seen or not seen[ref].posted
    }
    return frozenset(
        ref for (ref,) in turn.find(schema.dismissed, ["op_id"], ["op_id"], [(ref,) for ref in refs])
    )


def _resolutions(turn: Turn, readings: Sequence[Heard | Reading]) -> dict[str, int]:
    """Operation id -> member, for operations that a ``member.resolve`` has named."""
    ids = [reading.id for reading in readings if reading.m is None and reading.id]
    keys = [(op_bucket(op_id), op_id) for op_id in ids]
    return dict(turn.find(schema.resolved, ["op_id", "m"], ["op_bucket", "op_id"], keys))


def _admit_plain(one: Delivered, docket: Docket) -> Admitted | None:
    """A plain operation, of a known member by a known book and not heard before; None for the rest.

    ``_admit`` would say the same of it: nothing that it asks besides concerns such an operation.
    """
    op = one.heard
    if op is None or op.plain is None or op.id in docket.seen:
        return None
    if op.m not in docket.issued or op.rule not in docket.books:
        return None
    store, till, epoch, seq = one.place
    docket.seen[op.id] = Seen((store, till, epoch), seq, one.digest, op.m, True)
    return Admitted(one.place, one.n, op, one.body, one.digest)


def _admit(
    one: Delivered, reading: Heard | Reading, docket: Docket, resolved: Mapping[str, int]
) -> Admitted | Outcome:
    """Admit an operation, or say what keeps it."""
    if isinstance(reading, Reading) and reading.wrong is not None:
        return reading.wrong
    named, m = reading.id, reading.m
    store, till, epoch, seq = one.place
    known = docket.seen.get(named)
    if known is not None and not known.posted and (known.lane, known.seq) == ((store, till, epoch), seq):
        del docket.seen[named]  # it is this very operation, judged again
    try:
        verdict = twin(named, one.digest, docket) or _shaped(one, reading, resolved.get(named), docket.kinds)
        if isinstance(verdict, Operation):
            verdict = admit(verdict, docket) or verdict
    except Exception:
        log.exception("an operation could not be judged")
        verdict = INTERNAL
    if isinstance(verdict, Outcome):
        if isinstance(reading, Heard):
            reading.m = m  # it was perhaps asked as another member's, or as nobody's
        if verdict.letter in ("P", "Q") and reading.m is not None:
            docket.waiting.add((store, till, reading.m))
        return verdict
    docket.seen[verdict.id] = Seen((store, till, epoch), seq, one.digest, verdict.m, True)
    if verdict.kind == "member.issue":
        body = verdict.body
        docket.issued |= set(range(body["first"], body["first"] + len(body["codes"])))
    return Admitted(one.place, one.n, verdict, one.body, one.digest)


def _shaped(one: Delivered, reading: Heard | Reading, m: int | None, kinds: Kinds) -> Operation | Outcome:
    """The operation; ``m`` is the member whom headquarters has named for it."""
    store, till = one.place[:2]
    if isinstance(reading, Heard):
        if m is None and kinds is KINDS:
            return reading
        return shaped(reading.body if m is None else {**reading.body, "m": m}, store, till, kinds)
    assert reading.body is not None, "what cannot be read is not asked for its shape"
    return shaped(reading.body if m is None else {**reading.body, "m": m}, store, till, kinds)

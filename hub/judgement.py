"""A batch's operations judged and posted, inside the caller's transaction.

Everything the judgement may know is loaded in a few questions, the judgement itself is pure
(``points.judging``), its result is written in a few statements. A failure in judging one member's
operations puts those into custody and spoils no other. What was parked is judged again as soon as
what it waited for is there, in the same transaction.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.store import schema, standings
from hub.store.engine import Turn
from hub.store.standings import Change, Held
from points.fold import FOLDED
from points.identifiers import bucket
from points.judging import Docket, Outcome, Seen, admit, extends, post
from points.members import end
from points.operations import Operation
from points.postings import correction
from points.rulebook import RuleBook
from points.wire import canonical, chain
from points.wire.faults import WireFault

log = logging.getLogger(__name__)

Place = tuple[str, str, int, int]
"""Where an operation stands: store, till, epoch, seq."""

JUDGED_AGAIN_MAX = 8
INTERNAL = Outcome("Q", {"reason": "policy", "field": "internal"})


@dataclass(frozen=True, slots=True)
class Delivered:
    """One operation as it arrived."""

    place: Place
    body: bytes


@dataclass(slots=True)
class Judgement:
    """What became of operations: outcomes by place (nothing said: accepted) and cases to open."""

    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    later: dict[Place, Outcome] = field(default_factory=dict)
    cases: list[tuple[str, str, int | None, str, str]] = field(default_factory=list)
    posted: int = 0


@dataclass(slots=True)
class _Admitted:
    place: Place
    op: Operation
    body: bytes
    digest: bytes


def judge(
    turn: Turn,
    delivered: Sequence[Delivered],
    books: Mapping[str, RuleBook],
    touched: int,
    unlocked: Iterable[str] = (),
) -> Judgement:
    """Judge and post ``delivered``, then whatever waited for it or for what is ``unlocked`` besides."""
    done = Judgement()
    names = set(unlocked)
    if delivered:
        names |= _round(turn, delivered, books, touched, done, later=False)
    for _ in range(JUDGED_AGAIN_MAX):
        fresh = _waiting_on(turn, names) if names else []
        if not fresh:
            break
        names = _round(turn, fresh, books, touched, done, later=True)
    return done


def _round(
    turn: Turn,
    delivered: Sequence[Delivered],
    books: Mapping[str, RuleBook],
    touched: int,
    done: Judgement,
    *,
    later: bool,
) -> set[str]:
    """One pass; gives the names of what became known by it."""
    decoded = canonical.decode_each([one.body for one in delivered])
    docket = _docket(turn, delivered, decoded, books)
    resolved = _resolutions(turn, delivered, decoded) if later else {}
    admitted: list[_Admitted] = []
    for one, body in zip(delivered, decoded, strict=True):
        outcome = _admit(one, body, docket, admitted, resolved)
        if outcome is not None:
            _keep(turn, one, body, outcome, done, later)
    changes, unlocked, spoiled = _post(turn, admitted, books, done, later)
    for bad in [bad for bad in admitted if bad.op.id in spoiled]:
        _keep(turn, Delivered(bad.place, bad.body), dict(bad.op.body), INTERNAL, done, later)
    admitted = [one for one in admitted if one.op.id not in spoiled]
    standings.save(turn, changes, touched)
    _save(turn, admitted)
    if later:
        turn.many(
            "DELETE FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND seq = ?",
            [one.place for one in admitted],
        )
        for arrived in admitted:
            done.later.setdefault(arrived.place, Outcome("A", {}))
    return unlocked


def _docket(
    turn: Turn,
    delivered: Sequence[Delivered],
    decoded: Sequence[dict[str, Any] | WireFault],
    books: Mapping[str, RuleBook],
) -> Docket:
    bodies = [body for body in decoded if isinstance(body, dict)]
    ids = {body["id"] for body in bodies if isinstance(body.get("id"), str)}
    ids |= {ref for body in bodies for ref in _refs(body)}
    seen = {
        op_id: Seen((store, till, epoch), seq, digest, m, bool(was_posted))
        for op_id, store, till, epoch, seq, digest, m, was_posted in turn.find(
            schema.op_seen,
            ["op_id", "store", "till", "epoch", "seq", "digest", "m", "posted"],
            ["op_bucket", "op_id"],
            [(op_bucket(op_id), op_id) for op_id in ids],
        )
    }
    ms = {body["m"] for body in bodies if type(body.get("m")) is int}
    issued = {m for (m,) in turn.find(schema.issued, ["m"], ["bucket", "m"], [(bucket(m), m) for m in ms])}
    lanes = {one.place[:2] for one in delivered}
    waiting = turn.find(schema.waiting, ["store", "till", "m"], ["store", "till"], lanes)
    return Docket(books, seen, issued, {(store, till, m) for store, till, m in waiting if m is not None})


def op_bucket(op_id: str) -> int:
    """Where an operation id is deduplicated: by the id alone, never inside a member's shard."""
    try:
        return int(op_id[-2:], 16)
    except ValueError:
        return 0


def _refs(body: Mapping[str, Any]) -> list[str]:
    refs = body.get("refs")
    return [ref for ref in refs if isinstance(ref, str)] if isinstance(refs, list) else []


def _resolutions(
    turn: Turn, delivered: Sequence[Delivered], decoded: Sequence[dict[str, Any] | WireFault]
) -> dict[str, int]:
    """Operation id -> member, for operations that a ``member.resolve`` has named."""
    ids = [body["id"] for body in decoded if isinstance(body, dict) and "m" not in body]
    rows = turn.find(
        schema.resolved, ["op_id", "m"], ["op_bucket", "op_id"], [(op_bucket(i), i) for i in ids]
    )
    return dict(rows)


def _admit(
    one: Delivered,
    body: dict[str, Any] | WireFault,
    docket: Docket,
    admitted: list[_Admitted],
    resolved: Mapping[str, int],
) -> Outcome | None:
    """Admit an operation, or say what keeps it."""
    if isinstance(body, WireFault):
        return Outcome("Q", {"reason": "undecodable"})
    if not canonical.is_canonical(one.body, body):
        return Outcome("Q", {"reason": "undecodable", "field": "form"})
    digest = chain.body_digest16(one.body)
    store, till, epoch, seq = one.place
    known = docket.seen.get(body.get("id", "")) if isinstance(body.get("id"), str) else None
    if known is not None and not known.posted and (known.lane, known.seq) == ((store, till, epoch), seq):
        del docket.seen[body["id"]]  # it is this very operation, judged again
    told = {**body, "m": resolved[body["id"]]} if body.get("id") in resolved else body
    try:
        verdict = admit(told, digest, store, till, docket)
    except Exception:
        log.exception("an operation could not be judged")
        verdict = INTERNAL
    if isinstance(verdict, Outcome):
        if verdict.letter == "P" and type(body.get("m")) is int:
            docket.waiting.add((store, till, body["m"]))
        return verdict
    docket.seen[verdict.id] = Seen((store, till, epoch), seq, digest, verdict.m, True)
    if verdict.kind == "member.issue":
        docket.issued |= set(range(body["first"], body["first"] + len(body["codes"])))
    admitted.append(_Admitted(one.place, verdict, one.body, digest))
    return None


def _keep(
    turn: Turn,
    one: Delivered,
    body: dict[str, Any] | WireFault,
    outcome: Outcome,
    done: Judgement,
    later: bool,
) -> None:
    """Custody: an operation that is not posted now is kept, with what it waits for."""
    if later:
        if outcome.letter == "P":
            return  # it still waits
        done.later[one.place] = outcome
    else:
        done.outcomes[one.place] = outcome
    store, till, epoch, seq = one.place
    op_id = body.get("id", "") if isinstance(body, dict) and isinstance(body.get("id"), str) else ""
    m = body.get("m") if isinstance(body, dict) and type(body.get("m")) is int else None
    if outcome.letter in ("P", "Q"):
        on_what = _awaited(outcome, op_id)
        turn.put(schema.waiting, [(store, till, epoch, seq, on_what, m, one.body)], on_conflict="replace")
        if op_id and outcome.detail.get("reason") not in ("equivocation", "bad-field", "undecodable"):
            digest = chain.body_digest16(one.body)
            row = (op_bucket(op_id), op_id, store, till, epoch, seq, digest, m, 0)
            turn.put(schema.op_seen, [row], on_conflict="ignore")
    if outcome.letter == "Q":
        reason = str(outcome.detail["reason"])
        done.cases.append((reason, op_id, m, store, json.dumps(outcome.detail, ensure_ascii=False)))


def _awaited(outcome: Outcome, op_id: str) -> str:
    if outcome.detail.get("reason") != "missing-dependency":
        return str(outcome.detail.get("reason"))
    if "member" in outcome.detail:
        return f"resolve:{op_id}"
    return next(f"{what}:{on}" for what, on in outcome.detail.items() if what != "reason")


def _waiting_on(turn: Turn, unlocked: Iterable[str]) -> list[Delivered]:
    rows = turn.find(
        schema.waiting,
        ["store", "till", "epoch", "seq", "body"],
        ["on_what"],
        [(name,) for name in sorted(unlocked)],
    )
    return [Delivered((store, till, epoch, seq), body) for store, till, epoch, seq, body in sorted(rows)]


def _post(
    turn: Turn, admitted: Sequence[_Admitted], books: Mapping[str, RuleBook], done: Judgement, later: bool
) -> tuple[list[Change], set[str], set[str]]:
    """Post what was admitted, member by member: (changes, names now known, operations that could not be)."""
    unlocked: set[str] = set()
    spoiled: set[str] = set()
    groups: dict[int, list[Operation]] = defaultdict(list)
    closing: list[Operation] = []
    for one in admitted:
        unlocked.add(f"op:{one.op.id}")
        if one.op.kind == "member.issue":
            unlocked |= _issue(turn, one.op)
        elif one.op.kind == "rights.close":
            closing.append(one.op)
        elif one.op.m is not None:
            groups[one.op.m].append(one.op)
        if one.op.kind == "member.resolve":
            op_id = one.op.refs[0]
            turn.put(schema.resolved, [(op_bucket(op_id), op_id, one.op.m)], on_conflict="ignore")
            unlocked.add(f"resolve:{op_id}")
    for op in closing:
        rows = turn.run(
            "SELECT m FROM cells WHERE store = ? AND till = ? AND closed = 0", (op.store, op.till)
        )
        for (m,) in rows:
            groups[m].append(op)
    held = standings.load(turn, groups)
    late = [m for m, ops in groups.items() if not extends(held[m].standing, ops)]
    history = standings.histories(turn, late, FOLDED)
    posted_legs = standings.posted(turn, late)
    whos: dict[int, str] = dict(
        turn.find(
            schema.issued, ["m", "who"], ["bucket", "m"], [(bucket(m), m) for m in groups if held[m].ver == 0]
        )
    )
    places = {one.op.id: one.place for one in admitted}
    changes = []
    for m, ops in groups.items():
        past = history.get(m, []) if m in late else None
        try:
            result = post(held[m].standing, ops, past, books)
        except Exception:  # one member's operations go into custody, the batch goes on
            log.exception("operations of one member could not be posted")
            spoiled |= {op.id for op in ops}
            continue
        legs = result.legs if past is None else correction(result.legs, posted_legs.get(m, {}))
        for op_id, outcome in result.remarks.items():
            (done.later if later else done.outcomes)[places[op_id]] = outcome
            store = places[op_id][0]
            detail = json.dumps(outcome.detail, ensure_ascii=False)
            done.cases.append((str(outcome.detail["reason"]), op_id, m, store, detail))
        changes.append(
            Change(held[m], _row(held[m], result.account, whos.get(m)), legs, result.rights, _sched(ops))
        )
        done.posted += len(ops)
    return changes, unlocked, spoiled


def _row(held: Held, account: Any, who: str | None) -> list[Any]:
    """The member's new row; what the fold does not know (name, codes) is carried over."""
    old = held.row
    name, tail = (old[5], old[6]) if old else ("", "")
    row = end(account, held.ver + 1, name, tail)
    row.append(old[12] if old and len(old) > 12 else ([who[:16]] if who else []))
    return row


def _sched(ops: Iterable[Operation]) -> dict[tuple[str, str], str]:
    """The newest schedule of each till that was granted to."""
    return {
        (op.body["to"][0], op.body["to"][1]): json.dumps(op.body["sched"])
        for op in ops
        if op.kind == "rights.grant"
    }


def _issue(turn: Turn, op: Operation) -> set[str]:
    first = op.body["first"]
    pairs = [(first + i, who) for i, who in enumerate(op.body["codes"])]
    turn.put(schema.issued, [(bucket(m), m, who) for m, who in pairs], on_conflict="ignore")
    turn.put(schema.identities, [(f"code:{who}", m, "code") for m, who in pairs], on_conflict="ignore")
    return {f"m:{m}" for m, _ in pairs}


def _save(turn: Turn, admitted: Sequence[_Admitted]) -> None:
    seen, kept, visits = [], [], []
    for one in admitted:
        store, till, epoch, seq = one.place
        op = one.op
        seen.append((op_bucket(op.id), op.id, store, till, epoch, seq, one.digest, op.m, 1))
        m = 0 if op.m is None else op.m
        kept.append((bucket(m), m, op.id, store, till, op.kind, one.body))
        if op.kind == "sale.earn":
            visits.append((bucket(m), m, op.day, store, till, 1))
    turn.put(schema.op_seen, seen, on_conflict="replace")
    turn.put(schema.facts, kept, on_conflict="ignore")
    turn.many(
        "INSERT INTO visits (bucket, m, day, store, till, times) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (bucket, m, day, store, till) DO UPDATE SET times = visits.times + 1",
        visits,
    )
    enrolled = [one.op for one in admitted if one.op.kind == "member.enrol" and one.op.m is not None]
    turn.many(
        "DELETE FROM pool WHERE store = ? AND till = ? AND m = ?",
        [(op.store, op.till, op.m) for op in enrolled],
    )

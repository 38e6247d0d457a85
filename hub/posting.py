"""Admitted operations posted, member by member, and written in a few statements.

What they make of their members is found by ``hub.changes``, or was drafted before; both are saved together,
and the facts themselves are kept beside the postings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub import handovers, refund_rights, trust
from hub.changes import Post, changes_of
from hub.drafts import Draft
from hub.store import device_keys, losses, promises, schema, standings
from hub.store.engine import Collision, Turn
from hub.store.standings import Held
from points.holding import TRANSFERS
from points.identifiers import bucket, op_bucket
from points.judging import Outcome
from points.operations import KINDS, Kinds, Operation
from points.rulebook import RuleBook

_GIVES_HOME = frozenset({"rights.return", "rights.close"})
Place = tuple[str, str, int, int]
"""Where an operation stands: store, till, epoch, seq."""


class Now(NamedTuple):
    """When and where a judgement happens: the number of this arrival, headquarters' local day, the chain; and
    the kinds of operations that are understood there."""

    touched: int
    today: int
    chain: str
    kinds: Kinds = KINDS


class Admitted(NamedTuple):
    """An operation that may be posted now, the ``n``-th of its arrival, and its bytes."""

    place: Place
    n: int
    op: Operation
    body: bytes
    digest: bytes


@dataclass(slots=True)
class Posts:
    """Operations that are posted, as rows of ``op_seen`` and ``facts``; ``enrolled`` are (store, till, m)."""

    seen: list[tuple[Any, ...]] = field(default_factory=list)
    facts: list[tuple[Any, ...]] = field(default_factory=list)
    enrolled: list[tuple[str, str, int | None]] = field(default_factory=list)
    latest_st: int = 0


@dataclass(slots=True)
class Result:
    """``unlocked`` are the names of what became known, ``spoiled`` ids that could not be posted, ``remarks``
    what is said of operations by their ids, ``touched`` the members that were changed."""

    unlocked: set[str] = field(default_factory=set)
    spoiled: set[str] = field(default_factory=set)
    remarks: dict[str, Outcome] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    overdrawn: set[int] = field(default_factory=set)


def post_all(
    turn: Turn,
    admitted: Sequence[Admitted],
    held: dict[int, Held],
    drafted: Mapping[int, Draft],
    books: Mapping[str, RuleBook],
    now: Now,
    post: Post,
) -> Result:
    """Post what was admitted and what was ``drafted``, and save what changed.

    Raises ``Collision``, also for a member of both: a draft knows its own operations only. ``held`` are
    members that were loaded before; who is missing is added.
    """
    result = Result()
    groups = _by_member(turn, now.chain, admitted, result)
    if not groups.keys().isdisjoint(drafted):
        raise Collision
    for draft in drafted.values():
        result.unlocked.update([f"op:{op_id}" for op_id in draft.ids])
        result.remarks |= {op_id: Outcome(*said) for op_id, said in draft.remarks.items()}
    held |= standings.load(turn, [m for m in groups if m not in held])
    made = changes_of(turn, groups, held, books, now.today, post)
    standings.save(turn, made.changes, now.touched, [draft.rows for draft in drafted.values()])
    result.touched = {change.held.m for change in made.changes} | drafted.keys()
    result.remarks = made.remarks | result.remarks
    result.spoiled, result.overdrawn = made.spoiled, made.overdrawn
    return result


def _by_member(
    turn: Turn, chain: str, admitted: Sequence[Admitted], result: Result
) -> dict[int, list[Operation]]:
    """Operations by the member they touch, in the order they were admitted."""
    unlocked = result.unlocked
    groups: dict[int, list[Operation]] = defaultdict(list)
    began: dict[tuple[str, str, int], int] = {}
    for one in admitted:
        op = one.op
        unlocked.add(f"op:{op.id}")
        if op.kind in _GIVES_HOME:
            lane = one.place[:3]
            if lane not in began:  # once: a day's end gives back member by member
                began[lane] = device_keys.began_in(turn, lane)
            if op.body["term"] < began[lane]:
                continue  # a copy may hold the same still: it comes home by its word, or as a lost PC's
        if op.m is not None:
            groups[op.m].append(handovers.placed(turn, chain, op) if op.kind in TRANSFERS else op)
        if op.fund and any(entry[0] == "trust" for entry in op.fund):
            remark = trust.note(turn, op, one.place[2])
            if remark is not None:
                result.remarks[op.id] = remark
        if op.kind in refund_rights.HEARD:
            refund_rights.note(turn, op)
        if op.kind == "member.issue":
            unlocked |= _issue(turn, op)
        elif op.kind == "member.resolve":
            op_id = op.refs[0]
            turn.put(schema.resolved, [(op_bucket(op_id), op_id, op.m)], on_conflict="ignore")
            unlocked.add(f"resolve:{op_id}")
        elif op.kind == "auth.unlock":
            promises.note(turn, op)
        elif op.kind == "op.dismiss":
            unlocked |= _dismiss(turn, op)
        elif op.kind == "rights.close":
            handovers.note_close(turn, op)
            for m in _held_at(turn, op.store, op.till):
                groups[m].append(op)
        elif op.kind == "agent.lost":
            losses.declare(turn, op)
            for m, home in losses.leftovers(turn, op.body).items():
                groups[m].append(Operation({**op.body, "home": home}, op.store, op.till))
    return groups


def _held_at(turn: Turn, store: str, till: str) -> list[int]:
    """Members whose points may lie at a till."""
    rows = turn.run(
        "SELECT m FROM cells WHERE store = ? AND till = ? AND closed = 0"
        " UNION SELECT m FROM reserved WHERE store = ? AND till = ? ORDER BY m",
        (store, till, store, till),
    )
    return [m for (m,) in rows]


def _issue(turn: Turn, op: Operation) -> set[str]:
    first = op.body["first"]
    pairs = [(first + i, who) for i, who in enumerate(op.body["codes"])]
    turn.put(schema.issued, [(bucket(m), m, who) for m, who in pairs], on_conflict="ignore")
    turn.put(schema.identities, [(f"code:{who}", m, "code") for m, who in pairs], on_conflict="ignore")
    return {f"m:{m}" for m, _ in pairs}


def _dismiss(turn: Turn, op: Operation) -> set[str]:
    """An operation in custody is closed unposted; gives the names of what waited behind it, or for it."""
    place = op.body["place"][:4]
    turn.put(schema.dismissed, [(*place, op.refs[0] if op.refs else "")], on_conflict="ignore")
    turn.run("DELETE FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND seq = ?", place)
    return {f"lane:{place[0]}/{place[1]}", *(f"op:{ref}" for ref in op.refs)}


def posts_of(admitted: Sequence[Admitted], first: int) -> Posts:
    """The rows of what was admitted, the facts numbered from ``first``."""
    posts = Posts()
    for place, n, op, body, digest in admitted:
        m = op.m or 0
        posts.seen.append((op.id, op_bucket(op.id), *place, digest, op.m, 1))
        posts.facts.append((bucket(m), m, first + n, op.id, op.store, op.till, op.kind, body))
        posts.latest_st = max(posts.latest_st, op.st)
        if op.kind == "member.enrol":
            posts.enrolled.append((op.store, op.till, op.m))
    return posts


def keep(turn: Turn, posts: Posts, *, replace: bool) -> None:
    """Write the facts and their ids.

    ``replace``: their ids were kept as waiting before.
    """
    turn.put(schema.op_seen, posts.seen, on_conflict="replace" if replace else "")
    turn.put(schema.facts, posts.facts)
    turn.many("DELETE FROM pool WHERE store = ? AND till = ? AND m = ?", posts.enrolled)

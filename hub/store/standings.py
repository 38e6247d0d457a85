"""What headquarters holds of members, loaded and saved in bulk: rows, cells, reservations, legs, facts.

A member's version is compared when it is saved: two batches that touched the same member at the same
time are found out, and one of them is judged again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.store import schema
from hub.store.engine import Collision, Turn
from hub.store.schema import EXPIRY, FOLD, RIGHTS
from points.fold import Leg
from points.identifiers import bucket
from points.judging import Standing
from points.members import own_row
from points.operations import Operation
from points.rights import Cell
from points.wire import canonical

LegKey = tuple[str, str, str, str]


@dataclass(slots=True)
class Held:
    """A member's standing and what is needed to save it."""

    standing: Standing
    row: list[Any] | None = None
    ver: int = 0
    legs: int = 0
    sched: dict[tuple[str, str], str] = field(default_factory=dict)
    cells: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    """The cells as they were loaded, so that only what changed is written."""


@dataclass(slots=True)
class Ledger:
    """One member's postings: legs of the fold and of expiry summed, and the net of every account."""

    legs: Counter[LegKey] = field(default_factory=Counter)
    expiry: Counter[LegKey] = field(default_factory=Counter)
    nets: Counter[str] = field(default_factory=Counter)
    cited: set[str] = field(default_factory=set)

    def take(self, kind: int, op_id: str, debit: str, credit: str, ref: str, pts: int) -> None:
        """Count one posting."""
        self.cited.add(op_id)
        self.nets[debit] -= pts
        self.nets[credit] += pts
        if kind != RIGHTS:
            (self.legs if kind == FOLD else self.expiry)[op_id, debit, credit, ref] += pts


def load(turn: Turn, ms: Iterable[int]) -> dict[int, Held]:
    """The standings of members; those never heard of are empty."""
    keys = [(bucket(m), m) for m in ms]
    held = {m: Held(Standing(m)) for _, m in keys}
    for m, ver, row, last_key, legs in turn.find(
        schema.members, ["m", "ver", "row", "last_key", "legs"], ["bucket", "m"], keys
    ):
        one = held[m]
        one.row, one.ver, one.legs = canonical.read_own(row), ver, legs
        one.standing.row = own_row(one.row)
        st, store, till, op_id = last_key.split("/")
        one.standing.last_key = (int(st), store, till, op_id)
    columns = [
        "m", "store", "till", "inc", "term", "granted", "allowance_used", "added", "local_used", "closed",
        "sched",
    ]  # fmt: skip
    for row in turn.find(schema.cells, columns, ["bucket", "m"], keys):
        m, store, till, inc, term, granted, used, added, local, closed, sched = row
        one = held[m]
        one.standing.cells[store, till] = Cell((inc, term), granted, used, added, local, bool(closed))
        one.sched[store, till] = sched
        one.cells[store, till] = tuple(row)
    for m, intent, store, till, pts in turn.find(
        schema.reserved, ["m", "intent", "store", "till", "pts"], ["bucket", "m"], keys
    ):
        held[m].standing.reserved[intent] = (store, till, pts)
    for m, intent in turn.find(schema.voided, ["m", "intent"], ["bucket", "m"], keys):
        held[m].standing.voided.add(intent)
    return held


def histories(turn: Turn, ms: Iterable[int], kinds: frozenset[str]) -> dict[int, list[Operation]]:
    """All posted facts of members, of the kinds that are folded."""
    found: dict[int, list[Operation]] = defaultdict(list)
    for m, store, till, kind, body in turn.find(
        schema.facts, ["m", "store", "till", "kind", "body"], ["bucket", "m"], [(bucket(m), m) for m in ms]
    ):
        if kind in kinds:
            op = Operation(canonical.decode(body), store, till)
            op.m = m
            found[m].append(op)
    return found


def posted(turn: Turn, ms: Iterable[int]) -> dict[int, Ledger]:
    """The legs posted so far, summed, by member."""
    books: dict[int, Ledger] = {m: Ledger() for m in ms}
    columns = ["m", "op_id", "debit", "credit", "ref", "pts", "rights"]
    keys = [(bucket(m), m) for m in books]
    for m, op_id, debit, credit, ref, pts, kind in turn.find(schema.postings, columns, ["bucket", "m"], keys):
        books[m].take(kind, op_id, debit, credit, ref, pts)
    return books


@dataclass(slots=True)
class Change:
    """What a judgement changed of one member."""

    held: Held
    row: list[Any]
    legs: list[Leg]
    rights: list[Leg]
    grants: Mapping[tuple[str, str], str] = field(default_factory=dict)
    expiry: Sequence[Leg] = ()


def save(turn: Turn, changes: Sequence[Change], touched: int) -> None:
    """Write rows, cells, reservations and new postings in a few statements. Raises ``Collision``."""
    fresh = [change for change in changes if change.held.ver == 0]
    known = [change for change in changes if change.held.ver]
    turn.put(schema.members, [_member(change, touched) for change in fresh])
    changed = turn.many(
        'UPDATE members SET ver = ?, "row" = ?, last_key = ?, legs = ?, touched = ?'
        " WHERE bucket = ? AND m = ? AND ver = ?",
        [
            (*values[2:], *values[:2], change.held.ver)
            for change in known
            if (values := _member(change, touched))
        ],
    )
    if changed != len(known):
        raise Collision
    turn.put(
        schema.changed,
        [(shard, touched) for shard in sorted({bucket(one.held.standing.m) for one in changes})],
        on_conflict="replace",
    )
    turn.put(schema.postings, [row for change in changes for row in _postings(change)])
    turn.put(schema.cells, [row for change in changes for row in _cells(change)], on_conflict="replace")
    for change in changes:
        _save_reservations(turn, change.held.standing)


def _member(change: Change, touched: int) -> tuple[Any, ...]:
    m = change.held.standing.m
    legs = change.held.legs + len(change.legs) + len(change.rights) + len(change.expiry)
    st, store, till, op_id = change.held.standing.last_key
    last_key = f"{st}/{store}/{till}/{op_id}"
    return bucket(m), m, change.held.ver + 1, canonical.write_own(change.row), last_key, legs, touched


def _postings(change: Change) -> Iterable[tuple[Any, ...]]:
    m, n = change.held.standing.m, change.held.legs
    shard = bucket(m)
    for kind, legs in ((FOLD, change.legs), (RIGHTS, change.rights), (EXPIRY, change.expiry)):
        for leg in legs:
            n += 1
            yield (shard, m, n, kind, *leg)


def _cells(change: Change) -> Iterable[tuple[Any, ...]]:
    m = change.held.standing.m
    shard, loaded = bucket(m), change.held.cells
    for agent, cell in change.held.standing.cells.items():
        sched = change.grants.get(agent, change.held.sched.get(agent, "[]"))
        row = (
            shard, m, *agent, *cell.term, cell.granted, cell.allowance_used, cell.added, cell.local_used,
            int(cell.closed), sched,
        )  # fmt: skip
        if loaded.get(agent) != row[1:]:
            yield row


def _save_reservations(turn: Turn, standing: Standing) -> None:
    m = standing.m
    if not standing.reserved_changed:
        return
    turn.run("DELETE FROM reserved WHERE bucket = ? AND m = ?", (bucket(m), m))
    turn.put(
        schema.reserved, [(bucket(m), m, intent, *rest) for intent, rest in sorted(standing.reserved.items())]
    )
    turn.put(
        schema.voided, [(bucket(m), m, intent) for intent in sorted(standing.voided)], on_conflict="ignore"
    )

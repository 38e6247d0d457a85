"""What headquarters holds of members, loaded and saved in bulk: rows, cells, reservations, legs, facts.

A member's version is compared when it is saved: two batches that touched the same member at the same
time are found out, and one of them is judged again. Most of what comes only adds to a row and a cell, so
what was loaded is unfolded only when somebody asks for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.store import schema
from hub.store.engine import Collision, Turn
from hub.store.schema import AT_ONCE, EXPIRY, FOLD, RIGHTS
from points.holding import Agent, Key, Reserved, Standing
from points.identifiers import bucket
from points.legs import MEM, Leg
from points.members import ROW_ENTRIES, own_row
from points.operations import Operation
from points.rights import Cell
from points.wire import canonical

LegKey = tuple[str, str, str, str]

CellRow = tuple[Any, ...]
"""A row of ``cells``: bucket, m, store, till, inc, term, granted, allowance_used, added, local_used,
closed, sched, seen_on, bought_on, taken."""
CELL_COLUMNS = [column.name for column in schema.cells.columns]
PURCHASES_KEPT = 100
"""Days of purchases that a cell remembers: more than a member makes at one till while they count."""


class Held:
    """What is held of one member, as it lies in the tables; empty for one who was never heard of."""

    __slots__ = (
        "_last_key", "_row", "_standing", "_text", "cells", "legs", "m", "online", "reserved", "ver",
        "voided",
    )  # fmt: skip

    def __init__(
        self, m: int, ver: int = 0, text: str = "", last_key: str = "0///", legs: int = 0, online: int = 0
    ) -> None:
        self.m, self.ver, self.legs, self.online = m, ver, legs, online
        self.cells: dict[Agent, CellRow] = {}
        self.reserved: dict[str, Reserved] = {}
        self.voided: set[str] = set()
        self._text, self._last_key = text, last_key
        self._row: list[Any] | None = None
        self._standing: Standing | None = None

    @property
    def row(self) -> list[Any] | None:
        """Headquarters' row of the member, with its own notes behind it."""
        if self._row is None and self._text:
            self._row = canonical.read_own(self._text)
        return self._row

    @property
    def last_key(self) -> Key:
        """The canonical key that the latest folded fact stands at."""
        st, store, till, op_id = self._last_key.split("/")
        return int(st), store, till, op_id

    @property
    def standing(self) -> Standing:
        """All of it unfolded, for a judgement that changes it."""
        if self._standing is None:
            row = self.row
            self._standing = Standing(
                self.m,
                own_row(row) if row is not None else None,
                self.last_key,
                {agent: cell_of(kept) for agent, kept in self.cells.items()},
                self.reserved,
                self.voided,
            )
        return self._standing

    @property
    def is_reserved_anew(self) -> bool:
        """Whether a judgement has changed what is reserved of the member."""
        return self._standing is not None and self._standing.reserved_changed

    def sched(self, agent: Agent) -> str:
        """The schedule of what a till was granted."""
        kept = self.cells.get(agent)
        return kept[11] if kept is not None else "[]"


def cell_of(kept: CellRow) -> Cell:
    """The counters of a till's cell."""
    return Cell((kept[4], kept[5]), kept[6], kept[7], kept[8], kept[9], bool(kept[10]), kept[14])


def new_cell(m: int, agent: Agent) -> CellRow:
    """The row of a cell that holds nothing yet."""
    return (bucket(m), m, *agent, 1, 1, 0, 0, 0, 0, 0, "[]", 0, "", 0)


def is_overdrawn(kept: CellRow) -> bool:
    """Whether more local points were used at a till than were added there."""
    return bool(kept[9] > kept[8])


def dropped_day(row: Sequence[Any] | None) -> int:
    """The last day of a lot that has left this row of headquarters' own; 0 for none."""
    return int(row[ROW_ENTRIES]) if row is not None and len(row) > ROW_ENTRIES else 0


def draws_expired(row: Sequence[Any], first: int, today: int) -> bool:
    """Whether a spend of the day ``first`` may draw points that have expired, and been posted so, since."""
    return first <= dropped_day(row) or any(lot[3] and first <= lot[3] < today for lot in row[8])


def after_purchase(kept: CellRow, day: int, added: int) -> CellRow:
    """A cell after its member bought there on ``day`` and was given ``added`` local points."""
    return (
        *kept[:8], kept[8] + added, *kept[9:12], max(kept[12], day), _bought(kept[13], day), kept[14],
    )  # fmt: skip


def after_spending(kept: CellRow, day: int, used: int) -> CellRow:
    """A cell after its member used ``used`` local points there on ``day``."""
    return (*kept[:9], kept[9] + used, *kept[10:12], max(kept[12], day), *kept[13:])


def _bought(days: str, day: int) -> str:
    return f"{days} {day}"[-9 * PURCHASES_KEPT :] if days else str(day)


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
        if kind == AT_ONCE:
            self.legs[op_id, debit, MEM, ref] += pts
        elif kind != RIGHTS:
            (self.legs if kind == FOLD else self.expiry)[op_id, debit, credit, ref] += pts


def load(turn: Turn, ms: Iterable[int]) -> dict[int, Held]:
    """What is held of members; those never heard of are empty."""
    keys = [(bucket(m), m) for m in ms]
    columns = ["m", "ver", "row", "last_key", "legs", "online"]
    held = {row[0]: Held(*row) for row in turn.find(schema.members, columns, ["bucket", "m"], keys)}
    if len(held) < len(keys):
        held |= {m: Held(m) for _, m in keys if m not in held}
    online = [(bucket(m), m) for m, one in held.items() if one.online]
    for kept in turn.find(schema.cells, CELL_COLUMNS, ["bucket", "m"], keys):
        held[kept[1]].cells[kept[2], kept[3]] = kept
    for m, intent, *reserved in turn.find(
        schema.reserved, ["m", "intent", "store", "till", "pts", "inc", "term"], ["bucket", "m"], online
    ):
        held[m].reserved[intent] = Reserved(*reserved)
    for m, intent in turn.find(schema.voided, ["m", "intent"], ["bucket", "m"], online):
        held[m].voided.add(intent)
    return held


def histories(turn: Turn, ms: Iterable[int], kinds: frozenset[str]) -> dict[int, list[Operation]]:
    """All posted facts of members, of the kinds that are folded."""
    found: dict[int, list[Operation]] = defaultdict(list)
    for m, store, till, kind, body in turn.find(
        schema.facts, ["m", "store", "till", "kind", "body"], ["bucket", "m"], [(bucket(m), m) for m in ms]
    ):
        if kind in kinds:
            op = Operation(canonical.read_own(body), store, till)
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
    """What a judgement changed of one member; ``cells`` are those that differ from what was held."""

    held: Held
    row: list[Any]
    last_key: Key
    legs: Sequence[Leg] = ()
    rights: Sequence[Leg] = ()
    expiry: Sequence[Leg] = ()
    at_once: Sequence[Leg] = ()
    cells: Iterable[CellRow] = ()


def cells_after(
    held: Held, scheds: Mapping[Agent, str], visits: Iterable[tuple[Agent, int, bool]]
) -> list[CellRow]:
    """The cells of a standing that was changed, with new schedules and visits (till, day, whether bought)."""
    after: dict[Agent, CellRow] = {}
    for agent, cell in held.standing.cells.items():
        kept = held.cells.get(agent) or new_cell(held.m, agent)
        after[agent] = (
            *kept[:4], *cell.term, cell.granted, cell.allowance_used, cell.added, cell.local_used,
            int(cell.closed), scheds.get(agent, kept[11]), *kept[12:14], cell.taken,
        )  # fmt: skip
    for agent, day, bought in visits:
        if agent in after:
            kept = after[agent]
            days = _bought(kept[13], day) if bought else kept[13]
            after[agent] = (*kept[:12], max(kept[12], day), days, kept[14])
    return [kept for agent, kept in after.items() if held.cells.get(agent) != kept]


class Rows(NamedTuple):
    """What is written of one member, but for the number of the arrival; ``ver`` is what it was made on."""

    m: int
    ver: int
    row: str
    last_key: str
    legs: int
    online: int
    postings: list[tuple[Any, ...]]
    cells: Iterable[CellRow]


def rows_of(change: Change) -> Rows:
    """The rows of a change."""
    held = change.held
    m, n = held.m, held.legs
    shard = bucket(m)
    postings: list[tuple[Any, ...]] = []
    for leg in change.at_once:
        n += 1
        postings.append((shard, m, n, AT_ONCE, *leg))
    for kind, legs in ((FOLD, change.legs), (RIGHTS, change.rights), (EXPIRY, change.expiry)):
        for leg in legs:
            n += 1
            postings.append((shard, m, n, kind, *leg))
    st, store, till, op_id = change.last_key
    online = 1 if held.is_reserved_anew else held.online
    text, last_key = canonical.write_own(change.row), f"{st}/{store}/{till}/{op_id}"
    return Rows(m, held.ver, text, last_key, n, online, postings, change.cells)


def save(turn: Turn, changes: Sequence[Change], touched: int, drafted: Iterable[Rows] = ()) -> None:
    """Write rows, cells, reservations and new postings in a few statements. Raises ``Collision``."""
    fresh: list[tuple[Any, ...]] = []
    known: list[tuple[Any, ...]] = []
    postings: list[tuple[Any, ...]] = []
    cells: list[CellRow] = []
    shards: set[int] = set()
    for m, ver, row, last_key, legs, online, posted_here, cells_here in (*map(rows_of, changes), *drafted):
        shard = bucket(m)
        shards.add(shard)
        postings += posted_here
        cells += cells_here
        if ver:
            known.append((ver + 1, row, last_key, legs, touched, online, shard, m, ver))
        else:
            fresh.append((shard, m, 1, row, last_key, legs, touched, online))
    turn.put(schema.members, fresh)
    changed = turn.many(
        'UPDATE members SET ver = ?, "row" = ?, last_key = ?, legs = ?, touched = ?, online = ?'
        " WHERE bucket = ? AND m = ? AND ver = ?",
        known,
    )
    if changed != len(known):
        raise Collision
    turn.put(schema.changed, [(shard, touched) for shard in sorted(shards)], on_conflict="replace")
    turn.put(schema.postings, postings)
    turn.put(schema.cells, cells, on_conflict="replace")
    for change in changes:
        if change.held.is_reserved_anew:
            _save_reservations(turn, change.held.standing)


def _save_reservations(turn: Turn, standing: Standing) -> None:
    m = standing.m
    turn.run("DELETE FROM reserved WHERE bucket = ? AND m = ?", (bucket(m), m))
    turn.put(
        schema.reserved, [(bucket(m), m, intent, *rest) for intent, rest in sorted(standing.reserved.items())]
    )
    turn.put(
        schema.voided, [(bucket(m), m, intent) for intent in sorted(standing.voided)], on_conflict="ignore"
    )

"""The log's tables: which ack stands where, the perfect subtrees over them, and every head that was signed.

All three are only ever appended to. A subtree is written when its last leaf is; it never changes again, so
a root or a proof reads two rows for each doubling. A hole in the leaves cannot be written, since each step
goes on from what is there and the place is the key. ``arrived`` is the number of the batch in the order of
arrival, which is how far the log has come. What waits is found among the batches that no edition counts
yet, for which an index is there anyway: an intake writes nothing for the log, and an edition first gives
a place to everything that it is going to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from hub.store.engine import Turn
from hub.store.schema import metadata
from points.wire import tree
from points.wire.ack import leaf_entry

WHOLE = BigInteger().with_variant(Integer(), "sqlite")
LEAVES_A_STEP = 512

leaves = Table(
    "log_leaves",
    metadata,
    Column("idx", WHOLE, primary_key=True, autoincrement=False),
    Column("arrived", WHOLE, nullable=False),
    Column("store", Text, nullable=False),
    Column("till", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("first", WHOLE, nullable=False),
    Column("batch_id", Text, nullable=False),
    sqlite_strict=True,
)
Index("leaves_of_lane", leaves.c.store, leaves.c.till, leaves.c.epoch, leaves.c.first)
subtrees = Table(
    "log_subtrees",
    metadata,
    Column("level", WHOLE, nullable=False),
    Column("idx", WHOLE, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "idx"),
    sqlite_strict=True,
)
heads = Table(
    "log_heads",
    metadata,
    Column("inc", WHOLE, nullable=False),
    Column("size", WHOLE, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("inc", "size"),
    sqlite_strict=True,
)

Waiting = tuple[int, str, str, int, int, str, bytes]
"""(arrived, store, till, epoch, first, batch id, ack)"""


def size(look: Turn) -> int:
    """How many leaves there are."""
    row = look.one("SELECT idx + 1 FROM log_leaves ORDER BY idx DESC LIMIT 1")
    return int(row[0]) if row else 0


def waiting(look: Turn, limit: int) -> list[Waiting]:
    """What has no place yet, in the order of arrival."""
    last = look.one("SELECT arrived FROM log_leaves ORDER BY idx DESC LIMIT 1")
    rows = look.run(
        "SELECT arrived, store, till, epoch, first, batch_id, ack FROM batches"
        " WHERE g IS NULL AND arrived > ? ORDER BY arrived LIMIT ?",
        (int(last[0]) if last else -1, limit),
    )
    return [(*row[:6], bytes(row[6])) for row in rows]


def append_waiting(turn: Turn, limit: int = LEAVES_A_STEP) -> int:
    """Give up to ``limit`` of what waits their places; how many."""
    rows = waiting(turn, limit)
    append(turn, rows)
    return len(rows)


def append(turn: Turn, rows: Sequence[Waiting]) -> None:
    """Give what ``waiting`` told its places, and write every subtree that is whole by that."""
    at = size(turn)
    made: dict[tuple[int, int], bytes] = {}
    stored = reader(turn)
    for index, (*_, raw) in enumerate(rows, at):
        level, found = 0, tree.leaf(leaf_entry(raw))
        made[0, index] = found
        while index & 1:
            left = made.get((level, index - 1))
            found = tree.join(stored(level, index - 1) if left is None else left, found)
            level, index = level + 1, index >> 1
            made[level, index] = found
    turn.put(leaves, [(index, *row[:6]) for index, row in enumerate(rows, at)])
    turn.put(subtrees, [(*place, found) for place, found in made.items()])


def reader(look: Turn) -> tree.Subtree:
    """The stored perfect subtrees."""

    def subtree(level: int, index: int) -> bytes:
        row = look.one("SELECT hash FROM log_subtrees WHERE level = ? AND idx = ?", (level, index))
        assert row is not None, "a subtree is written with its last leaf"
        return bytes(row[0])

    return subtree


def acks(look: Turn, first: int, end: int) -> list[bytes]:
    """The acks at places [first, end), in order."""
    rows = look.run(
        "SELECT b.ack FROM log_leaves l JOIN batches b ON b.store = l.store AND b.till = l.till"
        " AND b.epoch = l.epoch AND b.first = l.first AND b.batch_id = l.batch_id"
        " WHERE l.idx >= ? AND l.idx < ? ORDER BY l.idx",
        (first, end),
    )
    return [bytes(raw) for (raw,) in rows]


def envelope_at(look: Turn, leaf: int) -> bytes:
    """The envelope whose ack is this leaf."""
    row = look.one(
        "SELECT b.envelope FROM log_leaves l JOIN batches b ON b.store = l.store AND b.till = l.till"
        " AND b.epoch = l.epoch AND b.first = l.first AND b.batch_id = l.batch_id WHERE l.idx = ?",
        (leaf,),
    )
    assert row is not None, "a leaf is an ack, which stands beside its envelope"
    return bytes(row[0])


def places(
    look: Turn, store: str, till: str, since: tuple[int, int], size: int, limit: int
) -> list[tuple[int, str]]:
    """(leaf, batch id) of a till's acks from the batch at ``since`` (epoch, first) on, oldest first, as far
    as a head of ``size`` speaks of them."""
    epoch, first = since
    rows = look.run(
        "SELECT idx, batch_id FROM log_leaves WHERE store = ? AND till = ?"
        " AND (epoch > ? OR (epoch = ? AND first >= ?)) AND idx < ? ORDER BY epoch, first LIMIT ?",
        (store, till, epoch, epoch, first, size, limit),
    )
    return [(int(leaf), batch_id) for leaf, batch_id in rows]


def notes(look: Turn, inc: int) -> list[bytes]:
    """Every head that was signed in an incarnation, smallest first."""
    rows = look.run("SELECT note FROM log_heads WHERE inc = ? ORDER BY size", (inc,))
    return [bytes(note) for (note,) in rows]


def outside(look: Turn) -> int:
    """How many acks have no place and wait for none."""
    row = look.one(
        "SELECT count(*) FROM batches b LEFT JOIN log_leaves l ON l.store = b.store AND l.till = b.till"
        " AND l.epoch = b.epoch AND l.first = b.first AND l.batch_id = b.batch_id"
        " WHERE l.idx IS NULL AND b.g IS NOT NULL"
    )
    assert row is not None
    return int(row[0])


class Head(NamedTuple):
    """A head that was signed: how many leaves, the note, when."""

    size: int
    note: bytes
    ms: int


def newest(look: Turn, inc: int) -> Head | None:
    """The newest head that was signed in an incarnation of headquarters."""
    row = look.one("SELECT size, note, ms FROM log_heads WHERE inc = ? ORDER BY size DESC LIMIT 1", (inc,))
    return Head(int(row[0]), bytes(row[1]), int(row[2])) if row else None

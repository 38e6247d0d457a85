"""The log: where each ack stands, the subtrees over them, the heads that were signed.

What was taken in before there was a log gets its place here, in the order of arrival: afterwards only what no
edition counts yet is looked through.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LEAVES_A_STEP = 512


def upgrade() -> None:
    """Create the tables, and fill them with what is there."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    leaves = op.create_table(
        "log_leaves",
        sa.Column("idx", whole, primary_key=True, autoincrement=False),
        sa.Column("arrived", whole, nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("epoch", whole, nullable=False),
        sa.Column("first", whole, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
    op.create_index("leaves_of_lane", "log_leaves", ["store", "till", "epoch", "first"])
    subtrees = op.create_table(
        "log_subtrees",
        sa.Column("level", whole, nullable=False),
        sa.Column("idx", whole, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_heads",
        sa.Column("inc", whole, nullable=False),
        sa.Column("size", whole, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("ms", whole, nullable=False),
        sa.PrimaryKeyConstraint("inc", "size"),
        sqlite_strict=True,
    )
    op.create_index("batches_arrived", "batches", ["arrived"])  # for this once: no intake pays for it
    on_the_right: dict[int, bytes] = {}  # level -> the last whole subtree that has no sister yet
    at = 0
    for rows in _arrived():
        told, made = [], []
        for row in rows:
            told.append((at, *row[:6]))
            level, index, found = 0, at, sha256(b"\0" + _header(bytes(row[6]))).digest()
            made.append((level, index, found))
            while index & 1:
                found = sha256(b"\1" + on_the_right.pop(level) + found).digest()
                level, index = level + 1, index >> 1
                made.append((level, index, found))
            on_the_right[level] = found
            at += 1
        op.bulk_insert(leaves, [dict(zip(leaves.columns.keys(), row, strict=True)) for row in told])
        op.bulk_insert(subtrees, [dict(zip(subtrees.columns.keys(), row, strict=True)) for row in made])
    op.drop_index("batches_arrived", "batches")


def _arrived() -> Iterator[list[Any]]:
    """What was taken in, a few at a time."""
    ask = sa.text(
        "SELECT arrived, store, till, epoch, first, batch_id, ack FROM batches"
        " WHERE arrived > :last ORDER BY arrived LIMIT :most"
    )
    last = -1
    while rows := op.get_bind().execute(ask, {"last": last, "most": LEAVES_A_STEP}).fetchall():
        yield list(rows)
        last = rows[-1][0]


def _header(ack: bytes) -> bytes:
    """The header of `JFR1`: four bytes of magic, four of its length, itself."""
    return ack[8 : 8 + int.from_bytes(ack[4:8], "big")]

"""The log: where each ack stands, the subtrees over them, the heads that were signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "log_leaves",
        sa.Column("idx", whole, primary_key=True, autoincrement=False),
        sa.Column("arrived", whole, nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ix_log_leaves_batch_id", "log_leaves", ["batch_id"])
    op.create_index("batches_arrived", "batches", ["arrived", "store"])
    op.create_table(
        "log_subtrees",
        sa.Column("level", whole, nullable=False),
        sa.Column("idx", whole, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_heads",
        sa.Column("size", whole, primary_key=True, autoincrement=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("ms", whole, nullable=False),
        sqlite_strict=True,
    )

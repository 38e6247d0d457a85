"""Members to whom no risk is taken, and debts that two people have written off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHARD = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "denied",
        sa.Column("bucket", SHARD, nullable=False),
        sa.Column("m", WHOLE, nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("denied", WHOLE, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "m", "at_ms"),
        sqlite_strict=True,
    )
    op.create_table(
        "written_off",
        sa.Column("bucket", SHARD, nullable=False),
        sa.Column("m", WHOLE, nullable=False),
        sa.Column("asked_ms", WHOLE, nullable=False),
        sa.Column("pts", WHOLE, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_in", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_ms", WHOLE, nullable=True),
        sa.Column("op_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "m", "asked_ms"),
        sqlite_strict=True,
    )

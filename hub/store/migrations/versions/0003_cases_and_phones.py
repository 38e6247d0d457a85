"""What people do with cases, operations that they dismissed, and when a phone's owner was last seen."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables more; an index of phones with the time when each was last seen."""
    op.create_table(
        "case_acts",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "n"),
    )
    op.create_table(
        "dismissed",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store", "till", "epoch", "seq"),
    )
    kept = op.get_bind().execute(sa.text("SELECT store, tag, m FROM phone_tags")).fetchall()
    op.drop_table("phone_tags")
    tags = op.create_table(
        "phone_tags",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("m", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", "tag"),
    )
    now = int(time.time() * 1000)
    op.bulk_insert(tags, [{"store": s, "tag": t, "m": m, "seen_ms": now} for s, t, m in kept])

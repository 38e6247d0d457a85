"""Who may refund a sale: what was ceded, what is reserved, and which till is asked for its right."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHARD = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables; nobody had ceded or reserved anything before."""
    op.create_table(
        "ceded",
        sa.Column("op_bucket", SHARD, nullable=False),
        sa.Column("sale", sa.Text(), nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("op_bucket", "sale"),
        sqlite_strict=True,
    )
    op.create_table(
        "refund_reserved",
        sa.Column("op_bucket", SHARD, nullable=False),
        sa.Column("sale", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("inc", WHOLE, nullable=False),
        sa.Column("term", WHOLE, nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("ended", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("op_bucket", "sale", "intent", "store", "till"),
        sqlite_strict=True,
    )
    op.create_index("refunds_of_agent", "refund_reserved", ["store", "till", "op_bucket"], unique=False)
    op.create_table(
        "refund_wanted",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("sale", sa.Text(), nullable=False),
        sa.Column("asked_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "till", "epoch", "sale"),
        sqlite_strict=True,
    )

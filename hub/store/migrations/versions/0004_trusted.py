"""What was spent by trust, operation by operation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "trusted",
        sa.Column("bucket", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("m", WHOLE, nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("pts", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("bucket", "m", "op_id"),
        sqlite_strict=True,
    )
    op.create_index("trusted_of_pc", "trusted", ["store", "till", "epoch", "bucket"], unique=False)

"""Which blocks of numbers are at home outside the main region, and who was seen away from home, where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHARD = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "blocks",
        sa.Column("bucket", SHARD, nullable=False),
        sa.Column("first", WHOLE, nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "first"),
        sqlite_strict=True,
    )
    op.create_table(
        "visits",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("bucket", SHARD, nullable=False),
        sa.Column("m", WHOLE, nullable=False),
        sa.Column("day", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "bucket", "m"),
        sqlite_strict=True,
    )

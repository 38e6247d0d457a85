"""A later word on an operation says from which edition of members on it is counted there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Words told so far are counted by every edition that is still to come."""
    with op.batch_alter_table("told") as told:
        told.add_column(sa.Column("g", sa.BigInteger(), nullable=True))
    op.execute("UPDATE told SET g = 0")
    op.create_index(
        "told_unnumbered",
        "told",
        ["store", "till"],
        sqlite_where=sa.text("g IS NULL"),
        postgresql_where=sa.text("g IS NULL"),
    )

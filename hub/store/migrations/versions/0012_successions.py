"""Keys that continue another lane after a fork: which one, from where, and what was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("keys", sa.Column("parent", sa.Text(), nullable=False, server_default=""))
    op.add_column("keys", sa.Column("parent_seq", whole, nullable=False, server_default="0"))
    op.add_column("keys", sa.Column("parent_head", sa.Text(), nullable=False, server_default=""))
    op.add_column("keys", sa.Column("granted", sa.LargeBinary()))

"""A cell counts what sister tills have given it in its term."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody was given anything before."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("cells", sa.Column("taken", whole, nullable=False, server_default="0"))

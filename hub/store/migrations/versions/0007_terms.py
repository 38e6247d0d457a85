"""A key says in which rights term its PC began; until now it was reckoned from the latest one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; each PC of a till began one term after the one before it."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("keys", sa.Column("term", whole, nullable=False, server_default="0"))
    op.execute(
        "UPDATE keys SET term = (SELECT a.term - a.epoch + keys.epoch FROM agents a"
        " WHERE a.store = keys.store AND a.till = keys.till)"
        " WHERE EXISTS (SELECT 1 FROM agents a WHERE a.store = keys.store AND a.till = keys.till)"
    )

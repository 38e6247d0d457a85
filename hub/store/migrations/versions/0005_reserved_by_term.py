"""A reservation says in which term of its till it was made.

One that was made before this step says term 0: whatever closes a term of its till ends it, as it did then.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("reserved", sa.Column("inc", whole, nullable=False, server_default="1"))
    op.add_column("reserved", sa.Column("term", whole, nullable=False, server_default="0"))

"""Whose operations of a till wait, found without those of a PC that is doubted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NOT_DOUBTED = sa.text("substr(on_what, 1, 3) <> 'pc:'")


def upgrade() -> None:
    """Create the index."""
    op.create_index(
        "waiting_of",
        "waiting",
        ["store", "till", "m"],
        sqlite_where=NOT_DOUBTED,
        postgresql_where=NOT_DOUBTED,
    )

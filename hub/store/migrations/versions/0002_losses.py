"""PCs that were declared lost: by whom, why, and what came home by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """A whole number."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=nullable)


def text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """A text."""
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "losses",
        text("store"),
        text("till"),
        whole("inc"),
        whole("term"),
        whole("epoch"),
        text("evidence"),
        text("asked_by"),
        text("asked_in"),
        whole("asked_ms"),
        text("approved_by", nullable=True),
        whole("approved_ms", nullable=True),
        whole("seq"),
        whole("pts"),
        sa.PrimaryKeyConstraint("store", "till", "epoch"),
        sqlite_strict=True,
    )

"""Operations are remembered in the order of their time, facts in the order of their arrival.

An operation's id begins with its time; keyed by it first, a batch touches neighbouring pages and not one
in every bucket. A fact's key was its id too; a number is a third as long.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write both tables once more, with their new keys."""
    op.rename_table("op_seen", "op_seen_before")
    op.create_table(
        "op_seen",
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("op_bucket", sa.SmallInteger(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("m", sa.BigInteger(), nullable=True),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("op_id", "op_bucket"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO op_seen (op_id, op_bucket, store, till, epoch, seq, digest, m, posted)"
        " SELECT op_id, op_bucket, store, till, epoch, seq, digest, m, posted"
        " FROM op_seen_before ORDER BY op_id"
    )
    op.drop_table("op_seen_before")
    op.rename_table("facts", "facts_before")
    op.create_table(
        "facts",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("m", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "m", "n"),
    )
    op.execute(
        "INSERT INTO facts (bucket, m, n, op_id, store, till, kind, body)"
        " SELECT bucket, m, row_number() OVER (ORDER BY op_id), op_id, store, till, kind, body"
        " FROM facts_before"
    )
    op.drop_table("facts_before")

"""Several sealed boxes of one operation may wait, each under the hash that an operation would commit to."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write the boxes that wait once more, with their new key."""
    kept = op.get_bind().execute(sa.text("SELECT op_bucket, op_id, blob FROM sealed")).fetchall()
    op.drop_table("sealed")
    boxes = op.create_table(
        "sealed",
        sa.Column("op_bucket", sa.SmallInteger(), nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("pii", sa.Text(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("op_bucket", "op_id", "pii"),
    )
    rows = [(shard, op_id, bytes(blob)) for shard, op_id, blob in kept]
    op.bulk_insert(
        boxes,
        [
            {"op_bucket": shard, "op_id": op_id, "pii": sha256(blob).hexdigest(), "blob": blob}
            for shard, op_id, blob in rows
        ],
    )

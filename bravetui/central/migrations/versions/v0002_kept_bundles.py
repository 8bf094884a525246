"""Rescue bundles that wait for a manager."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kept_bundle",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.Column("carried_by", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_kept_bundle"),
    )


def downgrade() -> None:
    """Kept work is not taken back."""
    raise NotImplementedError(
        "A kept bundle may be the only copy of somebody's work: restore a backup instead."
    )

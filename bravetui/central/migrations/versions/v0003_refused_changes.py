"""Changes that central refused, kept for the office."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "refused_change",
        sa.Column("device", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counter", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organization_id", sa.String(36), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(64), nullable=True),
        sa.Column("settled_as", sa.String(20), nullable=True),
        sa.PrimaryKeyConstraint("device", "counter", name="pk_refused_change"),
    )
    op.create_index("ix_refused_change_organization_id", "refused_change", ["organization_id", "settled_at"])


def downgrade() -> None:
    """Kept work is not taken back."""
    raise NotImplementedError(
        "A refused change may be the only copy of somebody's work: restore a backup instead."
    )

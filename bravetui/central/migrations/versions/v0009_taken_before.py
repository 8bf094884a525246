"""Of what waits for another record: whether a central of before had taken it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column(
        "parked_change", sa.Column("taken_before", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.alter_column("parked_change", "taken_before", server_default=None)


def downgrade() -> None:
    """What waits is not forgotten."""
    raise NotImplementedError("What waits is not taken back: restore a backup instead.")

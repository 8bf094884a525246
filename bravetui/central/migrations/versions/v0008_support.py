"""Who really sat there, in the log of who was let in, where the provider said that somebody plays the account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("audit_event", sa.Column("actor", sa.String(64), nullable=True))


def downgrade() -> None:
    """What is on record stays."""
    raise NotImplementedError("A record of who was let in is not taken back: restore a backup instead.")

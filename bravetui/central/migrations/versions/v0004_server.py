"""On which server numbers were last given: another one may lack the last of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there counts as another server, which costs one number."""
    op.add_column("central_state", sa.Column("server", sa.String(80), nullable=False, server_default=""))
    op.alter_column("central_state", "server", server_default=None)


def downgrade() -> None:
    """A number that was given is not taken back."""
    raise NotImplementedError("Numbers only rise: restore a backup instead.")

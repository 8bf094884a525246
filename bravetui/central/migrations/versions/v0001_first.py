"""The first schema: the site's tables, the ledger, devices and codes. Its SQL stands beside it, frozen."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make everything."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(text(statement))


def downgrade() -> None:
    """There is nothing before the first schema; a ledger is not taken back."""
    raise NotImplementedError("The first schema cannot be taken back: restore a backup instead.")

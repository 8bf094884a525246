"""The step that the update of central's program brings (`simulate.older`); it may be stopped after every statement."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from bravetui.base.fault import fault
from bravetui.simulate.crash import UPDATING
from bravetui.simulate.older import CENTRALS_LAST, CENTRALS_STEP, CENTRALS_UPDATE

revision = CENTRALS_STEP
down_revision = CENTRALS_LAST
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Statement by statement."""
    for statement in CENTRALS_UPDATE:
        op.execute(text(statement))
        fault(UPDATING)


def downgrade() -> None:
    """No month goes back."""
    raise NotImplementedError

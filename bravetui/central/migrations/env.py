"""Runs central's migrations on the connection that `database.migrate` hands over. Alembic loads this file by path."""

from __future__ import annotations

from alembic import context

from bravetui.base.fault import fault
from bravetui.central.tables import CENTRAL
from bravetui.db.added import columns_of, note_added
from bravetui.db.kinds import KINDS
from bravetui.db.tables import SITE

assert KINDS
connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=[SITE, CENTRAL], compare_type=True, transactional_ddl=True
)
with context.begin_transaction():
    before = columns_of(connection)
    context.run_migrations()
    fault("inside_central_migration")
    note_added(connection, before)
    fault("inside_central_migration")

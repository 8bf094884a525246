"""The reading lock: a look at the tables that holds a person's own unfinished work, what starting a form takes, and no more.

For the length of one transaction each table of records is covered by a view of the same name, which holds only the rows
that may still be shown. So no query asks whether it may, and none can forget to. The outbox, the receipts and the sync log
are this laptop's own word and stay whole.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, MetaData, Table, exists, false, func, or_, select, true

from bravetui.db.device import Outbox, OutboxState, Receipt
from bravetui.db.kinds import KINDS
from bravetui.db.site import EDITABLE

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]

_main = MetaData()
_TABLES = {name: kind.table.to_metadata(_main, schema="main") for name, kind in KINDS.items()}

_FOR_STARTING = ("project", "form_template", "compliance_rule")
"""Kinds that stay: where one works, and the forms there are. They tell of no person."""


def narrow(connection: Connection, user_id: str) -> None:
    """Show only this person's own unfinished work until the transaction ends. To be called in one that only reads."""
    for name, table in _TABLES.items():
        query = select(table).where(_stays(name, table, user_id))
        told = query.compile(connection, compile_kwargs={"literal_binds": True})
        quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
        connection.exec_driver_sql(f"CREATE TEMPORARY VIEW {quoted} AS {told}")


def _stays(name: str, table: Table, user_id: str) -> ColumnElement[bool]:
    """Which rows of a kind may still be shown."""
    if name in _FOR_STARTING:
        return true()
    if name == "user":
        return table.c.id == user_id
    if name == "project_member":
        return table.c.user_id == user_id
    if name == "conflict":
        return false()
    if name == "submission":
        return _own_form(table, user_id)
    unconfirmed = _changed_here(name, table, user_id, unconfirmed=True)
    forms = _TABLES["submission"]
    of_own_form = exists().where(forms.c.scope_id == table.c.scope_id, _own_form(forms, user_id))
    if name == "signature":
        return or_(unconfirmed, of_own_form.where(forms.c.id == table.c.submission_id))
    if name == "inspection":
        return or_(unconfirmed, of_own_form.where(forms.c.id == table.c.submission_id))
    if name == "weather_event":
        walks = _TABLES["inspection"]
        of_own_walk = exists().where(
            walks.c.scope_id == table.c.scope_id, walks.c.weather_event_id == table.c.id,
            forms.c.scope_id == walks.c.scope_id, forms.c.id == walks.c.submission_id, _own_form(forms, user_id),
        )  # fmt: skip
        return or_(unconfirmed, of_own_walk)
    return unconfirmed


def _own_form(forms: Table, user_id: str) -> ColumnElement[bool]:
    """What he began or wrote in, and has not handed in; and what central has not confirmed."""
    signed_for = exists().where(
        _receipts.c.scope_id == forms.c.scope_id, _receipts.c.kind == "submission", _receipts.c.record_id == forms.c.id
    )  # fmt: skip
    began_or_wrote = or_(
        forms.c.author_id == user_id,
        _changed_here("submission", forms, user_id, unconfirmed=False),
        signed_for,
    )
    draft = forms.c.status.in_(sorted(EDITABLE)) & began_or_wrote
    return or_(draft, _changed_here("submission", forms, user_id, unconfirmed=True))


def _changed_here(name: str, table: Table, user_id: str, *, unconfirmed: bool) -> ColumnElement[bool]:
    change = exists().where(
        _outbox.c.scope_id == table.c.scope_id, _outbox.c.kind == name, _outbox.c.record_id == table.c.id,
        func.json_extract(_outbox.c.body, "$.author_id") == user_id,
    )  # fmt: skip
    return change.where(_outbox.c.state != OutboxState.CONFIRMED.value) if unconfirmed else change

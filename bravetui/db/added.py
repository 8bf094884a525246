"""Columns that an update adds to a table of records: in the rows that are there, nobody has written that cell.

A row keeps only which columns are `absent`; one that its program did not know yet would pass for a cell that was written
with all the others, and be compared, merged and handed on as one. So whoever changes the schema, here or at central, has
the rows say so, in the same transaction. A value that a newer program sent, kept in `extra`, is that cell and stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, inspect, text

from bravetui.db.tables import SITE

_ABSENT = {
    "sqlite": """
        UPDATE {table} SET stamps = json_insert(
            CASE WHEN json_type(stamps, '$.absent') IS NULL THEN json_set(stamps, '$.absent', json('[]')) ELSE stamps END,
            '$.absent[#]', :name
        ) WHERE json_type(stamps, '$.rest') IS NOT NULL AND json_type(extra, '$.' || :name) IS NULL
    """,
    "postgresql": """
        UPDATE {table} SET stamps = jsonb_set(
            stamps, '{{absent}}', coalesce(stamps -> 'absent', '[]') || to_jsonb(CAST(:name AS text))
        ) WHERE jsonb_exists(stamps, 'rest') AND NOT jsonb_exists(extra, :name)
    """,
}


def columns_of(connection: Connection) -> dict[str, frozenset[str]]:
    """The columns that the tables of records have now, by table; none of a table that is not there."""
    found = inspect(connection).get_multi_columns(filter_names=list(SITE.tables))
    return {name: frozenset(column["name"] for column in columns) for (_, name), columns in found.items()}


def note_added(connection: Connection, before: Mapping[str, frozenset[str]]) -> None:
    """Let every row say that it has no cell in a column which its table had not `before`."""
    for table, columns in columns_of(connection).items():
        for name in sorted(columns - before.get(table, columns)):
            update = _ABSENT[connection.dialect.name].format(table=f'"{table}"')
            connection.execute(text(update), {"name": name})

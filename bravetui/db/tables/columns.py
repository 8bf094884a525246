"""How a column says what it holds and how it merges: `merged(rule)`, `parent(kind)`, and types that both engines share.

SQLModel's own naming of constraints is fixed here, before the first table, since migrations compare by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, BigInteger, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from bravetui.merge.rules import FieldRule, Rule

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

SITE = MetaData(naming_convention=NAMING)
"""Tables that the laptop and central share."""

DEVICE = MetaData(naming_convention=NAMING)
"""Tables that only a laptop has."""

JsonType = JSON().with_variant(JSONB(), "postgresql")
"""JSON text on the laptop, JSONB at central."""


def merged(
    rule: Rule,
    *,
    order: tuple[str, ...] = (),
    group: str | None = None,
    default: Any = None,
    document: bool = False,
    rows: Mapping[str, FieldRule] | None = None,
    json: type[list[Any] | dict[str, Any]] | None = None,
    **field: Any,
) -> Any:
    """Declare a field with its merge rule.

    `order` and `group` are as in `FieldRule`. `document` marks a JSON column whose inner paths are cells of their own
    (answers, repeat rows); `rows` are the rules of its rows' fields by name, those of answers come from the form template.
    `json` is `list` or `dict` for a JSON column that is one cell.
    """
    told = {
        "rule": FieldRule(rule, order, group, default),
        "document": document,
        "rows": rows or {},
        **field.pop("info", {}),
    }
    if document or json:
        return Field(default_factory=json or dict, sa_type=JsonType, sa_column_kwargs={"info": told}, **field)
    return Field(default=default, sa_column_kwargs={"info": told}, **field)


def parent(kind: str, rule: Rule = Rule.SERVER_WINS, **field: Any) -> Any:
    """Declare a reference to a record of `kind` in the same scope; central parks a change whose parent is not there yet."""
    return merged(rule, info={"parent": kind}, max_length=36, **field)


class Synced(SQLModel):
    """What every synced row carries, before its own fields. The primary key begins with the scope: central shards by it."""

    metadata = SITE

    scope_id: str = Field(primary_key=True, max_length=36)
    id: str = Field(primary_key=True, max_length=36)
    """UUIDv7 made by the author's device."""
    seq: int = Field(default=0, sa_type=BigInteger, index=False)
    """Central's number of the last change in it; 0 while only this laptop has it."""
    version: Mapping[str, int] = Field(default_factory=dict, sa_type=JsonType)
    """Version vector."""
    stamps: Mapping[str, Any] = Field(default_factory=dict, sa_type=JsonType)
    """Which changes, and when, each cell comes from: `rest` the commonest stamp, `cells` the others, `absent` columns."""
    deleted: bool = Field(default=False)
    """Tombstone."""
    extra: Mapping[str, Any] = Field(default_factory=dict, sa_type=JsonType)
    """Cells that a newer program sent and this one does not know: kept, and used after an upgrade."""

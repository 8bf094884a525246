"""A cell's JSON value and a column's typed value: the one place where the two meet.

Both directions are total on what the other produces, so a value that went through a column comes back as it went in.
Raises Refused (code `invalid_field`) for a value that the column cannot hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.base.errors import Refused

INTEGER_MAX = 2**31 - 1


def _spelled(value: Any) -> str:
    return to_json(value).decode()


JSON_COLUMNS: Mapping[str, Any] = {"json_serializer": _spelled, "json_deserializer": from_json}
"""For `create_engine`: JSON columns go through pydantic's parser. A month's return reads and writes fifty thousand of them,
a fifth of its time with the standard library's."""


def plain_type(column: Column[Any]) -> TypeEngine[Any]:
    """The type of a column as SQL has it."""
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def to_column(column: Column[Any], value: Json) -> Any:
    """The typed value that a column stores for a cell's JSON value."""
    if value is None:
        if column.nullable:
            return None
        raise _invalid(column, "must not be empty")
    kind = plain_type(column)
    for family, convert in _CONVERT:
        if isinstance(kind, family):
            return convert(column, kind, value)
    raise AssertionError(f"no conversion for {column}")


def to_cell(value: Any) -> Json:
    """The JSON value of what a column holds."""
    if isinstance(value, datetime):
        return local_time(value, UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value  # type: ignore[no-any-return]


def _invalid(column: Column[Any], what: str) -> Refused:
    return Refused(
        f"{column.name.replace('_', ' ').capitalize()} {what}.",
        "Mend it and send it again.",
        code="invalid_field",
        field=column.name,
    )


def _text(column: Column[Any], kind: Any, value: Json) -> str:
    if not isinstance(value, str):
        raise _invalid(column, "must be text")
    if kind.length and len(value) > kind.length:
        raise _invalid(column, f"is longer than {kind.length} characters")
    return value


def _whole(column: Column[Any], kind: Any, value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INTEGER_MAX:
        raise _invalid(column, "must be a whole number")
    return value


def _flag(column: Column[Any], kind: Any, value: Json) -> bool:
    if not isinstance(value, bool):
        raise _invalid(column, "must be true or false")
    return value


def _moment(column: Column[Any], kind: Any, value: Json) -> datetime:
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _invalid(column, "must be a date and time with its offset, like 2026-08-03T08:30:00-07:00")


def _day(column: Column[Any], kind: Any, value: Json) -> date:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _invalid(column, "must be a date like 2026-08-03")


def _json(column: Column[Any], kind: Any, value: Json) -> Any:
    if not isinstance(value, dict | list):
        raise _invalid(column, "must be a list or an object")
    return value


_CONVERT: tuple[tuple[Any, Any], ...] = (
    (JSON, _json),
    (Boolean, _flag),
    (Integer, _whole),
    (DateTime, _moment),
    (Date, _day),
    (String, _text),
)
"""First match wins."""

"""Checks a value against the part of JSON Schema (2020-12) that an OpenAPI page made by pydantic uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_KNOWN = {
    "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "examples", "format",
    "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "prefixItems",
    "properties", "required", "title", "type",
}  # fmt: skip


def check(value: Any, schema: Any, page: dict[str, Any], place: str = "it") -> None:
    """Assert that the value is what the schema says; `page` resolves its references."""
    if schema is True:
        return
    assert set(schema) <= _KNOWN, f"{place}: the checker does not know {set(schema) - _KNOWN}"
    if "$ref" in schema:
        found: Any = page
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        check(value, found, page, place)
    if "anyOf" in schema:
        assert any(_fits(value, part, page) for part in schema["anyOf"]), (
            f"{place} is none of {schema['anyOf']}"
        )
    if "type" in schema:
        fits = isinstance(value, _TYPES[schema["type"]]) and isinstance(value, bool) <= (
            schema["type"] == "boolean"
        )
        assert fits, f"{place} is not of the type {schema['type']}: {value!r}"
    assert "enum" not in schema or value in schema["enum"], f"{place} is not one of {schema['enum']}"
    assert "const" not in schema or value == schema["const"], f"{place} is not {schema['const']}"
    for kind, inside in _INSIDE.items():
        if isinstance(value, kind):
            inside(value, schema, page, place)


def _check_text(value: str, schema: dict[str, Any], page: dict[str, Any], place: str) -> None:
    assert re.search(schema.get("pattern", ""), value), f"{place} does not match {schema['pattern']}"
    assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)), (
        f"{place}: its length"
    )


def _check_list(value: list[Any], schema: dict[str, Any], page: dict[str, Any], place: str) -> None:
    kinds = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        told = kinds[index] if index < len(kinds) else schema.get("items", True)
        check(item, told, page, f"{place}[{index}]")


def _check_object(value: dict[str, Any], schema: dict[str, Any], page: dict[str, Any], place: str) -> None:
    missing = set(schema.get("required", ())) - set(value)
    assert not missing, f"{place} lacks {missing}"
    for name, item in value.items():
        told = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
        assert told is not False, f"{place} has an unknown {name}"
        check(item, told, page, f"{place}.{name}")


_INSIDE: dict[type, Callable[[Any, dict[str, Any], dict[str, Any], str], None]] = {
    str: _check_text,
    dict: _check_object,
    list: _check_list,
}


def _fits(value: Any, schema: Any, page: dict[str, Any]) -> bool:
    try:
        check(value, schema, page)
    except AssertionError:
        return False
    return True

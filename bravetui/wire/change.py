"""A change: who, when, which record, which fields from what to what, and what its author had seen.

A change is its dot and its content hash. Same both: the same change, sent again. Same dot and another hash: a twin, a
laptop restored from an image or cloned. The bytes that are hashed are canonical JSON, the same at both ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
)

from bravetui.base.canonical import Json, content_hash
from bravetui.base.errors import BadInput, BravetuiError
from bravetui.base.text import safe_line
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell, RecordState, laid
from bravetui.merge.version import Dot, VersionVector

REFILLED = "Central was restored from a backup; this laptop still had it."
"""The reason of a change by which a laptop hands in what a restored central has lost."""


def _parsed(kind: type, parse: Any) -> PlainValidator:
    def validate(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return parse(value)
        except (BravetuiError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(str(error)) from error

    return PlainValidator(validate)


WireDot = Annotated[
    Dot, _parsed(Dot, Dot.parse), PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\.\d+$", "examples": ["3.17"]}),
]  # fmt: skip
"""A dot on the wire: device number, full stop, counter."""

WireHlc = Annotated[
    Hlc, _parsed(Hlc, Hlc.parse), PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9a-f]{15}$"}),
]  # fmt: skip
"""A hybrid logical clock stamp: fifteen hexadecimal digits that sort as the stamps do."""

WireVector = Annotated[
    VersionVector, _parsed(VersionVector, VersionVector.from_json),
    PlainSerializer(VersionVector.to_json, return_type=dict[str, int]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "integer"}, "examples": [{"3": 17}]}),
]  # fmt: skip
"""A version vector on the wire: counters by device number."""


def _storable(value: Any) -> Any:
    """The value itself. Refuses what one of the two databases would change or choke on."""
    kind = type(value)
    if kind is str:
        if "\x00" in value or not (value.isascii() or _has_utf8(value)):
            raise ValueError("text holds a character that cannot be stored (NUL or half a surrogate pair)")
    elif kind is float:
        raise ValueError('a number with a fraction or an exponent must travel as a string, like "0.42"')
    elif kind is dict:
        for key, inner in value.items():
            _storable(key)
            _storable(inner)
    elif kind in (list, tuple):
        for inner in value:
            _storable(inner)
    return value


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


WireJson = Annotated[
    Any, BeforeValidator(_storable),
    WithJsonSchema({"description": "Any JSON value without binary floating point: decimals travel as strings."}),
]  # fmt: skip


class Message(BaseModel):
    """Base of all wire types: immutable; fields that this version does not know are kept, never dropped."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)


def first_fault(error: ValidationError, whole: str = "the change") -> str:
    """Where a message is wrong and how, for a person; `whole` names the message where the fault has no place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or whole
    return safe_line(f"{place}: {first['msg'].removeprefix('Value error, ').rstrip('.')}")


class Op(StrEnum):
    """What the author meant, for people and permissions; merging looks at the cells alone."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    DECIDE = "decide"
    """Settles a conflict: an edit whose author has seen both values."""


EDITS_MAX = 5_000
"""Texts of one change that come as edits: as many as it may have fields."""


def _few(edits: object) -> object:
    """Counted before they are read, since each that is wrong would be told."""
    if isinstance(edits, dict) and len(edits) > EDITS_MAX:
        raise ValueError(f"more than {EDITS_MAX:,} edits")
    return edits


class TextEdit(Message):
    """A long text as what was done to one that both ends have (`wire.texts`)."""

    base: str
    """The text before: the first 16 hexadecimal digits of SHA-256 over its UTF-8."""
    steps: tuple[StrictInt | StrictStr, ...]
    """Keep n code points of it (n), leave out n (-n), or put in a string; from its first to its last."""


class Said(Message):
    """What a value that is handed in once more bore: it is the same cell as before."""

    dots: tuple[WireDot, ...] = Field(min_length=1)
    """The changes that the value stands for, sorted."""
    hlc: WireHlc
    """When the last of them was made."""


class Change(Message):
    """One entry of the ledger as its author wrote it."""

    dot: WireDot
    scope_id: str = Field(min_length=1, max_length=64)
    """Organization or project: the unit of permission, ordering and paging."""
    kind: str = Field(min_length=1, max_length=40)
    record_id: str = Field(min_length=1, max_length=64)
    op: Op
    context: WireVector
    """What the author had seen of this record; covers none of its own dot."""
    before: dict[str, WireJson] = Field(default_factory=dict)
    """Values that the author replaced, by path; absent for a path that had none."""
    after: dict[str, WireJson]
    """Values that the author left, by path. None empties a field or removes a row."""
    hlc: WireHlc
    author_id: str
    at: AwareDatetime
    """The author's wall clock: shown to people, never used to order."""
    reason: str | None = None
    """Why, where the author gave a reason: a decision, a correction of a submitted form."""
    conflict_id: str | None = None
    """The conflict that a decision settles."""
    said: dict[str, Said] = Field(default_factory=dict)
    """Of values handed in once more (`REFILLED`): whose words they are, and when each was said, by path. To repeat them
    makes them no other word, and no later one."""
    edits: Annotated[dict[str, TextEdit], BeforeValidator(_few)] = Field(default_factory=dict)
    """On its way only: long texts by path, in neither `before` nor `after`. Nothing with edits is hashed or stored."""
    whole: str = ""
    """With edits: the first 16 digits of the hash of the change as it was written, to know it again."""

    def to_json(self) -> dict[str, Json]:
        """The JSON object whose canonical bytes are hashed, stored and sent.

        Fields at their default are left out, so that a field added later does not change the hash of older changes, nor
        make two versions of the program disagree about it.
        """
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def hash(self) -> str:
        """The content hash (SHA-256, hexadecimal)."""
        return content_hash(self.to_json())

    def stamp_of(self, path: str) -> Hlc:
        """When the value at a path was said: with the change, unless it was handed in once more."""
        return self.said[path].hlc if path in self.said else self.hlc

    def dots_of(self, path: str) -> tuple[Dot, ...]:
        """The changes that the value at a path stands for: this one, unless it was handed in once more."""
        return self.said[path].dots if path in self.said else (self.dot,)

    def cells(self) -> dict[str, Cell]:
        """The touched cells as the author left them."""
        return {
            path: Cell(value, self.dots_of(path), self.stamp_of(path)) for path, value in self.after.items()
        }

    def author_state(self) -> RecordState:
        """The touched cells as the author left them, and all that he had seen."""
        return laid(RecordState({}, self.context), self.cells(), self.dot)

    def upon(self, values: Mapping[str, Json]) -> Change:
        """The change as one that replaced these values."""
        return self.model_copy(update={"before": {**self.before, **values}})

    def saying(self, values: Mapping[str, Json]) -> Change:
        """The change with other values at some paths: those are said now."""
        said = {path: one for path, one in self.said.items() if path not in values}
        return self.model_copy(update={"after": {**self.after, **values}, "said": said})


def make_change(
    *,
    dot: Dot,
    target: tuple[str, str, str],
    op: Op,
    context: VersionVector,
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    hlc: Hlc,
    author_id: str,
    at: datetime,
    reason: str | None = None,
    conflict_id: str | None = None,
    said: Mapping[str, Said] | None = None,
) -> Change:
    """Build a change; `target` is (scope id, kind, record id). Raises BadInput for values that cannot travel."""
    scope_id, kind, record_id = target
    try:
        return Change(
            dot=dot, scope_id=scope_id, kind=kind, record_id=record_id, op=op, context=context,
            before=dict(before), after=dict(after), hlc=hlc, author_id=author_id, at=at, reason=reason,
            conflict_id=conflict_id, said=dict(said or {}),
        )  # fmt: skip
    except ValidationError as error:
        what = f"This cannot be saved: {first_fault(error)}."
        raise BadInput(what, "Change that entry and save again.") from error

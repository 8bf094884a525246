"""Questions that a restored central has lost and a laptop still holds: what is taken of them, and what is not. Pure.

Central asks its questions itself, and a question is the only place where the side that lost still stands: with central and
its author's database both put back to before it, nobody would be asked, and the value would be gone. So a laptop hands in
what central lacks. It may do so for a record that it may write; who did is written into the question, since the two names
in it are known from that laptop alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
)

from bravetui.base.canonical import Json
from bravetui.base.errors import Refused
from bravetui.central.questions import conflict_id, duplicate_id
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.tables.conflict import DUPLICATE, HANDED_IN_BY, OPEN, RESOLVED, SETTLED
from bravetui.merge.version import Dot
from bravetui.wire.change import REFILLED, Change, Op, WireDot


def _moment(value: object) -> datetime:
    """A time as screens read it: pydantic would take a number for one, and a text of digits."""
    if not isinstance(value, str):
        raise ValueError("a time is a text")
    found = datetime.fromisoformat(value)
    if not MINYEAR < found.year < MAXYEAR:
        raise ValueError("a time that some zones have no date for")
    return found


_Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class _Side(BaseModel):
    model_config = ConfigDict(extra="forbid")

    values: dict[str, Any]
    dots: tuple[WireDot, ...]
    author_id: StrictStr
    at: _Moment
    device: StrictInt


class _Resolution(BaseModel):
    model_config = ConfigDict(extra="forbid")

    values: dict[str, Any] = {}
    reason: StrictStr | None = None
    set_aside: Literal["local", "remote"] | None = None
    same_as: StrictStr | None = None
    handed_in_by: StrictStr | None = None


class _Question(BaseModel):
    """Other columns of the kind are checked as any record's values are."""

    record_kind: StrictStr
    record_id: StrictStr
    paths: tuple[StrictStr, ...] = Field(min_length=1)
    rule: StrictStr
    base: dict[str, Any]
    local: _Side
    remote: _Side
    provisional: dict[str, Any]
    status: StrictStr
    opened_at: _Moment
    resolution: _Resolution


def is_offered(change: Change) -> bool:
    """Whether the change hands in a record of central's own that central has lost."""
    return change.kind == "conflict" and change.op is Op.CREATE and change.reason == REFILLED


def check_question(change: Change) -> tuple[Kind, list[dict[str, Json]]]:
    """The kind of the record that it is about, and the values that it holds for that, which are to be checked as such.

    Raises Refused for what central would not have asked: its id follows from the record, the fields and both sides.
    """
    try:
        told = _Question.model_validate(change.after)
    except ValidationError as error:
        at = ".".join(map(str, error.errors()[0]["loc"]))
        raise _not_a_question(f"{at} is not as central writes it") from error
    if told.status not in (OPEN, SETTLED, RESOLVED):
        raise _not_a_question("it is neither open nor decided")
    if told.record_kind not in KINDS or KINDS[told.record_kind].office_only:
        raise _not_a_question("it is about no record that anybody could write")
    if change.record_id != _id_of(told):
        raise _not_a_question("its number is not the one that central would have given it")
    held = [told.local.values, told.remote.values, told.base, told.provisional, told.resolution.values]
    if any(values.keys() - set(told.paths) for values in held):
        raise _not_a_question("it holds values that it does not ask about")
    return KINDS[told.record_kind], held


def question_of(after: Mapping[str, Json], author_id: str) -> dict[str, Json]:
    """The question as central writes it, with the name of who handed it in."""
    resolution = after["resolution"]
    assert isinstance(resolution, dict), "checked"
    return {**after, "resolution": {**resolution, HANDED_IN_BY: author_id}}


def _id_of(told: _Question) -> str:
    if told.rule == DUPLICATE:
        return duplicate_id(told.record_kind, told.record_id, told.resolution.same_as or "")
    dots: set[Dot] = {*told.local.dots, *told.remote.dots}
    return conflict_id((told.record_kind, told.record_id), told.paths, dots, told.rule)


def _not_a_question(why: str) -> Refused:
    return Refused(
        f"This is no question that central could have lost: {why}.",
        "Nothing needs to be done; the record that it is about is kept.",
        code="invalid_question",
    )

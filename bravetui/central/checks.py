"""What central asks of a change before it looks at any record: rights, shapes, sizes. Pure.

Every refusal is for a person to read, carries a stable code and, where one is at fault, the field. A laptop of this
program never fails them; a stranger's client, a bug or a forger may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput, Refused
from bravetui.base.text import clean_text, safe_line
from bravetui.central.access import Access
from bravetui.central.offered import check_question, is_offered
from bravetui.central.refusals import OFFICE_DECIDES
from bravetui.db.kinds import KINDS, Kind, kind_of
from bravetui.db.records import normalised
from bravetui.forms.template import Template
from bravetui.merge.state import DELETED, PATH_LENGTH_MAX
from bravetui.merge.version import Dot
from bravetui.wire.change import REFILLED, Change, Op

CHANGE_BYTES_MAX = 1024 * 1024
"""Largest change, as canonical JSON."""

PATHS_MAX = 5000
DEPTH_MAX = 12
ID_LENGTH_MAX = 36

NUMBERS_SKIPPED_MAX = 10**9
"""How far past the last number that is held of a laptop its next may lie: as many as none leaves out, and few beside all
that there are (`merge.version`). It goes on behind the last that it has used, and behind the very last there is nothing."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A change's kind, and its values as their columns give them back."""

    kind: Kind
    after: Mapping[str, Json]


def admit(change: Change, access: Access, size_bytes: int) -> Admitted:
    """The change, once all is in order. Raises Refused."""
    if change.dot.device != access.device:
        raise Refused(
            "The change bears the number of another device.", "Send it from that device.", code="wrong_device"
        )
    if access.closed:
        raise Refused(
            "This laptop, or its person, may hand in nothing any more by itself.",
            OFFICE_DECIDES,
            code=access.closed,
        )
    if change.scope_id not in access.scopes or change.scope_id in access.reading_only:
        raise _not_permitted("There is no such project that you may write to.")
    kind = kind_of(change.kind)
    if kind.office_only and not access.office and not is_offered(change):
        raise _not_permitted(f"Only the office may write a {kind.label}.")
    if kind.name == "conflict" and not is_offered(change):
        raise Refused(
            "Central asks its questions itself.", "Decide the ones that are listed.", code="invalid_question"
        )
    if change.author_id != access.user_id:
        raise _not_permitted("The change names another person as its author.")
    return check_content(change, size_bytes)


def check_content(change: Change, size_bytes: int) -> Admitted:
    """What a change says, whoever says it. Raises Refused."""
    kind = kind_of(change.kind)
    check_shape(change, size_bytes)
    after = check_values(kind, change.after)
    if kind.name == "form_template" and isinstance(after.get("body"), str):
        _check_form(str(after["body"]))
    if kind.name == "conflict":
        about, held = check_question(change)
        for values in held:
            check_values(about, values)
    if kind.name == "submission" and change.op is Op.CREATE and not change.after.get("template_id"):
        raise _invalid("template_id", "must name the form that was filled in")
    return Admitted(kind, after)


SAID_MAX = 10_000
"""Different changes that the values of one may stand for: twice as many as it may have values."""


def _check_said(change: Change) -> None:
    """Whose words a laptop repeats: of a record that it had seen, and to a central that has lost them."""
    said = [one.dots for one in change.said.values()]
    if len({dot for dots in said for dot in dots}) > SAID_MAX:
        raise Refused(
            "It stands for too many changes to be said again.", "Tell the office.", code="too_large"
        )
    # Its own dot is that of a value of which the laptop knows no author any more.
    fits = change.said.keys() <= change.after.keys() and all(
        map(change.context.with_dot(change.dot).covers, said)
    )
    in_order = all(dots == tuple(sorted(set(dots))) for dots in said)
    if not (fits and in_order) or (said and change.reason != REFILLED):
        raise Refused(
            "The change says words again that its laptop had not seen.",
            "Tell the office.",
            code="invalid_context",
        )


def _check_form(body: str) -> None:
    """A form that no laptop could open is not published."""
    try:
        template = Template.from_json(body)
    except BadInput as error:
        raise _invalid("body", "is no form: compile it with `bravetui form compile`") from error
    if len(template.longest_path()) > PATH_LENGTH_MAX:
        raise _invalid("body", "has names that are too long for an answer to be handed in")


def check_shape(change: Change, size_bytes: int) -> None:
    """Sizes, ids, and that the author's context makes sense."""
    if size_bytes > CHANGE_BYTES_MAX or len(change.after) > PATHS_MAX:
        raise Refused(
            "Its answers are too long to travel in one piece.",
            "Shorten the longest one, or hand in a second form; nothing is lost meanwhile.",
            code="too_large",
        )
    if change.context.covers((change.dot,)):
        raise Refused("The change claims to have seen itself.", "Tell the office.", code="invalid_context")
    _check_said(change)
    for name, text in (("record_id", change.record_id), ("author_id", change.author_id)):
        if clean_text(text) != text or len(text) > ID_LENGTH_MAX:
            raise Refused("The id cannot be stored.", "Tell the office.", code="invalid_field", field=name)
    if not change.after and change.op is not Op.DECIDE:
        raise Refused("The change changes nothing.", "Discard it.", code="empty")


def check_number(dot: Dot, held: Sequence[Sequence[int]]) -> None:
    """That the laptop of which these numbers are held can have come to this one. Raises Refused."""
    if dot.counter > (held[-1][1] if held else 0) + NUMBERS_SKIPPED_MAX:
        raise Refused(
            "The change bears a number that its laptop cannot have come to.",
            "Tell the office.",
            code="invalid_number",
        )


def check_values(kind: Kind, values: Mapping[str, Json]) -> dict[str, Json]:
    """The values as their columns give them back, once every path belongs to the kind and every value fits."""
    for path, value in values.items():
        _check_path(kind, path, value)
        _check_depth(path, value, 0)
    return normalised(kind, values)


def _check_path(kind: Kind, path: str, value: Json) -> None:
    if path == DELETED:
        if not isinstance(value, bool):
            raise _invalid(path, "must be true or false")
    elif not _belongs(kind.name, path):
        raise Refused(
            f"A {kind.label} has no field {safe_line(path, 80)!r}.",
            "Central may be older than this laptop: the change is kept, and goes again by itself after central's update.",
            code="unknown_field",
            field=path[:PATH_LENGTH_MAX],
        )


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Of kinds (`kind`) and fields (`kind/field`) those that this version knows."""
    parts = ((name, *name.partition("/")[::2]) for name in names)
    return tuple(
        name for name, kind, field in parts if kind in KINDS and (not field or field in KINDS[kind].columns)
    )


@lru_cache(maxsize=20_000)
def _belongs(kind_name: str, path: str) -> bool:
    """Whether the path is a column of the kind, or lies inside one of its documents."""
    kind = KINDS[kind_name]
    name, slash, inner = path.partition("/")
    if len(path) > PATH_LENGTH_MAX or clean_text(path) != path:
        return False
    if slash:
        return name in kind.documents and all(inner.split("/"))
    return name in kind.columns and name not in kind.documents


def _check_depth(path: str, value: Json, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _invalid(path, "is nested too deeply")
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for one in inner:
        _check_depth(path, one, depth + 1)


def _invalid(path: str, what: str) -> Refused:
    shown = path[:PATH_LENGTH_MAX]
    return Refused(
        f"The field {shown!r} {what}.", "Mend it and send it again.", code="invalid_field", field=shown
    )


def _not_permitted(what: str) -> Refused:
    return Refused(what, "It is kept on this laptop; the office can release it.", code="not_permitted")

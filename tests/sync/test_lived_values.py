"""What was entered is what is handed in: every edit of every kind of field, and whatever can be typed into a text."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress

import pytest
from sqlalchemy import JSON, Column

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput, Refused
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS, Kind, rules_for
from bravetui.forms import library
from bravetui.forms.template import Question, QuestionKind, Template
from bravetui.merge.state import ANSWERS, row_of
from bravetui.wire.lanes import POLICY
from tests.support.central import ORGANIZATION, PROJECT, TEMPLATE
from tests.support.world import Here, World


def _kind_of(column: Column[object]) -> str:
    plain = getattr(column.type, "impl_instance", column.type)
    return "list" if isinstance(plain, JSON) else plain.python_type.__name__


WRITTEN = [kind for kind in KINDS.values() if not kind.office_only and POLICY[kind.lane].page_rows]
HUGE = "x" * 1_000_000
TYPED: Mapping[str, Json] = {
    "nul": "a\x00b",
    "lone surrogate": "a\ud800b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202egnp.exe",
    "a megabyte": HUGE,
    "combining": "e\u0301" * 2_000,
    "not a number": float("nan"),  # type: ignore[dict-item]
    "not a number, in words": "NaN",
    "the year 1": "0001-01-01T00:00:00Z",
    "past the exact floats": 2**53 + 1,
    "past the exact floats, in digits": str(2**53 + 1),
}
TEXTS = [
    (kind.name, name)
    for kind in WRITTEN
    for name, column in kind.columns.items()
    if _kind_of(column) == "str" and "parent" not in column.info
]
"""Every field into which text can be typed."""
MOMENTS = [
    (kind.name, name)
    for kind in WRITTEN
    for name, column in kind.columns.items()
    if _kind_of(column) in ("datetime", "date")
]


assert len(TEXTS) > 30
assert len(MOMENTS) > 15


def some_value(column: Column[object], number: int) -> Json:
    """A value that a column takes; no two alike, but for choices of two."""
    of: dict[str, Json] = {
        "list": [f"entry {number}"],
        "bool": number % 2 == 0,
        "int": number,
        "datetime": f"2026-08-03T13:{number % 60:02}:00Z",
        "date": f"2026-08-{1 + number % 28:02}",
    }
    return of.get(_kind_of(column), f"e {number}")


def some_answer(question: Question, number: int) -> Json:
    """An answer that a question takes."""
    chosen = [choice.value for choice in question.choices]
    match question.kind:
        case QuestionKind.CHOICE | QuestionKind.YES_NO:
            return chosen[number % len(chosen)]
        case QuestionKind.CHOICES:
            return [chosen[number % len(chosen)]]
        case QuestionKind.ACKNOWLEDGE:
            return number % 2 == 0
        case QuestionKind.INTEGER:
            return number
        case _:
            return f"answer {number}"


def entries(template: Template, kind: Kind, number: int) -> list[tuple[str, Json]]:
    """One edit of each field of a kind, each question of a form, and a row of each repeat."""
    found = [
        (name, some_value(column, number))
        for name, column in kind.columns.items()
        if name not in kind.documents and "parent" not in column.info
    ]
    found += [(f"{name}/row/note", f"row {number}") for name in kind.documents - {ANSWERS}]
    if kind.name == "submission":
        for question in template.questions():
            repeat, _, name = question.path.rpartition("/")
            path = f"{repeat}/row-{number % 2}/{name}" if repeat else question.path
            found.append((f"{ANSWERS}/{path}", some_answer(question, number)))
    return found


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.name)
async def test_every_edit_of_every_field_is_in_exactly_one_change(world: World, kind: Kind) -> None:
    """Whatever went in between: as many values in the ledger as were entered, each once, and none that nobody entered but
    the untouched rest of a group."""
    here, dealt = await world.laptop("a", "carlos"), random.Random(kind.name)
    template = library.shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": template.key, "title": template.title, "body": template.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", body)])
    assert await here.sync()
    if kind.name == "submission":
        record = forms.start_form(here.store, PROJECT, "epa").submission_id
    else:
        record = here.create(kind.name, dict(entries(template, kind, 0)[:1]))
    assert await here.sync()
    stretches: list[dict[str, Json]] = [{}]
    earlier = len(told(world, record))
    todo = [entry for number in range(4) for entry in entries(template, kind, number + 1)]
    dealt.shuffle(todo)
    for path, value in todo:
        before = current(here, kind, record)
        here.edit_paths(kind.name, record, {path: value})
        if path not in before or before[path] != value:
            stretches[-1][path] = value
        assert stretches[-1].items() <= waiting(here, record).items(), "not in the queue yet"
        if dealt.random() < 0.05 and stretches[-1]:
            assert await here.sync()
            stretches.append({})
    await here.sync()
    entered = [stretch for stretch in stretches if stretch]
    rules = rules_for(kind, template if kind.name == "submission" else None)
    changes = told(world, record)[earlier:]
    assert len(changes) == len(entered)
    for change, stretch in zip(changes, entered, strict=True):
        assert stretch.items() <= change.items()
        groups = {(row_of(path), rules.of(path).group) for path in stretch}
        assert all((row_of(path), rules.of(path).group) in groups for path in change.keys() - stretch.keys())


def told(world: World, record: str) -> list[Mapping[str, Json]]:
    return [change.after for change in world.ledger() if change.record_id == record]


def waiting(here: Here, record: str) -> dict[str, Json]:
    pending = here.outbox(OutboxState.PENDING)
    return {path: value for one in pending if one.record_id == record for path, value in one.after.items()}


def current(here: Here, kind: Kind, record: str) -> Mapping[str, Json]:
    return here.records()[PROJECT, kind.name, record].state.values()


def taken(here: Here, kind: str, name: str, value: Json) -> list[tuple[str, str, str]]:
    """The record in which the field holds the value; none where it is refused to the one who types it."""
    form: dict[str, Json] = {"template_id": TEMPLATE} if kind == "submission" else {}
    with suppress(BadInput, Refused):
        return [(kind, here.create(kind, {**form, name: value}), name)]
    return []


@pytest.mark.parametrize("named", TYPED)
async def test_whatever_is_typed_reaches_central_and_everybody_as_harmless_text(
    world: World, named: str
) -> None:
    """Into every text there is. A value that a field cannot hold is refused where it is typed, and never stops the rest."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    typed, kept = TYPED[named], list[tuple[str, str, str]]()
    for kind, name in TEXTS:
        kept += taken(carlos, kind, name, typed)
    rows = carlos.create("daily_log", {"crews/row/work": str(typed)})
    kept.append(("daily_log", rows, "crews/row/work"))
    assert len(kept) >= (len(TEXTS) // 4 if isinstance(typed, str) else 0)
    assert await carlos.sync()
    assert await dana.sync()
    for kind, record, path in kept:
        seen = str(dana.value(kind, record, path))
        assert seen == carlos.value(kind, record, path)
        assert "\x00" not in seen
        seen.encode("utf-8")


@pytest.mark.parametrize(
    "typed", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "NaN"]
)
async def test_a_date_at_the_end_of_time_reaches_everybody_or_is_refused_where_it_is_typed(
    world: World, typed: str
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    kept = list[tuple[str, str, str]]()
    for kind, name in MOMENTS:
        kept += taken(carlos, kind, name, typed)
    assert await carlos.sync()
    assert await dana.sync()
    for kind, record, path in kept:
        assert dana.value(kind, record, path) == carlos.value(kind, record, path)


@pytest.mark.parametrize("number", [2**31 - 1, 2**31, 2**53 + 1, -(2**63), float("nan"), float("inf")])
async def test_a_number_that_no_field_holds_is_refused_where_it_is_typed(world: World, number: Json) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    whole = [(k.name, n) for k in WRITTEN for n, c in k.columns.items() if _kind_of(c) == "int"]
    kept = list[tuple[str, str, str]]()
    for kind, name in whole:
        kept += taken(carlos, kind, name, number)
    assert bool(kept) == (number == 2**31 - 1)
    assert await carlos.sync()
    assert await dana.sync()
    for kind, record, name in kept:
        assert dana.value(kind, record, name) == number

"""Lived through with other programs: the office changes a form while a draft on it is open, and the draft is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.central.service import Writing
from bravetui.db.kinds import KINDS
from bravetui.forms import library
from bravetui.views.forms import form, submissions
from bravetui.wiring import DATABASE
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World


def publish(world: World, **values: Json) -> None:
    """As the office publishes the site inspection report; what is not said stays."""
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", values)])


async def drafted(world: World) -> tuple[Here, str, str]:
    """A laptop with a draft that is not handed in yet, and the form as it was."""
    here = await world.laptop("a", "carlos")
    shipped = library.shipped("cgp_site_inspection")
    publish(world, key=shipped.key, title=shipped.title, body=shipped.to_json())
    await here.sync()
    draft = forms.start_form(here.store, PROJECT, "epa").submission_id
    forms.answer(here.store, PROJECT, draft, {"summary": "seen on site", "trigger": "storm_rain"})
    return here, draft, shipped.to_json()


def answers_at_central(world: World, draft: str) -> dict[str, Json]:
    with world.engine.connect() as connection:
        table = KINDS["submission"].table
        return dict(connection.execute(select(table.c.answers).where(table.c.id == draft)).scalar_one())


def shut(world: World, here: Here) -> None:
    here.close()
    world.laptops.remove(here)


def retyped(body: str, name: str, kind: str) -> str:
    """The form with one question of another type."""
    told = json.loads(body)
    items = [item for section in told["sections"] for item in section["items"]]
    (question,) = [item for item in items if item["path"] == name]
    assert question["kind"] != kind
    question["kind"] = kind
    return json.dumps(told)


CHANGES: dict[str, Callable[[str], str]] = {
    "a question is gone": lambda body: body.replace('"summary"', '"summary_of_visit"'),
    "a choice that was taken is gone": lambda body: body.replace("storm_rain", "storm_rainfall"),
    "a text is a number now": lambda body: retyped(body, "summary", "integer"),
    "a choice is a date now": lambda body: retyped(body, "trigger", "date"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_template_that_changes_under_an_open_draft_costs_no_answer(world: World, change: str) -> None:
    here, draft, body = await drafted(world)
    publish(world, body=CHANGES[change](body))
    assert await here.sync()
    seen = form(here.store, PROJECT, draft)
    assert (seen.answers["summary"], seen.answers["trigger"]) == ("seen on site", "storm_rain")
    forms.answer(here.store, PROJECT, draft, {"company": "Acme Earthworks"})
    assert await here.sync(), "and the draft is written on and handed in as ever"
    answers = answers_at_central(world, draft)
    assert (answers["summary"], answers["trigger"]) == ("seen on site", "storm_rain")


@pytest.mark.parametrize("withdrawn", [{"active": False}, {"deleted": True}], ids=["withdrawn", "deleted"])
async def test_a_template_that_is_withdrawn_leaves_the_drafts_on_it_open_to_the_end(
    world: World, withdrawn: dict[str, Json]
) -> None:
    """Its new version is a form of its own: the draft keeps the one that it was begun on."""
    here, draft, body = await drafted(world)
    publish(world, **withdrawn)
    world.site.central.publish(
        ORGANIZATION,
        [Writing("form_template", "epa-3", {"key": "cgp_site_inspection", "title": "New", "body": body})],
    )
    assert await here.sync()
    forms.answer(here.store, PROJECT, draft, {"summary": "finished after the form was withdrawn"})
    seen = form(here.store, PROJECT, draft)
    assert seen.answers["trigger"] == "storm_rain"
    assert seen.template.key == "cgp_site_inspection"
    assert await here.sync()
    assert answers_at_central(world, draft)["summary"] == "finished after the form was withdrawn"


async def test_of_a_form_that_is_here_in_part_only_nothing_breaks_and_its_first_sync_makes_it_whole(
    world: World,
) -> None:
    """A database that was put back has one's own later answers out of the journal, before the form that they are in."""
    dana = await world.laptop("dana", "dana")
    await dana.sync()
    shut(world, dana)
    before = (dana.folder / DATABASE).read_bytes()
    here, draft, _ = await drafted(world)
    await here.sync()
    dana = world.open(dana.folder)
    await dana.sync()
    forms.answer(dana.store, PROJECT, draft, {"summary": "written on after the backup"})
    shut(world, dana)
    (dana.folder / DATABASE).write_bytes(before)
    dana = world.open(dana.folder)
    for tried in (
        lambda: forms.submit(dana.store, PROJECT, draft, "Dana", "Foreman"),
        lambda: form(dana.store, PROJECT, draft),
    ):
        with pytest.raises(BadInput, match="sync once"):
            tried()
    assert [row.id for row in submissions(dana.store, PROJECT)] == [draft]
    await dana.sync()
    told = form(dana.store, PROJECT, draft).answers
    assert (told["trigger"], told["summary"]) == ("storm_rain", "written on after the backup")

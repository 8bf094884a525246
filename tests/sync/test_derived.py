"""What a form works out is worked out anew after a merge: never asked about, set aside, or believed as it was stored."""

from __future__ import annotations

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms import library
from bravetui.views.conflicts import conflicts
from bravetui.views.forms import form
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World

COUNT = "corrective_actions"
"""How many findings need action, counted over the rows of two repeats."""


def shown(here: Here, submission_id: str) -> Json:
    return form(here.store, PROJECT, submission_id).state.asked[COUNT].value


def found(here: Here, submission_id: str, row: str, stored: str) -> None:
    """A finding of this person's, and the count as an older program would have stored it beside it."""
    control = f"answers/controls/{row}"
    here.edit_paths(
        "submission", submission_id,
        {control: 0, f"{control}/need": "corrective", f"answers/{COUNT}": stored},
    )  # fmt: skip


async def test_what_is_counted_over_two_people_s_rows_counts_both_and_nobody_is_asked(world: World) -> None:
    shipped = library.shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": shipped.key, "title": shipped.title, "body": shipped.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", body)])
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    await carlos.sync()
    report = forms.start_form(carlos.store, PROJECT, "epa").submission_id
    forms.answer(carlos.store, PROJECT, report, {"summary": "walked the site"})
    for here in (carlos, dana):
        await here.sync()
    before = int(str(shown(carlos, report)))
    found(carlos, report, "r-carlos", "1")
    found(dana, report, "r-dana", "17")
    assert [int(str(shown(here, report))) - before for here in (carlos, dana)] == [1, 1]
    for here in (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        assert int(str(shown(here, report))) - before == 2
        assert not conflicts(here.store, PROJECT), "neither asked about nor named as set aside"
    assert carlos.records() == dana.records()

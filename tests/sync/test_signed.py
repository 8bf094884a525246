"""A report that was signed while a colleague without a line went on writing in it."""

from __future__ import annotations

import pytest

from bravetui.actions import conflicts as decisions
from bravetui.actions import forms
from bravetui.base.canonical import content_hash
from bravetui.central.service import Writing
from bravetui.forms.library import shipped
from bravetui.views import conflicts
from bravetui.views.forms import form
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World, sync_all


async def begun(world: World) -> tuple[Here, Here, str]:
    """Carlos and Dana have the same report, in which one thing is said."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    epa = shipped("cgp_site_inspection")
    body = {"key": epa.key, "title": epa.title, "body": epa.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", body)])
    await carlos.sync()
    report = forms.start_form(carlos.store, PROJECT, "epa").submission_id
    forms.answer(carlos.store, PROJECT, report, {"summary": "All controls were in order today."})
    await carlos.sync()
    await dana.sync()
    return carlos, dana, report


def sign(here: Here, report: str) -> None:
    """Sign and hand in, with the form's other questions left aside."""
    with here.store.write() as writing:
        signed = form(here.store, PROJECT, report).answers
        words = ("words", content_hash(signed))
        forms._sign(writing, here.store, (PROJECT, report), "inspector", ("C", "F"), words)
        writing.edit("submission", PROJECT, report, {"status": "submitted"})


LATE = {"location": "lot 9", "summary": "Silt at outfall 3.", "station": "KABQ"}
"""The last is an answer that the signer had not given at all."""


@pytest.mark.parametrize("first", ["signature", "late answers"])
async def test_a_signed_report_stands_as_signed_until_a_person_takes_in_what_came_late(
    world: World, first: str
) -> None:
    carlos, dana, report = await begun(world)
    sign(carlos, report)
    forms.answer(dana.store, PROJECT, report, LATE)
    order = (carlos, dana) if first == "signature" else (dana, carlos)
    for device in (*order, *order):
        await device.sync()
    for device in (carlos, dana):
        seen = form(device.store, PROJECT, report)
        stands = [seen.answers[path] for path in ("summary", "location", "station")]
        assert stands == ["All controls were in order today.", "Mill Creek", None]
        assert [signature.changed_since for signature in seen.signatures] == [False]
    (asked,) = conflicts.conflicts(carlos.store, PROJECT)
    told = conflicts.conflict(carlos.store, PROJECT, asked.id)
    assert {field.path for field in told.fields} == {f"answers/{path}" for path in LATE}
    late = {field.path: field.remote.raw for field in told.fields}
    assert late["answers/summary"] == "Silt at outfall 3."
    decisions.decide(carlos.store, PROJECT, asked.id, late, "Dana saw it")
    await carlos.sync()
    await dana.sync()
    seen = form(dana.store, PROJECT, report)
    assert seen.answers["summary"] == "Silt at outfall 3."
    assert [signature.changed_since for signature in seen.signatures] == [True]


@pytest.mark.parametrize("first", ["carlos", "dana"])
async def test_a_restored_central_comes_to_what_was_signed_whoever_is_back_first(
    world: World, first: str
) -> None:
    """It had taken the answers before the signature, and puts them back to what was signed once more."""
    carlos, dana, report = await begun(world)
    third = await world.laptop("c", "olga")
    with world.backup_of_central() as backup:
        forms.answer(dana.store, PROJECT, report, LATE)
        await dana.sync()
        sign(carlos, report)
        await sync_all([carlos, dana, third])
        with world.restored(backup):
            back = {"carlos": carlos, "dana": dana}
            await sync_all([back.pop(first), *back.values(), third])
            await sync_all([carlos, dana, third])
            for here in (carlos, dana, third):
                seen = form(here.store, PROJECT, report)
                stands = [seen.answers.get(path) for path in ("summary", "location", "station")]
                assert stands == ["All controls were in order today.", "Mill Creek", None]
                (asked,) = (one for one in conflicts.conflicts(here.store, PROJECT) if one.status == "open")
                told = conflicts.conflict(here.store, PROJECT, asked.id)
                assert {field.path for field in told.fields} == {f"answers/{path}" for path in LATE}


@pytest.mark.parametrize("status", ["reviewed", "approved"])
async def test_what_is_decided_while_the_office_looks_at_the_report_is_asked_no_second_time(
    world: World, status: str
) -> None:
    carlos, dana, report = await begun(world)
    sign(carlos, report)
    forms.answer(dana.store, PROJECT, report, LATE)
    await sync_all([carlos, dana])
    (asked,) = conflicts.conflicts(carlos.store, PROJECT)
    world.site.central.publish(PROJECT, [Writing("submission", report, {"status": status})], "olga")
    told = conflicts.conflict(carlos.store, PROJECT, asked.id)
    late = {field.path: field.remote.raw for field in told.fields}
    decisions.decide(carlos.store, PROJECT, asked.id, late, "Dana saw it")
    await sync_all([carlos, dana])
    for device in (carlos, dana):
        assert form(device.store, PROJECT, report).answers["location"] == "lot 9"
        assert [one.status for one in conflicts.conflicts(device.store, PROJECT)] == ["resolved"]

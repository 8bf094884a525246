"""A signed report that central refuses for what it says: its author writes on in it, and signs it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.actions import conflicts as decisions
from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.cli.rescue import exported_lines
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.views import conflicts
from bravetui.views.forms import FormView, form
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT
from tests.support.refusing import refuse_bad
from tests.support.world import Here, World, demote, ring_of, sync_all
from tests.sync.test_signed import begun, sign


def shown(here: Here, report: str) -> FormView:
    return form(here.store, PROJECT, report)


def at_central(world: World, report: str) -> dict[str, Json]:
    return world.central_records()[PROJECT, "submission", report].state.values()


def statuses(world: World, report: str) -> list[Json]:
    """What central was told of it, in the order taken."""
    return [
        one.after["status"]
        for one in world.ledger()
        if one.record_id == report and one.kind == "submission" and "status" in one.after
    ]


async def refused(carlos: Here, report: str) -> None:
    """He answers what central will not have, signs, and hears of it."""
    forms.answer(carlos.store, PROJECT, report, {"location": "bad place"})
    sign(carlos, report)
    await carlos.sync()
    assert OutboxState.REFUSED in carlos.states()


async def refused_beside_a_colleague(carlos: Here, dana: Here, report: str) -> None:
    """His answer is refused, and hers comes to him: what he says next is a change of its own."""
    forms.answer(carlos.store, PROJECT, report, {"location": "bad place"})
    await carlos.sync()
    forms.answer(dana.store, PROJECT, report, {"company": "Acme"})
    await sync_all([dana, carlos])


async def test_its_author_corrects_it_and_signs_it_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    assert (shown(carlos, report).editable, shown(carlos, report).status) == (True, "draft")
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    await sync_all([carlos, dana])
    assert (at_central(world, report)["status"], shown(dana, report).answers["location"]) == (
        "draft",
        "lot 9",
    )
    assert [one.changed_since for one in shown(dana, report).signatures] == [True]
    sign(carlos, report)
    await sync_all([carlos, dana])
    there = shown(dana, report)
    assert (there.status, there.answers["location"], there.editable) == ("submitted", "lot 9", False)
    assert sorted(one.changed_since for one in there.signatures) == [False, True]
    assert OutboxState.REFUSED not in carlos.states()
    assert not waiting(world.site.central)


@pytest.mark.parametrize("signs", [False, True], ids=["corrected", "and signed anew"])
async def test_what_a_colleague_wrote_before_it_was_corrected_stands_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch, signs: bool
) -> None:
    """Nothing reaches central as signed by the signature that was taken back."""
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    forms.answer(dana.store, PROJECT, report, {"company": "Acme"})
    await sync_all([dana, carlos])
    assert shown(carlos, report).answers["company"] == "Acme"
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    if signs:
        sign(carlos, report)
    await sync_all([carlos, dana])
    there = at_central(world, report)
    assert (there["answers/location"], there["answers/company"]) == ("lot 9", "Acme")
    assert not conflicts.conflicts(dana.store, PROJECT)
    assert [one.changed_since for one in shown(dana, report).signatures].count(False) == signs
    assert statuses(world, report)[0] == "draft"


async def test_a_decision_that_waits_behind_lets_no_signature_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, report = await begun(world)
    forms.answer(carlos.store, PROJECT, report, {"storm_hours": "2.0"})
    forms.answer(dana.store, PROJECT, report, {"storm_hours": "3.0"})
    await sync_all([carlos, dana, carlos])
    (asked,) = conflicts.conflicts(carlos.store, PROJECT)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    decisions.decide(carlos.store, PROJECT, asked.id, {"answers/storm_hours": "2.0"}, "I was there")
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    await sync_all([carlos, dana])
    assert "submitted" not in statuses(world, report)


@pytest.mark.parametrize("signs", [False, True], ids=["corrected", "and signed anew"])
@pytest.mark.parametrize("status", ["reviewed", "approved"])
async def test_what_the_office_released_and_approved_is_changed_by_no_correction_that_knew_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch, status: str, signs: bool
) -> None:
    carlos, dana, report = await begun(world)
    with monkeypatch.context() as now:
        refuse_bad(now, "answers/location")
        await refused(carlos, report)
    (one,) = waiting(world.site.central)
    release(world.site.central, one.change.dot, "olga")
    world.clock.advance(hours=1)
    world.site.central.publish(PROJECT, [Writing("submission", report, {"status": status})], "olga")
    world.clock.advance(hours=1)
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    if signs:
        sign(carlos, report)
    await sync_all([carlos, dana])
    there = at_central(world, report)
    assert (there["status"], there["answers/location"]) == (status, "bad place")
    assert [one.status for one in conflicts.conflicts(dana.store, PROJECT)].count("open") == 1


@pytest.mark.parametrize("status", ["submitted", "approved"])
async def test_what_a_colleague_signed_meanwhile_is_not_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """He hears of it before he corrects: the report is as the other one signed it."""
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    world.clock.advance(hours=1)
    sign(dana, report)
    await dana.sync()
    if status == "approved":
        world.clock.advance(hours=1)
        world.site.central.publish(PROJECT, [Writing("submission", report, {"status": status})], "olga")
    await carlos.sync()
    assert not shown(carlos, report).editable
    with pytest.raises(BadInput, match="was signed as it stands"):
        forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    assert at_central(world, report)["status"] == status


@pytest.mark.parametrize("place", ["bad place", "lot 9"])
async def test_a_signature_goes_once_all_before_it_in_its_report_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """An answer is on its way, and the line breaks; it is signed meanwhile. What is refused of it is not left out unseen."""
    carlos, _, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    forms.answer(carlos.store, PROJECT, report, {"location": place})
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    sign(carlos, report)
    await carlos.sync()
    taken = place == "lot 9"
    assert at_central(world, report).get("status", "draft") == ("submitted" if taken else "draft")
    assert shown(carlos, report).editable is not taken


async def test_a_signature_waits_though_another_answer_was_typed_since_the_refusal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one sends the refused one again; a colleague's word lies between."""
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused_beside_a_colleague(carlos, dana, report)
    forms.answer(carlos.store, PROJECT, report, {"station": "KABQ"})
    sign(carlos, report)
    await sync_all([carlos, dana])
    assert "status" not in at_central(world, report)
    assert shown(carlos, report).editable


async def test_a_signature_waits_for_no_right_that_is_back(world: World) -> None:
    carlos, dana, report = await begun(world)
    demote(world, "carlos", "viewer")
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    await carlos.sync()
    demote(world, "carlos", "foreman")
    assert OutboxState.REFUSED in carlos.states()
    assert "F4" not in shown(carlos, report).goes_words
    sign(carlos, report)
    await sync_all([carlos, dana])
    assert (shown(dana, report).status, shown(dana, report).answers["location"]) == ("submitted", "lot 9")


async def test_a_signature_waits_behind_what_central_will_not_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the report would be signed without the answer that stood before its signer."""
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused_beside_a_colleague(carlos, dana, report)
    sign(carlos, report)
    await sync_all([carlos, dana])
    assert "status" not in at_central(world, report)
    assert "F4 says what" in shown(carlos, report).goes_words
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    sign(carlos, report)
    await sync_all([carlos, dana])
    there = shown(dana, report)
    assert (there.status, there.answers["location"], there.answers["company"]) == (
        "submitted",
        "lot 9",
        "Acme",
    )
    assert "F4" not in shown(carlos, report).goes_words
    assert OutboxState.REFUSED not in carlos.states()


@pytest.mark.parametrize("carried", [False, True], ids=["never carried", "carried"])
async def test_a_stick_takes_along_no_signature_that_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, carried: bool
) -> None:
    """What has left goes again over any line, whatever stands before it; and central would take it from the stick."""
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused_beside_a_colleague(carlos, dana, report)
    sign(carlos, report)
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), tmp_path, clock=world.clock)
    assert made is not None
    assert (found.signatures_left, "1 signature not in" in "\n".join(exported_lines(found, made))) == (
        1,
        True,
    )
    if carried:
        await wiring.carry(ring_of(dana.folder), made.path, world.app)
    await sync_all([carlos, dana])
    assert "status" not in at_central(world, report)
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    sign(carlos, report)
    await sync_all([carlos, dana])
    there = shown(dana, report)
    assert (there.status, there.answers["location"], there.answers["company"]) == (
        "submitted",
        "lot 9",
        "Acme",
    )
    assert OutboxState.REFUSED not in carlos.states()
    assert carlos.records() == dana.records()


async def test_what_was_corrected_and_signed_without_a_line_goes_as_one_signed_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    sign(carlos, report)
    forms.answer(dana.store, PROJECT, report, {"location": "lot 7"})
    await sync_all([carlos, dana])
    await carlos.sync()
    assert (at_central(world, report)["status"], at_central(world, report)["answers/location"]) == (
        "submitted",
        "lot 9",
    )
    assert not shown(carlos, report).editable


async def test_a_report_that_was_sent_back_and_signed_and_refused_is_a_report_sent_back_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, report = await begun(world)
    sign(carlos, report)
    await carlos.sync()
    world.clock.advance(hours=1)
    world.site.central.publish(PROJECT, [Writing("submission", report, {"status": "rejected"})], "olga")
    await carlos.sync()
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    assert shown(carlos, report).status == "rejected"
    forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})
    await carlos.sync()
    assert at_central(world, report)["status"] == "rejected"


@pytest.mark.parametrize("why", ["it waits", "his right was taken"])
async def test_a_signed_report_that_central_would_take_stays_as_it_was_signed(world: World, why: str) -> None:
    carlos, _, report = await begun(world)
    sign(carlos, report)
    if why == "his right was taken":
        demote(world, "carlos", "viewer")
        await carlos.sync()
        demote(world, "carlos", "foreman")
        assert OutboxState.REFUSED in carlos.states()
    with pytest.raises(BadInput, match="was signed as it stands"):
        forms.answer(carlos.store, PROJECT, report, {"location": "lot 9"})


async def test_it_is_not_put_away_like_a_draft(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    carlos, _, report = await begun(world)
    refuse_bad(monkeypatch, "answers/location")
    await refused(carlos, report)
    with pytest.raises(BadInput, match="submitted and was signed as it stands"):
        forms.discard_draft(carlos.store, PROJECT, report, "Not needed.")


async def test_a_colleague_who_has_only_read_it_corrects_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where central has the signature, and another's change of the report is refused."""
    carlos, dana, report = await begun(world)
    sign(carlos, report)
    refuse_bad(monkeypatch, "answers/location")
    forms.answer(dana.store, PROJECT, report, {"location": "bad place"})
    await sync_all([carlos, dana])
    await dana.sync()
    assert OutboxState.REFUSED in dana.states()
    assert not shown(dana, report).editable

"""What central refuses is mended by editing on, released or mended by the office, handed over when a right is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.central import intake, taking
from bravetui.central.intake import Decision
from bravetui.central.quarantine import release, set_aside, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.merge.version import Dot
from bravetui.sync.exchange import prepare
from bravetui.views import conflicts
from bravetui.views.queue import queue
from bravetui.wire.change import REFILLED, Change, Op
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.world import Here, World, demote, older_central


async def refused(world: World) -> tuple[Here, str, Dot]:
    """Carlos hands in a form that names no template: an older or a broken program did not write it down."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    return carlos, record, carlos.outbox()[0].dot


async def test_a_refused_record_is_mended_by_writing_on_and_goes_as_one_change_that_says_it_all(
    world: World,
) -> None:
    carlos, record, old = await refused(world)
    carlos.edit("submission", record, title="Daily, Monday")
    carlos.edit("submission", record, template_id=TEMPLATE)
    assert await carlos.sync()
    (change,) = carlos.outbox()
    assert (change.op, change.dot > old) == (Op.CREATE, True)
    taken = next(one for one in world.ledger() if one.record_id == record)
    assert taken.after == {"title": "Daily, Monday", "template_id": TEMPLATE}
    dana = await world.laptop("dana-1", "dana")
    await dana.sync()
    assert dana.records() == carlos.records()


async def test_what_was_queued_behind_a_refused_change_is_in_the_mended_one(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("violation", {"description": "silt fence down"})
    assert await carlos.sync()
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    await carlos.sync()
    demote(world, "carlos", "foreman")
    carlos.edit("violation", record, severity="critical", location="lot 3")
    assert await carlos.sync()
    assert carlos.value("violation", record, "severity") == "critical"
    told = [one.after for one in world.ledger() if one.record_id == record]
    assert told == [{"description": "silt fence down"}, {"severity": "critical", "location": "lot 3"}]


async def refused_before_another(carlos: Here, record: str | None) -> str:
    """A change of severity and place, refused by a central that does not know severity, and a later one of the place, which
    went in the same request and is at central."""
    first = {"location": "lot 2", "severity": "critical"}
    if record is None:
        record = carlos.create("violation", {"description": "silt fence down", **first})
    else:
        carlos.edit("violation", record, **first)
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)  # the line goes before a byte has left
    carlos.edit("violation", record, location="lot 3")
    await carlos.sync()
    assert carlos.states()[-2] == OutboxState.REFUSED
    return record


@pytest.mark.parametrize(
    "mend", [{"description": "20 ft of it"}, {"location": "lot 4"}], ids=["other", "same"]
)
async def test_mending_a_refused_change_takes_back_nothing_that_was_handed_in_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch, mend: dict[str, Json]
) -> None:
    """Its older value went again under a newer stamp, and nobody was asked."""
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("violation", {"description": "silt fence down", "location": "gate 1"})
    assert await carlos.sync()
    with monkeypatch.context() as older:
        older_central(older, "violation.severity")
        await refused_before_another(carlos, record)
        assert carlos.states()[-1] == OutboxState.CONFIRMED
        carlos.edit_paths("violation", record, mend)
    assert await carlos.sync()
    told = {"description": "silt fence down", "location": "lot 3", "severity": "critical", **mend}
    dana = await world.laptop("dana-1", "dana")
    await dana.sync()
    for here in (carlos, dana):
        assert {path: here.value("violation", record, path) for path in told} == told
        assert conflicts.conflicts(here.store, PROJECT) == ()


async def test_mending_a_refused_change_does_not_win_over_a_later_word_of_somebody_else_s(
    world: World,
) -> None:
    """Found by simulate in month 1420: Dana's later place stood, he wrote of something else, and his older one came back
    under the new stamp, at central alone."""
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2", severity="minor")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    await carlos.sync()
    assert carlos.value("violation", record, "location") == "lot 3"
    demote(world, "carlos", "foreman")
    carlos.edit("violation", record, description="20 ft of it")
    assert await carlos.sync()
    await dana.sync()
    told = {"description": "20 ft of it", "location": "lot 3", "severity": "minor"}
    for here in (carlos, dana):
        assert {path: here.value("violation", record, path) for path in told} == told
    said = [one.after for one in world.ledger() if one.record_id == record]
    assert {"location": "lot 2", "severity": "minor"} in said


async def test_mending_twice_forgets_nothing_that_was_typed_between(world: World) -> None:
    """Found by simulate in month 40: what was outdone went behind what was mended, and was taken for the later word."""
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    for mend in ({"description": "20 ft of it"}, {"location": "lot 4"}, {"severity": "minor"}):
        await carlos.sync()
        carlos.edit_paths("violation", record, mend)
    demote(world, "carlos", "foreman")
    assert await carlos.sync()
    await dana.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "location") == "lot 4"


async def test_what_was_outdone_before_more_was_typed_stays_outdone(world: World) -> None:
    """It bore the stamp of the last change that waited, and so beat what had outdone it."""
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    world.clock.advance(hours=1)
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    world.clock.advance(hours=1)
    carlos.edit("violation", record, description="20 ft of it")
    await carlos.sync()
    assert carlos.states()[-2:] == [OutboxState.REFUSED] * 2
    demote(world, "carlos", "foreman")
    carlos.edit("violation", record, severity="minor")
    assert await carlos.sync()
    await dana.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "location") == "lot 3"


async def test_what_waits_at_central_for_a_refused_record_still_says_the_last_word_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an edit that went in one request with what makes the record."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    with monkeypatch.context() as older:
        older_central(older, "violation.severity")
        record = await refused_before_another(carlos, None)
        assert carlos.states()[-1] == OutboxState.PARKED
        carlos.edit("violation", record, description="20 ft of it")
    await carlos.sync()
    assert await carlos.sync()
    assert carlos.value("violation", record, "location") == "lot 3"
    made = {"description": "silt fence down", "location": "lot 2", "severity": "critical"}
    assert [one.after for one in world.ledger() if one.record_id == record] == [
        made, {"location": "lot 3"}, {"description": "20 ft of it"},
    ]  # fmt: skip


async def test_what_a_person_writes_into_a_refused_offer_to_a_restored_central_is_said_in_his_own_name(
    world: World,
) -> None:
    """Found by simulate in month 6: it went as what only a backup had lost."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    demote(world, "carlos", "viewer")
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", "v1", {"description": "fence down"})])
        await carlos.sync()
        with world.restored(backup):
            await carlos.sync()
            assert [(one.after, one.reason) for one in carlos.outbox(OutboxState.REFUSED)] == [
                ({"description": "fence down"}, REFILLED)
            ]
            carlos.edit("violation", "v1", location="lot 3")
            demote(world, "carlos", "foreman")
            assert await carlos.sync()
            told = [(one.after, one.reason) for one in world.ledger() if one.record_id == "v1"]
    assert told == [({"description": "fence down"}, REFILLED), ({"location": "lot 3"}, None)]


async def test_the_office_mends_what_was_refused_and_its_laptop_hears_of_it(world: World) -> None:
    carlos, record, dot = await refused(world)
    (kept,) = waiting(world.site.central)
    assert (kept.change.dot, kept.code) == (dot, "invalid_field")
    with pytest.raises(BadInput, match="Only somebody at the office"):
        release(world.site.central, dot, "dana", {"template_id": TEMPLATE})
    release(world.site.central, dot, "olga", {"template_id": TEMPLATE})
    assert not waiting(world.site.central)
    await carlos.sync()
    assert await carlos.sync(), "the second contact brings central's signed confirmation"
    assert carlos.value("submission", record, "template_id") == TEMPLATE
    assert carlos.value("submission", record, "title") == "Daily"
    (item,) = queue(carlos.store).items
    assert item.why == "The office mended it, and wrote it in its own name."
    with pytest.raises(BadInput, match=f"No refused change {dot} waits"):
        set_aside(world.site.central, dot, "olga")


async def test_work_on_a_project_that_was_taken_from_its_author_is_handed_over_by_being_sent(
    world: World,
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "silt fence down"})
    carlos.edit("violation", record, location="lot 3")
    demote(world, "carlos", "viewer")
    await carlos.sync()
    assert carlos.states()[-1] == OutboxState.REFUSED
    assert carlos.value("violation", record, "location") == "lot 3"
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga")
    for here in (carlos, dana):
        await here.sync()
        assert here.value("violation", record, "location") == "lot 3"
    assert OutboxState.REFUSED not in carlos.states()
    last = [one for one in world.ledger() if one.record_id == record][-1]
    assert (last.author_id, last.after) == ("carlos", {"location": "lot 3"})


async def test_what_the_office_releases_is_merged_like_any_late_change(world: World) -> None:
    carlos, dana, record = await world.two_that_have({"trigger": "5.1.1"}, "corrective_action")
    carlos.edit("corrective_action", record, trigger="5.1.2")
    demote(world, "carlos", "viewer")
    await carlos.sync()
    dana.edit("corrective_action", record, trigger="5.1.3")
    await dana.sync()
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga", {"trigger": "5.1.4"})
    await dana.sync()
    (asked,) = conflicts.conflicts(dana.store, PROJECT)
    field = conflicts.conflict(dana.store, PROJECT, asked.id).fields[0]
    assert {field.local.raw, field.remote.raw} == {"5.1.3", "5.1.4"}


async def test_a_refused_change_that_is_sent_again_and_taken_waits_for_the_office_no_more(
    world: World,
) -> None:
    from bravetui.actions.queue import send_again

    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    demote(world, "carlos", "viewer")
    carlos.create("violation", {"description": "silt fence down"})
    await carlos.sync()
    (kept,) = waiting(world.site.central)
    demote(world, "carlos", "foreman")
    send_again(carlos.store, kept.change.dot)
    assert await carlos.sync()
    assert not waiting(world.site.central)


async def test_the_office_is_shown_the_last_of_what_was_mended_and_refused_again(world: World) -> None:
    """Each pause in typing made one more of them, and they filled what is kept for a laptop."""
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    await carlos.sync()
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    for severity in ("minor", "major"):
        await carlos.sync()
        carlos.edit("violation", record, severity=severity)
    await carlos.sync()
    said = [dict(one.change.after) for one in waiting(world.site.central)]
    assert said == [{"location": "lot 2"}, {"severity": "major"}]
    demote(world, "carlos", "foreman")
    carlos.edit("violation", record, description="20 ft of it")
    assert await carlos.sync()
    assert not waiting(world.site.central)


async def test_what_was_refused_and_only_written_over_still_waits_for_the_office(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one request the later change of the place was taken: the refused one says the severity, too."""
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("violation", {"description": "silt fence down", "location": "gate 1"})
    assert await carlos.sync()
    with monkeypatch.context() as older:
        older_central(older, "violation.severity")
        await refused_before_another(carlos, record)
    assert len(waiting(world.site.central)) == 1


async def test_what_the_office_sets_aside_stays_on_its_laptop(world: World) -> None:
    carlos, record, dot = await refused(world)
    set_aside(world.site.central, dot, "olga")
    assert not waiting(world.site.central)
    await carlos.sync()
    assert carlos.value("submission", record, "title") == "Daily"
    assert carlos.states() == [OutboxState.REFUSED]


async def test_what_was_on_hold_and_does_not_fit_what_arrives_is_refused_then_and_its_author_hears_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Carlos' finding waits for Dana's inspection, and breaks the program once that is there."""
    dana, carlos = await world.laptop("dana-1", "dana"), await world.laptop("carlos-1", "carlos")
    inspection = "01989e2a-7c00-7a10-8b1e-3f60c4d2a9e1"
    record = carlos.create("violation", {"description": "fence down", "inspection_id": inspection})
    await carlos.sync()
    assert carlos.states() == [OutboxState.PARKED]
    with monkeypatch.context() as broken:
        broken.setattr(taking, "decide", _breaks_at("inspection_id", intake.decide))
        with dana.store.write() as writing:
            writing.create("inspection", PROJECT, {"note": "after rain"}, record_id=inspection)
        assert await dana.sync()
        await carlos.sync()
        (item,) = queue(carlos.store).items
        assert (item.state, "cannot make sense of this change" in (item.why or "")) == ("refused", True)
    carlos.edit("violation", record, location="lot 4")
    assert await carlos.sync()
    await dana.sync()
    assert dana.value("violation", record, "location") == "lot 4"


def _breaks_at(path: str, decide: Callable[..., Decision]) -> Callable[..., Decision]:
    """An assumption of the program's that a change with this field does not keep."""

    def breaks(change: Change, *rest: object) -> Decision:
        assert path not in change.after
        return decide(change, *rest)

    return breaks

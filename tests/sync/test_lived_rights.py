"""Lived through with other programs: a right is taken away, and the work that was queued is nobody's any more."""

from __future__ import annotations

from sqlalchemy import select, update

from bravetui.central.quarantine import waiting
from bravetui.central.tables import REFUSED, SCOPES
from bravetui.db.device import OutboxState
from bravetui.sync.progress import Sending
from tests.support.central import ORGANIZATION, PROJECT, STRANGERS
from tests.support.world import Here, World, set_member

QUEUED = 40


async def queued(world: World) -> tuple[Here, list[str]]:
    """A laptop with forty changes that it has not handed in, half of them to what all know."""
    here = await world.laptop("a", "carlos")
    known = [here.create("violation", {"description": f"finding {number}"}) for number in range(QUEUED // 2)]
    assert await here.sync()
    for record in known:
        here.edit("violation", record, location="lot 3")
    new = [here.create("daily_log", {"narrative": f"day {number}"}) for number in range(QUEUED // 2)]
    assert len(here.outbox(OutboxState.PENDING)) == QUEUED
    return here, [*known, *new]


async def everything_is_kept(world: World, here: Here, records: list[str]) -> None:
    """On his laptop, to read, and at central, for the office."""
    assert here.states().count(OutboxState.REFUSED) == QUEUED
    assert {key[2] for key in here.records()} >= set(records)
    assert len(waiting(world.site.central)) == QUEUED
    contacts = len(here.events)
    await here.sync()
    assert not [event for event in here.events[contacts:] if getattr(event, "changes", None)], (
        "not sent again"
    )


async def everything_is_at_central(world: World, here: Here, records: list[str]) -> None:
    assert await here.sync(), "and nobody touched anything"
    assert set(here.states()) == {OutboxState.CONFIRMED}
    assert not waiting(world.site.central)
    dana = await world.laptop("b", "dana")
    await dana.sync()
    assert {key[2] for key in dana.records()} >= set(records)
    assert here.records() == dana.records()


async def test_forty_changes_on_a_project_that_was_taken_away_are_kept_and_go_up_once_it_is_given_back(
    world: World,
) -> None:
    here, records = await queued(world)
    set_member(world, "carlos", deleted=True)
    await here.sync()
    await everything_is_kept(world, here, records)
    world.clock.advance(days=3)
    set_member(world, "carlos", deleted=False)
    await everything_is_at_central(world, here, records)


async def test_a_foreman_who_could_only_read_for_some_days_hands_in_everything_once_he_may_write_again(
    world: World,
) -> None:
    here, records = await queued(world)
    set_member(world, "carlos", project_role="viewer")
    await here.sync()
    await everything_is_kept(world, here, records)
    world.clock.advance(days=3)
    set_member(world, "carlos", project_role="foreman")
    await everything_is_at_central(world, here, records)


async def test_what_is_refused_for_another_reason_is_not_tried_each_time_a_right_comes_back(
    world: World,
) -> None:
    """Reference data is the office's, whatever the role in the project."""
    here = await world.laptop("a", "carlos")
    await here.sync()
    here.create("crew", {"name": "Red"})
    await here.sync()
    assert here.states() == [OutboxState.REFUSED]
    for role in ("viewer", "foreman"):
        set_member(world, "carlos", project_role=role)
        for _ in range(3):
            await here.sync()
    assert here.states() == [OutboxState.REFUSED]
    tries = [event for event in here.events if isinstance(event, Sending) and event.changes]
    assert len(tries) == 2, "once at first, and once when a right came back"


async def test_a_membership_that_ended_and_is_prolonged_brings_in_what_was_refused_meanwhile(
    world: World,
) -> None:
    here, records = await queued(world)
    set_member(world, "carlos", to_date="2026-08-02")
    await here.sync()
    await everything_is_kept(world, here, records)
    set_member(world, "carlos", to_date="2026-12-31")
    await everything_is_at_central(world, here, records)


async def test_work_on_a_project_that_moved_to_another_company_is_kept_and_shown_to_nobody_there(
    world: World,
) -> None:
    """As an operator does it who moves a project by hand; and moves it back."""
    here, records = await queued(world)
    move(world, STRANGERS)
    await here.sync()
    await everything_is_kept(world, here, records)
    with world.engine.connect() as connection:
        kept_for = set(connection.execute(select(REFUSED.c.organization_id)).scalars())
    assert kept_for == {ORGANIZATION}
    move(world, ORGANIZATION)
    await everything_is_at_central(world, here, records)


def move(world: World, organization_id: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(
            update(SCOPES).where(SCOPES.c.scope_id == PROJECT).values(organization_id=organization_id)
        )

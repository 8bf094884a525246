"""Counts at a restored central: whichever way one came there, it counts once with what is handed in."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.forms.template import Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from bravetui.sync.exchange import prepare
from bravetui.wire.change import REFILLED
from bravetui.wire.lanes import LANES
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World, demote, sync_all

LOADS = "answers/loads"
FORM: dict[str, Json] = {"template_id": "form-loads", LOADS: 10}
TOO_LONG = {"answers/long": "word " * 250_000}
"""A word that central refuses for what it is."""


def publish(world: World) -> None:
    """A form that counts loads."""
    one = Question(
        path="loads", ref="loads", label="Loads", kind=QuestionKind.INTEGER, rule=FieldRule(Rule.SUM)
    )
    form = Template("loads", 1, "Loads", "custom", "", (Section("s", "s", "S", (one,)),))
    values: dict[str, Json] = {"key": "loads", "title": "Loads", "body": form.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "form-loads", values)])


async def two(world: World) -> tuple[Here, Here]:
    """Carlos and Dana, with the form."""
    publish(world)
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    for here in (carlos, dana):
        assert await here.sync()
    return carlos, dana


async def loads(world: World) -> tuple[Here, Here, Here, str]:
    """Both of them, and Dana's second laptop, with ten loads counted."""
    carlos, dana = await two(world)
    third = await world.laptop("c", "dana")
    record = carlos.create("submission", FORM)
    for here in (carlos, dana, third):
        assert await here.sync()
    return carlos, dana, third, record


def there(world: World, record: str) -> dict[str, Json]:
    """What central has of it."""
    return dict(world.central_records()[PROJECT, "submission", record].state.values())


@pytest.mark.parametrize(("mended_to", "total"), [(14, 16), (None, 15)], ids=["mended", "released"])
async def test_what_the_office_mended_counts_once(world: World, mended_to: int | None, total: int) -> None:
    """The ledger has the refused change as well, and it has put nothing down."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        dana.edit_paths("submission", record, {LOADS: 12})
        for here in (dana, third):
            assert await here.sync()
        with world.restored(backup):
            carlos.edit_paths("submission", record, {LOADS: 13})
            demote(world, "carlos", "viewer")
            await carlos.sync()
            assert OutboxState.REFUSED in carlos.states()
            demote(world, "carlos", "foreman")
            (one,) = waiting(world.site.central)
            release(world.site.central, one.change.dot, "olga", {LOADS: mended_to} if mended_to else None)
            await sync_all([third, dana, carlos])
            assert {here.value("submission", record, LOADS) for here in (carlos, dana, third)} == {total}


async def test_what_two_copies_handed_in_under_two_numbers_counts_once(world: World) -> None:
    original, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        dana.edit_paths("submission", record, {LOADS: 12})
        for here in (dana, third):
            assert await here.sync()
        with world.restored(backup):
            original, first = world.copy(original, "b1")
            first.edit_paths("submission", record, {LOADS: 13})
            first, second = world.copy(first, "c1")
            original.create("violation", {"description": "by the original"})
            await sync_all([original])
            await sync_all([first, second])
            assert there(world, record)[LOADS] == 13
            await sync_all([third, dana, original, first, second])
            assert {here.value("submission", record, LOADS) for here in (first, dana, third)} == {15}


@pytest.mark.parametrize("refused", [True, False])
async def test_what_a_copy_hands_in_under_a_new_number_waits_behind_nothing_refused(
    world: World, refused: bool
) -> None:
    carlos, dana = await two(world)
    record = carlos.create("submission", FORM)
    for here in (carlos, dana):
        assert await here.sync()
    if refused:
        carlos.edit_paths("submission", record, TOO_LONG)
        await carlos.sync()
        assert OutboxState.REFUSED in carlos.states()
    with world.backup_of_central() as backup:
        original, copy = world.copy(carlos, "copy")
        dana.edit_paths("submission", record, {"answers/x": "seen by the copy"})
        for here in (dana, copy):
            await here.sync()
        with world.restored(backup):
            for _ in range(8):
                if not any(one.reason == REFILLED for one in copy.outbox()):
                    await copy.worker._exchange(tuple(policy.lane for policy in LANES))
            assert any(one.reason == REFILLED for one in copy.outbox())
            original.create("violation", {"description": "by the original"})
            await sync_all([original])
            await sync_all([copy])
            await sync_all([copy])
            assert copy.device != original.device
            assert there(world, record).get("answers/x") == "seen by the copy"


async def test_what_was_counted_and_never_taken_counts_once_though_its_record_is_handed_in(
    world: World,
) -> None:
    """Dana's record is lost, and her laptop. Carlos has it, and has counted twice upon it; nothing of that had arrived."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = dana.create("submission", FORM)
        for here in (dana, carlos):
            assert await here.sync()
        carlos.edit_paths("submission", record, {LOADS: 13})
        prepare(carlos.store, [policy.lane for policy in LANES], 10**6)  # on its way when the line broke
        carlos.edit_paths("submission", record, {LOADS: 15})
        with world.restored(backup):
            await sync_all([carlos])
            assert there(world, record)[LOADS] == 15


@pytest.mark.parametrize("never_taken", [None, 15])
async def test_what_was_counted_and_taken_counts_once_though_its_record_is_handed_in(
    world: World, never_taken: int | None
) -> None:
    """As above, but that central had taken it, or the first of the two, before it lost it."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = dana.create("submission", FORM)
        for here in (dana, carlos):
            assert await here.sync()
        carlos.edit_paths("submission", record, {LOADS: 13})
        await sync_all([carlos])
        if never_taken:
            carlos.edit_paths("submission", record, {LOADS: never_taken})
        with world.restored(backup):
            await sync_all([carlos])
            assert there(world, record)[LOADS] == (never_taken or 13)
            await sync_all([dana, carlos])
            assert there(world, record)[LOADS] == (never_taken or 13)

"""What is written on at a restored central: texts and lists of choices, upon something that it has lost."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms.template import Choice, Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from tests.support.central import ORGANIZATION
from tests.support.restoring import TOLD, asked
from tests.support.world import Here, World, sync_all

KIND, TEXT = "corrective_action", "immediate_steps"
TICKS = "answers/ticks"


async def three(world: World) -> tuple[Here, Here, Here]:
    """Carlos, and Dana with two laptops."""
    names = (("a", "carlos"), ("b", "dana"), ("c", "dana"))
    carlos, dana, third = [await world.laptop(folder, user) for folder, user in names]
    await sync_all([carlos, dana, third])
    return carlos, dana, third


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("first", ["dana", "carlos"])
async def test_a_sentence_behind_a_lost_sentence_brings_that_along(
    world: World, first: str, sent: bool
) -> None:
    """Somebody has written on in what central still had: he had not seen the lost one, and struck nothing out."""
    carlos, dana, third = await three(world)
    record = carlos.create(KIND, {**TOLD[KIND], TEXT: "Fence torn."})
    for here in (carlos, dana, third):
        assert await here.sync()
    with world.backup_of_central() as backup:
        carlos.edit(KIND, record, **{TEXT: "Fence torn. Called the office."})
        for here in (carlos, dana):
            assert await here.sync()
        dana.edit(KIND, record, **{TEXT: "Fence torn. Called the office. Gate open."})
        if sent:
            await sync_all([dana])
        with world.restored(backup):
            world.clock.advance(hours=1)
            third.edit(KIND, record, **{TEXT: "Rain. Fence torn."})
            for here in (third, *((dana, carlos) if first == "dana" else (carlos, dana))):
                await here.sync()
            await sync_all([carlos, dana, third])
            shown = {here.value(KIND, record, TEXT) for here in (carlos, dana, third)}
            assert shown == {"Rain. Fence torn. Called the office. Gate open."}
            assert asked(world) == []


async def test_a_text_that_was_joined_before_is_joined_again(world: World) -> None:
    """No change says what came of the two words; whoever wrote upon them does."""
    carlos, dana, third = await three(world)
    record = carlos.create(KIND, {**TOLD[KIND], TEXT: "Fence torn."})
    for here in (carlos, dana, third):
        assert await here.sync()
    carlos.edit(KIND, record, **{TEXT: "Fence torn. Called the office."})
    dana.edit(KIND, record, **{TEXT: "Rain. Fence torn."})
    await sync_all([carlos, dana, third])
    with world.backup_of_central() as backup:
        carlos.edit(KIND, record, condition="more silt")
        for here in (carlos, dana):
            assert await here.sync()
        dana.edit(KIND, record, **{TEXT: "Rain. Fence torn. Called the office. Gate open."})
        with world.restored(backup):
            world.clock.advance(hours=1)
            third.edit(KIND, record, **{TEXT: "Monday. Rain. Fence torn. Called the office."})
            for here in (third, dana, carlos):
                await here.sync()
            await sync_all([carlos, dana, third])
            shown = {here.value(KIND, record, TEXT) for here in (carlos, dana, third)}
            assert shown == {"Monday. Rain. Fence torn. Called the office. Gate open."}
            assert asked(world) == []


@pytest.mark.parametrize("comes_back", [True, False])
@pytest.mark.parametrize("sent", [True, False])
async def test_a_choice_beside_a_lost_choice_brings_that_along(
    world: World, comes_back: bool, sent: bool
) -> None:
    publish_ticks(world)
    carlos, dana, third = await three(world)
    record = carlos.create("submission", {"template_id": "form-ticks", TICKS: ["z"]})
    for here in (carlos, dana, third):
        assert await here.sync()
    with world.backup_of_central() as backup:
        carlos.edit_paths("submission", record, {TICKS: ["z", "a"]})
        for here in (carlos, dana):
            assert await here.sync()
        dana.edit_paths("submission", record, {TICKS: ["z", "a", "b"]})
        if sent:
            await sync_all([dana])
        with world.restored(backup):
            third.edit_paths("submission", record, {TICKS: ["z", "c"]})
            back = [third, dana, carlos] if comes_back else [third, dana]
            await sync_all(back)
            assert [ticked(here, record) for here in back] == [{"a", "b", "c", "z"}] * len(back)


@pytest.mark.parametrize("first", ["dana", "carlos", "third"])
async def test_a_choice_that_was_joined_and_then_unticked_stays_unticked(world: World, first: str) -> None:
    """Central has the choices as they were joined; no change says what came of them."""
    publish_ticks(world)
    carlos, dana, third = await three(world)
    record = carlos.create("submission", {"template_id": "form-ticks", TICKS: ["z"]})
    for here in (carlos, dana, third):
        assert await here.sync()
    carlos.edit_paths("submission", record, {TICKS: ["z", "a"]})
    dana.edit_paths("submission", record, {TICKS: ["z", "b"]})
    await sync_all([carlos, dana, third])
    with world.backup_of_central() as backup:
        dana.edit_paths("submission", record, {TICKS: ["z", "b"]})
        await sync_all([dana, carlos])
        assert ticked(carlos, record) == {"z", "b"}
        with world.restored(backup):
            third.edit_paths("submission", record, {TICKS: ["z", "a", "b", "c"]})
            back = {"dana": dana, "carlos": carlos, "third": third}
            await sync_all([back.pop(first), *back.values()])
            await sync_all([carlos, dana, third])
            assert [ticked(here, record) for here in (carlos, dana, third)] == [{"z", "b", "c"}] * 3


def publish_ticks(world: World) -> None:
    """A form with choices that are joined."""
    choices = tuple(Choice(name, name) for name in "zabc")
    one = Question(
        path="ticks", ref="ticks", label="Ticks", kind=QuestionKind.CHOICES, choices=choices, rule=FieldRule(Rule.UNION)
    )  # fmt: skip
    form = Template("ticks", 1, "Ticks", "custom", "", (Section("s", "s", "S", (one,)),))
    values: dict[str, Json] = {"key": "ticks", "title": "Ticks", "body": form.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "form-ticks", values)])


def ticked(here: Here, record: str) -> set[Json]:
    """The choices that a laptop shows."""
    value = here.value("submission", record, TICKS)
    assert isinstance(value, list | tuple)
    return {*value}

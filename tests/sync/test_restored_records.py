"""Records of which only one laptop is left, at a central that has lost them: it hands them in, whatever of its own lies on
top of them, and however large they have grown."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from bravetui.base.canonical import Json
from bravetui.central.quarantine import waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.db.tables.conflict import OPEN
from bravetui.forms.template import Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from bravetui.sync.exchange import prepare
from bravetui.wire.lanes import LANES
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World, demote, sync_all

RULES = {"lww": Rule.LAST_WRITE_WINS, "review": Rule.REVIEW, "text": Rule.TEXT, "sum": Rule.SUM}
FORM: dict[str, Json] = {"template_id": "form-mixed", **{f"answers/{name}": "10" for name in RULES}}
ALL_LANES = tuple(policy.lane for policy in LANES)
TOO_LONG = "word " * 250_000
"""What central refuses for its length."""


async def two(world: World) -> tuple[Here, Here]:
    """Carlos and Dana, with a form of which each answer has another rule."""
    asked = tuple(
        Question(path=name, ref=name, label=name, kind=QuestionKind.TEXT, rule=FieldRule(rule))
        for name, rule in RULES.items()
    )
    form = Template("mixed", 1, "Mixed", "custom", "", (Section("s", "s", "S", asked),))
    values: dict[str, Json] = {"key": "mixed", "title": "Mixed", "body": form.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "form-mixed", values)])
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    for here in (carlos, dana):
        assert await here.sync()
    return carlos, dana


def there(world: World, record: str) -> dict[str, Json]:
    """What central has of it; nothing, where it has no such record."""
    found = world.central_records().get((PROJECT, "submission", record))
    return dict(found.state.values()) if found else {}


def questions(world: World) -> int:
    """Those that a person has to decide."""
    found = (one.state.values() for key, one in world.central_records().items() if key[1] == "conflict")
    return sum(values["status"] == OPEN for values in found)


async def refused_upon(carlos: Here, dana: Here, name: str) -> str:
    """Dana's record, which Carlos has as well, and over one of her answers a word of his that central refused."""
    record = dana.create("submission", FORM)
    for here in (dana, carlos):
        assert await here.sync()
    carlos.edit_paths("submission", record, {f"answers/{name}": "13", "answers/note": TOO_LONG})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    return record


@pytest.mark.parametrize("name", RULES)
async def test_a_refused_word_does_not_keep_back_the_record_that_it_lies_upon(
    world: World, name: str
) -> None:
    """Central lost Dana's record, and she her laptop."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = await refused_upon(carlos, dana, name)
        with world.restored(backup):
            await sync_all([carlos])
            assert there(world, record) == FORM
            assert carlos.value("submission", record, f"answers/{name}") == "13"
            assert OutboxState.REFUSED in carlos.states()


@pytest.mark.parametrize("name", RULES)
async def test_a_refused_word_that_is_put_right_goes_on_in_the_record_that_was_handed_in(
    world: World, name: str
) -> None:
    """Though nobody knows any more that Carlos had seen hers, nobody is asked between the two."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = await refused_upon(carlos, dana, name)
        with world.restored(backup):
            await sync_all([carlos])
            carlos.edit_paths("submission", record, {"answers/note": "short"})
            await sync_all([carlos, dana])
            assert there(world, record) == {**FORM, f"answers/{name}": "13", "answers/note": "short"}
            assert not questions(world)
            for here in (dana, carlos):
                assert here.value("submission", record, f"answers/{name}") == "13"


@pytest.mark.parametrize("name", RULES)
async def test_what_lay_under_a_refused_word_stands_against_nothing_that_its_author_has_said_since(
    world: World, name: str
) -> None:
    """Dana's laptop turns up again, with a word of hers that central had lost and Carlos never saw: she is not asked."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = await refused_upon(carlos, dana, name)
        dana.edit_paths("submission", record, {f"answers/{name}": "11"})
        assert await dana.sync()
        with world.restored(backup):
            await sync_all([carlos])
            await sync_all([dana, carlos])
            assert there(world, record)[f"answers/{name}"] == "11"
            assert not questions(world)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_refused_word_that_a_colleagues_later_word_met_is_asked_about_once_it_is_put_right(
    world: World, lost: bool
) -> None:
    """As where central had lost nothing: Carlos's laptop shows them joined when it hands the record in."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = await refused_upon(carlos, dana, "review")
        world.clock.advance(minutes=5)
        dana.edit_paths("submission", record, {"answers/review": "11"})
        assert await dana.sync()
        await carlos.sync()
        with world.restored(backup) if lost else nullcontext():
            await sync_all([carlos])
            assert there(world, record)["answers/review"] == "11"
            carlos.edit_paths("submission", record, {"answers/note": "short"})
            await sync_all([carlos])
            assert questions(world) == 1


@pytest.mark.parametrize("name", RULES)
async def test_a_word_that_was_taken_just_before_another_was_refused_is_handed_in(
    world: World, name: str
) -> None:
    """Both are answered at once, and no row has come since: what was agreed on before the two is neither."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = dana.create("submission", FORM)
        for here in (dana, carlos):
            assert await here.sync()
        carlos.edit_paths("submission", record, {f"answers/{name}": "12"})
        prepare(carlos.store, ALL_LANES, 10**6)  # on its way, so that what follows is a change of its own
        carlos.edit_paths("submission", record, {f"answers/{name}": "13", "answers/note": TOO_LONG})
        for _ in range(2):
            await carlos.worker._exchange(ALL_LANES)
        assert OutboxState.REFUSED in carlos.states()
        with world.restored(backup):
            await sync_all([carlos])
            assert there(world, record)[f"answers/{name}"] == "12"
            assert not questions(world)


@pytest.mark.parametrize("name", ["lww", "sum"])
async def test_a_record_that_was_handed_in_is_handed_in_again_to_the_next_restored_central(
    world: World, name: str
) -> None:
    """The refused word is put right in between."""
    carlos, dana = await two(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        record = await refused_upon(carlos, dana, name)
        with world.restored(backup):
            await sync_all([carlos])
            carlos.edit_paths("submission", record, {"answers/note": "short"})
            await sync_all([carlos])
        with world.restored(again):
            await sync_all([carlos])
            assert there(world, record) == {**FORM, f"answers/{name}": "13", "answers/note": "short"}


async def test_a_refused_handing_in_leaves_the_queue_once_a_neighbour_has_handed_the_record_in(
    world: World,
) -> None:
    carlos, dana = await two(world)
    with world.backup_of_central() as backup:
        record = await refused_upon(carlos, dana, "lww")
        with world.restored(backup):
            demote(world, "carlos", "viewer")
            await sync_all([carlos])
            assert any(one.said for one in carlos.outbox(OutboxState.REFUSED))
            await sync_all([dana, carlos])
            assert there(world, record) == FORM
            assert not any(one.said for one in carlos.outbox(OutboxState.REFUSED))
            assert not any(one.change.said for one in waiting(world.site.central))


async def test_a_new_record_that_was_refused_is_not_handed_in_empty(world: World) -> None:
    carlos, _ = await two(world)
    with world.backup_of_central() as backup:
        record = carlos.create("submission", {**FORM, "answers/text": TOO_LONG})
        await carlos.sync()
        assert carlos.states() == [OutboxState.REFUSED]
        with world.restored(backup):
            await sync_all([carlos])
            assert not there(world, record)
            assert carlos.states() == [OutboxState.REFUSED]


@pytest.mark.parametrize("paths", [3, 6_000])
async def test_a_record_that_grew_past_what_one_change_holds_comes_back_from_a_reader(
    world: World, paths: int
) -> None:
    """By a few long answers, or by thousands of short ones; the author's laptop is lost."""
    carlos, dana = await two(world)
    letters = 1_200_000 // paths
    with world.backup_of_central() as backup:
        record = carlos.create("submission", FORM)
        for start in range(0, paths, max(1, paths // 3)):
            assert await carlos.sync()
            some = range(start, start + max(1, paths // 3))
            carlos.edit_paths("submission", record, {f"answers/t{number}": "x" * letters for number in some})
        for here in (carlos, dana):
            assert await here.sync()
        whole = there(world, record)
        assert len(whole) == paths + len(FORM)
        with world.restored(backup):
            await sync_all([dana])
            assert there(world, record) == whole
            assert set(dana.states()) <= {OutboxState.CONFIRMED, OutboxState.APPLIED}
            assert not questions(world)


@pytest.mark.parametrize(("paths", "letters"), [(3, 400_000), (1850, 240)])
async def test_what_was_written_over_long_answers_comes_back_from_a_reader(
    world: World, paths: int, letters: int
) -> None:
    """A handing in says what central has as well, which may be the longer of the two."""
    carlos, dana = await two(world)
    names = [f"answers/t{number:04}" for number in range(paths)]
    record = carlos.create("submission", FORM)
    for name in range(3):
        assert await carlos.sync()
        carlos.edit_paths("submission", record, dict.fromkeys(names[name::3], "a" * letters))
    for here in (carlos, dana):
        assert await here.sync()
    with world.backup_of_central() as backup:
        short = {path: "b" * min(letters, 240) for path in names}
        for name in range(3):
            carlos.edit_paths("submission", record, {path: short[path] for path in names[name::3]})
            assert await carlos.sync()
        assert await dana.sync()
        with world.restored(backup):
            await sync_all([dana])
            assert there(world, record) == {**FORM, **short}

"""Who only reads in a project is offered nothing to write, and told why in one line; whoever may write is offered all."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button, Static

from bravetui.actions import forms
from bravetui.db.site import READING_ROLES
from bravetui.messages import SyncReported
from bravetui.sample.site import Seed
from bravetui.screens.alert import AlertScreen
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.forms import FormsScreen
from bravetui.screens.home import HomeScreen
from bravetui.screens.queue import QueueScreen
from bravetui.screens.rain import RainScreen
from bravetui.views.conflicts import conflicts
from bravetui.views.forms import submissions
from bravetui.views.home import home
from bravetui.views.queue import queue
from bravetui.views.rights import NO_PROJECT, only_reads
from bravetui.widgets.question_field import QuestionField
from tests.support.seeded import NOON
from tests.support.snapshots import SnapScreen, screen_text
from tests.ui.scene import LARGE, SMALL, Scene, playing, press, set_scene, write

WHY = "You are here as a viewer and can write nothing. The office can change that."
BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = set_scene(tmp_path)
    scene.arrive(scene.rain_conflict(), scene.alert())
    return scene


def member(scene: Scene, role: str, **values: str) -> Seed:
    """The foreman's membership of the project, in another role."""
    known = next(
        seed
        for seed in scene.site.records
        if seed.kind == "project_member" and seed.values["user_id"] == scene.site.foreman_id
    )
    return Seed(
        "project_member", known.scope_id, known.id, {**known.values, "project_role": role, **values}, NOON
    )


@pytest.fixture
def viewer(scene: Scene) -> Scene:
    scene.arrive(member(scene, "viewer"))
    return scene


def keys(scene: Scene) -> set[str]:
    """What the keys do that are active on this screen, by action."""
    return {
        one.binding.action.partition("(")[0]
        for one in scene.app.screen.active_bindings.values()
        if one.enabled
    }


def written(scene: Scene) -> int:
    return queue(scene.store).total


@BOTH
async def test_home_of_whoever_only_reads(
    viewer: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The reason in one line; no New, no Rain, and no word of either."""
    async with playing(viewer, size) as pilot:
        await snap_screen(pilot)
        assert str(viewer.app.screen.query_one("#sign-in", Static).render()) == WHY
        assert not keys(viewer) & {"new", "app.rain", "rain"}
        assert "starts a form" not in screen_text(pilot)
        assert "1 conflict open" in screen_text(pilot)


async def test_no_key_click_or_enter_writes_anything_for_whoever_only_reads(viewer: Scene) -> None:
    """On home, in the lists, in a form, in a conflict, in an alert, in the palette."""
    before = written(viewer)
    async with playing(viewer, LARGE) as pilot:
        await press(pilot, "n", "f8")
        assert isinstance(viewer.app.screen, HomeScreen)
        viewer.app.action_rain()
        await pilot.pause()
        assert isinstance(viewer.app.screen, HomeScreen)
        await press(pilot, "f4")
        assert "mend" not in keys(viewer)
        await press(pilot, "f3", "n", "d")
        assert isinstance(viewer.app.screen, FormsScreen)
        assert not viewer.app.screen.query_one("#templates").display
        (apart, *_) = conflicts(viewer.store, viewer.site.project_id)
        viewer.app.open(ConflictScreen(apart.id))
        await pilot.pause()
        assert not keys(viewer) & {"choose", "choose_before", "save", "bring_back", "keep"}
        await pilot.click("#local-head")
        await press(pilot, "1", "2", "ctrl+s")
        assert "Whoever may write" in screen_text(pilot)
        await press(pilot, "escape")
        viewer.app.open(AlertScreen(home(viewer.store, viewer.site.project_id).alerts[0]))
        await pilot.pause()
        assert not viewer.app.screen.query_one("#seen", Button).display
        await press(pilot, "r", "enter", "escape")
    assert written(viewer) == before


async def test_a_form_is_read_and_not_typed_in(viewer: Scene) -> None:
    """Neither an answer nor a name under it, and the last page says why."""
    before = dict(viewer.answers())
    async with playing(viewer, LARGE) as pilot:
        viewer.app.open(FormScreen(viewer.submission_id, page=1))
        await pilot.pause()
        await pilot.pause()
        assert "review" not in keys(viewer)
        field = next(f for f in viewer.app.screen.query(QuestionField) if f.path == "rain_in")
        field.focus_input()
        await write(pilot, "9")
        viewer.app.open(FormScreen(viewer.submission_id, page=99))
        await pilot.pause()
        await pilot.pause()
        assert not viewer.app.screen.query("#submit")
        assert WHY in screen_text(pilot)
    assert viewer.answers() == before


async def test_a_right_that_comes_back_brings_the_keys_back_at_once(viewer: Scene) -> None:
    """With the contact that tells of it, without a new start."""
    async with playing(viewer, LARGE) as pilot:
        assert "new" not in keys(viewer)
        viewer.store.clock.advance(seconds=1)  # type: ignore[attr-defined]
        viewer.arrive(*[member(viewer, "foreman")] * 2)
        viewer.app.screen.post_message(SyncReported())
        await pilot.pause()
        await pilot.pause()
        assert "new" in keys(viewer)
        assert "starts a form" in screen_text(pilot) or submissions(
            viewer.store, viewer.site.project_id, "draft"
        )


@pytest.mark.parametrize("role", sorted(READING_ROLES))
def test_who_only_reads_is_who_only_reads_at_central(scene: Scene, role: str) -> None:
    from bravetui.central.access import READING_ROLES as AT_CENTRAL

    assert READING_ROLES == AT_CENTRAL
    scene.arrive(member(scene, role))
    assert "can write nothing" in only_reads(scene.store, scene.site.project_id)


def test_a_membership_that_is_over_or_to_come_counts_for_nothing(scene: Scene) -> None:
    scene.arrive(member(scene, "viewer", to_date="2026-08-01"))
    assert only_reads(scene.store, scene.site.project_id) == ""


@pytest.mark.parametrize(
    ("told", "reads"),
    [
        ([], False),
        (["records:read"], True),
        (["records:read", "records:write"], False),
        (["photos:upload"], False),
    ],
)
def test_permissions_that_name_reading_and_not_writing_are_taken_at_their_word(
    scene: Scene, told: list[str], reads: bool
) -> None:
    """Where none of the kind is named, the role alone decides, as at central."""
    import json

    with scene.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE scope_seen SET permissions = ?", (json.dumps(told),))
    assert bool(only_reads(scene.store, scene.site.project_id)) is reads


def test_recording_itself_is_locked_by_nothing(viewer: Scene) -> None:
    """What is written all the same is kept, and central says what becomes of it."""
    before = written(viewer)
    forms.answer(viewer.store, viewer.site.project_id, viewer.submission_id, {"summary": "kept"})
    assert viewer.answers()["summary"] == "kept"
    assert written(viewer) >= before


@pytest.fixture
def nowhere(scene: Scene) -> Scene:
    """Somebody whom the office has put into no project yet."""
    scene.app.services.scope_id = ""
    with scene.store.write() as writing:
        writing.connection.exec_driver_sql("DELETE FROM scope_seen")
    return scene


async def test_whoever_is_in_no_project_yet_is_told_and_nothing_opens_that_cannot_be_saved(
    nowhere: Scene,
) -> None:
    async with playing(nowhere, SMALL) as pilot:
        shown = screen_text(pilot)
        assert NO_PROJECT in shown
        assert "Nothing is due" not in shown
        assert not keys(nowhere) & {"new", "app.rain", "rain"}
        await press(pilot, "n", "f8")
        assert isinstance(nowhere.app.screen, HomeScreen)
        await press(pilot, "f3", "n", "enter")
        assert isinstance(nowhere.app.screen, FormsScreen)
        assert NO_PROJECT in screen_text(pilot)


async def test_the_first_project_is_gone_to_as_soon_as_it_has_arrived(nowhere: Scene) -> None:
    async with playing(nowhere, SMALL) as pilot:
        with nowhere.store.write() as writing:
            writing.connection.exec_driver_sql(
                "INSERT INTO scope_seen (scope_id, kind, name, permissions) VALUES (?, 'project', 'P', '[]')",
                (nowhere.site.project_id,),
            )
        nowhere.app.screen.post_message(SyncReported())
        await pilot.pause()
        assert NO_PROJECT not in screen_text(pilot)
        assert {"new", "app.rain"} <= keys(nowhere)
        await press(pilot, "f8")
        assert isinstance(nowhere.app.screen, RainScreen)


async def test_help_names_no_key_that_does_nothing_here(viewer: Scene) -> None:
    """On the queue, where only a form's writer corrects what was refused."""
    async with playing(viewer, LARGE) as pilot:
        await press(pilot, "f4")
        assert isinstance(viewer.app.screen, QueueScreen)
        assert "M opens its form" in viewer.app.screen.HELP
        assert "M opens its form" not in viewer.app.screen.help_words()

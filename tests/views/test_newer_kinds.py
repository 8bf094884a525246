"""A record of a kind that only a newer version knows stops no list and no screen of an older one: that is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bravetui.base.canonical import Json
from bravetui.cli.conflicts import _side_by_side
from bravetui.screens.conflict import ConflictScreen
from bravetui.views import conflicts, queue
from tests.support.snapshots import screen_text
from tests.support.world import forget_kinds
from tests.ui.scene import LARGE, Scene, playing, press, set_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


async def test_whether_two_of_an_unknown_kind_are_one_is_shown_and_not_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, asked = scene.logged_twice()
    scene.arrive(asked)
    forget_kinds(monkeypatch, "delivery")
    (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
    assert (row.what, row.title, row.status) == ("Logged twice?", "delivery", "open")
    told = conflicts.conflict(scene.store, scene.site.project_id, row.id)
    assert [field.label for field in told.fields] == ["Whether it is kept"]
    assert "newer version" in "\n".join(_side_by_side(told))
    async with playing(scene, LARGE) as pilot:
        scene.app.open(ConflictScreen(row.id))
        await pilot.pause()
        await pilot.pause()
        shown = screen_text(pilot)
        assert "It is about a record that a newer version made. Update this program to answer" in shown
        assert "Decided" not in shown
        await press(pilot, "1", "ctrl+s")
        assert screen_text(pilot) == shown, "nothing is offered, and nothing breaks"
    (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
    assert row.status == "open"


async def test_a_field_of_an_unknown_kind_is_shown_and_not_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = scene.conflict(7, ({"speed": "fast"}, {"speed": "slow"}))
    asked: dict[str, Json] = {**seed.values, "record_kind": "drone_flight", "record_id": "1"}
    scene.arrive(replace(seed, values=asked))
    async with playing(scene, LARGE) as pilot:
        scene.app.open(ConflictScreen(seed.id))
        await pilot.pause()
        await pilot.pause()
        shown = screen_text(pilot)
        assert "Update this program to answer" in shown
        assert "fast" in shown
        assert "slow" in shown


async def test_two_records_that_have_not_arrived_yet_can_be_told_apart_all_the_same(scene: Scene) -> None:
    *_, asked = scene.logged_twice()
    scene.arrive(asked)
    async with playing(scene, LARGE) as pilot:
        scene.app.open(ConflictScreen(asked.id))
        await pilot.pause()
        await pilot.pause()
        assert "Is it the same thing?" in screen_text(pilot)
        await press(pilot, "2", "ctrl+s")
        assert any("Sync, then try again" in told.message for told in scene.app._notifications)


def test_the_queue_lists_what_a_newer_version_had_recorded_here(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene.store.write() as writing:
        made = writing.create("delivery", scene.site.project_id, {"supplier": "Rio Ready-Mix"})
    forget_kinds(monkeypatch, "delivery")
    titles = {item.record_id: item.title for item in queue.queue(scene.store).items}
    assert titles[made] == "delivery"

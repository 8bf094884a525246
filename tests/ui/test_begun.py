"""What it takes to begin a form, and how drafts, alerts and rows are told apart and opened, by key and by mouse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, OptionList

from bravetui.actions import forms, site
from bravetui.screens.alert import AlertScreen
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.conflicts import ConflictsScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.home import HomeScreen
from bravetui.views import forms as seen
from bravetui.views import home, queue
from tests.support.snapshots import screen_text
from tests.ui.scene import ALERT, LARGE, SMALL, Scene, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def drafts(scene: Scene) -> list[seen.SubmissionRow]:
    return list(seen.submissions(scene.store, scene.site.project_id, "draft"))


async def open_due(pilot: Pilot[None], scene: Scene, title: str) -> None:
    """Enter on what is due and called so."""
    listed = scene.app.screen.query_one("#list", OptionList)
    at = [listed.get_option_at_index(i) for i in range(listed.option_count)]
    listed.highlighted = next(i for i, option in enumerate(at) if title in str(option.prompt))
    await press(pilot, "enter")
    await pilot.pause()
    await pilot.pause()
    assert isinstance(scene.app.screen, FormScreen)


async def test_a_form_that_was_only_looked_at_leaves_no_trace(scene: Scene) -> None:
    """N and Esc, the routine inspection and Esc: no draft, nothing in the queue."""
    before = (drafts(scene), queue.queue(scene.store).total)
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "n", "pagedown", "escape")
        assert isinstance(scene.app.screen, HomeScreen)
        await open_due(pilot, scene, "Routine inspection")
        await press(pilot, "escape")
    assert (drafts(scene), queue.queue(scene.store).total) == before


async def test_a_routine_inspection_is_begun_once_and_opened_again(scene: Scene) -> None:
    """As a storm's is: one draft, a record of the inspection, and Home says that it is begun."""
    async with playing(scene, SMALL) as pilot:
        await open_due(pilot, scene, "Routine inspection")
        await write(pilot, "today")
        await press(pilot, "escape")
        assert "Routine inspection (begun)" in screen_text(pilot)
        await open_due(pilot, scene, "Routine inspection")
        await press(pilot, "pagedown", "pagedown", "escape")
    assert sorted(row.about.split(",")[0] for row in drafts(scene)) == [
        "Routine inspection",
        "Storm inspection",
    ]
    due = {each.title: each for each in home.home(scene.store, scene.site.project_id).due}
    assert due["Routine inspection"].inspection_id
    begun = next(row for row in drafts(scene) if row.about == "Routine inspection")
    answers = seen.form(scene.store, scene.site.project_id, begun.id).answers
    assert (answers["report_date"], answers["trigger"]) == ("2026-08-03", "routine")


def test_a_storm_inspection_begins_with_what_is_on_record_of_its_storm(scene: Scene) -> None:
    """The gauge, the amount and the hour that the clock runs from; no observation of the site."""
    project_id = scene.site.project_id
    site.log_rain(scene.store, project_id, 61, scene.clock.now() - timedelta(hours=2))
    due = next(d for d in home.home(scene.store, project_id).due if "0.61" in d.why)
    begun = forms.start_form(scene.store, project_id, scene.site.template_id, due.inspection_id)
    answers = seen.form(scene.store, project_id, begun.submission_id).answers
    told = {name: answers.get(name) for name in ("trigger", "rain_in", "rain_source", "threshold_reached_at")}
    assert told == {
        "trigger": "storm_rain", "rain_in": "0.61", "rain_source": "rain_gauge",
        "threshold_reached_at": "2026-08-03T08:37:00-06:00",
    }  # fmt: skip
    assert "summary" not in answers


async def test_drafts_say_which_inspection_and_when_last_edited(scene: Scene) -> None:
    """On Home, in the list of forms, and inside the form."""
    scene.clock.advance(minutes=30)
    forms.answer(scene.store, scene.site.project_id, scene.submission_id, {"temp_f": 61})
    async with playing(scene, SMALL) as pilot:
        assert "Storm inspection, 0.42 in Sun 2 Aug" in screen_text(pilot)
        assert "last edited 11:07 am" in screen_text(pilot)
        await press(pilot, "f3")
        assert "Storm inspection, 0.42 in" in screen_text(pilot)
        await press(pilot, "f2")
        await open_due(pilot, scene, "Storm inspection")
        first, second = screen_text(pilot).splitlines()[:2]
        assert first.startswith(" Storm inspection")
        assert "EPA site inspection report" in second


async def test_an_alert_is_read_whole_and_counts_as_read_only_when_one_says_so(scene: Scene) -> None:
    """Enter opens it, Esc leaves it unread, R says that it was read; the queue calls that seen."""
    scene.arrive(scene.alert())
    async with playing(scene, SMALL) as pilot:
        listed = scene.app.screen.query_one("#list", OptionList)
        listed.highlighted = listed.get_option_index(f"alert-{ALERT}")
        await press(pilot, "enter")
        assert isinstance(scene.app.screen, AlertScreen)
        said = screen_text(pilot)
        for words in ("Lightning within 8 miles", "Stay off the slope.", "From Amy Tran", "until 1:00 pm"):
            assert words in said
        await press(pilot, "escape")
        assert not home.home(scene.store, scene.site.project_id).alerts[0].seen
        await press(pilot, "enter", "r")
        assert isinstance(scene.app.screen, HomeScreen)
    assert home.home(scene.store, scene.site.project_id).alerts[0].seen
    assert any(
        item.what == "Safety alert: Lightning within 8 miles (seen)"
        for item in queue.queue(scene.store).items
    )


async def test_one_click_opens_a_row_that_the_cursor_is_not_on(scene: Scene) -> None:
    """The second of two conflicts, anywhere on its line."""
    scene.arrive(scene.rain_conflict(), scene.text_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7")
        table = scene.app.screen.query_one(DataTable)
        await pilot.click(DataTable, offset=(30, 2))
        await pilot.pause()
        assert isinstance(scene.app.screen, ConflictScreen)
        assert table.cursor_row == 1


async def test_what_is_to_decide_opens_by_a_click_on_the_line_on_top(scene: Scene) -> None:
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        at = screen_text(pilot).splitlines()[0].index("to decide")
        await pilot.click("StatusLine", offset=(at, 0))
        await pilot.pause()
        assert isinstance(scene.app.screen, ConflictsScreen)


SCREENS = {
    "home": ("f2",), "forms": ("f3",), "queue": ("f4",), "conflicts": ("f7",), "open conflict": ("f7", "enter"),
    "set aside": ("f7", "down", "enter"), "rain": ("f8",), "form": ("down", "enter"),
}  # fmt: skip


@pytest.mark.parametrize("keys", SCREENS.values(), ids=SCREENS)
async def test_the_keys_on_the_last_line_are_never_cut_off(scene: Scene, keys: tuple[str, ...]) -> None:
    """As many as fit, F1 among them, the last one with its word; a wider screen shows where the queue is and the line."""
    scene.arrive(scene.rain_conflict(), scene.settled_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, *keys)
        await pilot.pause()
        narrow = screen_text(pilot).splitlines()[-1]
        assert "F1 Help" in narrow
        assert len(narrow) <= 80
        assert narrow.split()[-1].isalpha()
        await pilot.resize_terminal(*LARGE)
        await pilot.pause()
        await pilot.pause()
        wide = screen_text(pilot).splitlines()[-1]
        assert "F4 Queue" in wide
        assert "F6 Line" in wide

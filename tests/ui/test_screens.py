"""Every state that matters, as pictures at the two sizes that people have: a terminal over SSH and a truck's laptop."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import OptionList

from bravetui.base.canonical import Json
from bravetui.db.device import OutboxState
from bravetui.screens.base import WorkScreen
from tests.support.seeded import NOON
from tests.support.snapshots import SnapScreen
from tests.ui.scene import ALERT, LARGE, SMALL, Scene, playing, press, set_scene, write

BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


@BOTH
async def test_home_shows_what_is_due_and_what_is_only_here(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The storm inspection with its deadline, the draft, the line, the queue's age."""
    async with playing(scene, size) as pilot:
        await snap_screen(pilot)


@BOTH
async def test_home_with_conflicts_alerts_and_a_cut_line(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Everything that can ask for attention at once."""
    from bravetui.sample.site import Seed

    told: dict[str, Json] = {
        "level": "stop_work",
        "title": "Gas line marked at lot C",
        "body": "No digging within 10 ft.",
    }
    told["issued_at"] = "2026-08-03T14:00:00Z"
    alert = Seed("safety_alert", scene.site.project_id, "01980000-0000-7000-8000-00000000a001", told, NOON)
    scene.arrive(alert, scene.rain_conflict())
    scene.line.cut()
    async with playing(scene, size) as pilot:
        await snap_screen(pilot)


@BOTH
async def test_an_alert_says_who_warns_and_until_when(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """And asks whether it was read."""
    scene.arrive(scene.alert())
    async with playing(scene, size) as pilot:
        listed = scene.app.screen.query_one("#list", OptionList)
        listed.highlighted = listed.get_option_index(f"alert-{ALERT}")
        await press(pilot, "enter")
        await snap_screen(pilot)


@BOTH
async def test_a_draft_is_discarded_only_when_one_says_so(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The question, before anything is done."""
    async with playing(scene, size) as pilot:
        await press(pilot, "f3", "d")
        await snap_screen(pilot)


@BOTH
async def test_forms_lists_drafts_and_what_was_handed_in(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Templates on top, drafts first."""
    async with playing(scene, size) as pilot:
        await press(pilot, "f3")
        await snap_screen(pilot)


async def open_draft(pilot, scene: Scene) -> None:  # type: ignore[no-untyped-def]
    from bravetui.screens.form import FormScreen

    scene.app.open(FormScreen(scene.submission_id))
    await pilot.pause()
    await pilot.pause()


@BOTH
async def test_a_form_opens_with_job_facts_and_no_observation(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Permit number, inspector and place are there; nothing observed is."""
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await snap_screen(pilot)


@BOTH
async def test_conditional_questions_appear_and_problems_stand_where_they_are(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Storm was chosen, the reading is too large: the storm's questions are there, and the sentence under the reading."""
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await press(pilot, "pagedown", "2", "tab", "tab")
        await write(pilot, "42")
        await press(pilot, "tab")
        await snap_screen(pilot)


@BOTH
async def test_an_answer_in_dispute_says_whose_it_is_and_where_one_decides(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The cursor is on it: it is read here, not typed over."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await press(pilot, "pagedown", "2", "tab", "tab")
        await snap_screen(pilot)


@BOTH
async def test_a_repeat_shows_its_rows_as_cards(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Controls from the project, one opened."""
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await press(pilot, "pagedown", "pagedown", "enter")
        await snap_screen(pilot)


@BOTH
async def test_review_lists_what_is_left_and_asks_for_the_signature(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The certification is there to be read before signing."""
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await press(pilot, "ctrl+r")
        await snap_screen(pilot)


@BOTH
async def test_the_queue_says_what_waits_why_and_since_when(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """A dead line: attempts, the next try, the reason."""
    scene.set_outbox(state=OutboxState.SENT, attempts=3)
    for lane in ("critical", "forms"):
        scene.set_lane(
            lane,
            failures=3,
            next_attempt_at=scene.clock.now() + timedelta(seconds=40),
            why="No line to central.",
        )
    async with playing(scene, size) as pilot:
        await press(pilot, "f4")
        await snap_screen(pilot)


@BOTH
async def test_the_queue_when_all_is_handed_in(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Confirmed, with the time."""
    from bravetui.db import meta

    scene.set_outbox(state=OutboxState.CONFIRMED)
    with scene.store.maintain() as connection:
        meta.put(connection, meta.ALL_HANDED_IN_AT, scene.clock.now().isoformat())
        meta.put(connection, meta.LINE, "up")
    async with playing(scene, size) as pilot:
        await press(pilot, "f4")
        await snap_screen(pilot)


@BOTH
async def test_the_queue_with_a_refused_change(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Refused comes first, with central's reason."""
    scene.set_outbox(
        state=OutboxState.REFUSED,
        verdict={"outcome": "refused", "reason": "Rain in hundredths must be a whole number."},
    )
    async with playing(scene, size) as pilot:
        await press(pilot, "f4")
        await snap_screen(pilot)


@BOTH
async def test_the_list_of_conflicts(scene: Scene, size: tuple[int, int], snap_screen: SnapScreen) -> None:
    """Two open ones."""
    scene.arrive(scene.rain_conflict(), scene.text_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7")
        await snap_screen(pilot)


@BOTH
async def test_a_conflict_of_two_fields_side_by_side(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Amount and source are decided together."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter", "1")
        await snap_screen(pilot)


@BOTH
async def test_how_the_same_two_values_were_decided_before_is_offered(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """One key takes it."""
    scene.arrive(scene.decided_conflict(), scene.rain_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter")
        await snap_screen(pilot)


@BOTH
async def test_a_value_that_a_rule_set_aside_can_be_brought_back(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Both values, the rule, and what one key does."""
    scene.arrive(scene.settled_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter")
        await snap_screen(pilot)


@BOTH
async def test_one_thing_logged_twice_is_shown_beside_itself(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """What differs first; two choices."""
    scene.arrive(*scene.logged_twice())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter", "2")
        await snap_screen(pilot)


@BOTH
async def test_why_an_answer_says_what_it_says(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Who wrote it, the other value, what both had seen, and the rule."""
    scene.arrive(scene.settled_conflict())
    async with playing(scene, size) as pilot:
        await open_draft(pilot, scene)
        await press(pilot, "pagedown", "2", "tab", "tab")
        await write(pilot, "0.42")
        await press(pilot, "f9")
        await pilot.pause()
        await snap_screen(pilot)


@BOTH
async def test_a_conflict_of_long_texts_marks_what_differs(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """By signs as well as by colour."""
    scene.arrive(scene.text_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter")
        await snap_screen(pilot)


@BOTH
async def test_a_third_value_is_written_with_the_questions_own_input(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """A number stays a number, a choice a choice."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter", "3")
        await snap_screen(pilot)


@BOTH
async def test_help_says_what_can_be_done_on_this_screen(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """F1 on the queue."""
    async with playing(scene, size) as pilot:
        await press(pilot, "f4", "f1")
        await snap_screen(pilot)


@BOTH
async def test_the_rain_log_asks_for_the_moment_that_starts_the_clock(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """Two questions."""
    async with playing(scene, size) as pilot:
        await press(pilot, "f8")
        await snap_screen(pilot)


@BOTH
async def test_sunlight_is_black_on_white(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The high-contrast colours."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, size) as pilot:
        scene.app.theme = "sunlight"
        await pilot.pause()
        assert isinstance(scene.app.screen, WorkScreen)
        await scene.app.screen.refresh_status()
        await scene.app.screen.load()
        await snap_screen(pilot)


@BOTH
async def test_an_answer_in_sunlight(scene: Scene, size: tuple[int, int], snap_screen: SnapScreen) -> None:
    """A chosen answer, one to mend, the cursor: each is told from the others without its colour."""
    async with playing(scene, size) as pilot:
        scene.app.theme = "sunlight"
        await open_draft(pilot, scene)
        await press(pilot, "pagedown", "2", "tab", "tab")
        await write(pilot, "42")
        await press(pilot, "tab")
        await snap_screen(pilot)


async def test_a_window_too_small_says_so(scene: Scene, snap_screen: SnapScreen) -> None:
    """Forty columns and ten lines."""
    async with playing(scene, (40, 10)) as pilot:
        await snap_screen(pilot)

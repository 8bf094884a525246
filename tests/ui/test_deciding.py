"""Deciding, and what is told afterwards: in the words of the site, with the keys that do something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.db.device import OutboxState
from bravetui.forms.template import QuestionKind
from bravetui.sample.site import Seed
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.rain import RainScreen
from bravetui.views import conflicts, queue
from bravetui.views.forms import form
from bravetui.widgets.question_field import QuestionField
from bravetui.widgets.review_page import ReviewPage
from bravetui.widgets.rows import key_under_cursor
from tests.support.seeded import NOON
from tests.support.snapshots import screen_text
from tests.ui.scene import LARGE, SMALL, Scene, open_rain, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def storms(scene: Scene) -> tuple[Seed, ...]:
    """One storm that the foreman and the office both logged."""
    told: tuple[dict[str, Json], ...] = (
        {"kind": "rain", "rain_hundredths": 30, "source": "station", "station": "KABQ", "read_by": scene.site.office_id,
         "threshold_reached_at": "2026-08-02T22:19:00Z"},
        {"kind": "rain", "rain_hundredths": 42, "source": "gauge", "read_by": scene.site.foreman_id,
         "threshold_reached_at": "2026-08-02T21:40:00Z"},
    )  # fmt: skip
    ids = [f"01980000-0000-7000-8000-00000000e{number:03d}" for number in (1, 2)]
    records = [
        Seed("weather_event", scene.site.project_id, key, values, NOON)
        for key, values in zip(ids, told, strict=True)
    ]
    seed = scene.conflict(5, ({"deleted": False}, {"deleted": True}), "duplicate")
    asked: dict[str, Json] = {
        "record_kind": "weather_event", "record_id": ids[1], "resolution": {"same_as": ids[0]},
    }  # fmt: skip
    return *records, replace(seed, values={**seed.values, **asked})


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
async def test_who_handed_in_a_question_that_central_had_lost_is_said(
    scene: Scene, size: tuple[int, int]
) -> None:
    """The two names in it are known from that laptop alone."""
    seed = scene.rain_conflict()
    handed_in: dict[str, Json] = {"resolution": {"handed_in_by": scene.site.office_id}}
    scene.arrive(replace(seed, values={**seed.values, **handed_in}))
    async with playing(scene, size) as pilot:
        await press(pilot, "f7", "enter")
        await pilot.pause()
        said = " ".join(screen_text(pilot).replace("│", " ").split())
        assert "Central had lost this question; Amy Tran's laptop handed it in again." in said


async def test_a_storm_logged_twice_is_told_in_the_words_of_the_site(scene: Scene) -> None:
    """Inches, local time, names, where it was read; keys and help are those of the two choices."""
    scene.arrive(*storms(scene))
    async with playing(scene, LARGE) as pilot:
        await press(pilot, "f7", "enter")
        await pilot.pause()
        said = screen_text(pilot)
        for words in (
            "Rain in 24 hours", "0.30 in", "0.42 in", "Read by", "Carlos Medina", "Amy Tran", "Rain gauge on site",
            "Weather station", "Sun 2 Aug 2026, 3:40 pm", "1 Keep both", "2 Join them",
        ):  # fmt: skip
            assert words in said
        for words in (
            "hundredths",
            "T21:40",
            scene.site.office_id,
            "Third",
            "Write another",
            "1 This laptop",
        ):
            assert words not in said
        await press(pilot, "3")
        assert screen_text(pilot) == said
        await press(pilot, "f1")
        assert "2 joins them" in screen_text(pilot)


async def test_a_decided_conflict_tells_the_reason_and_offers_no_key_that_does_nothing(scene: Scene) -> None:
    """On its way to central, and at central."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "1")
        scene.app.screen.query_one("#reason").focus()
        await write(pilot, "gauge on site")
        await press(pilot, "ctrl+s")
        await press(pilot, "enter")
        await pilot.pause()
        said = screen_text(pilot)
        assert "Decided by Carlos Medina: 0.42 in" in said
        assert "Reason: gauge on site" in said
        assert "^S" not in said.splitlines()[-1]
        assert "Central" not in said.splitlines()[-1]


def test_the_queue_says_that_a_conflict_has_been_decided(scene: Scene) -> None:
    """Of a change that once needed a decision."""
    seed = scene.rain_conflict()
    scene.arrive(seed)
    scene.set_outbox(state=OutboxState.CONFIRMED, verdict={"outcome": "conflict", "conflicts": [seed.id]})
    assert {item.state_words for item in queue.queue(scene.store).items} == {"at central, to be decided"}
    with scene.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE conflict SET status = 'resolved'")
    assert {item.state_words for item in queue.queue(scene.store).items} == {"at central, decided"}


async def test_a_rain_log_says_at_each_question_what_is_missing(scene: Scene) -> None:
    """And the cursor goes to the first of them."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f8", "ctrl+s")
        assert isinstance(scene.app.screen, RainScreen)
        amount, reached = scene.app.screen.query(QuestionField)
        assert "Give the inches" in str(amount.query_one(".problem", Static).render())
        assert "Give the time" in str(reached.query_one(".problem", Static).render())
        await write(pilot, "0.3")
        await press(pilot, "ctrl+s")
        assert "Give the" not in str(amount.query_one(".problem", Static).render())
        assert reached.has_focus_within


async def test_help_fits_a_small_screen_and_says_how_to_leave(scene: Scene) -> None:
    """On the page with the longest help."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "down", "enter")
        await pilot.pause()
        await press(pilot, "f1")
        said = screen_text(pilot)
        assert "Esc closes this help" in said
        assert "Ctrl+Q quits; all you typed is saved" in said
        assert "F6" in said
        assert "* must be answered" in said


def test_conflicts_of_the_office_alone_are_told_too(scene: Scene) -> None:
    scene.arrive(*storms(scene))
    (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
    assert row.what == "Logged twice?"


async def test_4_takes_what_was_decided_before_and_does_nothing_where_nothing_was(scene: Scene) -> None:
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "4", "ctrl+s", "escape")
        assert scene.answers().get("rain_in") is None
        scene.arrive(scene.decided_conflict())
        await press(pilot, "enter", "4", "ctrl+s")
        await pilot.pause()
    assert (scene.answers()["rain_in"], scene.answers()["rain_source"]) == ("0.37", "rain_gauge")


async def test_typing_into_a_disputed_answer_decides_nothing(scene: Scene) -> None:
    """It says whose text is shown, takes no letter, and Enter shows both sides."""
    told: dict[str, Json] = {"summary": "Walked it all with Hank."}
    forms.answer(scene.store, scene.site.project_id, scene.submission_id, told)
    scene.arrive(
        scene.conflict(2, ({"answers/summary": "Clean."}, {"answers/summary": "Walked it all with Hank."}))
    )
    async with playing(scene, LARGE) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await to_question(pilot, scene, "summary")
        said = screen_text(pilot)
        assert "Shown is Amy Tran's; yours is kept: F7 decides" in " ".join(said.split())
        await write(pilot, "word")
        await press(pilot, "delete", "space", "pagedown", "pageup")
        assert scene.answers()["summary"] == "Walked it all with Hank."
        await to_question(pilot, scene, "summary")
        await press(pilot, "f7")
        assert isinstance(scene.app.screen, ConflictScreen)
        await press(pilot, "1", "ctrl+s")
        await pilot.pause()
        await write(pilot, " Dry")
        await press(pilot, "pagedown")
        assert scene.answers()["summary"] == "Clean. Dry"
    assert [row.status for row in conflicts.conflicts(scene.store, scene.site.project_id)] == ["decided here"]


async def test_a_conflict_that_arrives_marks_and_closes_the_answers_that_are_on_the_screen(
    scene: Scene,
) -> None:
    """Choices and numbers too, also the one that the cursor is in; the cursor stays there."""
    async with playing(scene, LARGE) as pilot:
        amount = await open_rain(pilot, scene)
        await write(pilot, "0.31")
        await press(pilot, "tab", "shift+tab")
        scene.arrive(scene.rain_conflict())
        await scene.app.screen.load()  # type: ignore[attr-defined]
        await pilot.pause()
        await write(pilot, "5")
        await press(pilot, "tab", "1", "tab", "shift+tab")
        assert "Shown is Amy Tran's; yours is kept" in screen_text(pilot)
        await press(pilot, "shift+tab")
        assert amount.has_focus_within
        assert scene.answers()["rain_in"] == "0.31"
        assert scene.answers().get("rain_source") is None
    (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
    assert row.status == "open"


def test_a_set_aside_answer_is_marked_for_whoever_wrote_it(scene: Scene) -> None:
    scene.arrive(scene.settled_conflict())
    (dispute,) = form(scene.store, scene.site.project_id, scene.submission_id).disputes.values()
    assert (dispute.words, dispute.is_open) == ("· A rule set yours aside: F7", False)


async def to_question(pilot: Pilot[None], scene: Scene, path: str) -> None:
    """Turn to the page of a question and put the cursor there."""
    screen = scene.app.screen
    assert isinstance(screen, FormScreen)
    await press(pilot, "ctrl+r")
    await screen.on_review_page_jump_wanted(ReviewPage.JumpWanted(path))
    await pilot.pause()


async def test_conflicts_in_rows_name_the_row_and_one_about_a_row_offers_no_third_answer(
    scene: Scene,
) -> None:
    state = form(scene.store, scene.site.project_id, scene.submission_id).state
    rows = next(rows for rows in state.rows.values() if len(rows) > 1)
    row = rows[0]
    named = next(asked for path, asked in state.asked.items() if path.startswith(f"{row}/") and asked.value)
    other = next(
        asked
        for path, asked in state.asked.items()
        if path.startswith(f"{row}/") and asked.question.kind in (QuestionKind.CHOICE, QuestionKind.YES_NO)
    )
    one, two = (choice.value for choice in other.question.choices[:2])
    scene.arrive(
        scene.conflict(6, ({f"answers/{row}": 0}, {f"answers/{row}": None}), "union"),
        scene.conflict(7, ({f"answers/{other.path}": one}, {f"answers/{other.path}": two})),
    )
    said = {line.what for line in conflicts.conflicts(scene.store, scene.site.project_id)}
    assert said == {f"Row: {named.value}", f"{named.value}: {other.question.label}"}
    async with playing(scene, LARGE) as pilot:
        await press(pilot, "f7")
        key = next(
            one.id
            for one in conflicts.conflicts(scene.store, scene.site.project_id)
            if one.what.startswith("Row")
        )
        scene.app.open(ConflictScreen(key))
        await pilot.pause()
        await press(pilot, "3")
        shown = screen_text(pilot)
        for words in (f"Row: {named.value}", "removed", "kept, with what is written in it"):
            assert words in shown
        for words in ("another", row.split("/")[1]):
            assert words not in shown
        await press(pilot, "1", "ctrl+s")
        await pilot.pause()
    assert scene.answers()[row] == 0


async def test_after_deciding_the_cursor_is_at_the_next_open_conflict(scene: Scene) -> None:
    """Below the one just decided; after the last one, the first that is left."""
    more = scene.conflict(8, ({"answers/weather_other": "Hail."}, {"answers/weather_other": "Sleet."}))
    scene.arrive(scene.rain_conflict(), scene.text_conflict(), more)
    async with playing(scene, LARGE) as pilot:
        await press(pilot, "f7", "down")
        table = scene.app.screen.query_one(DataTable)
        first, second, third = [key.value for key in table.rows][:3]
        for expected in (third, first):
            await press(pilot, "enter", "1", "ctrl+s")
            await pilot.pause()
            assert key_under_cursor(table) == expected
        await press(pilot, "enter", "escape")
        await pilot.pause()
        assert key_under_cursor(table) == first != second

"""The app by its keys, as a manual: what a foreman presses and what then is on this laptop."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import DataTable, Input, Static

from bravetui.base.canonical import Json
from bravetui.base.errors import StorageFull
from bravetui.forms.library import shipped
from bravetui.messages import SyncReported
from bravetui.sample.site import Seed
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.form import SAVE_AFTER_S, FormScreen
from bravetui.screens.forms import FormsScreen
from bravetui.screens.home import HomeScreen
from bravetui.screens.rain import RainScreen
from bravetui.views import conflicts, queue
from bravetui.widgets.repeat_field import RowHead
from bravetui.widgets.rows import key_under_cursor
from tests.support.seeded import NOON
from tests.support.snapshots import screen_text
from tests.ui.scene import LARGE, SMALL, Scene, open_rain, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def said(scene: Scene, selector: str) -> str:
    """What a part of the screen says."""
    return str(scene.app.screen.query_one(selector, Static).render())


async def test_enter_opens_the_inspection_that_is_due(scene: Scene) -> None:
    """The first thing under the cursor is the most urgent one."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "down", "enter")
        await pilot.pause()
        assert isinstance(scene.app.screen, FormScreen)


async def test_n_starts_the_only_form_at_once_and_lets_one_choose_where_there_are_several(
    scene: Scene,
) -> None:
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "n")
        await pilot.pause()
        assert isinstance(scene.app.screen, FormScreen)
        await press(pilot, "escape")
        body = shipped("cgp_site_inspection").to_json()
        another: dict[str, Json] = {"title": "Another form", "body": body}
        scene.arrive(Seed("form_template", scene.site.project_id, "another", another, NOON))
        await press(pilot, "n")
        await pilot.pause()
        assert isinstance(scene.app.screen, FormsScreen)


async def test_what_is_typed_is_saved_without_any_further_key(scene: Scene) -> None:
    """Half a second later it is in the tables, and the screen says so."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await write(pilot, "0.42")
        await asyncio.sleep(SAVE_AFTER_S + 0.1)
        await pilot.pause()
        assert scene.answers()["rain_in"] == "0.42"
        assert "Saved on this laptop" in said(scene, "#saved")


async def test_keys_typed_ahead_of_a_page_reach_the_questions_they_are_meant_for(scene: Scene) -> None:
    """A slow line hands over many keys at once: next page, storm, two questions on, the reading."""
    async with playing(scene, SMALL) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await pilot.pause()
        for key in ("pagedown", "2", "tab", "tab", "0", "full_stop", "4", "2"):
            scene.app.post_message(Key(key, "." if key == "full_stop" else key if len(key) == 1 else None))
        await pilot.pause()
        await press(pilot, "escape")
    answers = scene.answers()
    assert (answers["trigger"], answers["rain_in"]) == ("storm_rain", "0.42")


@pytest.mark.parametrize("last", ["pagedown", "ctrl+r", "escape", "f2", "f4", "ctrl+q"])
async def test_the_last_key_before_leaving_is_saved_however_fast_one_leaves(scene: Scene, last: str) -> None:
    """All keys in one burst: what was typed before the key that leaves is kept."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        for key in ("0", "full_stop", "4", "2", last):
            scene.app.post_message(Key(key, "." if key == "full_stop" else key if len(key) == 1 else None))
        await pilot.pause()
        await pilot.pause()
    assert scene.answers()["rain_in"] == "0.42"


async def test_choosing_again_what_is_chosen_leaves_it_so_and_del_takes_it_back(scene: Scene) -> None:
    """Who confirms what stands does not empty it, and hides none of the questions that follow from it."""
    async with playing(scene, SMALL) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "pagedown", "2", "2", "space", "pageup")
        assert scene.answers()["trigger"] == "storm_rain"
        await press(pilot, "pagedown", "delete", "pageup")
        assert scene.answers().get("trigger") is None


async def test_typing_is_one_change_in_the_queue(scene: Scene) -> None:
    """However often it was saved."""
    before = queue.queue(scene.store).total
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        for text in ("0", ".", "4", "2"):
            await write(pilot, text)
            await press(pilot, "tab", "shift+tab")
        assert queue.queue(scene.store).total == before


async def test_leaving_saves_at_once(scene: Scene) -> None:
    """Esc right after the last key."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await press(pilot, "escape")
        assert scene.answers()["rain_in"] == "0.40"
        assert isinstance(scene.app.screen, HomeScreen)


async def test_quitting_saves_at_once(scene: Scene) -> None:
    """Ctrl+Q in the middle of a word."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await press(pilot, "ctrl+q")
    assert scene.answers()["rain_in"] == "0.40"


async def test_text_that_is_no_number_is_kept_and_said_to_be_none(scene: Scene) -> None:
    """Nothing typed is thrown away."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        await write(pilot, "abc")
        await press(pilot, "tab")
        assert scene.answers()["rain_in"] == "abc"
        assert "must be a number" in str(field.query_one(".problem", Static).render())


async def test_a_failed_save_keeps_the_text_and_says_what_to_do(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the words stay, nobody leaves the page, and the next save goes through."""
    from bravetui.actions import forms

    real = forms.answer

    def full(*_: object) -> None:
        raise StorageFull("The disk is full.", "Free some room, then go on: this text is kept on screen.")

    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        monkeypatch.setattr(forms, "answer", full)
        await write(pilot, "0.42")
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)
        assert "NOT SAVED: The disk is full. Free some room" in said(scene, "#saved")
        assert field.query_one(Input).value == "0.42"
        monkeypatch.setattr(forms, "answer", real)
        await press(pilot, "escape")
    assert scene.answers()["rain_in"] == "0.42"


async def test_an_arriving_sync_never_touches_what_is_being_typed(scene: Scene) -> None:
    """The cursor's own question keeps its text; another question takes the new value."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await scene.app.screen.load()  # type: ignore[attr-defined]
        await pilot.pause()
        assert field.query_one(Input).value == "0.4"


async def test_a_value_that_arrives_where_one_stands_is_said_and_taken_on_leaving(scene: Scene) -> None:
    """Central changes the question under the cursor: a sentence with the value; Tab takes it, nothing is sent back."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await press(pilot, "tab", "shift+tab")
        field.take("0.31")
        await pilot.pause()
        assert field.query_one(Input).value == "0.4"
        assert "Changed meanwhile to: 0.31" in str(field.query_one(".problem", Static).render())
        await press(pilot, "tab")
        assert field.query_one(Input).value == "0.31"
        assert "Changed meanwhile" not in str(field.query_one(".problem", Static).render())


async def test_typing_over_a_value_that_arrived_is_ones_own_answer(scene: Scene) -> None:
    """Whoever types on after reading it has decided."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await press(pilot, "tab", "shift+tab")
        field.take("0.31")
        await press(pilot, "end")
        await write(pilot, "4")
        await press(pilot, "escape")
    assert scene.answers()["rain_in"] == "0.44"


async def test_a_reading_not_logged_is_asked_about_once(scene: Scene) -> None:
    """Esc says how to log it; Esc again leaves; an empty page is left at once."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f8")
        await write(pilot, "0.3")
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, RainScreen)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)
        await press(pilot, "f8", "escape")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_a_reason_not_saved_is_asked_about_once(scene: Scene) -> None:
    """F2 in the middle of deciding."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "1")
        scene.app.screen.query_one("#reason", Input).focus()
        await write(pilot, "gauge")
        await press(pilot, "f2")
        assert isinstance(scene.app.screen, ConflictScreen)
        await press(pilot, "f2")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_the_cursor_stays_on_its_conflict_when_another_arrives(scene: Scene) -> None:
    """A list that grows above the cursor does not move what Enter opens."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7")
        table = scene.app.screen.query_one(DataTable)
        before = key_under_cursor(table)
        scene.arrive(scene.text_conflict())
        scene.app.screen.post_message(SyncReported())
        await pilot.pause()
        assert table.row_count == 2
        assert key_under_cursor(table) == before


async def test_rows_are_added_and_removed_with_a_question(scene: Scene) -> None:
    """Stabilization: add one, remove it."""
    async with playing(scene, SMALL) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "pagedown", "pagedown", "pagedown", "pagedown")
        await pilot.click("Button.add")
        await pilot.pause()
        rows = [
            path for path, value in scene.answers().items() if path.startswith("stab/") and value is not None
        ]
        assert len(rows) == 1
        await press(pilot, "delete", "y")
        await pilot.pause()
        assert scene.answers()[rows[0]] is None


@pytest.mark.parametrize(("at", "goes_to"), [(0, 0), (1, 0), (2, 1)])
async def test_the_question_names_the_row_and_the_cursor_stays_beside_it(
    scene: Scene, at: int, goes_to: int
) -> None:
    """The row before takes the cursor, or the next one where none is before."""
    async with playing(scene, LARGE) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "pagedown", "pagedown")
        heads = list(scene.app.screen.query(RowHead))
        assert len(heads) > 2
        others = [head.row for head in heads if head is not heads[at]]
        scene.app.screen.set_focus(heads[at])
        await press(pilot, "delete")
        assert heads[at].named
        assert said(scene, "Static").startswith(f"Remove {heads[at].named}? ")
        await press(pilot, "y")
        await pilot.pause()
        await pilot.pause()
        assert [head.row for head in scene.app.screen.query(RowHead)] == others
        assert isinstance(scene.app.screen.focused, RowHead)
        assert scene.app.screen.focused.row == others[goes_to]


async def test_a_conflict_is_decided_with_two_keys(scene: Scene) -> None:
    """1, Ctrl+S: decided here, on its way to central."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "1", "ctrl+s")
        await pilot.pause()
        (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
        assert row.status == "decided here"
        assert scene.answers()["rain_in"] == "0.42"


@pytest.mark.parametrize(("at", "stands"), [((10, 2), "0.42"), ((60, 3), "0.31"), ((60, 6), "0.31")])
async def test_a_click_on_a_side_takes_it(scene: Scene, at: tuple[int, int], stands: str) -> None:
    """On its head or on its value; the button saves."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter")
        await pilot.click(offset=at)
        await pilot.click("#save")
        await pilot.pause()
    assert scene.answers()["rain_in"] == stands


@pytest.mark.parametrize(("key", "answer"), [("b", "0.31"), ("k", "0.42")])
async def test_b_brings_back_what_a_rule_set_aside_and_k_keeps_it(
    scene: Scene, key: str, answer: str
) -> None:
    """One key, one change."""
    scene.arrive(scene.settled_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", key)
        await pilot.pause()
        assert scene.answers()["rain_in"] == answer
        (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
        assert row.status == "decided here"


async def test_what_was_logged_twice_is_joined_with_two_keys(scene: Scene) -> None:
    """2, Ctrl+S: the first says what both said, and the second is gone."""
    scene.arrive(*scene.logged_twice())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "2", "ctrl+s")
        await pilot.pause()
        (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
        assert row.status == "decided here"
        with scene.store.read() as connection:
            query = "SELECT deleted, hazardous, note FROM delivery WHERE ticket_number = 'T-1207' ORDER BY id"
            left = [tuple(found) for found in connection.exec_driver_sql(query)]
        assert left[0] == (0, "yes", "Two bags torn, swept up and bagged.")
        assert left[1][0] == 1


async def test_deciding_without_choosing_says_what_to_press(scene: Scene) -> None:
    """Nothing is decided by accident."""
    scene.arrive(scene.rain_conflict())
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7", "enter", "ctrl+s")
        assert isinstance(scene.app.screen, ConflictScreen)
        (row,) = conflicts.conflicts(scene.store, scene.site.project_id)
        assert row.status == "open"


async def test_where_the_line_is_the_real_one_no_key_offers_to_cut_it(scene: Scene) -> None:
    """Neither the last line, nor help, nor F6 itself."""
    scene.app.services.line = None
    async with playing(scene, LARGE) as pilot:
        assert "F6" not in screen_text(pilot)
        await press(pilot, "f6")
        assert not scene.app._notifications
        await press(pilot, "f1")
        assert "Ctrl+P" in screen_text(pilot)
        assert "F6" not in screen_text(pilot)


async def test_f6_cuts_and_restores_the_line(scene: Scene) -> None:
    """And the line on top says so."""
    async with playing(scene, LARGE) as pilot:
        await press(pilot, "f6")
        assert not scene.line.is_up
        await press(pilot, "f6")
        assert scene.line.is_up


HOSTILE = "\x1b]0;pwned\x07[@click=app.quit]x[/] [/nope] \u202eevil"


async def test_other_peoples_text_is_plain_text(scene: Scene) -> None:
    """Escapes and markup in an alert and in a conflict are shown, and do nothing."""
    alert = Seed(
        "safety_alert", scene.site.project_id, "01980000-0000-7000-8000-00000000a009",
        {"level": "warning", "title": HOSTILE, "body": HOSTILE, "issued_at": "2026-08-03T14:00:00Z"}, NOON,
    )  # fmt: skip
    scene.arrive(
        alert,
        scene.conflict(7, ({"answers/summary": HOSTILE + " a"}, {"answers/summary": HOSTILE + " b"}), "text"),
    )
    async with playing(scene, LARGE) as pilot:
        for keys in ((), ("f7",), ("enter",)):
            await press(pilot, *keys)
            svg = scene.app.export_screenshot()
            assert "\x1b" not in svg
            assert "\u202e" not in svg


async def test_a_complete_report_is_signed_and_handed_in(scene: Scene) -> None:
    """Ctrl+R, the name, Sign: both signatures that the permit asks for, and the inspection is done."""
    from bravetui.actions import forms
    from bravetui.demo.report import whole_report
    from bravetui.views.forms import form

    store, project_id = scene.store, scene.site.project_id
    view = form(store, project_id, scene.submission_id)
    for page in whole_report(view.answers, scene.clock.now().astimezone(view.zone)).values():
        forms.answer(store, project_id, scene.submission_id, page)
    async with playing(scene, LARGE) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "ctrl+r")
        scene.app.screen.query_one("#name", Input).focus()
        await write(pilot, "Carlos Medina")
        await pilot.click("#submit")
        await pilot.pause()
    seen = form(store, project_id, scene.submission_id)
    assert (seen.status, seen.editable) == ("submitted", False)
    assert [(s.role, s.name, s.changed_since) for s in seen.signatures] == [
        ("inspector", "Carlos Medina", False),
        ("signatory", "Carlos Medina", False),
    ]


async def test_an_incomplete_report_is_not_taken(scene: Scene) -> None:
    """The first problem is named."""
    async with playing(scene, LARGE) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "ctrl+r")
        scene.app.screen.query_one("#name", Input).focus()
        await write(pilot, "Carlos Medina")
        await pilot.click("#submit")
        await pilot.pause()
        assert isinstance(scene.app.screen, FormScreen)
    from bravetui.views.forms import form

    assert form(scene.store, scene.site.project_id, scene.submission_id).status == "draft"


async def test_the_authorized_representative_signs_what_another_handed_in(scene: Scene) -> None:
    """Submitted by somebody who may not sign for the operator; signed for him on another day."""
    from bravetui.actions import forms
    from bravetui.demo.report import whole_report
    from bravetui.views.forms import form

    store, project_id, who = scene.store, scene.site.project_id, scene.store.identity
    view = form(store, project_id, scene.submission_id)
    for page in whole_report(view.answers, scene.clock.now().astimezone(view.zone)).values():
        forms.answer(store, project_id, scene.submission_id, page)
    store.identity = replace(who, user_id="somebody else")
    forms.submit(store, project_id, scene.submission_id, "Hank Dietz", "Grading lead")
    store.identity = who
    assert form(store, project_id, scene.submission_id).may_countersign
    async with playing(scene, LARGE) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "ctrl+r")
        scene.app.screen.query_one("#name", Input).focus()
        await write(pilot, "Carlos Medina")
        await pilot.click("#submit")
        await pilot.pause()
    roles = [(s.role, s.name) for s in form(store, project_id, scene.submission_id).signatures]
    assert roles == [("inspector", "Hank Dietz"), ("signatory", "Carlos Medina")]

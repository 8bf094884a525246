"""What arrives from elsewhere while one types, and what only seems to: own words on their way are nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from textual.widgets import Static, TextArea

from bravetui.actions import forms
from bravetui.db.device import Outbox
from bravetui.screens.form import FormScreen
from bravetui.widgets.question_field import QuestionField
from bravetui.widgets.repeat_field import RepeatField
from tests.support.snapshots import screen_text
from tests.ui.scene import SMALL, Scene, open_answer, playing, press, set_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def below(field: QuestionField) -> str:
    """What stands under a question."""
    return str(field.query_one(".problem", Static).render())


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every time a question says that its answer was changed elsewhere."""
    told: list[str] = []
    real = QuestionField._waiting_words

    def words(field: QuestionField, value: object) -> str:
        told.append(f"{field.path}: {value!r}")
        return real(field, value)  # type: ignore[arg-type]

    monkeypatch.setattr(QuestionField, "_waiting_words", words)
    return told


async def test_a_burst_of_ones_own_keys_is_no_change_of_anybody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each letter is evaluated while later ones are in the box already."""
    told = watch(monkeypatch)
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry.")
        for letters in ("a", "ab", "abc"):
            field.query_one(TextArea).text = letters
            field._typed(letters)
        await pilot.pause()
        await pilot.pause()
        assert told == []
        assert "Changed meanwhile" not in below(field)
        await press(pilot, "tab", "escape")
    assert scene.answers()["summary"] == "abc"


async def test_a_reading_between_a_key_and_its_answer_is_no_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box says the new text, the form has not heard of it yet: the old answer is not offered, nor put back by Tab."""
    told = watch(monkeypatch)
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry.")
        field._typed("Dry. Windy.")
        field.take("Dry.")
        assert told == []
        await pilot.pause()
        assert "Changed meanwhile" not in below(field)
        field.take("Office words.")
        assert told == ["summary: 'Office words.'"]


async def test_a_choice_in_a_row_is_ones_own_answer_before_the_form_has_heard_of_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = watch(monkeypatch)
    async with playing(scene, SMALL) as pilot:
        added = forms.add_row(scene.store, scene.site.project_id, scene.submission_id, "stab")
        screen = FormScreen(scene.submission_id)
        scene.app.open(screen)
        await pilot.pause()
        await press(pilot, *["pagedown"] * 4)
        repeat = screen.query_one(RepeatField)
        await repeat.open(added.row_path)
        field = next(each for each in repeat.query(QuestionField) if each.asked.question.choices)
        field.focus_input()
        await pilot.pause()
        field._answer(field.asked.question.choices[0].value)
        assert screen._state is not None
        assert screen._view is not None
        await repeat.show(screen._state, screen._view.disputes)
        await pilot.pause()
        assert told == []


async def test_what_really_changed_elsewhere_is_said_on_lines_that_fit(scene: Scene) -> None:
    """A long value is shortened, and what to do about it can be read to its end."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry.")
        field.take(
            "Walked the whole site with Hank before noon, all of it, twice, and once more after lunch. " * 3
        )
        await pilot.pause()
        shown = " ".join(screen_text(pilot).split())
        assert "go on to see it." in shown


def another_window_saves(scene: Scene, over: str, text: str) -> None:
    """What it typed over what it showed."""
    forms.answer(
        scene.store, scene.site.project_id, scene.submission_id, {"summary": text}, {"summary": over}
    )


def queued(scene: Scene) -> str:
    """All that waits to be handed in."""
    with scene.store.read() as connection:
        return "\n".join(connection.execute(select(Outbox.__table__.c.body)).scalars())  # type: ignore[attr-defined]


async def test_what_two_windows_type_into_one_text_at_once_is_all_in_it(scene: Scene) -> None:
    """The other one saves between two keys of this one, in the middle of its words and of theirs."""
    at_gate, inlets = "Dry. ", "Dry. "
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry. ")
        screen = scene.app.screen
        assert isinstance(screen, FormScreen)
        for ours, theirs in (
            (" Hank ca", "Inl"),
            (" Hank called at", "Inlets mud"),
            (" Hank called at 3.", "Inlets muddy."),
        ):
            field.query_one(TextArea).text = at_gate = f"Dry. {ours}"
            await pilot.pause()
            another_window_saves(scene, inlets, f"Dry. {theirs}")
            inlets = f"Dry. {theirs}"
            await screen.save()
            await pilot.pause()
        await screen.load()
        assert "both are kept" in " ".join(below(field).split())
        assert at_gate == field.query_one(TextArea).text, "nothing moves under the hands"
        await press(pilot, "tab")
        assert "Inlets muddy." in field.query_one(TextArea).text
        await press(pilot, "escape")
    said = str(scene.answers()["summary"])
    assert "Hank called at 3." in said
    assert "Inlets muddy." in said


async def test_words_that_another_window_rewrote_too_stay_in_the_history(scene: Scene) -> None:
    """What stands is the later one; the other is in a change of its own, which no typing folds away."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Fence fine.")
        field.query_one(TextArea).text = "Fence new."
        await pilot.pause()
        another_window_saves(scene, "Fence fine.", "Fence torn.")
        await press(pilot, "tab", "escape")
    assert scene.answers()["summary"] == "Fence new."
    assert "Fence torn." in queued(scene)

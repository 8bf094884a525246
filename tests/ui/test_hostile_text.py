"""Hostile text on every screen: whatever somebody typed, it is text, and the terminal obeys the program alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyte
import pytest
from rich.segment import Segment
from textual.pilot import Pilot

from bravetui.app import BravetuiApp
from bravetui.base.canonical import Json
from bravetui.base.errors import Refused
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS
from bravetui.forms.parse import TEXT_CHARACTERS_MAX
from bravetui.sample.site import Seed
from bravetui.screens.alert import AlertScreen
from bravetui.screens.base import WorkScreen
from bravetui.screens.confirm import ConfirmScreen
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.why import WhyScreen
from bravetui.sync.apply import apply_rows
from bravetui.sync.log import write_log
from bravetui.views.conflicts import conflicts
from bravetui.views.forms import submissions
from bravetui.views.home import home
from bravetui.widgets.repeat_field import RowHead
from tests.support.hostile import EVERY_KIND, LONG, harm
from tests.support.seeded import NOON, row_of
from tests.ui.scene import Scene, playing, press, set_scene

OWN = re.compile(r"\x1b\[[0-9;]*[mH]")
"""All that the program itself says to the terminal while it draws: colours, and where to draw."""

TALL = (100, 120)
"""So that a whole page of a form is in sight."""

PAGES, REVIEW = (0, 1, 2, 5, 7, 8), 99

RENAMED = {
    "user": {"name": "NAME", "title": "POST"},
    "project": {"name": "PROJECT"},
    "organization": {"name": "ORGANIZATION"},
    "signature": {"signer_name": "SIGNER", "signer_title": "SIGNERTITLE"},
    "photo": {"caption": "CAPTION"},
}
"""Fields of the site's records that people wrote, and the mark that each way in is known by on the screens."""

ANSWERS = {
    "contact": "TEXT", "temp_f": "NUMBER", "report_date": "DAY", "started_at": "TIME", "rain_in": "DECIMAL",
    "threshold_reached_at": "WHEN", "phase": "CHOICE", "schedule_basis": "CHOICES", "unsafe_any": "YESNO",
    "summary": "LONGTEXT",
}  # fmt: skip
"""An answer of each kind of widget."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def hostile_template(body: str, text: str) -> str:
    """The form with title, statement, and the first page, question, hint, unit, choices and repeat of each sort hostile."""
    told = json.loads(body)
    told |= {"title": f"FORM:{text}", "statement": f"STATEMENT:{text}", "category": f"CATEGORY:{text}"}
    seen: set[str] = set()
    for section in told["sections"]:
        for item in section["items"]:
            kind = item.get("kind", "repeat")
            if kind in seen:
                continue
            seen.add(kind)
            item |= {"label": f"LABEL{kind}:{text}", "hint": f"HINT{kind}:{text}"}
            if kind in ("decimal", "integer"):
                item["unit"] = f"UNIT{kind}:{text}"
            for choice in item.get("choices", ())[:1]:
                choice["label"] = f"OPTION{kind}:{text}"
    told["sections"][0]["label"] = f"PAGE:{text}"
    return json.dumps(told)


def _fit(kind: str, values: dict[str, Json]) -> dict[str, Json]:
    """Values cut to what their columns hold: longer ones are refused long before any screen."""
    lengths = {name: getattr(column.type, "length", None) for name, column in KINDS[kind].columns.items()}
    return {k: v[: lengths.get(k)] if isinstance(v, str) else v for k, v in values.items()}


def hostile_records(scene: Scene, text: str) -> Iterator[Seed]:
    """The site again, as written by somebody who means harm."""
    for seed in _written(scene, text):
        yield replace(seed, values=_fit(seed.kind, seed.values))


def _written(scene: Scene, text: str) -> Iterator[Seed]:
    for seed in scene.site.records:
        if seed.kind == "form_template":
            body = hostile_template(str(seed.values["body"]), text)
            yield replace(
                seed,
                values={**seed.values, "title": f"FORM:{text}", "category": f"CATEGORY:{text}", "body": body},
            )
        elif seed.kind in RENAMED:
            yield replace(
                seed, values=seed.values | {k: f"{mark}:{text}" for k, mark in RENAMED[seed.kind].items()}
            )
    told: dict[str, Json] = {
        "level": "warning", "title": f"ALERT:{text}", "body": f"BODY:{text}", "issued_by": scene.site.office_id,
        "issued_at": "2026-08-03T14:00:00Z",
    }  # fmt: skip
    yield replace(scene.alert(), values=told)
    sides: list[dict[str, Json]] = [{"answers/location": f"{mark}:{text}"} for mark in ("LOCAL", "REMOTE")]
    yield scene.conflict(7, (sides[0], sides[1]), "text")
    decided = scene.conflict(8, ({"answers/company": f"HERE:{text}"}, {"answers/company": f"THERE:{text}"}))
    how: dict[str, Json] = {
        "status": "resolved", "resolved_by": scene.site.office_id, "resolved_at": "2026-08-03T15:50:00Z",
        "resolution": {"values": {"answers/company": f"DECIDED:{text}"}, "reason": f"REASON:{text}"},
    }  # fmt: skip
    yield replace(decided, values={**decided.values, **how})


def let_in(scene: Scene, text: str) -> None:
    """Text by every way in: rows of central, answers of a colleague's newer program, refusals, waiting lanes, the log."""
    store, project = scene.store, scene.site.project_id
    with store.maintain() as connection:
        for number, seed in enumerate(hostile_records(scene, text), start=90_000):
            apply_rows(connection, seed.scope_id, [row_of(seed, number)])
    answers: dict[str, Json] = {
        f"answers/{path}": f"{mark}:{text}"[:TEXT_CHARACTERS_MAX] for path, mark in ANSWERS.items()
    }
    answers["answers/trigger"] = "storm_rain"
    answers["answers/schedule_basis"] = [f"CHOICES:{text}"]
    with store.write() as writing:
        writing.edit(
            "submission",
            project,
            scene.submission_id,
            _fit("submission", {**answers, "title": f"TITLE:{text}"}),
        )
    reason = {"reason": f"REFUSED:{text}", "outcome": "refused"}
    scene.set_outbox(state=OutboxState.REFUSED, verdict=reason, error=f"ERROR:{text}")
    store.identity = replace(store.identity, user_name=f"NAME:{text}")
    with store.write() as writing:
        writing.create(
            "photo", project, _fit("photo", {"owner_kind": "submission", "caption": f"CAPTION:{text}"})
        )
    for lane in ("critical", "forms", "photos"):
        scene.set_lane(lane, why=f"LANE:{text}")
    with store.maintain() as connection:
        write_log(connection, NOON, "exchange", f"LOGGED:{text}")


class Seen:
    """What has come to the terminal so far, and what of it was harm."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        self.words = ""
        self.wrong: set[str] = set()

    async def look(self) -> None:
        """The screen as it is now, sent as the program would send it, and drawn by a terminal."""
        await self.pilot.pause()
        app = self.pilot.app
        compositor, name = app.screen._compositor, type(app.screen).__name__
        sent = cast(
            "Any", compositor.render_update(full=True, screen_stack=app._background_screens)
        ).render_segments(app.console)
        self.wrong |= {f"{name}: {character!r} is sent" for character in harm(OWN.sub("", sent))}
        parts = [part for line in compositor.render_strips() for part in line]
        self.wrong |= {f"{name}: {part.text} is markup" for part in parts if _is_obeyed(part)}
        terminal = pyte.Screen(*app.size)
        pyte.Stream(terminal).feed(sent)
        drawn = "\n".join(terminal.display)
        self.wrong |= {f"{name}: {character!r} is drawn" for character in harm(drawn)}
        self.wrong |= {f"{name}: the window is called {terminal.title}"} if terminal.title else set()
        self.words += drawn

    async def open(self, screen: WorkScreen | ConfirmScreen) -> None:
        """Show another screen on top, and look."""
        cast("BravetuiApp", self.pilot.app).open(screen)
        await self.pilot.pause()
        await self.pilot.pause()
        await self.look()

    async def press(self, *keys: str) -> None:
        """Press each, and look."""
        for key in keys:
            await press(self.pilot, key)
            await self.look()


def _is_obeyed(part: Segment) -> bool:
    """Whether it leads somewhere, or does something when it is clicked."""
    style = part.style
    return style is not None and (bool(style.link) or "quit" in str(style.meta.get("@click", "")))


async def through_lists(scene: Scene, text: str, seen: Seen) -> None:
    """Home, an alert, the lists, both sides of a conflict, one that is decided, and a notice."""
    await seen.look()
    await seen.open(AlertScreen(home(scene.store, scene.site.project_id).alerts[0]))
    await press(seen.pilot, "escape")
    await seen.press("f3", "f4", "down", "l")
    await press(seen.pilot, "escape")
    await seen.press("f12", "down", "c", "escape", "d", "n")
    await press(seen.pilot, "escape")
    await seen.press("f7", "enter", "2", "3")
    await press(seen.pilot, "escape", "escape", "f2")
    conflict = next(row for row in conflicts(scene.store, scene.site.project_id) if row.status == "resolved")
    await seen.open(ConflictScreen(conflict.id))
    await press(seen.pilot, "escape")
    scene.app.show_error(Refused("NOTICE:" + text, code="no"))
    await seen.look()


async def through_forms(scene: Scene, seen: Seen) -> None:
    """Every page of a form, its review, its story, the palette, and a question before something is removed."""
    for page in (*PAGES, REVIEW):
        await seen.open(FormScreen(scene.submission_id, page=page))
    await seen.open(FormScreen(_handed_in(scene), page=REVIEW))
    await press(seen.pilot, "ctrl+p", *"page")
    await seen.look()
    await press(seen.pilot, "escape", "escape")
    for path in ("location", "phase", "schedule_basis", "unsafe_any"):
        await seen.open(WhyScreen("submission", scene.submission_id, f"answers/{path}"))
    await seen.open(FormScreen(scene.submission_id, page=2))
    scene.app.screen.query(RowHead).first().focus()
    await seen.press("enter", "delete")


def _handed_in(scene: Scene) -> str:
    return next(row.id for row in submissions(scene.store, scene.site.project_id, "submitted"))


WAYS = {
    *(set(ANSWERS.values()) - {"LONGTEXT"}), "NAME", "POST", "PROJECT", "ALERT", "BODY", "LOCAL", "REMOTE", "DECIDED",
    "FORM", "TITLE",
    "PAGE", "STATEMENT", "REFUSED", "LOGGED", "CAPTION", "NOTICE", "SIGNER", "SIGNERTITLE", "LANE", "LABELtext",
    "HINTtext", "OPTIONchoice", "UNITdecimal", "LABELrepeat", "HINTrepeat",
}  # fmt: skip
"""Every mark that has to be met on some screen: a way in that leads nowhere would prove nothing."""


async def test_what_somebody_typed_is_text_on_every_screen(scene: Scene) -> None:
    """By every way in, on every screen, in the palette and in what is notified."""
    let_in(scene, EVERY_KIND)
    async with playing(scene, TALL) as pilot:
        seen = Seen(pilot)
        await through_lists(scene, EVERY_KIND, seen)
        await through_forms(scene, seen)
        assert not seen.wrong, seen.wrong
        assert not (unseen := {mark for mark in WAYS if f"{mark}:" not in seen.words}), unseen


async def test_a_megabyte_is_cut_in_every_list(scene: Scene) -> None:
    """It neither hangs nor overflows."""
    let_in(scene, LONG)
    async with playing(scene, TALL) as pilot:
        seen = Seen(pilot)
        await through_lists(scene, LONG, seen)
        assert not seen.wrong, seen.wrong
        assert "ALERT:WWW" in seen.words

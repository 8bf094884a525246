"""Sets a scene for screens: a seeded laptop, the clock at ten in the morning, a line with a hand on it, no worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from textual.pilot import Pilot

from bravetui.actions import forms, site
from bravetui.app import BravetuiApp
from bravetui.base.canonical import Json
from bravetui.base.clock import ManualClock
from bravetui.base.runner import InlineRunner
from bravetui.db.device import LaneState, Outbox
from bravetui.db.store import Store
from bravetui.sample.site import Seed, Site
from bravetui.screens.form import FormScreen
from bravetui.sync.apply import apply_rows
from bravetui.sync.line import Line
from bravetui.views.services import Services
from bravetui.widgets.question_field import QuestionField
from tests.support.seeded import NOON, row_of, sample_site, seeded_store

ZONE = ZoneInfo("America/Denver")
SMALL, LARGE = (80, 24), (120, 40)
ALERT = "01980000-0000-7000-8000-00000000a002"

HERE = (
    "Walked the whole site with Hank. Silt fence on the arroyo side is undercut for about 12 ft near the low point; "
    "crew starts on it before noon. Inlets are clean."
)
THERE = (
    "Walked the whole site with Hank. Silt fence on the arroyo side was repaired yesterday for about 20 ft near the low "
    "point. Inlets are clean."
)


@dataclass
class Scene:
    """One laptop and its app."""

    store: Store
    site: Site
    app: BravetuiApp
    submission_id: str
    line: Line

    @property
    def clock(self) -> ManualClock:
        """The laptop's clock."""
        assert isinstance(self.store.clock, ManualClock)
        return self.store.clock

    def answers(self) -> dict[str, Json]:
        """The draft's answers as the tables hold them."""
        from bravetui.views.forms import form

        return dict(form(self.store, self.site.project_id, self.submission_id).answers)

    def arrive(self, *seeds: Seed) -> None:
        """Rows that central sends."""
        with self.store.maintain() as connection:
            rows = [row_of(seed, 90_000 + number) for number, seed in enumerate(seeds)]
            apply_rows(connection, self.site.project_id, rows)

    def set_outbox(self, **values: Any) -> None:
        """Change every entry of the outbox, as an exchange would."""
        with self.store.maintain() as connection:
            connection.execute(Outbox.__table__.update().values(**values))  # type: ignore[attr-defined]

    def set_lane(self, lane: str, **values: Any) -> None:
        """Write a lane's state, as the worker does."""
        with self.store.maintain() as connection:
            connection.execute(LaneState.__table__.insert().values(lane=lane, **values))  # type: ignore[attr-defined]

    def conflict(
        self, number: int, values: tuple[dict[str, Json], dict[str, Json]], rule: str = "review"
    ) -> Seed:
        """A conflict between this laptop's foreman and the office."""
        sides: list[dict[str, Json]] = [
            {"values": told, "dots": [f"{device}.9"], "author_id": author, "device": device, "at": at}
            for told, device, author, at in (
                (values[0], 3, self.site.foreman_id, "2026-08-03T15:10:00Z"),
                (values[1], 2, self.site.office_id, "2026-08-03T14:02:00Z"),
            )
        ]
        fields: dict[str, Json] = {
            "record_kind": "submission", "record_id": self.submission_id, "paths": sorted(values[0]), "rule": rule,
            "base": {}, "local": sides[0], "remote": sides[1], "provisional": values[1], "status": "open",
            "opened_at": "2026-08-03T15:40:00Z", "resolution": {},
        }  # fmt: skip
        return Seed(
            "conflict", self.site.project_id, f"01980000-0000-7000-8000-00000000c{number:03d}", fields, NOON
        )

    def alert(self) -> Seed:
        """The office warns of lightning."""
        told: dict[str, Json] = {
            "level": "warning", "title": "Lightning within 8 miles", "body": "Booms down.\nStay off the slope.",
            "issued_by": self.site.office_id, "issued_at": "2026-08-03T16:00:00Z", "expires_at": "2026-08-03T19:00:00Z",
        }  # fmt: skip
        return Seed("safety_alert", self.site.project_id, ALERT, told, NOON)

    def rain_conflict(self) -> Seed:
        """Gauge against station: two fields that are decided as one."""
        return self.conflict(
            1,
            (
                {"answers/rain_in": "0.42", "answers/rain_source": "rain_gauge"},
                {"answers/rain_in": "0.31", "answers/rain_source": "weather_station"},
            ),
        )

    def decided_conflict(self) -> Seed:
        """The same as the rain conflict, decided a week ago by the office: both had read the gauge wrong."""
        seed = self.rain_conflict()
        decided: dict[str, Json] = {"answers/rain_in": "0.37", "answers/rain_source": "rain_gauge"}
        told: dict[str, Json] = {
            "status": "resolved", "resolved_at": "2026-07-27T16:00:00Z", "resolved_by": self.site.office_id,
            "resolution": {"values": decided},
        }  # fmt: skip
        return replace(seed, id=seed.id[:-1] + "9", values={**seed.values, **told})

    def settled_conflict(self) -> Seed:
        """The foreman's smaller amount, which the form's rule set aside."""
        seed = self.conflict(3, ({"answers/rain_in": "0.31"}, {"answers/rain_in": "0.42"}), "max")
        told: dict[str, Json] = {
            "status": "settled",
            "resolution": {"set_aside": "local"},
            "base": {"answers/rain_in": "0.25"},
        }
        return replace(seed, values={**seed.values, **told})

    def logged_twice(self) -> tuple[Seed, ...]:
        """One delivery ticket, logged by the foreman and by the office."""
        ticket: dict[str, Json] = {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"}
        ids = [f"01980000-0000-7000-8000-00000000d{number:03d}" for number in (1, 2)]
        told: tuple[dict[str, Json], ...] = (
            {**ticket, "condition": "accepted", "hazardous": "no", "storage_location": "laydown yard"},
            {
                **ticket,
                "condition": "damaged",
                "hazardous": "yes",
                "note": "Two bags torn, swept up and bagged.",
            },
        )
        records = [
            Seed("delivery", self.site.project_id, key, values, NOON)
            for key, values in zip(ids, told, strict=True)
        ]
        seed = self.conflict(4, ({"deleted": False}, {"deleted": True}), "duplicate")
        asked: dict[str, Json] = {
            "record_kind": "delivery", "record_id": ids[1], "provisional": {"deleted": False},
            "resolution": {"same_as": ids[0]},
        }  # fmt: skip
        return *records, replace(seed, values={**seed.values, **asked})

    def text_conflict(self) -> Seed:
        """Two summaries."""
        return self.conflict(2, ({"answers/summary": HERE}, {"answers/summary": THERE}), "text")


def set_scene(folder: Path) -> Scene:
    """A storm has been logged and its inspection begun; half an hour has passed."""
    place = sample_site()
    store = seeded_store(folder, place)
    site.log_rain(store, place.project_id, 42, NOON - timedelta(hours=20))
    from bravetui.views.home import home

    due = next(due for due in home(store, place.project_id).due if due.title == "Storm inspection")
    begun = forms.start_form(store, place.project_id, place.template_id, due.inspection_id)
    typed_anew: dict[str, Json] = dict.fromkeys(
        ("trigger", "rain_in", "rain_source", "threshold_reached_at")
    )  # what is on record of the storm would stand there; most tests write it by hand
    forms.answer(store, place.project_id, begun.submission_id, typed_anew)
    line = Line()
    clock = store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(minutes=37)
    services = Services(store, place.project_id, ZONE, InlineRunner(), None, line)
    return Scene(store, place, BravetuiApp(services), begun.submission_id, line)


@asynccontextmanager
async def playing(scene: Scene, size: tuple[int, int]) -> AsyncIterator[Pilot[None]]:
    """The app on a screen of that size, settled."""
    async with scene.app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        scene.app.clear_notifications()
        await pilot.pause()
        yield pilot


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, as a person does."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def write(pilot: Pilot[None], text: str) -> None:
    """Type a text."""
    await press(
        pilot, *({" ": "space", ".": "full_stop", "/": "slash", ":": "colon"}.get(c, c) for c in text)
    )


async def open_rain(pilot: Pilot[None], scene: Scene) -> QuestionField:
    """The draft's second page, storm chosen, cursor in the rain reading."""
    scene.app.open(FormScreen(scene.submission_id))
    await pilot.pause()
    await pilot.pause()
    await press(pilot, "pagedown", "2", "tab", "tab")
    return next(field for field in scene.app.screen.query(QuestionField) if field.path == "rain_in")


async def open_answer(pilot: Pilot[None], scene: Scene, path: str, text: str) -> QuestionField:
    """The draft at one question, which says `text`, with the cursor in it."""
    forms.answer(scene.store, scene.site.project_id, scene.submission_id, {path: text})
    screen = FormScreen(scene.submission_id)
    scene.app.open(screen)
    await pilot.pause()
    await pilot.pause()
    assert screen._view is not None
    sections = screen._view.template.sections
    page = next(i for i, section in enumerate(sections) if any(item.path == path for item in section.items))
    for _ in range(page):
        await press(pilot, "pagedown")
    field = next(field for field in screen.query(QuestionField) if field.path == path)
    field.focus_input()
    await pilot.pause()
    return field

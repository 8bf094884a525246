"""Whatever date a record holds, every screen comes up; the record says itself what is wrong with it, and the rest stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS
from bravetui.db.values import to_cell
from bravetui.sample.site import Seed
from bravetui.screens.alert import AlertScreen
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.forms import FormsScreen
from bravetui.views import conflicts, forms, home, why
from tests.support.seeded import NOON
from tests.support.snapshots import screen_text
from tests.ui.scene import ALERT, SMALL, Scene, playing, set_scene

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC)) | st.sampled_from([FIRST, LAST, NOON])
STORM = "01980000-0000-7000-8000-00000000b001"
ODD = ["1970-01-01T00:00:00Z", "2031-03-05T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
COLUMNS = {
    "inspection": ("due_from", "ended_at"),
    "weather_event": ("threshold_reached_at", "storm_started_at"),
    "safety_alert": ("issued_at",),
    "weather_forecast": ("fetched_at",),
    "submission": ("started_at", "submitted_at"),
    "conflict": ("opened_at",),
    "signature": ("signed_at",),
}
"""Where each kind holds moments that the screens say."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = set_scene(tmp_path_factory.mktemp("odd"))
    scene.arrive(scene.rain_conflict(), scene.alert(), *storm(scene, NOON))
    return scene


@pytest.fixture
def fresh(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def storm(scene: Scene, at: datetime | str) -> tuple[Seed, Seed]:
    """A colleague's rain, and the inspection that it asks for."""
    told = at if isinstance(at, str) else to_cell(at)
    event: dict[str, Json] = {"kind": "rain", "rain_hundredths": 42, "threshold_reached_at": told}
    due: dict[str, Json] = {"kind": "storm", "status": "due", "weather_event_id": STORM, "due_from": told}
    return (
        Seed("weather_event", scene.site.project_id, STORM, event, NOON),
        Seed("inspection", scene.site.project_id, STORM, due, NOON),
    )


def dues(scene: Scene) -> dict[str | None, home.Due]:
    return {due.inspection_id: due for due in home.home(scene.store, scene.site.project_id).due}


@pytest.mark.parametrize("at", ODD)
def test_an_inspection_of_a_day_without_a_permit_says_so_and_takes_nothing_else_from_home(
    fresh: Scene, at: str
) -> None:
    before = dues(fresh)
    fresh.arrive(*storm(fresh, at))
    after = dues(fresh)
    odd = after.pop(STORM)
    assert after == before
    assert not odd.is_dated
    assert odd.why.startswith("No deadline: it counts from ")
    assert "Have the office correct that day" in odd.why


@pytest.mark.parametrize("at", ODD)
def test_a_last_inspection_of_a_day_without_a_permit_leaves_the_routine_one_on_home(
    fresh: Scene, at: str
) -> None:
    with fresh.store.maintain() as connection:
        table = KINDS["inspection"].table
        connection.execute(update(table).values(ended_at=None))
    others = dues(fresh)
    values: dict[str, Json] = {"kind": "storm", "status": "submitted", "ended_at": at}
    fresh.arrive(Seed("inspection", fresh.site.project_id, STORM, values, NOON))
    after = dues(fresh)
    routine = after.pop(None)
    assert after == others
    assert (routine.kind, routine.is_dated) == ("routine", False)


def test_a_storm_whose_moment_nobody_wrote_is_due_all_the_same(fresh: Scene) -> None:
    event, due = storm(fresh, NOON)
    fresh.arrive(*(replace(one, values={**one.values, name: None}) for one, name in (
        (event, "threshold_reached_at"), (due, "due_from"))))  # fmt: skip
    assert dues(fresh)[STORM].why == "0.42 in of rain"


def set_dates(scene: Scene, dates: Mapping[tuple[str, str], datetime | None]) -> None:
    with scene.store.maintain() as connection:
        for (kind, column), at in dates.items():
            connection.execute(update(KINDS[kind].table).values({column: at}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.fixed_dictionaries({(kind, name): MOMENTS for kind, names in COLUMNS.items() for name in names}))
@example({(kind, name): FIRST for kind, names in COLUMNS.items() for name in names})
@example({(kind, name): LAST for kind, names in COLUMNS.items() for name in names})
def test_whatever_dates_the_records_hold_home_comes_up_with_every_inspection(
    scene: Scene, dates: dict[tuple[str, str], datetime | None]
) -> None:
    set_dates(scene, dates)
    assert STORM in dues(scene)
    for row in forms.submissions(scene.store, scene.site.project_id, "all")[:3]:
        forms.form(scene.store, scene.site.project_id, row.id)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.text(max_size=30) | st.datetimes().map(str) | st.integers() | st.none(), st.integers())
    )
)
@example([("9999-12-31T23:59:59-12:00", 25), ("2026-08-04T10:00", 30)])
def test_whatever_hours_a_forecast_holds_home_comes_up(scene: Scene, hours: list[tuple[Any, int]]) -> None:
    with scene.store.maintain() as connection:
        told = [[at, 50, rain, 70, 5] for at, rain in hours]
        connection.execute(update(KINDS["weather_forecast"].table).values(hours=told, fetched_at=NOON))
    assert home.home(scene.store, scene.site.project_id).rain


def test_a_holiday_that_is_no_date_takes_nothing_from_home(fresh: Scene) -> None:
    before = dues(fresh)
    with fresh.store.maintain() as connection:
        told = ["Christmas", None, 7, "9999-12-31", "0001-01-01"]
        connection.execute(update(KINDS["project"].table).values(holidays=told))
    assert dues(fresh) == before


@pytest.mark.parametrize("at", [FIRST, LAST], ids=["the year 1", "the year 9999"])
async def test_every_screen_shows_a_moment_at_the_end_of_the_calendar(fresh: Scene, at: datetime) -> None:
    conflict = fresh.rain_conflict()
    sides = {side: {**conflict.values[side], "at": to_cell(at)} for side in ("local", "remote")}  # type: ignore[dict-item]
    fresh.arrive(replace(conflict, values={**conflict.values, **sides}), fresh.alert(), *storm(fresh, at))
    set_dates(fresh, {(kind, name): at for kind, names in COLUMNS.items() for name in names})
    told = why.why(fresh.store, fresh.site.project_id, "submission", fresh.submission_id, "answers/rain_in")
    assert why.lines_of(told, fresh.clock.now(), home.home(fresh.store, fresh.site.project_id).zone)
    raised = why.why(fresh.store, fresh.site.project_id, "inspection", STORM, "due_from")
    assert raised.text != "(nothing)"
    (row,) = conflicts.conflicts(fresh.store, fresh.site.project_id)
    async with playing(fresh, SMALL) as pilot:
        assert "No deadline" in screen_text(pilot)
        (alert,) = home.home(fresh.store, fresh.site.project_id).alerts
        assert alert.id == ALERT
        for screen in (AlertScreen(alert), ConflictScreen(row.id), FormsScreen()):
            fresh.app.open(screen)
            await pilot.pause()
            await pilot.pause()
            assert fresh.app.screen is screen

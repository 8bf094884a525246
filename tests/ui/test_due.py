"""By when an inspection is due is said in the same words wherever it is said: on Home, and in the form of its report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bravetui.actions import site
from bravetui.base.clock import ManualClock
from bravetui.db.store import Store
from bravetui.views import forms as seen
from bravetui.views import home
from bravetui.views.words import clock_words
from tests.support.seeded import sample_site, seeded_store

SIX_PM = datetime(2026, 8, 4, 0, 0, tzinfo=UTC)
"""Monday on the site: the 24 hours end on Tuesday, an hour after its work does."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = seeded_store(tmp_path, sample_site())
    assert isinstance(store.clock, ManualClock)
    store.clock.set(SIX_PM + timedelta(minutes=30))
    return store


def on_both(store: Store) -> tuple[str, str]:
    """What Home plans for, and what page I of the report says."""
    project_id = sample_site().project_id
    rows = home.home(store, project_id)
    due = max((row for row in rows.due if row.kind == "storm"), key=lambda row: row.due_at)
    assert due.inspection_id is not None
    view = seen.blank(store, project_id, seen.NewForm(sample_site().template_id, due.inspection_id, "storm"))
    return clock_words(due.do_by, rows.now, rows.zone), str(view.state.asked["timely"].value)


def test_home_and_the_report_name_the_same_moment_and_the_report_the_permits_too(store: Store) -> None:
    site.log_rain(store, sample_site().project_id, 42, SIX_PM)
    planned, told = on_both(store)
    assert planned == "tomorrow 5:00 pm"
    assert told.endswith(
        "It is due by tomorrow 5:00 pm, when work ends; the permit gives until tomorrow 6:00 pm (CGP 4.2.2)."
    )


def test_between_the_end_of_work_and_the_permits_moment_nothing_is_late(store: Store) -> None:
    """Then the permit's own is the one that is left, on both."""
    site.log_rain(store, sample_site().project_id, 42, SIX_PM)
    assert isinstance(store.clock, ManualClock)
    store.clock.set(SIX_PM + timedelta(hours=23, minutes=15))
    planned, told = on_both(store)
    assert planned == "6:00 pm"
    assert told.endswith("It is due by 6:00 pm (CGP 4.2.2).")

"""The colleague at the office, who edits the same inspection while the foreman has no line: so a true conflict arises.

Amy works on a laptop of her own, with the same actions and the same sync as everybody. She reads the weather station and
does not know what the gauge on site shows.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.db.values import to_cell
from bravetui.demo.stage import Stage, sync
from bravetui.views.forms import form

SUMMARY = (
    "Station KABQ shows 0.31 in for the storm. Silt fence SF-2 along the arroyo was repaired yesterday for about 20 ft near "
    "the low point. Inlets are clean. Nothing left the site."
)


def edit_same_inspection(stage: Stage, submission_id: str) -> tuple[str, ...]:
    """Write the station's reading and a summary into the foreman's inspection, and send it. Returns what was touched."""
    store = stage.office.store
    sync(stage.office)
    answers: dict[str, Json] = {
        "trigger": "storm_rain", "rain_in": "0.31", "rain_source": "weather_station", "station": "KABQ", "summary": SUMMARY,
    }  # fmt: skip
    forms.answer(store, stage.project_id, submission_id, answers)
    sync(stage.office)
    return tuple(answers)


def raise_alert(stage: Stage) -> str:
    """Warn everyone on site, and send it. Returns the alert's title."""
    store = stage.office.store
    now = store.clock.now()
    title = "Lightning within 8 miles"
    alert: dict[str, Json] = {
        "level": "warning", "title": title, "body": "Booms down, stay off the slope until the all clear.",
        "issued_by": store.identity.user_id, "issued_at": to_cell(now), "expires_at": to_cell(now + timedelta(hours=2)),
    }  # fmt: skip
    with store.write() as writing:
        writing.create("safety_alert", stage.project_id, alert)
    sync(stage.office)
    return title


class Colleague:
    """Watches what the foreman does, and edits the same inspection once, while the foreman's line is cut."""

    def __init__(self, stage: Stage, submission_id: str) -> None:
        self._stage, self._submission_id = stage, submission_id
        self._lock, self._done = threading.Lock(), False

    def notice_write(self) -> None:
        """Called after every save of the foreman's."""
        if not self._done and not self._stage.line.is_up and self._foreman_wrote():
            threading.Thread(target=self._edit, name="office", daemon=True).start()

    def _foreman_wrote(self) -> bool:
        seen = form(self._stage.foreman.store, self._stage.project_id, self._submission_id)
        return any(seen.answers.get(path) for path in ("rain_in", "summary", "station"))

    def _edit(self) -> None:
        with self._lock:
            if self._done:
                return
            try:
                edit_same_inspection(self._stage, self._submission_id)
                raise_alert(self._stage)
            except BravetuiError:
                return
            self._done = True

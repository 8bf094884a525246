"""What a foreman writes into the EPA inspection of the demo: the whole report, such that it can be signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bravetui.base.canonical import Json
from bravetui.forms.engine import rows_of

SUMMARY = (
    "Walked the whole site after the storm. Silt fence SF-2 along the arroyo is undercut for about 12 ft near the low "
    "point; the erosion crew starts on it before noon. Inlets are clean. Nothing left the site."
)


def whole_report(started: Mapping[str, Json], now: datetime) -> dict[str, dict[str, Json]]:
    """Answers by page, in the order in which they are walked; `now` is the site's local time."""
    day = now.date().isoformat()
    begun, ended = now - timedelta(minutes=40), now - timedelta(minutes=2)
    storm = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    controls: dict[str, Json] = {}
    for number, row in enumerate(rows_of(started, "controls")):
        broken = number == 1
        controls |= {
            f"{row}/implemented": "no" if broken else "yes",
            f"{row}/need": "corrective" if broken else "none",
        }
        if broken:
            controls[f"{row}/note"] = "Undercut for about 12 ft near the low point."
    practices: dict[str, Json] = {}
    for row in rows_of(started, "p2"):
        practices |= {f"{row}/in_place": "yes", f"{row}/need": "none"}
    return {
        "A. General": {
            "report_date": day, "phase": "grading", "started_at": f"{min(begun, ended):%H:%M}",
            "ended_at": f"{ended:%H:%M}" if ended.date() == begun.date() else f"{begun:%H:%M}",
            "weather_now": "cloudy", "temp_f": 61, "unsafe_any": "no",
        },
        "B. Why now": {
            "trigger": "storm_rain", "rain_in": "0.42", "rain_source": "rain_gauge", "storm_hours": "3.0",
            "storm_start": storm.isoformat(), "threshold_reached_at": (storm + timedelta(hours=3)).isoformat(),
        },
        "C. Stormwater controls": controls,
        "D. Pollution prevention": practices,
        "F. Discharge": {"discharge_since": "no", "discharge_now": "no"},
        "G. SWPPP": {"swppp_current": "yes", "map_current": "yes", "sign_posted": "yes", "prior_actions_done": "yes"},
        "H. Findings": {"summary": SUMMARY, "photos": "IMG_0412 undercut at SF-2, looking north"},
        "I. Certify": {"certify": "OK"},
    }  # fmt: skip

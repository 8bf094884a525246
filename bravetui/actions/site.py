"""What happens on site: rain is read, an alert is seen."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.db.store import Changed, Store
from bravetui.db.values import to_cell
from bravetui.forms.compliance.rain import QUALIFYING_HUNDREDTHS

RAIN_HUNDREDTHS_MAX = 4000

_NAMES = UUID("5b0f2c52-6f0e-5c3a-9a51-6d0f7f1c2e11")
"""Namespace of ids that every laptop derives alike (RFC 9562 section 5.5)."""


def storm_id(scope_id: str, first_hour: datetime) -> str:
    """The same storm has the same id on every laptop: project, permit rule and first qualifying hour."""
    return str(uuid5(_NAMES, f"{scope_id} cgp-4.2.2 {local_time(first_hour, UTC):%Y-%m-%dT%H}"))


def log_rain(
    store: Store, scope_id: str, hundredths: int, reached_at: datetime, source: str = "gauge"
) -> Changed:
    """Record a rain reading; `reached_at` (aware) is when 0.25 inch had fallen.

    From 0.25 inch on, a storm inspection falls due and rides the critical lane. Raises BadInput for an amount or a time
    that cannot be.
    """
    if not 0 < hundredths <= RAIN_HUNDREDTHS_MAX:
        raise BadInput(
            "That is not an amount of rain.", "Give inches between 0.01 and 40, as the gauge shows."
        )
    if reached_at > store.clock.now():
        raise BadInput("That time is still to come.", "Give the time at which the gauge was read.")
    event_id = storm_id(scope_id, reached_at)
    reading: dict[str, Json] = {
        "rain_hundredths": hundredths,
        "source": source,
        "threshold_reached_at": to_cell(reached_at),
        "read_by": store.identity.user_id,
    }
    with store.write() as writing:
        if load(writing.connection, KINDS["weather_event"], scope_id, event_id) is not None:
            writing.edit("weather_event", scope_id, event_id, reading)
        else:
            writing.create("weather_event", scope_id, {"kind": "rain", **reading}, record_id=event_id)
            if hundredths >= QUALIFYING_HUNDREDTHS:
                due: dict[str, Json] = {
                    "kind": "storm",
                    "weather_event_id": event_id,
                    "due_from": to_cell(reached_at),
                    "assigned_to": store.identity.user_id,
                }
                writing.create("inspection", scope_id, due, record_id=_inspection_id(event_id))
    return Changed(frozenset(writing.touched))


def alert_seen(store: Store, scope_id: str, alert_id: str) -> Changed:
    """Note that this person has read a safety alert."""
    who = store.identity.user_id
    with store.write() as writing:
        writing.edit(
            "safety_alert", scope_id, alert_id,
            {f"seen_by/{who}": 0, f"seen_by/{who}/at": to_cell(store.clock.now())},
        )  # fmt: skip
    return Changed(frozenset(writing.touched))


def _inspection_id(event_id: str) -> str:
    return str(uuid5(_NAMES, f"inspection {event_id}"))

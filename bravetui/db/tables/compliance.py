"""What the permit asks for: inspections, findings, weather, and the rules. Rain is integer hundredths of an inch."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from bravetui.db.tables.columns import Synced, merged, parent
from bravetui.merge.rules import Rule


class Inspection(Synced, table=True):
    """A site inspection that is due, under way or done. Its deadline is derived from the rules, never stored."""

    __tablename__ = "inspection"

    kind: str = merged(Rule.SERVER_WINS, default="routine", max_length=20)
    """`routine`, `storm`, `snowmelt`, `dewatering`, `agency`, `final`."""
    status: str = merged(Rule.SERVER_WINS, default="due", max_length=20)
    """`due`, `in_progress`, `submitted`, `approved`, `rejected`, `missed`."""
    schedule_basis: str | None = merged(Rule.SERVER_WINS, max_length=40)
    assigned_to: str | None = merged(Rule.SERVER_WINS, max_length=64)
    weather_event_id: str | None = parent("weather_event")
    submission_id: str | None = merged(Rule.SERVER_WINS, max_length=36)
    due_from: datetime | None = merged(Rule.EARLIEST)
    """When the clock that leads to the deadline began: threshold reached, or last inspection."""
    started_at: datetime | None = merged(Rule.EARLIEST)
    ended_at: datetime | None = merged(Rule.REVIEW)
    inspector_id: str | None = merged(Rule.REVIEW, max_length=64)
    note: str | None = merged(Rule.TEXT)


class Violation(Synced, table=True):
    """A deficiency: our own finding, or an agency's. How grave it is, what has to be done and by when belong together."""

    __tablename__ = "violation"

    source: str = merged(Rule.STRICTER, default="own", order=("own", "agency"), max_length=20)
    inspection_id: str | None = parent("inspection")
    rule_code: str | None = merged(Rule.LAST_WRITE_WINS, max_length=40)
    severity: str = merged(
        Rule.STRICTER, default="minor", order=("minor", "major", "critical"), group="finding", max_length=20
    )
    description: str = merged(Rule.TEXT, default="")
    location: str | None = merged(Rule.LAST_WRITE_WINS, max_length=200)
    required_action: str | None = merged(Rule.TEXT, group="finding")
    identified_at: datetime | None = merged(Rule.EARLIEST)
    """Starts every clock of CGP Part 5."""
    response_due: date | None = merged(Rule.EARLIEST, group="finding")
    status: str = merged(Rule.SERVER_WINS, default="open", max_length=20)


class CorrectiveAction(Synced, table=True):
    """An entry of the corrective action log (CGP 5.4)."""

    __tablename__ = "corrective_action"

    violation_id: str | None = parent("violation")
    inspection_id: str | None = parent("inspection")
    control: str | None = merged(Rule.LAST_WRITE_WINS, max_length=120)
    kind: str = merged(
        Rule.STRICTER,
        default="routine_maintenance",
        order=("routine_maintenance", "corrective"),
        max_length=20,
    )
    trigger: str | None = merged(Rule.REVIEW, max_length=20)
    """The condition of CGP 5.1 that applies, `5.1.1` to `5.1.5`."""
    condition: str = merged(Rule.TEXT, default="")
    identified_at: datetime | None = merged(Rule.EARLIEST)
    immediate_steps: str | None = merged(Rule.TEXT)
    immediate_at: datetime | None = merged(Rule.EARLIEST)
    needs_new_control: bool | None = merged(Rule.REVIEW)
    infeasible_reason: str | None = merged(Rule.TEXT)
    new_schedule_on: date | None = merged(Rule.REVIEW)
    action_taken: str | None = merged(Rule.TEXT)
    completed_at: datetime | None = merged(Rule.REVIEW)
    swppp_change: str = merged(Rule.STRICTER, default="no", order=("no", "yes"), max_length=3)
    swppp_changed_on: date | None = merged(Rule.REVIEW)
    status: str = merged(Rule.SERVER_WINS, default="open", max_length=20)


class WeatherEvent(Synced, table=True):
    """A storm or snowmelt that may call for an inspection. Its id comes from project, rule and first qualifying hour."""

    __tablename__ = "weather_event"

    kind: str = merged(Rule.SERVER_WINS, default="rain", max_length=20)
    rain_hundredths: int | None = merged(Rule.REVIEW, order=("higher",), group="reading")
    """Total in 24 hours, hundredths of an inch."""
    source: str | None = merged(Rule.LAST_WRITE_WINS, max_length=20, group="reading")
    """`gauge`, `station` or `forecast`."""
    station: str | None = merged(Rule.LAST_WRITE_WINS, max_length=40, group="reading")
    storm_started_at: datetime | None = merged(Rule.EARLIEST)
    threshold_reached_at: datetime | None = merged(Rule.EARLIEST)
    """When 0.25 inch had fallen: starts the 24 hours of CGP 4.2.2."""
    last_qualifying_on: date | None = merged(Rule.LATEST)
    """Last day of the storm with 0.25 inch or more."""
    read_by: str | None = merged(Rule.LAST_WRITE_WINS, max_length=64)
    verified: bool = merged(Rule.SERVER_WINS, default=True)


class WeatherForecast(Synced, table=True):
    """The seven-day forecast kept for offline use. It warns; under the EPA permit it never triggers."""

    __tablename__ = "weather_forecast"

    fetched_at: datetime | None = merged(Rule.LATEST)
    hours: list[Any] = merged(Rule.SERVER_WINS, json=list)
    """`[hour (ISO), chance of rain in %, rain in hundredths of an inch, °F, wind in mph]` a row."""
    source: str | None = merged(Rule.SERVER_WINS, max_length=80)


class ComplianceRule(Synced, table=True):
    """A clock, threshold or deadline of a permit, as versioned data with its section cited."""

    __tablename__ = "compliance_rule"

    code: str = merged(Rule.SERVER_WINS, default="", max_length=60)
    jurisdiction: str = merged(Rule.SERVER_WINS, default="", max_length=40)
    permit: str = merged(Rule.SERVER_WINS, default="", max_length=60)
    version_number: int = merged(Rule.SERVER_WINS, default=1)
    effective_from: date | None = merged(Rule.SERVER_WINS)
    effective_to: date | None = merged(Rule.SERVER_WINS)
    citation: str = merged(Rule.SERVER_WINS, default="", max_length=120)
    text: str = merged(Rule.SERVER_WINS, default="")
    parameters: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)

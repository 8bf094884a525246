"""What each kind of record is: its table, its lane, its rules, its parents. One table to look a kind up in.

Rules are read from the columns once; a submission's answers take theirs from the form template, which `rules_for` is
given. Adding a kind means a table in `tables/` and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy import Column, Index, Table

from bravetui.base.errors import Refused
from bravetui.db import tables as t
from bravetui.forms.compliance.rain import QUALIFYING_HUNDREDTHS
from bravetui.forms.template import Template
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import ANSWERS, DELETED
from bravetui.wire.lanes import POLICY, Lane

SAME_TIME = timedelta(hours=12)
"""Two people who log one storm read the gauge at different hours; a new storm is counted by the day (CGP 4.2.2)."""

ENVELOPE = frozenset(t.Synced.model_fields)
"""Columns that carry a record rather than belong to it."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Which records of a kind go before everything else in their lane, however late they were queued."""

    column: str | None = None
    """The column that decides; None: all of them."""
    at_least: int | None = None
    """Its least value; None: any."""
    at_once: bool = True
    """Whether saving one also ends the pause after a failure."""


@dataclass(frozen=True)
class Kind:
    """One kind of record."""

    name: str
    model: type[t.Synced]
    lane: Lane
    label: str
    """What a foreman calls one of them."""
    office_only: bool = False
    """Whether only the office may write it: reference data."""
    jumps: Jump | None = None
    natural_key: tuple[str, ...] = ()
    """Columns that tell one of them from another in life: two records alike in all of them may be one thing logged twice.
    Times are alike within `SAME_TIME`."""

    @cached_property
    def table(self) -> Table:
        """The SQLAlchemy table, for bulk statements."""
        return self.model.__table__  # type: ignore[attr-defined,no-any-return]

    @cached_property
    def columns(self) -> Mapping[str, Column[object]]:
        """The record's own columns by path."""
        return {column.name: column for column in self.table.columns if column.name not in ENVELOPE}

    @cached_property
    def documents(self) -> frozenset[str]:
        """Columns whose inner paths are cells of their own."""
        return frozenset(name for name, column in self.columns.items() if column.info.get("document"))

    @cached_property
    def parents(self) -> Mapping[str, str]:
        """Columns that refer to another record of the same scope, and its kind."""
        return {
            name: column.info["parent"] for name, column in self.columns.items() if "parent" in column.info
        }

    @cached_property
    def rules(self) -> Mapping[str, FieldRule]:
        """Merge rules by path, as the columns declare them."""
        declared = {name: column.info["rule"] for name, column in self.columns.items()}
        return {**declared, DELETED: FieldRule(Rule.REVIEW)}


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("organization", t.Organization, Lane.CRITICAL, "organization", office_only=True),
        Kind("project", t.Project, Lane.CRITICAL, "project", office_only=True),
        Kind("user", t.User, Lane.CRITICAL, "person", office_only=True),
        Kind("project_member", t.ProjectMember, Lane.CRITICAL, "project member", office_only=True),
        Kind("compliance_rule", t.ComplianceRule, Lane.CRITICAL, "permit rule", office_only=True),
        Kind("form_template", t.FormTemplate, Lane.CRITICAL, "form", office_only=True),
        Kind("crew", t.Crew, Lane.CRITICAL, "crew", office_only=True),
        Kind("crew_assignment", t.CrewAssignment, Lane.CRITICAL, "assignment"),
        Kind("safety_alert", t.SafetyAlert, Lane.CRITICAL, "safety alert", jumps=Jump()),
        Kind(
            "weather_event",
            t.WeatherEvent,
            Lane.CRITICAL,
            "storm",
            jumps=Jump("rain_hundredths", QUALIFYING_HUNDREDTHS),
            natural_key=("kind", "threshold_reached_at"),
        ),
        Kind("weather_forecast", t.WeatherForecast, Lane.CRITICAL, "forecast", office_only=True),
        Kind(
            "inspection",
            t.Inspection,
            Lane.CRITICAL,
            "inspection",
            jumps=Jump("weather_event_id", at_once=False),
            natural_key=("kind", "weather_event_id"),
        ),
        Kind("violation", t.Violation, Lane.CRITICAL, "violation"),
        Kind("corrective_action", t.CorrectiveAction, Lane.CRITICAL, "corrective action"),
        Kind("conflict", t.Conflict, Lane.CRITICAL, "conflict", office_only=True),
        Kind("submission", t.Submission, Lane.FORMS, "form"),
        Kind("signature", t.Signature, Lane.FORMS, "signature"),
        Kind("daily_log", t.DailyLog, Lane.FORMS, "daily log", natural_key=("log_date", "author_id")),
        Kind("delivery", t.Delivery, Lane.FORMS, "delivery", natural_key=("supplier", "ticket_number")),
        Kind("inspector_visit", t.InspectorVisit, Lane.FORMS, "inspector visit"),
        Kind("photo", t.Photo, Lane.PHOTOS, "photo"),
        Kind("usage_day", t.UsageDay, Lane.ANALYTICS, "usage count"),
    )
}
"""By name, as on the wire. Central opens and closes conflicts itself, so to a laptop they are office only."""

for _kind in KINDS.values():
    Index(f"ix_{_kind.table.name}_scope_id_seq", _kind.table.c.scope_id, _kind.table.c.seq)


def kind_of(name: str) -> Kind:
    """The kind called `name`. Raises Refused for one that this version does not know."""
    kind = KINDS.get(name)
    if kind is None:
        raise Refused(
            f"This version does not know records of the kind {name[:40]!r}.",
            "Update the program; the change is kept until then.",
            code="unknown_kind",
        )
    return kind


def kinds_in(lane: Lane) -> tuple[Kind, ...]:
    """The kinds that ride `lane`."""
    return tuple(kind for kind in KINDS.values() if kind.lane is lane)


def tables_in(lane: Lane) -> tuple[tuple[str, Table], ...]:
    """Name and table of the kinds that ride `lane`: what a statement over all of them is built of once, and kept under."""
    return tuple((kind.name, kind.table) for kind in kinds_in(lane))


def rules_for(kind: Kind, template: Template | None = None) -> Rules:
    """The merge rules of one record; a submission brings the template that its answers are written on."""
    by_path = dict(kind.rules)
    if template is not None:
        by_path |= {f"{ANSWERS}/{path}": rule for path, rule in template.field_rules().items()}
    for document in kind.documents - {ANSWERS}:
        by_path[document] = FieldRule(Rule.UNION)
        rows = kind.columns[document].info["rows"]
        by_path |= {f"{document}/{name}": rule for name, rule in rows.items()}
    return Rules(by_path, FieldRule(POLICY[kind.lane].conflict_default))

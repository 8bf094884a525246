"""Every table that the laptop and central share, one module an area. `SITE` is their metadata."""

from bravetui.db.tables.columns import DEVICE, SITE, Synced
from bravetui.db.tables.compliance import (
    ComplianceRule,
    CorrectiveAction,
    Inspection,
    Violation,
    WeatherEvent,
    WeatherForecast,
)
from bravetui.db.tables.conflict import Conflict
from bravetui.db.tables.forms import FormTemplate, Signature, Submission
from bravetui.db.tables.site import (
    InspectorVisit,
    Organization,
    Project,
    ProjectMember,
    User,
)
from bravetui.db.tables.work import (
    Crew,
    CrewAssignment,
    DailyLog,
    Delivery,
    Photo,
    SafetyAlert,
    UsageDay,
)

__all__ = [
    "DEVICE",
    "SITE",
    "ComplianceRule",
    "Conflict",
    "CorrectiveAction",
    "Crew",
    "CrewAssignment",
    "DailyLog",
    "Delivery",
    "FormTemplate",
    "Inspection",
    "InspectorVisit",
    "Organization",
    "Photo",
    "Project",
    "ProjectMember",
    "SafetyAlert",
    "Signature",
    "Submission",
    "Synced",
    "UsageDay",
    "User",
    "Violation",
    "WeatherEvent",
    "WeatherForecast",
]

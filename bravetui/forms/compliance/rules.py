"""What the permit says, as data: a row a rule, with the section it comes from and the time it is in force.

EPA's 2022 construction general permit (effective 17 Feb 2022, expires 16 Feb 2027; modified 8 Apr 2025 without touching
these clocks). A later permit is more rows, not other code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bravetui.base.errors import BadInput


class Clock(StrEnum):
    """How the time of a rule runs."""

    HOURS = "hours"
    CALENDAR_DAYS = "calendar days"
    NEXT_BUSINESS_DAY = "close of the next business day"


class Code(StrEnum):
    """Names of rules, as the program asks for them."""

    ROUTINE_7D = "routine_7d"
    ROUTINE_14D = "routine_14d"
    STABILIZED = "stabilized"
    DEWATERING = "dewatering"
    STORM = "storm"
    SNOWMELT = "snowmelt"
    REPORT = "report"
    MAINTENANCE = "maintenance"
    MAINTENANCE_INFEASIBLE = "maintenance_infeasible"
    CORRECTIVE_SIMPLE = "corrective_simple"
    CORRECTIVE_NEW = "corrective_new"
    CORRECTIVE_LOG = "corrective_log"
    SWPPP_UPDATE = "swppp_update"
    NONCOMPLIANCE_ORAL = "noncompliance_oral"
    NONCOMPLIANCE_WRITTEN = "noncompliance_written"
    OSHA_FATALITY = "osha_fatality"
    OSHA_HOSPITAL = "osha_hospital"
    OSHA_CASE_LOG = "osha_case_log"


@dataclass(frozen=True, slots=True)
class PermitRule:
    """One clock, threshold or deadline."""

    code: Code
    clock: Clock
    amount: int
    """Hours or days; 1 for the next business day."""
    citation: str
    words: str
    """What is due, for a foreman."""
    threshold_hundredths: int = 0
    """Inches of rain or snow times 100 from which it applies; 0 for no threshold."""
    effective_from: date = date(2022, 2, 17)
    effective_to: date = date(2027, 2, 16)
    """Last day in force."""


_OSHA_FROM, _OPEN_END = date(2015, 1, 1), date(9999, 12, 31)

RULES: tuple[PermitRule, ...] = (
    PermitRule(Code.ROUTINE_7D, Clock.CALENDAR_DAYS, 7, "CGP 4.2.1", "site inspection every 7 days"),
    PermitRule(Code.ROUTINE_14D, Clock.CALENDAR_DAYS, 14, "CGP 4.2.2", "site inspection every 14 days"),
    PermitRule(Code.STABILIZED, Clock.CALENDAR_DAYS, 30, "CGP 4.4.1", "monthly inspection of stabilized areas"),
    PermitRule(Code.DEWATERING, Clock.CALENDAR_DAYS, 1, "CGP 4.3.2", "daily inspection while pumping"),
    PermitRule(Code.STORM, Clock.HOURS, 24, "CGP 4.2.2", "storm inspection within 24 hours", 25),
    PermitRule(Code.SNOWMELT, Clock.HOURS, 24, "CGP 4.2.2", "snowmelt inspection within 24 hours", 325),
    PermitRule(Code.REPORT, Clock.HOURS, 24, "CGP 4.7.1", "inspection report within 24 hours"),
    PermitRule(Code.MAINTENANCE, Clock.NEXT_BUSINESS_DAY, 1, "CGP 2.1.4.b", "routine maintenance done"),
    PermitRule(Code.MAINTENANCE_INFEASIBLE, Clock.CALENDAR_DAYS, 7, "CGP 2.1.4.b", "routine maintenance done, at latest"),
    PermitRule(Code.CORRECTIVE_SIMPLE, Clock.NEXT_BUSINESS_DAY, 1, "CGP 5.2.1", "simple corrective action done"),
    PermitRule(Code.CORRECTIVE_NEW, Clock.CALENDAR_DAYS, 7, "CGP 5.2.1", "new control or significant repair in place"),
    PermitRule(Code.CORRECTIVE_LOG, Clock.HOURS, 24, "CGP 5.4.1", "condition written into the log"),
    PermitRule(Code.SWPPP_UPDATE, Clock.CALENDAR_DAYS, 7, "CGP 7.4.1", "SWPPP updated after the work"),
    PermitRule(Code.NONCOMPLIANCE_ORAL, Clock.HOURS, 24, "CGP G.12.6.1", "EPA told by telephone"),
    PermitRule(Code.NONCOMPLIANCE_WRITTEN, Clock.CALENDAR_DAYS, 5, "CGP G.12.6.1", "EPA told in writing"),
    PermitRule(
        Code.OSHA_FATALITY, Clock.HOURS, 8, "29 CFR 1904.39(a)(1)", "OSHA told of the death",
        effective_from=_OSHA_FROM, effective_to=_OPEN_END,
    ),
    PermitRule(
        Code.OSHA_HOSPITAL, Clock.HOURS, 24, "29 CFR 1904.39(a)(2)", "OSHA told of the hospital stay, amputation or eye loss",
        effective_from=_OSHA_FROM, effective_to=_OPEN_END,
    ),
    PermitRule(
        Code.OSHA_CASE_LOG, Clock.CALENDAR_DAYS, 7, "29 CFR 1904.29(b)(3)", "case entered in the OSHA 300 log",
        effective_from=_OSHA_FROM, effective_to=_OPEN_END,
    ),
)  # fmt: skip

SCHEDULES: dict[str, tuple[Code, ...]] = {
    "7d": (Code.ROUTINE_7D,),
    "14d_storm": (Code.ROUTINE_14D, Code.STORM, Code.SNOWMELT),
    "7d_storm": (Code.ROUTINE_7D, Code.STORM, Code.SNOWMELT),
    "stabilized": (Code.STABILIZED,),
    "arid": (Code.STABILIZED, Code.STORM, Code.SNOWMELT),
    "frozen": (),
    "dewatering": (Code.DEWATERING,),
}
"""Which rules a project's inspection schedule brings (CGP 4.2 to 4.4)."""


def rule_on(code: Code, day: date, rules: Iterable[PermitRule] = RULES) -> PermitRule:
    """The rule in force on `day`. Raises BadInput when there is none: its permit has ended, or had not begun."""
    for rule in rules:
        if rule.code is code and rule.effective_from <= day <= rule.effective_to:
            return rule
    raise BadInput(
        f"No rule for {code.value.replace('_', ' ')} is known for {day.isoformat()}.",
        "The permit of that date is not in this program; update it, and count by hand until then.",
    )

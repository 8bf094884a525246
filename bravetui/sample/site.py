"""Makes the records of the sample site: a year on twenty-five acres in Albuquerque, under EPA's construction general permit.

Pure: a seed, a scale and a day go in, `Seed` rows come out, parents before children. Whoever seeds central turns them into
changes. Scale 1 is the typical project of the benchmark, about four thousand records.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bravetui.base.canonical import Json
from bravetui.base.clock import uuid7
from bravetui.sample import words as w

ZONE = ZoneInfo("America/Denver")
ORGANIZATION_NAME = "Sandia Site Works"
PROJECT_NAME = "Mesa del Rio Commerce Park, phase 2"


@dataclass(frozen=True, slots=True)
class Seed:
    """One record to be."""

    kind: str
    scope_id: str
    id: str
    values: dict[str, Json]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Site:
    """The ids that a story needs, and all records in order."""

    organization_id: str
    project_id: str
    foreman_id: str
    office_id: str
    template_id: str
    records: tuple[Seed, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A compiled form to put on the site: its key, version, title, category and body."""

    key: str
    version: int
    title: str
    category: str
    body: str


def make_site(form: Form, *, today: date, seed: int = 1, scale: float = 1.0) -> Site:
    """The whole site as it stands on the morning of `today`, local time."""
    return _Maker(form, today, seed, scale).site()


class _Maker:
    """Draws one site; every draw comes from one seeded source, in a fixed order."""

    def __init__(self, form: Form, today: date, seed: int, scale: float) -> None:
        self._form, self._today, self._scale = form, today, scale
        self._random = random.Random(f"site {seed}")
        self._starts = today - timedelta(days=270)
        self._records: list[Seed] = []
        self.organization_id = self._id(self._at(self._starts, 6))
        self.project_id = self._id(self._at(self._starts, 6))
        self._people = [self._id(self._at(self._starts, 6)) for _ in w.PEOPLE]
        self.template_id = self._id(self._at(self._starts, 6))

    def site(self) -> Site:
        self._who_and_where()
        self._rules()
        crews = self._crews()
        for kind_maker in (self._inspections, self._logs, self._deliveries, self._alerts):
            kind_maker()
        self._assignments(crews)
        self._forecast()
        return Site(
            self.organization_id,
            self.project_id,
            self._people[0],
            self._people[1],
            self.template_id,
            tuple(self._records),
        )

    # ------------------------------------------------------------------ draws

    def _at(self, day: date, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)

    def _id(self, at: datetime) -> str:
        return uuid7(int(at.timestamp() * 1000), self._random.getrandbits(74))

    def _row_id(self) -> str:
        return f"{self._random.getrandbits(40):010x}"

    def _pick(self, options: Sequence[str]) -> str:
        return self._random.choice(options).replace("{n}", str(self._random.randint(2, 40)))

    def _sentence(self) -> str:
        place, subject = self._pick(w.AREAS), self._pick(w.SUBJECTS)
        return f"{place.capitalize()}: {subject} {self._pick(w.STATES)}."

    def _prose(self, sentences: int) -> str:
        said = [
            self._random.choice((self._sentence, lambda: self._pick(w.DEEDS)))() for _ in range(sentences)
        ]
        return " ".join(said)

    def _count(self, typical: int) -> int:
        return max(1, round(typical * self._scale))

    def _days(self, count: int) -> Iterator[date]:
        """`count` days of the site's life, evenly spread, the last of them yesterday."""
        span = (self._today - self._starts).days - 1
        return (self._starts + timedelta(days=1 + index * span // count) for index in range(count))

    def _add(
        self, kind: str, at: datetime, values: dict[str, Json], scope_id: str = "", record_id: str = ""
    ) -> str:
        new_id = record_id or self._id(at)
        self._records.append(Seed(kind, scope_id or self.project_id, new_id, values, at))
        return new_id

    # ---------------------------------------------------------------- records

    def _who_and_where(self) -> None:
        at = self._at(self._starts, 7)
        home = self.organization_id
        self._add(
            "organization", at,
            {"name": ORGANIZATION_NAME, "plan": "professional", "timezone": str(ZONE), "retention_years": 7}, home, home,
        )  # fmt: skip
        for person_id, (name, title, role, company) in zip(self._people, w.PEOPLE, strict=True):
            mail = name.lower().replace(" ", ".") + "@sandia-site-works.example"
            self._add(
                "user", at,
                {
                    "name": name, "title": title, "role": role, "company": company, "email": mail,
                    "phone": f"505-555-01{self._random.randint(10, 99)}",
                    "certification": "EPA CGP inspector course", "certified_until": "2027-06-30",
                },
                home, person_id,
            )  # fmt: skip
        self._add("project", at, self._project(), record_id=self.project_id)
        for person_id, (_, _, role, _) in zip(self._people, w.PEOPLE, strict=True):
            self._add(
                "project_member", at,
                {
                    "user_id": person_id, "project_role": role, "may_sign": role in ("foreman", "project_manager"),
                    "permissions": ["records:read", "records:write"], "from_date": self._starts.isoformat(),
                },
            )  # fmt: skip
        self._add(
            "form_template", at,
            {
                "key": self._form.key, "version_number": self._form.version, "title": self._form.title,
                "category": self._form.category, "body": self._form.body,
            },
            home, self.template_id,
        )  # fmt: skip

    def _project(self) -> dict[str, Json]:
        rows: dict[str, Json] = {}
        for place, (name, kind, location) in enumerate(w.CONTROLS):
            row = f"controls/c{place + 1:02d}"
            rows |= {row: place, f"{row}/name": name, f"{row}/kind": kind, f"{row}/location": location}
        week: dict[str, Json] = {day: ["07:00", "17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
        return {
            "name": PROJECT_NAME, "number": "24-117", "address": "9800 Coors Blvd NW, Albuquerque, NM 87114",
            "latitude": "35.1876", "longitude": "-106.6781", "timezone": str(ZONE), "state": "NM", "permit_type": "cgp",
            "npdes_id": "NMR1004CK", "disturbed_acres": "25.4", "receiving_water": "Calabacillas Arroyo to Rio Grande",
            "inspection_schedule": "14d_storm", "working_hours": week, "holidays": {f"{self._today.year}-12-25": "Christmas"},
            "rain_source": "gauge at the trailer", "status": "active", "starts_on": self._starts.isoformat(), **rows,
        }  # fmt: skip

    def _rules(self) -> None:
        at = self._at(self._starts, 7)
        for index in range(self._count(80)):
            section = (
                f"{self._random.randint(2, 9)}.{self._random.randint(1, 6)}.{self._random.randint(1, 5)}"
            )
            self._add(
                "compliance_rule", at,
                {
                    "code": f"cgp-{section}-{index}", "jurisdiction": "NM", "permit": "EPA CGP 2022", "version_number": 1,
                    "effective_from": "2022-02-17", "effective_to": "2027-02-16", "citation": f"CGP {section}",
                    "text": self._prose(3), "parameters": {"hours": self._random.choice((24, 168, 336))},
                },
            )  # fmt: skip

    def _crews(self) -> list[str]:
        at = self._at(self._starts, 7)
        made = []
        for name, trade, company in w.CREWS:
            rows: dict[str, Json] = {}
            for place in range(self._random.randint(3, 9)):
                row = f"members/{self._row_id()}"
                rows |= {
                    row: place,
                    f"{row}/name": self._random.choice(w.PEOPLE)[0],
                    f"{row}/role": "laborer",
                }
            made.append(self._add("crew", at, {"name": name, "trade": trade, "company": company, **rows}))
        return made

    def _inspections(self) -> None:
        for day in self._days(self._count(150)):
            storm = self._random.random() < 0.3
            begun = self._at(day, 9, self._random.randint(0, 55))
            event_id = self._storm(day) if storm else None
            submission_id, inspection_id = self._id(begun), self._id(begun)
            done: dict[str, Json] = {
                "kind": "storm" if storm else "routine", "status": "approved", "schedule_basis": "14d_storm",
                "assigned_to": self._people[0], "weather_event_id": event_id, "submission_id": submission_id,
                "due_from": _text(begun - timedelta(hours=20)), "started_at": _text(begun),
                "ended_at": _text(begun + timedelta(minutes=50)), "inspector_id": self._people[0],
            }  # fmt: skip
            self._add("inspection", begun, done, record_id=inspection_id)
            self._submission(submission_id, day, begun, storm)
            if self._random.random() < 0.75:
                self._finding(inspection_id, begun)
            for _ in range(self._random.randint(4, 16)):
                self._photo(submission_id, begun)

    def _storm(self, day: date) -> str:
        reached = self._at(day - timedelta(days=1), self._random.randint(12, 20))
        return self._add(
            "weather_event", reached,
            {
                "kind": "rain", "rain_hundredths": self._random.randint(25, 140), "source": "gauge",
                "storm_started_at": _text(reached - timedelta(hours=3)), "threshold_reached_at": _text(reached),
                "read_by": self._people[0],
            },
        )  # fmt: skip

    def _submission(self, submission_id: str, day: date, begun: datetime, storm: bool) -> None:
        answers = self.inspection_answers(day, storm)
        self._add(
            "submission", begun,
            {
                "template_id": self.template_id, "status": "approved", "title": self._form.title,
                "author_id": self._people[0], "started_at": _text(begun),
                "submitted_at": _text(begun + timedelta(minutes=50)), "reviewed_by": self._people[1],
                **{f"answers/{path}": value for path, value in answers.items()},
            },
            record_id=submission_id,
        )  # fmt: skip
        self._add(
            "signature", begun + timedelta(minutes=51),
            {
                "submission_id": submission_id, "role": "inspector", "signer_id": self._people[0],
                "signer_name": w.PEOPLE[0][0], "signer_title": w.PEOPLE[0][1], "method": "typed",
                "content_sha256": f"{self._random.getrandbits(256):064x}", "signed_at": _text(begun + timedelta(minutes=51)),
            },
        )  # fmt: skip

    def inspection_answers(self, day: date, storm: bool) -> dict[str, Json]:
        """One inspection report as a foreman fills it in."""
        chosen = self._random.choice
        answers: dict[str, Json] = {
            "report_date": day.isoformat(), "npdes_id": "NMR1004CK", "inspector": w.PEOPLE[0][0],
            "inspector_title": w.PEOPLE[0][1], "company": ORGANIZATION_NAME, "contact": "505-555-0114",
            "location": PROJECT_NAME, "phase": chosen(("grading", "utilities", "vertical")),
            "started_at": f"09:{self._random.randint(0, 59):02d}", "ended_at": "10:05",
            "weather_now": chosen(("clear", "cloudy", "rain")), "temp_f": self._random.randint(28, 97),
            "unsafe_any": "no", "schedule_basis": ["14d_storm"], "trigger": "storm_rain" if storm else "routine",
            "discharge_since": chosen(("no", "no", "yes")), "discharge_now": "no", "swppp_current": "yes",
            "map_current": "yes", "sign_posted": "yes", "prior_actions_done": "yes",
            "summary": self._prose(self._random.randint(2, 6)),
        }  # fmt: skip
        if storm:
            answers |= {
                "rain_in": f"0.{self._random.randint(25, 99)}",
                "rain_source": "rain_gauge",
                "storm_hours": "4",
            }
        for place in range(len(w.CONTROLS)):
            row, need = (
                f"controls/c{place + 1:02d}",
                chosen(("none", "none", "none", "none", "routine", "corrective")),
            )
            answers |= {
                row: place,
                f"{row}/control": w.CONTROLS[place][0],
                f"{row}/implemented": "yes",
                f"{row}/need": need,
            }
            if need != "none":
                answers[f"{row}/note"] = self._sentence()
        return answers

    def _finding(self, inspection_id: str, at: datetime) -> None:
        text, state = self._sentence(), self._random.choice(("open", "closed", "closed", "closed"))
        violation_id = self._add(
            "violation", at,
            {
                "source": "own", "inspection_id": inspection_id, "rule_code": "cgp-2.1.4", "description": text,
                "severity": self._random.choice(("minor", "minor", "major")), "location": self._pick(w.AREAS),
                "identified_at": _text(at), "status": state,
            },
        )  # fmt: skip
        self._add(
            "corrective_action", at,
            {
                "violation_id": violation_id, "inspection_id": inspection_id, "control": self._random.choice(w.CONTROLS)[0],
                "kind": self._random.choice(("routine_maintenance", "corrective")), "condition": text,
                "identified_at": _text(at), "immediate_steps": self._pick(w.DEEDS), "action_taken": self._prose(2),
                "completed_at": _text(at + timedelta(days=1)) if state == "closed" else None, "status": state,
            },
        )  # fmt: skip

    def _photo(self, owner_id: str, at: datetime) -> None:
        self._add(
            "photo", at,
            {
                "owner_kind": "submission", "owner_id": owner_id, "sha256": f"{self._random.getrandbits(256):064x}",
                "size_bytes": self._random.randint(600_000, 1_900_000), "width": 4032, "height": 3024,
                "taken_at": _text(at), "caption": self._pick(w.CAPTIONS), "blob_state": "original",
                "latitude": f"35.18{self._random.randint(10, 99)}", "longitude": f"-106.67{self._random.randint(10, 99)}",
                "tags": self._random.sample(("before", "after", "control", "weather"), 2),
            },
        )  # fmt: skip

    def _logs(self) -> None:
        for day in self._days(self._count(400)):
            author = self._random.choice((0, 0, 3, 4))
            crews: dict[str, Json] = {}
            for place in range(self._random.randint(2, 5)):
                row = f"crews/{self._row_id()}"
                crews |= {
                    row: place,
                    f"{row}/crew": self._random.choice(w.CREWS)[0],
                    f"{row}/work": self._pick(w.WORK),
                }
                crews |= {f"{row}/headcount": self._random.randint(3, 11), f"{row}/hours": "10"}
            self._add(
                "daily_log", self._at(day, 16, 30),
                {
                    "log_date": day.isoformat(), "author_id": self._people[author], "weather": "clear, wind W 10",
                    "high_f": self._random.randint(45, 99), "low_f": self._random.randint(20, 60),
                    "narrative": self._prose(self._random.randint(2, 5)), "safety_note": self._pick(w.DEEDS),
                    "status": "submitted", **crews,
                },
            )  # fmt: skip

    def _deliveries(self) -> None:
        for day in self._days(self._count(800)):
            items: dict[str, Json] = {}
            for place in range(self._random.randint(1, 3)):
                row, (material, unit) = f"items/{self._row_id()}", self._random.choice(w.MATERIALS)
                items |= {row: place, f"{row}/material": material, f"{row}/unit": unit}
                items[f"{row}/quantity"] = str(self._random.randint(2, 60))
            at = self._at(day, self._random.randint(7, 15), self._random.randint(0, 59))
            self._add(
                "delivery", at,
                {
                    "occurred_at": _text(at), "supplier": self._random.choice(w.SUPPLIERS),
                    "ticket_number": str(self._random.randint(100_000, 999_999)), "received_by": self._people[0], **items,
                },
            )  # fmt: skip

    def _alerts(self) -> None:
        for index, day in enumerate(self._days(self._count(60))):
            level, title, body = w.ALERTS[index % len(w.ALERTS)]
            at = self._at(day, 6, 15)
            self._add(
                "safety_alert", at,
                {
                    "level": level, "title": title, "body": body, "issued_by": self._people[5], "issued_at": _text(at),
                    "expires_at": _text(at + timedelta(days=2)),
                },
            )  # fmt: skip

    def _assignments(self, crews: Sequence[str]) -> None:
        for index, day in enumerate(self._days(self._count(600))):
            self._add(
                "crew_assignment", self._at(day, 5, 30),
                {
                    "crew_id": crews[index % len(crews)], "work_date": day.isoformat(), "area": self._pick(w.AREAS),
                    "task": self._pick(w.WORK), "foreman_id": self._people[0], "headcount": self._random.randint(3, 9),
                },
            )  # fmt: skip

    def _forecast(self) -> None:
        at = self._at(self._today, 5)
        hours: list[Json] = []
        for hour in range(168):
            wet = 40 <= hour <= 52
            hours.append(
                [
                    _text(at + timedelta(hours=hour)),
                    70 if wet else 5,
                    4 if wet else 0,
                    self._random.randint(38, 66),
                    8,
                ]
            )
        record_id = hashlib.sha256(f"forecast {self.project_id}".encode()).hexdigest()[:32]
        values: dict[str, Json] = {
            "fetched_at": _text(at),
            "source": "weather.gov ABQ 98,121",
            "hours": hours,
        }
        self._add("weather_forecast", at, values, record_id=record_id)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")

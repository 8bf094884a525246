"""What a foreman does on a laptop, and the office at its desk: drawn from the dice, saved through the product, witnessed.

Every text that is typed is new, so that the ledger can be asked for it at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from sqlalchemy import select

from bravetui.actions import conflicts as conflict_actions
from bravetui.actions import forms, site
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput, BravetuiError
from bravetui.db.kinds import KINDS
from bravetui.db.records import load, normalised
from bravetui.db.tables.conflict import UNDECIDED
from bravetui.merge.state import ANSWERS
from bravetui.simulate.central import PROJECT, TEMPLATE, SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.witness import Witness

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "daily_log": ("narrative", "weather", "rain_hundredths", "crews/?/work", "high_f"),
    "delivery": ("supplier", "condition", "hazardous", "note", "items/?/material"),
    "violation": ("description", "location", "severity", "identified_at"),
    "corrective_action": ("action_taken", "needs_new_control", "control", "new_schedule_on"),
    "safety_alert": ("title", "level", "body"),
}
"""Fields of every merge rule, by kind; `?` stands for a row."""

_CHOICES: Mapping[str, tuple[Json, ...]] = {
    "rain_hundredths": (0, 10, 25, 60), "high_f": (40, 71, 90), "condition": ("accepted", "damaged", "rejected"),
    "hazardous": ("no", "yes"), "severity": ("minor", "major"), "needs_new_control": (True, False),
    "new_schedule_on": ("2026-03-20", "2026-04-02"), "level": ("info", "warning", "stop_work"),
}  # fmt: skip
"""Fields that are chosen; all others are typed."""

_ANSWERS = ("company", "contact", "station", "summary", "prior_note")
"""Questions of the form that are typed: reviewed, of a group, and long."""


class People:
    """Everybody who types in one simulated month."""

    def __init__(self, chaos: Chaos, witness: Witness) -> None:
        self._chaos, self._witness = chaos, witness
        self._words = count(1)
        self._actions: tuple[tuple[int, Callable[[SimulatedLaptop], str]], ...] = (
            (8, self._edit), (4, self._create), (5, self._answer), (2, self._start_form), (2, self._rain),
            (3, self._decide), (1, self._delete), (1, self._seen),
        )  # fmt: skip

    async def work(self, laptop: SimulatedLaptop) -> None:
        """A visit to the laptop: a handful of things done, with pauses between them, and a while with the lid open."""
        for _ in range(self._chaos.dice.randint(1, 6)):
            await asyncio.sleep(self._chaos.dice.choice((0.1, 2, 15, 60)))
            self._act(laptop)
            assert laptop.worker is not None
            laptop.worker.nudge()
        await asyncio.sleep(self._chaos.dice.choice((1, 20, 130)))

    def _act(self, laptop: SimulatedLaptop) -> None:
        weights = [weight for weight, _ in self._actions]
        action = self._chaos.dice.choices([action for _, action in self._actions], weights)[0]
        try:
            said = action(laptop)
        except BravetuiError as error:
            said = f"was told: {type(error).__name__}"
        except Exception as error:
            self._witness.complaints.append(f"{laptop.name} saw {type(error).__name__}: {error}")
            raise
        self._chaos.tell(f"{asyncio.get_running_loop().time():.2f} {laptop.name} {said}")

    def at_the_office(self, central: SimulatedCentral) -> None:
        """The office edits a record that is there, or makes one."""
        kind = self._chaos.pick(tuple(_FIELDS))
        table = KINDS[kind].table
        with central.engine.connect() as connection:
            ids = list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())
        record_id = self._chaos.pick(ids) if ids and self._chaos.chance(0.7) else central.central.ids.new_id()
        values = self._values(kind, record_id)
        central.publish(kind, record_id, values)
        self._note("office", kind, record_id, values)
        self._chaos.tell(f"office writes {kind} {record_id}")

    # ------------------------------------------------------------------ what a foreman does

    def _create(self, laptop: SimulatedLaptop) -> str:
        kind = self._chaos.pick(tuple(_FIELDS))
        values = self._values(kind, "new")
        with laptop.store.write() as writing:
            if kind == "corrective_action":
                values["violation_id"] = None
            record_id = writing.create(kind, PROJECT, values)
        return self._note(laptop.name, kind, record_id, values)

    def _edit(self, laptop: SimulatedLaptop) -> str:
        kind = self._chaos.pick(tuple(_FIELDS))
        record_id = self._known(laptop, kind)
        values = self._values(kind, record_id)
        self._begin(laptop.name, kind, record_id, values)
        with laptop.store.write() as writing:
            writing.edit(kind, PROJECT, record_id, values)
        return self._note(laptop.name, kind, record_id, values)

    def _delete(self, laptop: SimulatedLaptop) -> str:
        kind = self._chaos.pick(tuple(_FIELDS))
        record_id = self._known(laptop, kind)
        with laptop.store.write() as writing:
            writing.delete(kind, PROJECT, record_id, "made twice")
        return f"deletes {kind} {record_id}"

    def _start_form(self, laptop: SimulatedLaptop) -> str:
        started = forms.start_form(laptop.store, PROJECT, TEMPLATE)
        return f"starts form {started.submission_id}"

    def _answer(self, laptop: SimulatedLaptop) -> str:
        record_id = self._known(laptop, "submission")
        answers = {path: self._word() for path in self._chaos.dice.sample(_ANSWERS, 2)}
        values = {f"{ANSWERS}/{path}": value for path, value in answers.items()}
        self._begin(laptop.name, "submission", record_id, values)
        forms.answer(laptop.store, PROJECT, record_id, answers)
        return self._note(laptop.name, "submission", record_id, values)

    def _rain(self, laptop: SimulatedLaptop) -> str:
        now = laptop.clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(
            hours=self._chaos.dice.choice((0, 1))
        )
        hundredths = self._chaos.pick((10, 25, 60))
        site.log_rain(laptop.store, PROJECT, hundredths, hour)
        record_id = site.storm_id(PROJECT, hour)
        return self._note(laptop.name, "weather_event", record_id, {"rain_hundredths": hundredths})

    def _decide(self, laptop: SimulatedLaptop) -> str:
        table = KINDS["conflict"].table
        with laptop.store.read() as connection:
            query = (
                select(table.c.id)
                .where(table.c.status.in_(UNDECIDED), table.c.scope_id == PROJECT)
                .order_by(table.c.id)
            )
            ids = list(connection.execute(query).scalars())
            if not ids:
                return "has nothing to decide"
            conflict_id = self._chaos.pick(ids)
            stored = load(connection, KINDS["conflict"], PROJECT, conflict_id)
        assert stored is not None
        side = stored.state.values()[self._chaos.pick(("local", "remote"))]
        assert isinstance(side, Mapping)
        chosen = side["values"]
        assert isinstance(chosen, Mapping)
        conflict_actions.decide(laptop.store, PROJECT, conflict_id, chosen)
        return f"decides conflict {conflict_id}"

    def _seen(self, laptop: SimulatedLaptop) -> str:
        record_id = self._known(laptop, "safety_alert")
        site.alert_seen(laptop.store, PROJECT, record_id)
        return f"has seen {record_id}"

    # ------------------------------------------------------------------ words and records

    def _known(self, laptop: SimulatedLaptop, kind: str) -> str:
        """A record that is on this laptop. Raises BadInput when there is none, as a person would find none."""
        table = KINDS[kind].table
        with laptop.store.read() as connection:
            query = (
                select(table.c.id)
                .where(table.c.scope_id == PROJECT, table.c.deleted.is_(False))
                .order_by(table.c.id)
            )
            ids = list(connection.execute(query).scalars())
        if not ids:
            raise BadInput("There is none yet.")
        return str(self._chaos.pick(ids[-6:]))

    def _values(self, kind: str, record_id: str) -> dict[str, Json]:
        names = self._chaos.dice.sample(_FIELDS[kind], self._chaos.dice.randint(1, 2))
        values: dict[str, Json] = {}
        for name in names:
            column, slash, inner = name.partition("/?/")
            if slash:
                row = f"{column}/row{self._chaos.dice.randint(1, 3)}"
                values |= {row: 0, f"{row}/{inner}": self._word()}
            elif name == "identified_at":
                values[name] = f"2026-03-{self._chaos.dice.randint(1, 28):02}T12:00:00Z"
            else:
                values[name] = self._chaos.pick(_CHOICES[name]) if name in _CHOICES else self._word()
        return values

    def _word(self) -> str:
        return f"note {next(self._words)}"

    def _begin(self, by: str, kind: str, record_id: str, values: Mapping[str, Json]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._witness.begin(by, now_s, kind, record_id, normalised(KINDS[kind], values))

    def _note(self, by: str, kind: str, record_id: str, values: Mapping[str, Json]) -> str:
        self._witness.note(
            by, asyncio.get_running_loop().time(), kind, record_id, normalised(KINDS[kind], values)
        )
        return f"saves {kind} {record_id} {sorted(values.items(), key=str)}"

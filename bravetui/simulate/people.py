"""What a foreman does on a laptop, and the office at its desk: drawn from the dice, saved through the product, witnessed.

Every text that is typed is new, so that the ledger can be asked for it at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping
from datetime import timedelta
from itertools import count

from sqlalchemy import select

from bravetui.actions import conflicts as conflict_actions
from bravetui.actions import forms, site
from bravetui.actions import photos as photo_actions
from bravetui.actions.photos import Owner
from bravetui.base.canonical import Json, sha256_hex
from bravetui.base.errors import BadInput, BravetuiError
from bravetui.db.kinds import KINDS
from bravetui.db.records import load, normalised
from bravetui.db.site import answers_of
from bravetui.db.tables.conflict import UNDECIDED
from bravetui.merge.state import ANSWERS
from bravetui.simulate import paper
from bravetui.simulate.central import PROJECT, SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.older import NEWER_FIELD, NEWER_KIND, Programs
from bravetui.simulate.photographs import made_up
from bravetui.simulate.witness import Photo, Witness
from bravetui.views.photos import photos
from bravetui.wire.blobs import Rendition
from bravetui.wiring.photos import content

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

LOOKS = 0.2
"""Of so many visits one looks at a photo."""

_TICKETS = ("T-1", "T-2")
"""Few delivery tickets, so that two laptops note the same one."""


class People:
    """Everybody who types in one simulated month."""

    def __init__(self, chaos: Chaos, witness: Witness, known: Programs) -> None:
        self._chaos, self._witness, self._programs = chaos, witness, known
        self._words = count(1)
        self._originals: list[bytes] = []
        """Of the pictures that were taken: one and the same may come into several records, and on several laptops."""
        self._actions: tuple[tuple[int, Callable[[SimulatedLaptop], str]], ...] = (
            (8, self._edit), (4, self._create), (5, self._answer), (2, self._start_form), (1, self._submit),
            (2, self._rain), (3, self._decide), (1, self._delete), (1, self._seen), (1, self._same_delivery),
            (3, self._photograph), (1, self._photograph_again), (1, self._take_photo_off),
        )  # fmt: skip

    async def work(self, laptop: SimulatedLaptop) -> None:
        """A visit to the laptop: a handful of things done, with pauses between them, and a while with the lid open."""
        for _ in range(self._chaos.dice.randint(1, 6)):
            await asyncio.sleep(self._chaos.dice.choice((0.1, 2, 15, 60)))
            self._act(laptop)
            assert laptop.worker is not None
            laptop.worker.nudge()
        if self._chaos.chance(LOOKS):
            await self._look_at_photo(laptop)
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
        kind = self._kind()
        table = KINDS[kind].table
        with central.engine.begin() as connection:
            ids = list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())
        record_id = self._chaos.pick(ids) if ids and self._chaos.chance(0.7) else central.central.ids.new_id()
        values = self._values(kind, record_id)
        central.publish(kind, record_id, values)
        self._note("office", kind, record_id, values)
        self._chaos.tell(f"office writes {kind} {record_id}")

    # ------------------------------------------------------------------ what a foreman does

    def _create(self, laptop: SimulatedLaptop) -> str:
        kind = self._kind()
        values = self._values(kind, "new")
        with laptop.store.write() as writing:
            if kind == "corrective_action":
                values["violation_id"] = None
            record_id = writing.create(kind, PROJECT, values)
        return self._note(laptop.name, kind, record_id, values)

    def _edit(self, laptop: SimulatedLaptop) -> str:
        kind = self._kind()
        record_id = self._known(laptop, kind)
        values = self._values(kind, record_id)
        self._begin(laptop.name, kind, record_id, values)
        stood = _standing(laptop, kind, record_id, values)
        with laptop.store.write() as writing:
            writing.edit(kind, PROJECT, record_id, values)
        return self._note(laptop.name, kind, record_id, values, stood)

    def _delete(self, laptop: SimulatedLaptop) -> str:
        kind = self._kind()
        record_id = self._known(laptop, kind)
        with laptop.store.write() as writing:
            writing.delete(kind, PROJECT, record_id, "made twice")
        self._witness.removed.add((laptop.name, kind, record_id))
        return f"deletes {kind} {record_id}"

    def _start_form(self, laptop: SimulatedLaptop) -> str:
        """On the newest version that has come to this laptop."""
        table = KINDS["form_template"].table
        with laptop.store.read() as connection:
            query = select(table.c.id).order_by(table.c.version_number.desc()).limit(1)
            template_id = connection.execute(query).scalar_one_or_none()
        if template_id is None:
            raise BadInput("No form has come to this laptop yet.")
        started = forms.start_form(laptop.store, PROJECT, template_id)
        self._witness.forms[started.submission_id] = template_id
        return f"starts form {started.submission_id} on {template_id}"

    def _answer(self, laptop: SimulatedLaptop) -> str:
        """On the version that the draft was begun on, also after a newer one has come."""
        record_id = self._known(laptop, "submission")
        version = self._version_of(laptop, record_id)
        answers: dict[str, Json] = {
            path: self.word() for path in self._chaos.dice.sample(paper.typed_in(version), 2)
        }
        answers[paper.WITHDRAWN[0]] = self._chaos.pick(paper.offered(version))
        return self._save_answers(laptop, record_id, answers)

    def _version_of(self, laptop: SimulatedLaptop, record_id: str) -> int:
        """As it was begun; one that was begun on a machine that died over it is taken as it is first seen."""
        table = KINDS["submission"].table
        with laptop.store.read() as connection:
            seen = connection.execute(select(table.c.template_id).where(table.c.id == record_id)).scalar_one()
        return int(self._witness.forms.setdefault(record_id, seen).rpartition("-")[2])

    def _save_answers(self, laptop: SimulatedLaptop, record_id: str, answers: Mapping[str, Json]) -> str:
        values = {f"{ANSWERS}/{path}": value for path, value in answers.items()}
        self._begin(laptop.name, "submission", record_id, values)
        stood = _standing(laptop, "submission", record_id, values)
        forms.answer(laptop.store, PROJECT, record_id, answers)
        return self._note(laptop.name, "submission", record_id, values, stood)

    def _submit(self, laptop: SimulatedLaptop) -> str:
        """Answer what is left, sign, and hand in."""
        record_id = self._known(laptop, "submission")
        form = paper.template(self._version_of(laptop, record_id))
        for _ in range(paper.FILLED_ROUNDS_MAX):
            with laptop.store.read() as connection:
                stored = load(connection, KINDS["submission"], PROJECT, record_id)
            assert stored is not None
            left = paper.left_to_answer(form, answers_of(stored), laptop.clock.now())
            if not left:
                break
            self._save_answers(laptop, record_id, left)
        forms.submit(laptop.store, PROJECT, record_id, laptop.user_id.capitalize(), "Foreman")
        self._chaos.counts["forms handed in"] += 1
        return f"hands in {record_id} on version {form.version}"

    def _same_delivery(self, laptop: SimulatedLaptop) -> str:
        """Somebody else may note the very same one: the office asks whether the two are one."""
        if NEWER_KIND not in self._programs:
            raise BadInput("This program has no deliveries.")
        values: dict[str, Json] = {"supplier": "Acme Stone", "ticket_number": self._chaos.pick(_TICKETS)}
        with laptop.store.write() as writing:
            record_id = writing.create("delivery", PROJECT, values)
        return self._note(laptop.name, "delivery", record_id, values)

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
        resolution = stored.state.values().get("resolution")
        if isinstance(resolution, Mapping) and "same_as" in resolution:
            return self._tell_apart(laptop, conflict_id)
        side = stored.state.values()[self._chaos.pick(("local", "remote"))]
        assert isinstance(side, Mapping)
        chosen = side["values"]
        assert isinstance(chosen, Mapping)
        conflict_actions.decide(laptop.store, PROJECT, conflict_id, chosen)
        return f"decides conflict {conflict_id}"

    def _tell_apart(self, laptop: SimulatedLaptop, conflict_id: str) -> str:
        """Two people may answer this differently, each without having heard the other."""
        if self._chaos.chance(0.5):
            conflict_actions.keep_both(laptop.store, PROJECT, conflict_id)
            self._chaos.counts["duplicates kept apart"] += 1
            return f"keeps both of {conflict_id}"
        conflict_actions.join(laptop.store, PROJECT, conflict_id)
        self._chaos.counts["duplicates joined"] += 1
        return f"joins both of {conflict_id}"

    def _photograph(self, laptop: SimulatedLaptop, original: bytes | None = None) -> str:
        """Of something that is there already; the older program knows records of photos, and no bytes."""
        if laptop.name in self._programs.old:
            raise BadInput("This program takes no photos.")
        kind = self._kind()
        owner, shot = Owner(kind, self._known(laptop, kind)), made_up(self._chaos.dice, original)
        caption, photo = self.word(), shot.hashes[Rendition.ORIGINAL]
        taken = photo_actions.attach(laptop.store, PROJECT, owner, shot.original, shot.picture, caption)
        now_s = asyncio.get_running_loop().time()
        photo_id = taken.photo_id
        self._witness.photos.append(Photo(laptop.name, photo_id, photo, shot.hashes, shot.size_bytes, now_s))
        self._originals.append(shot.original)
        return self._note(laptop.name, "photo", photo_id, {"caption": caption}) + f" {photo[:8]}"

    def _photograph_again(self, laptop: SimulatedLaptop) -> str:
        if not self._originals:
            raise BadInput("Nobody has taken a photo yet.")
        return self._photograph(laptop, self._chaos.pick(self._originals[-6:]))

    def _take_photo_off(self, laptop: SimulatedLaptop) -> str:
        photo_id = self._known(laptop, "photo")
        photo_actions.remove(laptop.store, PROJECT, photo_id)
        self._witness.removed.add((laptop.name, "photo", photo_id))
        return f"takes off photo {photo_id}"

    async def _look_at_photo(self, laptop: SimulatedLaptop) -> None:
        """Of whomever; what is not here is fetched, and can be handed in by this laptop, too, from then on."""
        if laptop.name in self._programs.old:
            return
        rows = photos(laptop.store, PROJECT)[-6:]
        if not rows:
            return
        row, rendition = self._chaos.pick(rows), self._chaos.pick(tuple(Rendition))
        try:
            data = await content(laptop.opened, row, rendition, laptop.line)
            said = f"{len(data)} bytes"
            made = {sha256_hex(data)} & {
                one.hashes[rendition] for one in self._witness.photos if one.photo == row.sha256
            }
            if not made:
                self._witness.complaints.append(f"{laptop.name} was shown other bytes of {row.sha256[:8]}")
        except BravetuiError as error:
            said = f"was told: {type(error).__name__}"
        now_s = asyncio.get_running_loop().time()
        self._chaos.tell(f"{now_s:.2f} {laptop.name} looks at the {rendition} of {row.sha256[:8]}: {said}")

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

    def _kind(self) -> str:
        """One that the program of whoever works just now has."""
        return self._chaos.pick([kind for kind in _FIELDS if kind in self._programs])

    def _has(self, kind: str, field: str) -> bool:
        return (kind, field) != NEWER_FIELD or field in self._programs[kind].columns

    def _values(self, kind: str, record_id: str) -> dict[str, Json]:
        asked = [name for name in _FIELDS[kind] if self._has(kind, name)]
        names = self._chaos.dice.sample(asked, self._chaos.dice.randint(1, 2))
        values: dict[str, Json] = {}
        for name in names:
            column, slash, inner = name.partition("/?/")
            if slash:
                row = f"{column}/row{self._chaos.dice.randint(1, 3)}"
                values |= {row: 0, f"{row}/{inner}": self.word()}
            elif name == "identified_at":
                values[name] = f"2026-03-{self._chaos.dice.randint(1, 28):02}T12:00:00Z"
            else:
                values[name] = self._chaos.pick(_CHOICES[name]) if name in _CHOICES else self.word()
        return values

    def word(self) -> str:
        """Something that nobody has typed yet."""
        return f"note {next(self._words)}"

    def _begin(self, by: str, kind: str, record_id: str, values: Mapping[str, Json]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._witness.begin(by, now_s, kind, record_id, normalised(KINDS[kind], values))

    def _note(
        self, by: str, kind: str, record_id: str, values: Mapping[str, Json], stood: Container[str] = ()
    ) -> str:
        told = normalised(KINDS[kind], values)
        self._witness.note(by, asyncio.get_running_loop().time(), kind, record_id, told, stood)
        return f"saves {kind} {record_id} {sorted(values.items(), key=str)}"


def _standing(laptop: SimulatedLaptop, kind: str, record_id: str, values: Mapping[str, Json]) -> set[str]:
    """The paths at which the record says so already."""
    with laptop.store.read() as connection:
        stored = load(connection, KINDS[kind], PROJECT, record_id)
    cells = stored.state.cells if stored is not None else {}
    told = normalised(KINDS[kind], values)
    return {path for path, value in told.items() if path in cells and cells[path].value == value}

"""The foreman of these trials and his laptop's folder: a made-up person who saves, remembers what he was told, and checks.

He opens the laptop as the program does and works from a script drawn from a seed. Before a save may be durable he says
what it holds, after it has returned he says that it is saved: the first must happen whole or not at all, the second must
be there for ever.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bravetui import wiring
from bravetui.actions.photos import Owner, attach
from bravetui.auth import locks
from bravetui.auth.keys import Secrets
from bravetui.auth.locks import Passphrase, RecoveryKey
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.signing import encode, new_private_key
from bravetui.base.canonical import sha256_hex
from bravetui.base.clock import ManualClock
from bravetui.db import recover, store
from bravetui.db.store import Identity, Store
from bravetui.db.writing import Writing
from bravetui.pictures.picture import Picture
from bravetui.sync.exchange import prepare, unsend
from bravetui.wire.blobs import Rendition
from bravetui.wire.lanes import LANES

PROJECT = "01980000-0000-7000-8000-000000000001"
DEVICE = 3
MORNING = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
FIELDS = ("description", "location", "required_action")
PHOTOS = 0.1
"""After so many saves comes a photo."""
ORIGINAL_BYTES = (1500, 9000)
SMALL_BYTES = 300
_BALLAST_BYTES = 32 * 1024 * 1024

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Save:
    """One save as its author knows it."""

    number: int
    values: dict[str, dict[str, str]]
    """By record and path."""
    dots: dict[int, str]
    """By counter, the record whose change has it."""


def smaller(original: bytes) -> dict[Rendition, bytes]:
    """The smaller sizes of a made-up picture, always the same of the same."""
    dice = random.Random(original)
    return {
        Rendition.THUMBNAIL: dice.randbytes(SMALL_BYTES),
        Rendition.PREVIEW: dice.randbytes(4 * SMALL_BYTES),
    }


def shrink() -> None:
    """Make rare things happen often: marks are raised, logs folded in and the journal rewritten every few saves."""
    locks._LANES = locks._ITERATIONS = 1
    store.DOTS_RESERVED = 8
    recover.JOURNAL_BYTES_MAX = 16 * 1024
    store.WAL_BYTES_MAX = 256 * 1024


OFFICE = bytes(range(1, 33))
"""A recovery key of which nobody has the private half."""


def ring_of(folder: Path) -> SealedFile:
    """The keys, behind the office's key and a passphrase that costs next to nothing to try."""
    return SealedFile(
        folder / wiring.KEYS, [Passphrase("a truck in the rain", memory_kib=32), RecoveryKey(OFFICE)]
    )


def open_laptop(folder: Path, clock: ManualClock | None = None) -> wiring.Laptop:
    """As the program opens it."""
    return wiring.open_laptop(folder, ring_of(folder), clock or ManualClock(MORNING))


def make_template(folder: Path, tell: Tell) -> None:
    """A laptop that has been in use, as every trial finds it: closed in the evening, with unsent work."""
    folder.mkdir(parents=True)
    identity = Identity(
        DEVICE, "carlos", "Carlos Medina", "org", "http://127.0.0.1:1", "", "", encode(OFFICE)
    )
    secrets = Secrets(bytes(range(32)), new_private_key(), identity=json.dumps(asdict(identity)))
    ring_of(folder).save(secrets)
    lay_ballast(folder)
    laptop = open_laptop(folder)
    Foreman(laptop, random.Random(0), tell).work(30)
    laptop.close()
    (folder / wiring.BALLAST).unlink()


def lay_ballast(folder: Path) -> None:
    """A reserve of the right length that costs no time; the program asks for its length only."""
    with (folder / wiring.BALLAST).open("wb") as file:
        file.truncate(_BALLAST_BYTES)


def copy_template(template: Path, folder: Path) -> Path:
    """The laptop's folder of one trial."""
    shutil.copytree(template, folder)
    lay_ballast(folder)
    return folder


class Foreman:
    """Saves, one thing after another; `tell` hears `try {...}` inside a save and `ack N` once it has returned."""

    def __init__(
        self,
        laptop: wiring.Laptop,
        chance: random.Random,
        tell: Tell,
        first: int = 0,
        project: str = PROJECT,
    ) -> None:
        self._project = project
        self._laptop, self._chance, self._tell = laptop, chance, tell
        self._number = first
        self._records: list[str] = []

    def work(self, saves: int) -> None:
        """So many saves, with sync trying its luck in between."""
        for _ in range(saves):
            self.save()
            if self._chance.random() < PHOTOS:
                self.photograph()
            if self._chance.random() < 0.2:
                self.sync_to_nothing()

    def save(self) -> None:
        """One save of one of several sorts."""
        self._number += 1
        clock = self._laptop.store.clock
        assert isinstance(clock, ManualClock)
        clock.advance(seconds=1)
        with self._laptop.store.write() as writing:
            values = self._edits(writing)
            self._tell("try " + json.dumps(asdict(Save(self._number, values, dots_of(writing)))))
        self._tell(f"ack {self._number}")
        self._records = list(dict.fromkeys([*self._records, *values]))

    def photograph(self, record: str = "") -> None:
        """A photo of that record, or of one of his: `photo {...}` is said once it is saved."""
        if not record and not self._records:
            return
        original = self._chance.randbytes(self._chance.randint(*ORIGINAL_BYTES))
        small = smaller(original)
        picture = Picture(400, 300, "image/jpeg", None, None, None, *small.values())
        owner = Owner("violation", record or self._chance.choice(self._records))
        attached = attach(self._laptop.store, self._project, owner, original, picture)
        made = {**small, Rendition.ORIGINAL: original}
        hashes = {rendition.value: sha256_hex(data) for rendition, data in made.items()}
        self._tell("photo " + json.dumps({"record": attached.photo_id, "hashes": hashes}))

    def sync_to_nothing(self) -> None:
        """What the worker does on a dead line: mark as sent; sometimes it learns that nothing went, and takes that back."""
        prepared = prepare(self._laptop.store, [policy.lane for policy in LANES], 4096)
        changes = [change for batch in prepared.request.push for change in batch.changes]
        self._tell("sent " + json.dumps({change.dot.counter: change.hash for change in changes}))
        if self._chance.random() < 0.5:
            self._tell("unsent " + json.dumps([counter for _, counter in prepared.fresh]))
            with self._laptop.store.maintain() as connection:
                unsend(connection, prepared)

    def _edits(self, writing: Writing) -> dict[str, dict[str, str]]:
        if not self._records or self._chance.random() < 0.4:
            names = ("a", "b") if self._chance.random() < 0.2 else ("a",)
            return {
                f"r{self._number}{name}": self._create(writing, f"r{self._number}{name}") for name in names
            }
        record = self._chance.choice(self._records)
        values = self._values(self._chance.sample(FIELDS, self._chance.randint(1, 2)))
        writing.edit("violation", PROJECT, record, values)
        return {record: values}

    def _create(self, writing: Writing, record: str) -> dict[str, str]:
        values = self._values(["description"])
        writing.create("violation", PROJECT, values, record_id=record)
        return values

    def _values(self, paths: list[str] | tuple[str, ...]) -> dict[str, str]:
        padding = "x" * self._chance.choice((0, 10, 80))
        return {path: f"{self._number} {path} {padding}".strip() for path in paths}


def work_and_say(folder: Path, seed: str, saves: int, tell: Tell, first: int = 0) -> wiring.Laptop:
    """Open, work and leave everything open, as a process has it when it dies."""
    clock = ManualClock(MORNING)
    clock.advance(seconds=first)
    laptop = open_laptop(folder, clock)
    Foreman(laptop, random.Random(seed), tell, first).work(saves)
    return laptop


def dots_of(writing: Writing) -> dict[int, str]:
    """By counter, the record of each change that this save makes or adds to."""
    frames = [json.loads(frame) for frame in writing._frames]
    return {int(frame["dot"].split(".")[1]): str(frame["record_id"]) for frame in frames}


def changes_in(laptop: Store) -> list[dict[str, Any]]:
    """The outbox, oldest first."""
    with laptop.read() as connection:
        rows = connection.exec_driver_sql("SELECT counter, hash, body FROM outbox ORDER BY counter").all()
    return [{**json.loads(row[2]), "counter": row[0], "hash": row[1]} for row in rows]

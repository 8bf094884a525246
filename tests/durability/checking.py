"""What must hold of a laptop after anything has been done to its files: asked of the folder, opened as the program does.

Every acknowledged save is there, in the record and in exactly one change of the outbox; a save under way is there whole
or not at all; the journal is a second copy again; no counter names two changes, before or after.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bravetui.base.canonical import sha256_hex
from bravetui.base.clock import ManualClock
from bravetui.db.blob_check import check_photos
from bravetui.db.damage import check_pages
from bravetui.db.kinds import KINDS
from bravetui.db.records import load_many
from bravetui.db.store import Store
from bravetui.wire.blobs import Blob, Rendition
from tests.durability.foreman import MORNING, PROJECT, Save, changes_in, dots_of, open_laptop, smaller

FIRST_AFTER = 100_000
"""Saves that a check makes itself are numbered from here."""


class Lost(AssertionError):
    """The promise is broken; the words say how."""


def demand(holds: bool, words: str) -> None:
    """Raise Lost with `words` unless it holds."""
    if not holds:
        raise Lost(words)


@dataclass
class Told:
    """What a foreman was told, from his own lines."""

    tries: list[Save] = field(default_factory=list)
    acked: set[int] = field(default_factory=set)
    sent: dict[int, str] = field(default_factory=dict)
    """By counter, the hash of what may have reached central."""
    photos: dict[str, dict[str, str]] = field(default_factory=dict)
    """By record, the hash of each size of a photo."""

    @classmethod
    def of(cls, lines: Iterable[str]) -> Told:
        """Read his lines; others are ignored."""
        told = cls()
        for line in lines:
            told.hear(line)
        return told

    def hear(self, line: str) -> None:
        """One line of his."""
        word, _, rest = line.strip().partition(" ")
        if word == "try":
            said = json.loads(rest)
            dots = {int(counter): record for counter, record in said["dots"].items()}
            self.tries.append(Save(said["number"], said["values"], dots))
        elif word == "ack":
            self.acked.add(int(rest))
        elif word == "photo":
            said = json.loads(rest)
            self.photos[said["record"]] = said["hashes"]
        elif word == "sent":
            self.sent |= {int(counter): content for counter, content in json.loads(rest).items()}
        elif word == "unsent":
            for counter in json.loads(rest):
                self.sent.pop(int(counter), None)

    def copy(self) -> Told:
        """One to add to."""
        return Told(list(self.tries), set(self.acked), dict(self.sent), dict(self.photos))

    def saved(self) -> list[Save]:
        """The saves that were acknowledged. A counter of any other is used only once a file has it."""
        return [save for save in self.tries if save.number in self.acked]

    def allowed(self) -> dict[tuple[str, str], set[str | None]]:
        """By record and path, the values that may be found: the last acknowledged one, or one tried after it."""
        found: dict[tuple[str, str], set[str | None]] = {}
        for save in self.tries:
            for record, values in save.values.items():
                for path, value in values.items():
                    old = found.setdefault((record, path), {None})
                    found[record, path] = {value} if save.number in self.acked else {*old, value}
        return found

    def owners(self) -> dict[int, str]:
        """By counter, the record whose change has it. Raises Lost where two have."""
        found: dict[int, str] = {}
        for save in self.saved():
            for counter, record in save.dots.items():
                had = found.setdefault(counter, record)
                demand(had == record, f"counter {counter} named {had} and then {record}")
        return found


def check(folder: Path, told: Told, *, deep: bool = False) -> tuple[str, ...]:
    """Open the laptop in `folder` and hold it to what was `told`; returns the notices it opened with, and how many photo
    files were mended. Raises Lost.

    `deep` also reads every page of the database, and opens the laptop a second time.
    """
    clock = ManualClock(MORNING)
    clock.advance(hours=10)
    laptop = open_laptop(folder, clock)
    try:
        _hold(laptop.store, told)
        mended = hold_photos(laptop.store, told)
        if deep:
            demand(not (found := check_pages(laptop.store.engine)), f"pages are damaged: {found}")
        _go_on(laptop.store, told)
    finally:
        laptop.close()
    if deep:
        again = open_laptop(folder, clock)
        try:
            _hold(again.store, told)
            demand(not hold_photos(again.store, told), "a second start still has photos to mend")
            demand(not again.notices, f"a second start still has to say {again.notices}")
        finally:
            again.close()
    return laptop.notices + ((f"{mended} photo files were mended",) if mended else ())


def hold_photos(store: Store, told: Told, project: str = PROJECT) -> int:
    """Every photo that he was told is saved is there with its record, in all sizes and to the byte, after a look at all of
    them; returns how many files that look had to mend."""
    checked = check_photos(store, smaller)
    demand(not checked.lost, f"photos are lost: {checked.lost}")
    with store.read() as connection:
        records = load_many(connection, KINDS["photo"], project, sorted(told.photos))
    for record, hashes in told.photos.items():
        demand(record in records, f"photo {record} was saved and its record is gone")
        for rendition, digest in hashes.items():
            blob = Blob(hashes[Rendition.ORIGINAL], Rendition(rendition))
            demand(
                sha256_hex(store.photos.read(blob)) == digest, f"the {rendition} of {record} is other bytes"
            )
    return checked.mended


def _hold(store: Store, told: Told) -> None:
    allowed = told.allowed()
    changes = changes_in(store)
    _hold_records(store, allowed)
    _hold_outbox(changes, told)
    with store.read() as connection:
        bodies = set(
            connection.exec_driver_sql("SELECT body FROM outbox WHERE state != 'confirmed'").scalars()
        )
    journal = {frame.decode() for frame in store.journal.frames()}
    _hold_dots(journal)
    demand(bodies <= journal, f"{len(bodies - journal)} unsent changes are not in the journal")


def _hold_dots(journal: set[str]) -> None:
    named: dict[str, str] = {}
    for frame in map(json.loads, journal):
        had = named.setdefault(frame["dot"], frame["record_id"])
        demand(
            had == frame["record_id"], f"{frame['dot']} names {had} and {frame['record_id']} in the journal"
        )


def _hold_records(store: Store, allowed: dict[tuple[str, str], set[str | None]]) -> None:
    records = sorted({record for record, _ in allowed})
    with store.read() as connection:
        stored = load_many(connection, KINDS["violation"], PROJECT, records)
    for (record, path), values in allowed.items():
        cell = stored[record].state.cells.get(path) if record in stored else None
        # A field never set and one of a record that is not there read the same: as nothing.
        found = (cell.value or None) if cell else None
        demand(found in values, f"{record}.{path} is {found!r}, not one of {sorted(map(str, values))}")


def _hold_outbox(changes: list[dict[str, Any]], told: Told) -> None:
    owners = told.owners()
    by_counter = {change["counter"]: change for change in changes}
    for counter, change in by_counter.items():
        if counter in owners:
            demand(change["record_id"] == owners[counter], f"counter {counter} is another record's")
    created = [change["record_id"] for change in changes if change["op"] == "create"]
    demand(len(created) == len(set(created)), "a record was created by two changes")
    for counter, content in told.sent.items():
        demand(counter in by_counter, f"change {counter}, which was sent, is not in the outbox")
        demand(by_counter[counter]["hash"] == content, f"change {counter} was sent and is another one now")
    wanted = _values_by_dot(told)
    for (counter, record, path), values in wanted.items():
        if None in values:
            continue
        demand(counter in by_counter, f"the acknowledged change {counter} of {record} is not in the outbox")
        found = by_counter[counter]["after"].get(path)
        demand(
            found in values, f"change {counter} has {path}={found!r}, not one of {sorted(map(str, values))}"
        )


def _values_by_dot(told: Told) -> dict[tuple[int, str, str], set[str | None]]:
    """As `Told.allowed`, by change: what each must hold once something in it was acknowledged."""
    found: dict[tuple[int, str, str], set[str | None]] = {}
    for save in told.tries:
        for counter, record in save.dots.items():
            for path, value in save.values.get(record, {}).items():
                old = found.setdefault((counter, record, path), {None})
                found[counter, record, path] = {value} if save.number in told.acked else {*old, value}
    return found


def _go_on(store: Store, told: Told) -> None:
    """Work goes on under counters that nobody has had, and leaves alone what was sent."""
    used = {counter for save in told.saved() for counter in save.dots}
    used |= {change["counter"] for change in changes_in(store)}
    number = FIRST_AFTER + len(told.tries)
    last = next(reversed(told.saved()), None)
    records = [f"after{number}", *(sorted(last.values)[:1] if last else [])]
    with store.write() as writing:
        writing.create("violation", PROJECT, {"description": f"{number}"}, record_id=records[0])
        for record in records[1:]:
            writing.edit("violation", PROJECT, record, {"description": f"{number}"})
        dots = dots_of(writing)
    told.tries.append(Save(number, {record: {"description": str(number)} for record in records}, dots))
    told.acked.add(number)
    new = next(counter for counter, record in dots.items() if record == records[0])
    demand(new > max(used, default=0), f"counter {new} was used again")
    _hold_outbox(changes_in(store), told)

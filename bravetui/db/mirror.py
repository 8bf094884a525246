"""The black box: journal and key file a second time, sealed as they are, on another drive or an SD card.

Follows the journal after every append, on a thread of its own: a save waits for a working card a moment, and for one that
is missing, full, slow or broken not at all. Whenever the two differ the card's copy is brought up to the journal; only a
journal that is damaged or empty is first brought up to the card (`heal`). Touches no folder that `prepare` has not made, so
that a card that is out is never mistaken for a place on the laptop's own disk.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bravetui.base.errors import BadInput, BravetuiError, StorageFull, WrongKey
from bravetui.base.files import (
    flush_file,
    foreign_file_errors,
    free_name,
    make_private_folder,
    replace_file,
    write_all,
)
from bravetui.base.text import safe_line
from bravetui.db.frames import HEAD_BYTES, journal_cipher, read_file_id, scan
from bravetui.db.journal import Journal
from bravetui.db.unconfirmed import read_journal
from bravetui.wire.change import Change

MIRRORED_JOURNAL, MIRRORED_KEYS, MIRRORED_PHOTOS, READ_ME = "journal", "keys", "photos", "READ ME.txt"
FOLDER_PREFIX = "bravetui-"
WAIT_S = 0.5
"""The longest that a save waits for the card."""
CLOSE_WAIT_S = 3.0

_READ_ME = """This is the black box of a bravetui laptop: a sealed copy of the work that central had not confirmed.

If the laptop is lost or broken, nothing here is readable without its passphrase or central's key. To hand the work in:
  on any laptop, with the passphrase:  bravetui rescue export DIR --from-mirror THIS-FOLDER
  on central's machine:                bravetui central import THIS-FOLDER
"""


class MirrorState(StrEnum):
    """How the card stands to the journal."""

    IN_STEP = "in step"
    BEHIND = "behind"
    """It is there, and could not be brought up yet."""
    AWAY = "away"
    FULL = "full"
    FOREIGN = "foreign"
    """It holds another laptop's black box, which is left alone."""


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """The black box, for people."""

    folder: Path
    state: MirrorState
    why: str = ""
    """What is wrong, and what to do; empty when nothing is."""


class Mirror:
    """Keeps a folder on a card in step with a laptop's journal and key file. No call raises or waits for long."""

    def __init__(self, folder: Path, journal: Path, keys: Path, key: bytes) -> None:
        self.folder = folder
        self._source, self._keys, self._cipher = journal, keys, journal_cipher(key)
        self._lock = FileLock(journal.with_name("mirror.lock"), timeout=1)
        self._agreed, self._head = -1, b""
        self._keys_copied: tuple[tuple[int, int], ...] = ()
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wanted = self._done = 0
        self._slow = False
        self._report = MirrorReport(folder, MirrorState.BEHIND, "It has not been looked at yet.")

    @property
    def report(self) -> MirrorReport:
        """How it stood when it was last looked at."""
        with self._turn:
            if self._done < self._wanted:
                return replace(
                    self._report, state=MirrorState.BEHIND, why="The card is slow: it is still being written."
                )
            return self._report

    def follow(self, wait_s: float = WAIT_S) -> None:
        """Bring the card up to the journal; returns when that is done, or when it takes too long."""
        with self._turn:
            self._wanted += 1
            wanted = self._wanted
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bravetui-mirror", daemon=True)
                self._thread.start()
            in_time = self._turn.wait_for(lambda: self._done >= wanted, 0 if self._slow else wait_s)
            self._slow = not in_time

    def close(self) -> None:
        """Give a card that is still writing a moment to finish."""
        with self._turn:
            self._turn.wait_for(lambda: self._done >= self._wanted, CLOSE_WAIT_S)

    def _run(self) -> None:
        while True:
            with self._turn:
                wanted = self._wanted
            report = self._tried()
            with self._turn:
                self._done, self._report = wanted, report
                if self._wanted == wanted:
                    self._thread, self._slow = None, False
                    self._turn.notify_all()
                    return

    def _tried(self) -> MirrorReport:
        try:
            if not self.folder.is_dir():
                self._agreed = -1
                return MirrorReport(
                    self.folder, MirrorState.AWAY, "The card is not there. Put it in; it is filled by itself."
                )
            with self._lock, foreign_file_errors():
                self._copy_journal()
                self._copy_keys()
            return MirrorReport(self.folder, MirrorState.IN_STEP)
        except StorageFull:
            state, why = MirrorState.FULL, "The card is full. Free room on it, or use a larger one."
        except WrongKey:
            state, why = (
                MirrorState.FOREIGN,
                "It belongs to another laptop, and is left alone. Use another card.",
            )
        except (BravetuiError, OSError, Timeout) as error:
            told = (
                str(error)
                if isinstance(error, BravetuiError)
                else "The card cannot be written. Try another one."
            )
            state, why = MirrorState.BEHIND, told
        self._agreed = -1
        return MirrorReport(self.folder, state, why)

    def _copy_journal(self) -> None:
        """Append what is new; compare all of it where the two are not known to agree so far."""
        target = self.folder / MIRRORED_JOURNAL
        with self._source.open("rb") as source:
            size, head = os.fstat(source.fileno()).st_size, source.read(HEAD_BYTES)
            known = target.stat().st_size if target.exists() else 0
            if head != self._head or known != self._agreed or known > size:
                source.seek(0)
                whole = source.read(size)
                there = target.read_bytes() if known else b""
                read_file_id(self._cipher, there)
                if not there or not whole.startswith(there):
                    replace_file(target, whole)
                    there = whole
                self._head, known = head, len(there)
            source.seek(known)
            new = source.read(size - known)
        if new:
            _append(target, known, new)
        self._agreed = size

    def _copy_keys(self) -> None:
        """The key file as it is, both of its copies, whenever it has changed: without it the card would be no use."""
        names = [(self._keys.with_name(f"{self._keys.name}.{one}"), one) for one in "ab"]
        here = [(path, one, path.stat()) for path, one in names if path.exists()]
        stamps = tuple((told.st_mtime_ns, told.st_size) for _, _, told in here)
        if stamps != self._keys_copied or not (self.folder / f"{MIRRORED_KEYS}.a").exists():
            for path, one, _ in here:
                replace_file(self.folder / f"{MIRRORED_KEYS}.{one}", path.read_bytes())
            self._keys_copied = stamps


class MirroredJournal(Journal):
    """A journal whose card follows every append: the one that the laptop keeps just now, also one put in meanwhile."""

    def __init__(self, path: Path, key: bytes) -> None:
        super().__init__(path, key)
        self.mirror: Mirror | None = None
        self._kept: Callable[[], Path | None] = lambda: None
        self._made: Callable[[Path], Mirror] | None = None

    def follow_with(self, made: Callable[[Path], Mirror], kept: Callable[[], Path | None]) -> None:
        """Let a card follow from here on. `kept` says where the black box is at the moment; None while there is none."""
        self._made, self._kept = made, kept
        self._follow()

    def append(self, payloads: Sequence[bytes]) -> None:
        """As `Journal.append`; the card is no part of what is promised."""
        super().append(payloads)
        if payloads:
            self._follow()

    def rewrite(self, keep: Iterable[bytes], stamp: str = "") -> Path | None:
        """As `Journal.rewrite`."""
        aside = super().rewrite(keep, stamp)
        self._follow()
        return aside

    def _follow(self) -> None:
        folder = self._kept()
        if folder is None or self._made is None:
            self.mirror = None
            return
        if self.mirror is None or self.mirror.folder != folder:
            self.mirror = self._made(folder)
        self.mirror.follow()

    def close(self) -> None:
        """As `Journal.close`."""
        super().close()
        if self.mirror is not None:
            self.mirror.close()


def heal(journal: Journal, card: Path, key: bytes) -> int:
    """Put back into a damaged or empty journal what only the card still has; returns how many changes that were.

    Before anything else is written: the card may hold the one sound copy. What the journal says was taken off the queue the
    card may have from before that, and does not give back. Raises StorageFull.
    """
    here = read_journal(journal.path, key)
    if (here.changes and not journal.damage) or not (card / MIRRORED_JOURNAL).exists():
        return 0
    try:
        with foreign_file_errors():
            found = scan(journal_cipher(key), (card / MIRRORED_JOURNAL).read_bytes())
    except (WrongKey, BadInput):
        return 0
    latest = {}
    for payload in (payload for frame in found.frames for payload in frame.payloads):
        try:
            change = Change.model_validate_json(payload)
        except ValidationError:
            continue
        known = here.changes.get(change.dot)
        if change.dot not in here.taken_off and (known is None or change.hlc > known.hlc):
            latest[change.dot] = payload
    journal.append(tuple(latest.values()))
    return len(latest)


def prepare(place: Path, device: int, key: bytes) -> Path:
    """The folder for a laptop's black box on the card: its own from before, or a new one. Raises BadInput, StorageFull."""
    if not place.is_dir():
        raise BadInput(
            f"There is no folder {safe_line(str(place))}.", "Put the card in, and name a folder on it."
        )
    folder = place / f"{FOLDER_PREFIX}{device}"
    if (folder / MIRRORED_JOURNAL).exists():
        try:
            with foreign_file_errors():
                read_file_id(journal_cipher(key), (folder / MIRRORED_JOURNAL).read_bytes())
        except WrongKey:
            folder = free_name(folder)
    make_private_folder(folder)
    replace_file(folder / READ_ME, _READ_ME.encode())
    return folder


def black_box_in(place: Path) -> Path:
    """The black box that `place` is, or the only one that lies in it. Raises BadInput."""
    if (place / MIRRORED_JOURNAL).is_file():
        return place
    found = [one for one in place.glob(f"{FOLDER_PREFIX}*") if (one / MIRRORED_JOURNAL).is_file()]
    if len(found) == 1:
        return found[0]
    raise BadInput(
        f"The folder {safe_line(place.name or str(place))} is no black box of a laptop, and does not hold exactly one.",
        f"Name the folder on the card that begins with {FOLDER_PREFIX}.",
    )


def _append(target: Path, at: int, data: bytes) -> None:
    with target.open("r+b", buffering=0) as file:
        file.seek(at)
        write_all(file.fileno(), data)
        flush_file(file.fileno())

"""The black box: journal and key file a second time, sealed as they are, on another drive or an SD card.

Photos that central has not signed for follow behind the journal, one file at a time, while the card has room for more than
them. What central has signed for goes from the card with the next follow, and any photo where the journal needs the room.

Follows the journal after every append, on a thread of its own: a save waits for a working card a moment, and for one that
is missing, full, slow or broken not at all. Whenever the two differ the card's copy is brought up to the journal; only a
journal that is damaged or empty is first brought up to the card (`heal`). Touches no folder that `prepare` has not made, so
that a card that is out is never mistaken for a place on the laptop's own disk.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
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
from bravetui.db.blobs import BlobFiles
from bravetui.db.frames import HEAD_BYTES, journal_cipher, read_file_id, scan
from bravetui.db.journal import Journal
from bravetui.db.unconfirmed import read_journal
from bravetui.wire.blobs import RENDITIONS, Blob, Rendition
from bravetui.wire.change import Change

MIRRORED_JOURNAL, MIRRORED_KEYS, MIRRORED_PHOTOS, READ_ME = "journal", "keys", "photos", "READ ME.txt"
FOLDER_PREFIX = "bravetui-"
WAIT_S = 0.5
"""The longest that a save waits for the card."""
CLOSE_WAIT_S = 3.0
ROOM_LEFT_BYTES = 16 * 1024 * 1024
"""On the card, that no photo takes: years of the journal."""

_NO_ROOM = "The card has no room for them. Free some on it, or use a larger one."

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
    photos: int = 0
    """Photos of which bytes are on the card."""
    photos_left: int = 0
    """Photos that only the laptop has, and of which something is not on the card yet."""
    photos_why: str = ""
    """Why not, and what to do; empty while they are being copied."""


SignedFor = Callable[[], Collection[Blob] | None]
"""What central has signed for; None while that is not known yet."""


class Mirror:
    """Keeps a folder on a card in step with a laptop's journal, key file and photos. No call raises or waits for long."""

    def __init__(
        self,
        folder: Path,
        journal: Path,
        keys: Path,
        key: bytes,
        photos: Path | None = None,
        signed_for: SignedFor = lambda: None,
    ) -> None:
        self.folder = folder
        self._photos = BlobFiles(photos or folder.parent / "none", key)
        self._on_card = self._photos.elsewhere(folder / MIRRORED_PHOTOS)
        self._signed_for, self._stops = signed_for, False
        self.photo_bytes = (0, 0)
        """Of photos, that are copied of those that were to be."""
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
            wanted, self._stops = self._wanted, False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bravetui-mirror", daemon=True)
                self._thread.start()
            in_time = self._turn.wait_for(lambda: self._done >= wanted, 0 if self._slow else wait_s)
            self._slow = not in_time

    def close(self) -> None:
        """Give a card that is still writing a moment to finish. Photos that take longer go on with the next start."""
        with self._turn:
            self._turn.wait_for(lambda: self._thread is None, CLOSE_WAIT_S)
            self._stops = True

    def finish(self, told: Callable[[int, int], None]) -> None:
        """Wait until the photos are on the card, too. `told` hears how many bytes of them are, and of how many."""
        with self._turn:
            while not self._turn.wait_for(lambda: self._thread is None, WAIT_S):
                told(*self.photo_bytes)
            told(*self.photo_bytes)

    def _run(self) -> None:
        while True:
            with self._turn:
                wanted = self._wanted
            report = self._tried()
            with self._turn:
                before = self._report
                self._done, self._report = (
                    wanted,
                    replace(report, photos=before.photos, photos_left=before.photos_left),
                )
                self._turn.notify_all()
            if report.state is MirrorState.IN_STEP:
                self._follow_photos(wanted)
            with self._turn:
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
            with self._lock:
                self._copy_work()
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

    def _copy_work(self) -> None:
        """Journal and keys; where the card is full, in the place of photos. Raises StorageFull where none is left there."""
        while True:
            try:
                with foreign_file_errors():
                    self._copy_journal()
                    self._copy_keys()
            except StorageFull:
                photos = self._on_card.kept()
                if not photos:
                    raise
                self._on_card.forget(max(photos, key=lambda blob: photos[blob]))
            else:
                return

    def _follow_photos(self, wanted: int) -> None:
        """Bring the photos on the card up to what only the laptop has, until the journal goes on or all is closed."""
        try:
            signed = self._signed_for()
            if signed is None:
                return
            with foreign_file_errors():
                why = self._copied(signed, lambda: self._stops or self._wanted != wanted)
                here, there = self._photos.kept(), self._on_card.kept()
        except (BravetuiError, OSError, Timeout) as error:
            is_ours = isinstance(error, BravetuiError)
            why = str(error) if is_ours else "The card cannot be written. Try another one."
            with self._turn:
                self._report = replace(self._report, photos_why=why)
            return
        left = {blob.photo for blob, size in here.items() if blob not in signed and there.get(blob) != size}
        with self._turn:
            photos = len({blob.photo for blob in there})
            self._report = replace(self._report, photos=photos, photos_left=len(left), photos_why=why)

    def _copied(self, signed: Collection[Blob], is_over: Callable[[], bool]) -> str:
        try:
            with foreign_file_errors():
                return self._copy_photos(signed, is_over)
        except StorageFull:
            return _NO_ROOM

    def _copy_photos(self, signed: Collection[Blob], is_over: Callable[[], bool]) -> str:
        """Small sizes first; why some are left, if that is not for want of time."""
        here, there = self._photos.kept(), self._on_card.kept()
        for blob in there.keys() & set(signed):
            self._on_card.forget(blob)
        lacking = [blob for blob, size in here.items() if blob not in signed and there.get(blob) != size]
        total, done = sum(here[blob] for blob in lacking), 0
        why = ""
        for blob in sorted(lacking, key=lambda one: (RENDITIONS.index(one.rendition), one)):
            if is_over():
                break
            self.photo_bytes = (done, total)
            done += here[blob]
            sealed = self._photos.sealed(blob)
            if sealed is None:
                why = "A file on this laptop is damaged. Run bravetui doctor."
            elif shutil.disk_usage(self.folder).free - len(sealed) < ROOM_LEFT_BYTES:
                return _NO_ROOM
            else:
                with self._lock:
                    self._on_card.keep_sealed(blob, sealed)
        self.photo_bytes = (done, total)
        return why

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
        self.follow()

    def append(self, payloads: Sequence[bytes]) -> None:
        """As `Journal.append`; the card is no part of what is promised."""
        super().append(payloads)
        if payloads:
            self.follow()

    def rewrite(self, keep: Iterable[bytes], stamp: str = "") -> Path | None:
        """As `Journal.rewrite`."""
        aside = super().rewrite(keep, stamp)
        self.follow()
        return aside

    def follow(self) -> None:
        """Let the card follow, the one that is kept just now."""
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


def photos_back(photos: BlobFiles, card: Path, signed_for: Collection[Blob]) -> int:
    """Fetch from the card the photos' files that are gone from the laptop; returns of how many photos. What central has
    signed for need not be here."""
    there = photos.elsewhere(card / MIRRORED_PHOTOS)
    found: set[str] = set()
    try:
        for blob in there.kept().keys() - photos.kept().keys() - set(signed_for):
            data = there.found(blob)
            if data is not None:
                photos.keep(blob, data, twice=blob.rendition is Rendition.ORIGINAL)
                found.add(blob.photo)
    except (BravetuiError, OSError):
        pass  # no room here, or a card that fails: the rest comes with another start
    return len(found)


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

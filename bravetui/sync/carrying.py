"""Photo bytes on their way: which parts go next, and what becomes of each, a few at a time between two exchanges.

Reads and writes the tables; `tus` talks to central. A blob that fails waits by itself and names its reason, and the others
go on. Where the line is lost, all of them wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bravetui.base.canonical import sha256_hex
from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError, Corrupt, NeedsSignIn, Refused, Transient
from bravetui.base.fault import fault
from bravetui.base.runner import Runner
from bravetui.db import blob_rows, meta
from bravetui.db.blob_room import let_go, ripe, spare
from bravetui.db.blob_rows import Left
from bravetui.db.store import Store
from bravetui.sync.client import UNSENT
from bravetui.sync.log import write_log
from bravetui.sync.policy import wait_s
from bravetui.sync.power import Power, awake
from bravetui.sync.progress import PhotoFailed, PhotosCarried, SyncEvent, Waiting
from bravetui.sync.situation import bytes_went, pause_bytes
from bravetui.sync.tus import RECORD_FIRST, NoneTaken, Part, Stands, Uploads
from bravetui.wire.blobs import NAMES_MAX, RENDITIONS, BlobName, Rendition
from bravetui.wire.lanes import POLICY, Lane

BYTES = POLICY[Lane.PHOTOS]
"""How the lane of the bytes travels: batches, how many at a time, pauses."""

PART_BYTES_FIRST = 64 * 1024
PART_BYTES_MIN, PART_BYTES_MAX = 16 * 1024, 512 * 1024
PART_S = 2.0
"""How long the parts of one step should take: the longest that an alert waits for them on a line that is as it was."""
STUCK_S = 120.0

SICK_WAIT_S = 900.0
"""After a refusal, or a file that does not read: nothing that waiting mends soon."""
RECORD_WAIT_S = 20.0

THUMBNAILS = frozenset({Rendition.THUMBNAIL})
ALL = frozenset(RENDITIONS)


@dataclass(frozen=True, slots=True)
class Load:
    """What one step carries."""

    parts: tuple[Part, ...] = ()
    unasked: tuple[BlobName, ...] = ()
    """What another life of central's had; asked about before anything else goes."""
    damaged: tuple[tuple[BlobName, Corrupt], ...] = ()
    """What was to go and does not read."""
    gone: tuple[tuple[BlobName, Corrupt], ...] = ()
    """What was to go and is not here: central may have it."""


@dataclass(slots=True)
class Carried:
    """What became of it."""

    bytes_up: int = 0
    done: list[BlobName] = field(default_factory=list)
    """What central has signed for."""
    failed: list[tuple[BlobName, BravetuiError]] = field(default_factory=list)
    line: BravetuiError | None = None
    """Why nothing at all went through; then no blob is blamed."""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one step came to."""

    events: tuple[SyncEvent, ...]
    all_gone: bool = False
    """Whether no photo is left to carry."""
    error: BravetuiError | None = None
    """Why nothing at all went through; the pause is written down."""


class Carrier:
    """Carries photo bytes for one worker, one bounded step at a time."""

    def __init__(
        self,
        store: Store,
        uploads: Uploads,
        run: Runner,
        clock: Clock,
        power: Power,
        part_share: int = 1,
        let_go: Callable[[], bool] = lambda: False,
    ) -> None:
        """Parts are so many times smaller than they need be: `part_share`, for made-up pictures that are small as well.
        `let_go`: whether this laptop has hung up by itself, which is nobody's failure and no reason to wait."""
        self._store, self._uploads, self._run = store, uploads, run
        self._clock, self._power, self._let_go = clock, power, let_go
        self._part_share, self._budget_bytes = part_share, PART_BYTES_FIRST // part_share

    async def step(self, renditions: Collection[Rendition]) -> Stepped:
        """Parts of a few blobs, or the question which of them a new life of central's lacks."""
        try:
            carried = await self._carried(renditions)
        except TimeoutError:
            carried = Carried(line=Transient("Nothing moved for two minutes."))
        except (Transient, NeedsSignIn, Refused) as error:
            carried = Carried(line=error)
        now = self._clock.now()
        if carried.line is not None and self._let_go():
            return Stepped((), error=carried.line)
        if carried.line is not None:
            until = await self._run(_pause, self._store, carried.line, now)
            return Stepped((Waiting(now, until, carried.line.what),), error=carried.line)
        left = await self._run(_go_on, self._store, carried)
        told = PhotosCarried(
            now, carried.bytes_up, carried.took_s, len(carried.done), left.photos, left.size_bytes
        )
        failed = (PhotoFailed(now, name.photo, error.what) for name, error in carried.failed)
        return Stepped((told, *failed), all_gone=not left.photos)

    async def make_room(self) -> None:
        """Let go of what central has had for long enough, once it has said that it has it still; what it lacks goes again. A
        line that fails leaves all of it for the next time."""
        await self._run(spare, self._store)
        names = await self._run(ripe, self._store)
        if not names:
            return
        with suppress(Transient, NeedsSignIn, Refused, TimeoutError):
            async with asyncio.timeout(STUCK_S):
                epoch, lacking = await self._uploads.lacking(names)
            answered: Carried = await self._run(
                settle_asked, self._store, Load(unasked=names), epoch, lacking
            )
            if answered.line is None:
                await self._run(let_go, self._store, frozenset(names) - lacking)

    async def _carried(self, renditions: Collection[Rendition]) -> Carried:
        load = await self._run(prepare, self._store, self._budget_bytes, renditions, self._part_share)
        began_s = self._clock.monotonic_s()
        async with awake(self._power):
            if load.gone:
                return await self._asked_of_gone(load)
            if load.unasked:
                async with asyncio.timeout(STUCK_S):
                    told = await self._uploads.lacking(load.unasked)
                return await self._run(settle_asked, self._store, load, *told)
            came = await carry(self._uploads, load)
        if self._let_go():
            came = [(part, stands) for part, stands in came if isinstance(stands, Stands)]
        carried: Carried = await self._run(settle, self._store, load, came)
        carried.took_s = self._clock.monotonic_s() - began_s
        if load.parts:
            moved = carried.bytes_up, carried.took_s
            self._budget_bytes = next_part_bytes(self._budget_bytes, *moved, self._part_share)
        return carried

    async def _asked_of_gone(self, load: Load) -> Carried:
        """What is to go and is not here any more: a database of before says so of what central has by now."""
        async with asyncio.timeout(STUCK_S):
            epoch, lacking = await self._uploads.lacking(tuple(name for name, _ in load.gone))
        return await self._run(settle_gone, self._store, load, epoch, lacking)


def _pause(store: Store, error: BravetuiError, now: datetime) -> datetime:
    with store.maintain() as connection:
        return pause_bytes(connection, lambda failures: _pause_s(error, failures), error, now)


def _go_on(store: Store, carried: Carried) -> Left:
    """No pause holds the bytes any more; returns how much is left."""
    with store.maintain() as connection:
        bytes_went(connection)
        if carried.bytes_up and carried.took_s > 0:
            before, now = meta.get_rate(connection, meta.BYTES_RATE), carried.bytes_up / carried.took_s
            meta.put(connection, meta.BYTES_RATE, f"{now if before is None else (before + now) / 2:.3g}")
        left = blob_rows.left(connection)
        if carried.done and not left.photos:
            write_log(connection, store.clock.now(), "photos", "All photos are handed in, and signed for")
        return left


def _pause_s(error: BravetuiError, failures: int) -> float:
    if isinstance(error, Transient):
        return wait_s(BYTES, failures, error.wait_s)
    return RECORD_WAIT_S if isinstance(error, Refused) and error.code == RECORD_FIRST else SICK_WAIT_S


def prepare(store: Store, budget_bytes: int, renditions: Collection[Rendition], part_share: int = 1) -> Load:
    """The next parts, sharing the budget; nothing is written for it, since a part may go any number of times."""
    with store.read() as connection:
        unasked = blob_rows.unasked(connection, meta.get(connection, meta.EPOCH), NAMES_MAX)
        if unasked:
            return Load(unasked=tuple(unasked))
        due = blob_rows.due(connection, store.clock.now(), BYTES.batch_changes_max, renditions)
    parts: list[Part] = []
    damaged: list[tuple[BlobName, Corrupt]] = []
    gone: list[tuple[BlobName, Corrupt]] = []
    left = budget_bytes
    for one in due:
        if left <= 0:
            break
        try:
            data = store.photos.read(one.name.blob)
        except Corrupt as error:
            (damaged if store.photos.is_here(one.name.blob) else gone).append((one.name, error))
            continue
        # Of what central may have by another road no byte goes before it has been asked.
        asks, room = one.is_said_there and not one.failures, max(PART_BYTES_MIN // part_share, left)
        rest = b"" if asks else data[one.sent_bytes : one.sent_bytes + room]
        parts.append(Part(one.name, sha256_hex(data), len(data), one.sent_bytes, rest))
        left -= len(rest)
    if gone:
        return Load(gone=tuple(gone))
    return Load(tuple(parts), damaged=tuple(damaged))


async def carry(uploads: Uploads, load: Load) -> list[tuple[Part, Stands | BravetuiError]]:
    """Send the parts, a few at a time. What a part comes to is an answer or our error, never an exception."""
    room = asyncio.Semaphore(BYTES.concurrency)

    async def sent(part: Part) -> Stands | BravetuiError:
        try:
            async with room, asyncio.timeout(STUCK_S):
                return await uploads.send(part)
        except TimeoutError:
            return Transient("Nothing moved for two minutes.")
        except BravetuiError as error:
            return error

    return list(zip(load.parts, await asyncio.gather(*map(sent, load.parts)), strict=True))


def settle(store: Store, load: Load, came: Sequence[tuple[Part, Stands | BravetuiError]]) -> Carried:
    """Write down what became of each part, in one transaction."""
    carried, now = Carried(line=_line(came)), store.clock.now()
    fault("before_carried")
    with store.maintain() as connection:
        for name, damage in load.damaged:
            _fail(connection, carried, name, damage, now)
        for part, stands in came if carried.line is None else ():
            if isinstance(stands, BravetuiError):
                _fail(connection, carried, part.name, stands, now)
            else:
                _take(connection, carried, part, stands, now)
    for name in carried.done:
        store.photos.keep_once(name.blob)
    return carried


def settle_asked(store: Store, load: Load, epoch: str, lacking: frozenset[BlobName]) -> Carried:
    """Write down what a new life of central's said of what it may lack, if it is the one that this laptop knows."""
    with store.maintain() as connection:
        if epoch == meta.get(connection, meta.EPOCH):
            blob_rows.asked(connection, load.unasked, lacking, epoch)
            return Carried()
    return Carried(line=Transient("Another central server answers than the one before."))


def settle_gone(store: Store, load: Load, epoch: str, lacking: frozenset[BlobName]) -> Carried:
    """Write down what central said of what is not here: it has it, or nobody has."""
    carried, now = Carried(), store.clock.now()
    with store.maintain() as connection:
        if epoch != meta.get(connection, meta.EPOCH):
            return Carried(line=Transient("Another central server answers than the one before."))
        for name, error in load.gone:
            if name in lacking:
                _fail(connection, carried, name, error, now)
        there = [name for name, _ in load.gone if name not in lacking]
        blob_rows.asked(connection, there, (), epoch)
        blob_rows.pruned(connection, there)
    return carried


def _line(came: Sequence[tuple[Part, Stands | BravetuiError]]) -> BravetuiError | None:
    """The line's failure, where it is one that no part got past; what central answers to one part is that one's own, unless
    it takes no photos at all, or asks for a pause."""
    lost = [stands for _, stands in came if isinstance(stands, BravetuiError) and _is_of_all(stands)]
    return lost[0] if lost and all(isinstance(stands, BravetuiError) for _, stands in came) else None


def _is_of_all(error: BravetuiError) -> bool:
    return isinstance(error, (*UNSENT, NoneTaken)) or (
        isinstance(error, Transient) and error.wait_s is not None
    )


def next_part_bytes(budget_bytes: int, moved: int, took_s: float, part_share: int = 1) -> int:
    """The parts of one step, so that they take about two seconds on this line; at most twice or half of before.

    >>> next_part_bytes(64 * 1024, 64 * 1024, 0.1), next_part_bytes(64 * 1024, 64 * 1024, 8.0)
    (131072, 32768)
    """
    fits = round(moved / max(took_s, 0.001) * PART_S)
    fits = min(budget_bytes * 2, max(budget_bytes // 2, fits))
    return min(PART_BYTES_MAX // part_share, max(PART_BYTES_MIN // part_share, fits))


def _take(connection: Connection, carried: Carried, part: Part, stands: Stands, now: datetime) -> None:
    name = part.name
    if stands.receipt is not None:
        blob_rows.taken(connection, name, stands.receipt)
        carried.done.append(name)
        carried.bytes_up += len(part.data)
    elif stands.held_bytes > part.offset:
        blob_rows.went(connection, name, stands.held_bytes)
        carried.bytes_up += len(part.data)
    else:
        # Central holds less than it said before: it has been put back, or what came there was not what left here.
        what = "Central has begun this photo anew." if stands.sound else "The photo came to central damaged."
        _fail(connection, carried, name, Transient(what), now, stands.held_bytes)


def _fail(
    connection: Connection,
    carried: Carried,
    name: BlobName,
    error: BravetuiError,
    now: datetime,
    held: int | None = None,
) -> None:
    carried.failed.append((name, error))
    pause = timedelta(seconds=_pause_s(error, blob_rows.failures(connection, name) + 1))
    blob_rows.failed(connection, name, now + pause, error.what, held)

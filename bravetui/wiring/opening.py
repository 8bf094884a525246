"""Opens a laptop from its folder: what is damaged is mended or set aside by name, and all of it said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bravetui.auth.grant import read_grant
from bravetui.auth.high_water import HighWater
from bravetui.auth.keys import KeyRing
from bravetui.auth.proof import Prover
from bravetui.auth.time_floor import TimeFloor
from bravetui.base.clock import Clock, SystemClock, SystemIds
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BravetuiError, Busy, Corrupt, FailingDisk, NeedsSignIn, StorageFull, WrongKey
from bravetui.base.files import refuse_folder
from bravetui.base.text import counted
from bravetui.db import blob_rows, meta
from bravetui.db.ballast import BALLAST_BYTES, Ballast
from bravetui.db.blob_room import spare
from bravetui.db.blobs import BlobFiles
from bravetui.db.damage import check_pages, cut_commits, move_aside
from bravetui.db.engine import open_laptop_engine, read_transaction
from bravetui.db.journal import Journal
from bravetui.db.migrate import migrate
from bravetui.db.mirror import Mirror, MirroredJournal, MirrorState, SignedFor, heal, photos_back
from bravetui.db.recover import Recovered, compact, dot_in, recover, to_put_back
from bravetui.db.store import DOTS_RESERVED, Identity, Store
from bravetui.wire.blobs import Blob
from bravetui.wiring.folder import (
    BALLAST,
    DATABASE,
    JOURNAL,
    KEYS,
    MARK,
    PHOTOS,
    TIME,
    mirror_of,
    who_is_here,
)
from bravetui.wiring.gate import Gate
from bravetui.wiring.locking import complete
from bravetui.wiring.sealing import finish_rotation

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Laptop:
    """A laptop that is open for work."""

    folder: Path
    store: Store
    ring: KeyRing
    journal: MirroredJournal
    notices: tuple[str, ...] = ()
    """What a person should know of how it opened, in sentences."""
    concerns: tuple[str, ...] = ()
    """Those of the notices that a person has to do something about."""

    @property
    def mirror(self) -> Mirror | None:
        """Its black box, if it keeps one, as of the last save."""
        return self.journal.mirror

    def prover(self) -> Prover:
        """What shows central that a request is this laptop's."""
        store = self.store
        return Prover(self.ring.load().device_key, lambda: store.identity.grant, store.clock, store.ids)

    def close(self) -> None:
        """Let go of everything; what was saved stays saved."""
        self.store.close()


def open_laptop(
    folder: Path,
    ring: KeyRing,
    clock: Clock | None = None,
    *,
    ballast_bytes: int = BALLAST_BYTES,
    card: type[Mirror] = Mirror,
    only_looks: bool = False,
) -> Laptop:
    """Open the laptop that `folder` holds; `card` is how it keeps its black box, if it keeps one. Whoever `only_looks`, and
    will write nothing, gets it on a full disk too.

    The journal is opened first: its word on the key is final, so a database that then does not open is damaged, is moved
    aside and rebuilt from the journal and from central. Raises NeedsSignIn for a laptop that never enrolled.
    """
    secrets, identity = who_is_here(ring, folder)
    if secrets.next_key is not None:
        secrets = finish_rotation(folder, ring)
    clock = clock or SystemClock()
    was_used = [_is_there(folder / name) for name in (DATABASE, JOURNAL)]
    journal = MirroredJournal.open(folder / JOURNAL, secrets.database_key)
    known: list[Store] = []
    healed = _follow(journal, folder, secrets.database_key, card, partial(_signed_for, known))
    with ExitStack() as opened:
        engine, said = _open_database(folder / DATABASE, secrets.database_key, clock, ring)
        opened.callback(engine.dispose)
        mark, notices = _open_mark(folder / MARK, secrets.database_key, journal, engine, identity.device)
        notices += tuple(_mended(folder))
        passed = _open_floor(folder / TIME, secrets.database_key, clock, engine, identity)
        ballast, ids = Ballast(folder / BALLAST, ballast_bytes), SystemIds(clock)

        def keep(identity: Identity) -> None:
            ring.save(replace(ring.load(), identity=json.dumps(asdict(identity))))
            complete(ring, identity)

        gate = Gate(ring, clock)
        photos = BlobFiles(folder / PHOTOS, secrets.database_key)
        store = Store(
            engine, journal, ballast, photos, mark, passed, clock, ids, identity, gate.reads_all, keep
        )
        known.append(store)
        place = mirror_of(folder)
        fetched = (
            photos_back(photos, place, _signed_for(known) or ())
            if place is not None and not only_looks
            else 0
        )
        recovered, full = _recovered(store, only_looks=only_looks)
        with suppress(StorageFull):  # it only makes room
            compact(store)
            spare(store)
        store.ballast.restore_if_room()
        journal.follow()
        opened.pop_all()
    gone = bool(mark.reserved) and not all(was_used)
    if gone:
        said += tuple(_gone(*was_used))
    if healed and recovered.replayed:
        said += (f"Read back from the black box: {counted(healed, 'change')}.",)
    if fetched:
        said += (f"Read back from the black box: {counted(fetched, 'photo')}.",)
    said += tuple(_told(recovered, journal_was_gone=gone and not was_used[1]))
    if journal.mirror is not None and journal.mirror.report.state is not MirrorState.IN_STEP:
        said += (f"The black box is not in step. {journal.mirror.report.why}",)
    concerns = (*full, *complete(ring, store.identity))
    return Laptop(folder, store, ring, journal, (*notices, *said, *concerns), concerns)


def _recovered(store: Store, *, only_looks: bool) -> tuple[Recovered, tuple[str, ...]]:
    """What was put back from the journal; where the disk has no room for that, what is still to be."""
    try:
        return recover(store), ()
    except StorageFull:
        if not only_looks:
            raise
    lacking = to_put_back(store)
    left = (
        f"what only the journal has ({counted(lacking, 'change')}) was not put back"
        if lacking
        else "nothing was mended"
    )
    words = f"The disk is full, so {left}; what was saved is not lost."
    return Recovered(0, 0, 0, 0), (f"{words} Free 150 MB on this disk, then start again.",)


def _is_there(path: Path) -> bool:
    refuse_folder(path)
    return path.exists() and path.stat().st_size > 0


def _gone(database: bool, journal: bool) -> Iterator[str]:
    if not database:
        yield "The database was gone and has been begun anew; sync once to fetch the rest."
    if not journal:
        yield "The journal was gone and has been written again from the database."


def _told(recovered: Recovered, *, journal_was_gone: bool) -> Iterator[str]:
    """What recovery did, for a person."""
    if recovered.replayed:
        yield f"Put back from the journal: {counted(recovered.replayed, 'change')}; nothing is missing."
    if journal_was_gone:
        return
    if recovered.damaged:
        yield "The journal was damaged and has been made whole again from the database."
    elif recovered.missing:
        yield f"The journal lacked {counted(recovered.missing, 'change')} and has been made whole again from the database."


def _mended(folder: Path) -> Iterator[str]:
    """Write a damaged copy of a file that is kept twice again from the other."""
    for name, words in ((KEYS, "key file"), (MARK, "counter mark"), (TIME, "time floor")):
        try:
            mended = TwoCopies(folder / name).mend()
        except BravetuiError as error:
            yield f"One copy of the {words} is damaged and could not be written again. {error.todo}"
        else:
            if mended:
                yield f"One copy of the {words} was damaged and has been written again from the other."


def _open_mark(
    path: Path, key: bytes, journal: Journal, engine: Engine, device: int
) -> tuple[HighWater, tuple[str, ...]]:
    """The counter mark; where neither copy can be believed, one above every number that journal and database know."""
    try:
        return HighWater.open(path, key), ()
    except FailingDisk:
        raise
    except Corrupt:
        known = [dot.counter for dot in map(dot_in, journal.frames()) if dot and dot.device == device]
        with read_transaction(engine) as connection:
            known.append(meta.get_counter(connection))
        mark = HighWater.begin_anew(path, key, max(known) + DOTS_RESERVED)
    return mark, ("The counter mark was damaged and has been begun anew from database and journal.",)


def _open_floor(path: Path, key: bytes, clock: Clock, engine: Engine, identity: Identity) -> TimeFloor:
    """The floor of time; where it is gone, from what central signed last and what the database has of it."""
    with read_transaction(engine) as connection:
        checkpoint, noted = meta.get_checkpoint(connection), meta.get(connection, meta.TIME_FLOOR)
    signed = [checkpoint.at] if checkpoint else []
    with suppress(NeedsSignIn):
        signed.append(read_grant(identity.grant, identity.central_key).issued_at)
    return TimeFloor.open(path, key, clock, max(signed, default=None), noted)


def _signed_for(known: Sequence[Store]) -> Collection[Blob] | None:
    """What central has signed for; None before the laptop is open, and where the database does not say."""
    try:
        for store in known:
            with store.read() as connection:
                return blob_rows.settled(connection).keys()
    except (BravetuiError, SQLAlchemyError):
        pass
    return None


def _follow(
    journal: MirroredJournal, folder: Path, key: bytes, card: type[Mirror], signed_for: SignedFor
) -> int:
    """Let the card follow the journal from here on; returns how many changes the card gave back first."""
    place = mirror_of(folder)
    healed = heal(journal, place, key) if place is not None else 0
    journal.follow_with(
        lambda box: card(box, folder / JOURNAL, folder / KEYS, key, folder / PHOTOS, signed_for),
        partial(mirror_of, folder),
    )
    return healed


def _open_database(path: Path, key: bytes, clock: Clock, ring: KeyRing) -> tuple[Engine, tuple[str, ...]]:
    """The database at this version's schema; a damaged one is set aside by name and an empty one takes its place."""
    try:
        return _sound_database(path, key)
    except FailingDisk:
        raise
    except (WrongKey, Corrupt):
        if key not in (now := ring.load()).database_keys or now.next_key is not None:
            raise Busy(
                "Another window is giving this laptop a new key just now.", "Try again in a moment."
            ) from None
        aside = move_aside(path, f"{clock.now():%Y%m%dT%H%M%S}")
        engine = open_laptop_engine(path, key)
        migrate(engine)
        return engine, (
            f"The database was damaged and was set aside as {aside.name}; sync once to fetch the rest.",
        )


def _sound_database(path: Path, key: bytes) -> tuple[Engine, tuple[str, ...]]:
    """The database at this version's schema, read from end to end. Raises Corrupt, also for a page that nobody has asked
    for yet: the person who asks for it next week would be the one to pay."""
    engine = open_laptop_engine(path, key)
    try:
        cut = cut_commits(engine)
        migrate(engine, path)
        if found := check_pages(engine):
            raise Corrupt("The database is damaged.", found[0])
    except BaseException:
        engine.dispose()
        raise
    if cut:
        return engine, ("The end of the database's log was damaged; what it held is taken from the journal.",)
    return engine, ()

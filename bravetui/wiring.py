"""The composition root: opens a laptop from its folder, enrols it, joins store, client and worker.

Knows where each file of a laptop lies. Heavy parts are imported where they are needed, so that a first screen can paint
before a database is opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bravetui.auth.high_water import HighWater
from bravetui.auth.keys import KeyRing, Secrets, open_or_create
from bravetui.auth.locks import AskedPassphrase, Lock, Passphrase, central_lock
from bravetui.auth.os_keyring import OsKeyring
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.signing import public_key_of
from bravetui.base.clock import Clock, SystemClock, SystemIds
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import (
    BadInput,
    BravetuiError,
    Corrupt,
    FailingDisk,
    NeedsSignIn,
    StorageFull,
    WrongKey,
)
from bravetui.base.files import make_private_folder, replace_file
from bravetui.db.ballast import BALLAST_BYTES, Ballast
from bravetui.db.damage import check_pages, cut_commits, move_aside
from bravetui.db.engine import open_laptop_engine
from bravetui.db.migrate import migrate
from bravetui.db.mirror import Mirror, MirroredJournal, MirrorState, heal, prepare
from bravetui.db.recover import Recovered, compact, recover
from bravetui.db.store import Identity, Store
from bravetui.wire.messages import Delivered, Enrol

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport
    from sqlalchemy import Engine

    from bravetui.base.runner import Runner
    from bravetui.db.unconfirmed import Unconfirmed
    from bravetui.sync.line import Line
    from bravetui.sync.progress import SyncEvent
    from bravetui.sync.rescue import Exported
    from bravetui.sync.worker import Worker

FOLDER_VARIABLE = "BRAVETUI_FOLDER"
PASSPHRASE_FILE_VARIABLE = "BRAVETUI_PASSPHRASE_FILE"

KEYS, DATABASE, JOURNAL, MARK, BALLAST, LEASE = "keys", "site.db", "journal", "mark", "reserve", "sync.lease"
MIRROR = "mirror"
"""File that says where the black box is: outside the database, which may be what is broken."""


@dataclass(frozen=True)
class Laptop:
    """A laptop that is open for work."""

    folder: Path
    store: Store
    ring: KeyRing
    notices: tuple[str, ...] = ()
    """What a person should know of how it opened, in sentences."""
    mirror: Mirror | None = None
    """Its black box, if it keeps one."""

    def close(self) -> None:
        """Let go of everything; what was saved stays saved."""
        self.store.close()


def default_folder() -> Path:
    """The user's data folder, or the one that BRAVETUI_FOLDER names."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("bravetui", appauthor=False))


def key_ring(folder: Path, ask_passphrase: Callable[[], str] | None = None) -> KeyRing:
    """Where this laptop's keys are: a sealed file that the OS keyring opens by itself, and a passphrase opens always."""
    locks: list[Lock] = [OsKeyring("bravetui", str(folder.resolve()))]
    named = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if named:
        locks.insert(0, Passphrase(Path(named).read_text(encoding="utf-8").strip()))
    elif ask_passphrase is not None:
        locks.append(AskedPassphrase(ask_passphrase))
    return SealedFile(folder / KEYS, locks)


def open_laptop(
    folder: Path, ring: KeyRing, clock: Clock | None = None, *, ballast_bytes: int = BALLAST_BYTES
) -> Laptop:
    """Open the laptop that `folder` holds.

    The journal is opened first: its word on the key is final, so a database that then does not open is damaged, is moved
    aside and rebuilt from the journal and from central. Raises NeedsSignIn for a laptop that never enrolled.
    """
    secrets, identity = who_is_here(ring)
    clock = clock or SystemClock()
    was_used = [_is_there(folder / name) for name in (DATABASE, JOURNAL)]
    journal = MirroredJournal.open(folder / JOURNAL, secrets.database_key)
    healed = _follow(journal, folder, secrets.database_key)
    mark = HighWater.open(folder / MARK, secrets.database_key)
    notices = tuple(_mended(folder))
    engine, said = _open_database(folder / DATABASE, secrets.database_key, clock)
    ballast, ids = Ballast(folder / BALLAST, ballast_bytes), SystemIds(clock)

    def keep(known: Identity) -> None:
        ring.save(replace(ring.load(), identity=json.dumps(asdict(known))))

    store = Store(engine, journal, ballast, mark, clock, ids, identity, keep)
    try:
        recovered = recover(store)
        compact(store)
        store.ballast.restore_if_room()
    except BaseException:
        store.engine.dispose()
        raise
    if mark.reserved and not all(was_used):
        said += tuple(_gone(*was_used))
    if healed and recovered.replayed:
        said += (f"{healed} changes were read back from the black box.",)
    said += tuple(_told(recovered))
    if journal.mirror is not None and journal.mirror.report.state is not MirrorState.IN_STEP:
        said += (f"The black box is not in step. {journal.mirror.report.why}",)
    return Laptop(folder, store, ring, (*notices, *said), journal.mirror)


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _gone(database: bool, journal: bool) -> Iterator[str]:
    if not database:
        yield "The database was gone and has been begun anew; sync once to fetch the rest."
    if not journal:
        yield "The journal was gone and has been written again from the database."


def _told(recovered: Recovered) -> Iterator[str]:
    """What recovery did, for a person."""
    if recovered.replayed:
        yield f"{recovered.replayed} changes were put back from the journal; nothing is missing."
    if recovered.damaged:
        yield "The journal was damaged and has been made whole again from the database."
    elif recovered.missing:
        yield f"The journal lacked {recovered.missing} changes and has been made whole again from the database."


def _mended(folder: Path) -> Iterator[str]:
    """Write a damaged copy of a file that is kept twice again from the other."""
    for name, words in ((KEYS, "key file"), (MARK, "counter mark")):
        try:
            mended = TwoCopies(folder / name).mend()
        except BravetuiError as error:
            yield f"One copy of the {words} is damaged and could not be written again. {error.todo}"
        else:
            if mended:
                yield f"One copy of the {words} was damaged and has been written again from the other."


def _follow(journal: MirroredJournal, folder: Path, key: bytes) -> int:
    """Let the card follow the journal from here on; returns how many changes the card gave back first."""
    card = mirror_of(folder)
    if card is None:
        return 0
    healed = heal(journal, card, key)
    journal.mirror = Mirror(card, folder / JOURNAL, folder / KEYS, key)
    journal.mirror.follow()
    return healed


def mirror_of(folder: Path) -> Path | None:
    """Where this laptop's black box is; None when it keeps none."""
    try:
        return Path(json.loads((folder / MIRROR).read_bytes())["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def set_mirror(folder: Path, ring: KeyRing, place: Path | None) -> Path | None:
    """Keep a black box in `place` from the next start on, or none; returns its folder. What lies on a card stays there.

    Central's recovery key becomes one more lock of the key file, so that the office can open the card of a laptop whose
    keyring died with it, even if nobody remembers the passphrase.
    """
    secrets, identity = who_is_here(ring)
    if place is None:
        (folder / MIRROR).unlink(missing_ok=True)
        return None
    if folder.resolve() in (place.resolve(), *place.resolve().parents):
        raise BadInput("That is this laptop's own folder.", "Name a folder on a card or on another drive.")
    lock = central_lock(identity.sealing_key)
    if lock is not None and isinstance(ring, SealedFile):
        ring.add_lock(lock)
    card = prepare(place.resolve(), identity.device, secrets.database_key)
    replace_file(folder / MIRROR, json.dumps({"folder": str(card)}).encode())
    return card


def who_is_here(ring: KeyRing) -> tuple[Secrets, Identity]:
    """The laptop's secrets, and as whom it works. Raises NeedsSignIn for one that never enrolled, and as the ring does."""
    secrets = ring.load() if ring.exists() else None
    if secrets is None or secrets.identity is None:
        raise _unknown_here()
    return secrets, Identity(**json.loads(secrets.identity))


def rescue(
    folder: Path, ring: KeyRing, into: Path, locks: Sequence[Lock] = (), clock: Clock | None = None
) -> tuple[Unconfirmed, Exported | None]:
    """Seal what central has not confirmed into a file in `into`, from whatever of the laptop (or of its mirror) still reads.

    To central's key, to `locks`, or to both. Returns what was found, and None when there is nothing to rescue. Opens the
    laptop not as `open_laptop` does: nothing is repaired, moved or rebuilt.
    """
    from bravetui.db.unconfirmed import gather
    from bravetui.sync.rescue import export, no_room

    secrets, identity = who_is_here(ring)
    now = (clock or SystemClock()).now()
    to_central = central_lock(identity.sealing_key)
    every = [*([to_central] if to_central else []), *locks]
    if not every:
        raise BadInput(
            "Central has not given this laptop its sealing key yet.",
            "Seal the bundle by a passphrase: add --with-passphrase. The key comes with the next contact.",
        )
    ballast = Ballast(folder / BALLAST)
    found = gather(folder / DATABASE, folder / JOURNAL, secrets.database_key, ballast, now)
    if not found.changes:
        if not found.database_read and (found.damaged or not (folder / JOURNAL).exists()):
            raise Corrupt(
                "Neither the database nor the journal in this folder can be read.",
                "If the laptop kept a black box, add --from-mirror; keep this disk as it is.",
            )
        return found, None
    try:
        return found, export(found, identity.device, secrets.device_key, every, into, now)
    except StorageFull as error:
        raise no_room(into, error) from error


async def carry(ring: KeyRing, bundle: Path, transport: AsyncBaseTransport | None = None) -> Delivered:
    """Hand a bundle in over this laptop's line, whosever it is. Raises BadInput for a damaged one, and as the client."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.rescue import accepted, read_file

    _, identity = who_is_here(ring)
    data = read_file(bundle)
    client = CentralClient(identity.central_url, identity.token, transport=transport)
    try:
        return accepted(await client.deliver(data), data, identity.central_key)
    finally:
        await client.close()


def _open_database(path: Path, key: bytes, clock: Clock) -> tuple[Engine, tuple[str, ...]]:
    """The database at this version's schema; a damaged one is set aside by name and an empty one takes its place."""
    try:
        return _sound_database(path, key)
    except FailingDisk:
        raise
    except (WrongKey, Corrupt):
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


def _unknown_here() -> NeedsSignIn:
    return NeedsSignIn("This laptop is not known to central yet.", "Enrol it: bravetui enrol ADDRESS CODE.")


async def enrol(
    folder: Path,
    ring: KeyRing,
    address: str,
    code: str,
    name: str,
    transport: AsyncBaseTransport | None = None,
) -> Identity:
    """Trade a one-time code for a device number and keep what it gave beside the keys. Raises BadInput if this laptop is
    enrolled already, and whatever the client raises."""
    make_private_folder(folder)
    secrets = open_or_create(ring)
    if secrets.identity is not None:
        raise BadInput("This laptop is enrolled already.", "To start anew, choose another --folder.")
    from bravetui.sync.client import CentralClient

    asked = Enrol(code=code, device_name=name, device_key=public_key_of(secrets.device_key))
    client = CentralClient(address, transport=transport)
    try:
        given = await client.enrol(asked)
    finally:
        await client.close()
    identity = Identity(
        device=given.device, user_id=given.user_id, user_name=given.user_name, organization_id=given.organization_id,
        central_url=address, token=given.token, central_key=given.central_key,
        sealing_key=given.sealing_key.key if given.sealing_key else "",
    )  # fmt: skip
    ring.save(replace(secrets, identity=json.dumps(asdict(identity))))
    return identity


def make_worker(
    laptop: Laptop,
    report: Callable[[SyncEvent], None],
    run: Runner,
    transport: AsyncBaseTransport | None = None,
) -> Worker:
    """The worker of an open laptop, with its one long-lived client. Whoever runs it holds the lease."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.worker import Worker

    who = laptop.store.identity
    return Worker(laptop.store, CentralClient(who.central_url, who.token, transport=transport), report, run)


def run_app(
    laptop: Laptop,
    *,
    syncs: bool,
    line: Line | None = None,
    scope_id: str = "",
    on_write: tuple[Callable[[], None], ...] = (),
) -> int:
    """Open the app on an open laptop and return its exit code. `syncs`: this process holds the lease."""
    from bravetui.app import BravetuiApp
    from bravetui.base.runner import ThreadRunner
    from bravetui.views.services import Services
    from bravetui.views.status import project_zone, scopes

    known = [scope.id for scope in scopes(laptop.store) if scope.kind == "project"]
    chosen = scope_id or (known[0] if known else "")
    runner = ThreadRunner()
    services = Services(
        laptop.store, chosen, project_zone(laptop.store, chosen), runner, line=line, notices=laptop.notices
    )
    services.on_write.extend(on_write)
    app = BravetuiApp(services)
    if syncs:
        services.worker = make_worker(laptop, app.report, runner, line)
    try:
        app.run()
    finally:
        runner.close()
    return app.return_code or 0

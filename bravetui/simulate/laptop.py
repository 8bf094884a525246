"""One laptop as a machine: a folder, a key ring, a clock, a line; opened, worked on, shut, killed, copied, put back."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select

from bravetui import wiring
from bravetui.auth.keys import DATABASE_KEY_BYTES, Secrets
from bravetui.auth.signing import PRIVATE_KEY_BYTES
from bravetui.base.clock import SeededIds
from bravetui.base.runner import InlineRunner
from bravetui.db.ballast import Ballast
from bravetui.db.blobs import SECOND, BlobFiles
from bravetui.db.device import Outbox, OutboxState, Parked
from bravetui.db.kinds import KINDS
from bravetui.db.mirror import WAIT_S, Mirror
from bravetui.db.store import Store
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import running_on
from bravetui.simulate.disk import Image, cut_power, image_of, put_back
from bravetui.simulate.loop import SkewedClock
from bravetui.simulate.network import Deliver, FaultyLine
from bravetui.simulate.older import NEWER_FIELD, NEWER_KIND
from bravetui.sync.client import CentralClient
from bravetui.sync.progress import SyncEvent
from bravetui.sync.worker import Worker
from bravetui.wire.blobs import Blob
from bravetui.wiring.folder import PHOTOS

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]

POLL_S = 300.0
"""Simulated laptops ask for news every five minutes: a month of half minutes would be all polling."""

PART_SHARE = 8
"""Their pictures are small, and so are the parts: else none would have several."""

_LEFT_OUT = shutil.ignore_patterns(wiring.BALLAST, "*.shm")
TORN_BYTES_MAX = 600


class Ring:
    """A key ring in memory: what the operating system keeps, and no crash of ours can hurt."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        self._secrets = secrets

    def exists(self) -> bool:
        return self._secrets is not None

    def load(self) -> Secrets:
        assert self._secrets is not None
        return self._secrets

    def save(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def copy(self) -> Ring:
        """The same secrets on another machine."""
        return Ring(self._secrets)


def _secrets_of(name: str) -> Secrets:
    """The same in every life of a month: random keys pack into messages of another size, and a slow line makes that time."""
    dice = random.Random(name)
    return Secrets(
        database_key=dice.randbytes(DATABASE_KEY_BYTES), device_key=dice.randbytes(PRIVATE_KEY_BYTES)
    )


class _Card(Mirror):
    """A black box without a thread: virtual time knows none."""

    def follow(self, wait_s: float = WAIT_S) -> None:
        """At once."""
        self._report = self._tried()

    def close(self) -> None:
        """Nothing is under way."""


class SimulatedLaptop:
    """One laptop. `open`, then work; it is closed by `shut`, or by `die`."""

    def __init__(self, name: str, user_id: str, folder: Path, chaos: Chaos, deliver: Deliver) -> None:
        self.name, self.user_id, self.folder = name, user_id, folder
        self.clock, self.ring = SkewedClock(), Ring(_secrets_of(name))
        self._chaos, self._deliver = chaos, deliver
        self.line = FaultyLine(chaos, deliver)
        self._ids = SeededIds(self.clock, sum(name.encode()) + chaos.dice.getrandbits(30))
        self._opened: wiring.Laptop | None = None
        self.worker: Worker | None = None
        self.card: Path | None = None
        """Where its black box is kept, if it has one: it outlives the laptop."""
        self.kept_strange: set[str] = set()
        """Records of a newer kind that it has taken; `_imaged_strange`, those of its last image."""
        self._imaged_strange: set[str] = set()
        self._power_lost_at: Image | None = None
        self._left: Image | None = None
        self.heard_s = 0.0
        """When central last answered it."""
        self.has_lost = False
        """Whether a record has fallen out of its tables, which only the week's comparing finds."""
        self.is_damaged = False
        """Whether something is wrong with its disk that its next start has to mend: two such things at once are too much."""
        self.is_updated = False
        """Whether its program has been updated since it was last opened."""

    @property
    def store(self) -> Store:
        """Its tables; only while it is open."""
        assert self._opened is not None
        return self._opened.store

    @property
    def opened(self) -> wiring.Laptop:
        """The laptop as the program has it; only while it is open."""
        assert self._opened is not None
        return self._opened

    @property
    def photos(self) -> BlobFiles:
        """The photo files on its disk, looked at from outside."""
        return BlobFiles(self.folder / PHOTOS, self.ring.load().database_key)

    def holds(self, blob: Blob, *, twice: bool) -> bool:
        """Whether the file is on its disk, and its second copy where it is to be there `twice`."""
        folder, name = self.folder / PHOTOS, f"{blob.photo}.{blob.rendition}"
        return (folder / name).exists() and (not twice or (folder / SECOND / name).exists())

    @property
    def is_open(self) -> bool:
        """Whether the program runs."""
        return self._opened is not None

    def open(self, report: Callable[[SyncEvent], None]) -> None:
        """Start the program, as `bravetui` does. The ballast is laid down small: it is not what is tried here."""
        Ballast(self.folder / wiring.BALLAST, size_bytes=1024).reserve()
        self._opened = wiring.open_laptop(self.folder, self.ring, self.clock, ballast_bytes=1024, card=_Card)
        self.store.ids, self.is_damaged = self._ids, False
        who = self.store.identity
        client = CentralClient(who.central_url, self._opened.prover(), transport=self.line)
        self.worker = Worker(self.store, client, report, InlineRunner(), poll_s=POLL_S, part_share=PART_SHARE)

    async def shut(self) -> None:
        """End the program in order."""
        if self._opened is not None:
            self._opened.close()
        self._opened = self.worker = None

    def die(self) -> None:
        """Stop at once: the disk is as it was at that moment, and half-written sectors may follow its last words.

        Closing a database tidies it up, which a dead process does not: so what was there is put back afterwards.
        """
        self.line.brought.clear()
        if self._opened is not None:
            self.store.journal.close()
            self.store.engine.dispose()
        self._opened = self.worker = None
        before, left = self._power_lost_at, self._left
        self._power_lost_at = self._left = None
        if left is None:
            return
        put_back(self.folder, left)
        if before is not None:
            cut_power(self.folder, before, self._chaos.dice)
            return
        for name in (wiring.JOURNAL, f"{wiring.DATABASE}-wal"):
            if self._chaos.chance(0.3):
                self._tear(self.folder / name)

    def _tear(self, path: Path) -> None:
        """A write that the death cut short."""
        if path.exists():
            with path.open("ab") as file:
                file.write(self._chaos.dice.randbytes(self._chaos.dice.randrange(1, TORN_BYTES_MAX)))

    # ------------------------------------------------------------------ what befalls it (`crash.Machine`)

    @property
    def is_losing_power(self) -> bool:
        """Whether what it writes now may be lost."""
        return self._power_lost_at is not None

    @property
    def is_calm(self) -> bool:
        """Whether nothing befalls it just now."""
        return self.line.is_calm

    def lose_power_soon(self) -> None:
        """Remember the disk as it is: the power goes at the next point."""
        self._power_lost_at = image_of(self.folder)

    def stand_still(self) -> None:
        """Nothing more is written: whatever the code does from here on, this is what is left."""
        self._left = image_of(self.folder)

    def set_clock(self, skew: timedelta) -> None:
        """Somebody, or a time server, sets its clock."""
        self.clock.skew = skew

    # ------------------------------------------------------------------ its disk

    def keep_card(self, place: Path) -> None:
        """Keep a black box on a card from the next start on."""
        place.mkdir()
        self.card = wiring.set_mirror(self.folder, self.ring, place)

    def bundle_of_card(self, into: Path) -> Path | None:
        """The work on the card, as a rescue bundle; None where there is none."""
        assert self.card is not None
        return self._bundle_of(self.card, into)

    def bundle(self, into: Path) -> Path | None:
        """What central has not confirmed, as a rescue bundle; None where there is nothing."""
        return self._bundle_of(self.folder, into)

    def _bundle_of(self, folder: Path, into: Path) -> Path | None:
        with self._chaos.calm(), running_on(self.name):
            _, exported = wiring.rescue(folder, self.ring, into, clock=self.clock)
        return exported.path if exported else None

    def damage(self) -> str:
        """One bit of the database or of the journal flips while the program is closed; returns where, in words."""
        assert not self.is_open
        name, place = self._chaos.pick((wiring.DATABASE, wiring.JOURNAL)), self._chaos.dice.random()
        content = bytearray((self.folder / name).read_bytes())
        if content:
            content[int(place * len(content))] ^= 1 << self._chaos.dice.randrange(8)
        (self.folder / name).write_bytes(content)
        self.is_damaged = True
        if name == wiring.DATABASE:  # begun anew, it knows only what comes from journal and central
            self.kept_strange.clear()
        return f"{name} at {place:.3f}"

    def destroy(self) -> None:
        """It fell off a scaffold: its disk is gone."""
        assert not self.is_open
        shutil.rmtree(self.folder)

    def lose_a_record(self, chaos: Chaos) -> str:
        """A record falls out of its tables, one on which nothing waits; comparing must find it. Returns which, in words."""
        kind = KINDS[chaos.pick(("daily_log", "delivery", "violation", "safety_alert"))]
        own = select(_outbox.c.record_id).where(_outbox.c.state != OutboxState.CONFIRMED)
        query = select(kind.table.c.id).where(kind.table.c.seq > 0, kind.table.c.id.not_in(own))
        with self.store.maintain() as connection:
            ids = connection.execute(query.order_by(kind.table.c.id)).scalars().all()
            if not ids:
                return "nothing"
            record_id = chaos.pick(ids)
            connection.execute(delete(kind.table).where(kind.table.c.id == record_id))
        self.has_lost = True
        return f"{kind.name} {record_id}"

    def kept_for_update(self) -> int:
        """How many records it has in whole or in part that its program of before could not use."""
        of, field = NEWER_FIELD
        extra = KINDS[of].table.c.extra
        with self.store.read() as connection:
            aside = connection.execute(select(_parked.c.kind)).scalars().all()
            extras = connection.execute(select(extra)).scalars().all()
        return aside.count(NEWER_KIND) + sum(field in told for told in extras)

    def keep_copy(self, place: Path) -> None:
        """An image of the whole disk, while the program is closed."""
        assert not self.is_open
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder, place, ignore=_LEFT_OUT)
        self._imaged_strange = set(self.kept_strange)

    def put_back(self, copy: Path, *, database_only: bool) -> None:
        """Put an image back: the whole disk, or yesterday's database under today's journal."""
        assert not self.is_open
        self.kept_strange = set(self._imaged_strange)
        if not database_only:
            self.is_damaged = False
            shutil.rmtree(self.folder)
            shutil.copytree(copy, self.folder)
            return
        self.is_damaged = True
        for old in self.folder.glob(f"{wiring.DATABASE}*"):
            old.unlink()
        for kept in copy.glob(f"{wiring.DATABASE}*"):
            shutil.copy2(kept, self.folder / kept.name)

    def cloned(self, name: str, folder: Path) -> SimulatedLaptop:
        """Another machine with the same disk and the same keys."""
        assert not self.is_open
        shutil.copytree(self.folder, folder, ignore=_LEFT_OUT)
        twin = SimulatedLaptop(name, self.user_id, folder, self._chaos, self._deliver)
        twin.ring = self.ring.copy()
        twin.kept_strange = set(self.kept_strange)
        twin.has_lost, twin.is_damaged, twin.heard_s = self.has_lost, self.is_damaged, self.heard_s
        (folder / wiring.MIRROR).unlink(missing_ok=True)  # the card is in the other machine
        return twin

"""One laptop as a machine: a folder, a key ring, a clock, a line; opened, worked on, shut, killed, copied, put back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bravetui import wiring
from bravetui.auth.keys import Secrets
from bravetui.base.clock import SeededIds
from bravetui.base.runner import InlineRunner
from bravetui.db.ballast import Ballast
from bravetui.db.store import Store
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.loop import SkewedClock
from bravetui.simulate.network import Deliver, FaultyLine
from bravetui.sync.client import CentralClient
from bravetui.sync.progress import SyncEvent
from bravetui.sync.worker import Worker

POLL_S = 300.0
"""Simulated laptops ask for news every five minutes: a month of half minutes would be all polling."""

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


class SimulatedLaptop:
    """One laptop. `open`, then work; it is closed by `shut`, or by `die`."""

    def __init__(self, name: str, user_id: str, folder: Path, chaos: Chaos, deliver: Deliver) -> None:
        self.name, self.user_id, self.folder = name, user_id, folder
        self.clock, self.ring = SkewedClock(), Ring()
        self._chaos, self._deliver = chaos, deliver
        self.line = FaultyLine(chaos, deliver)
        self._ids = SeededIds(self.clock, sum(name.encode()) + chaos.dice.getrandbits(30))
        self._opened: wiring.Laptop | None = None
        self.worker: Worker | None = None
        self.is_lost = False
        """Fell off a scaffold; its disk is gone."""

    @property
    def store(self) -> Store:
        """Its tables; only while it is open."""
        assert self._opened is not None
        return self._opened.store

    @property
    def is_open(self) -> bool:
        """Whether the program runs."""
        return self._opened is not None

    def open(self, report: Callable[[SyncEvent], None]) -> None:
        """Start the program, as `bravetui` does. The ballast is laid down small: it is not what is tried here."""
        Ballast(self.folder / wiring.BALLAST, size_bytes=1024).reserve()
        self._opened = wiring.open_laptop(self.folder, self.ring, self.clock, ballast_bytes=1024)
        self.store.ids = self._ids
        who = self.store.identity
        client = CentralClient(who.central_url, who.token, transport=self.line)
        self.worker = Worker(self.store, client, report, InlineRunner(), poll_s=POLL_S)

    async def shut(self) -> None:
        """End the program in order."""
        if self._opened is not None:
            self._opened.close()
        self._opened = self.worker = None

    def die(self) -> None:
        """Stop at once: the disk stays as it is at this moment, and half-written sectors may follow its last words.

        Closing a database tidies it up, which a dead process does not: so the folder is copied first, then put back.
        """
        if self._opened is None:
            return
        left = self.folder.with_name(f"{self.folder.name}.left")
        shutil.copytree(self.folder, left, ignore=_LEFT_OUT)
        self.store.journal.close()
        self.store.engine.dispose()
        self._opened = self.worker = None
        shutil.rmtree(self.folder)
        left.rename(self.folder)
        for name in (wiring.JOURNAL, f"{wiring.DATABASE}-wal"):
            if self._chaos.chance(0.3):
                self._tear(self.folder / name)

    def _tear(self, path: Path) -> None:
        """A write that the death cut short."""
        if path.exists():
            with path.open("ab") as file:
                file.write(self._chaos.dice.randbytes(self._chaos.dice.randrange(1, TORN_BYTES_MAX)))

    def keep_copy(self, place: Path) -> None:
        """An image of the whole disk, while the program is closed."""
        assert not self.is_open
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder, place, ignore=_LEFT_OUT)

    def put_back(self, copy: Path, *, database_only: bool) -> None:
        """Put an image back: the whole disk, or yesterday's database under today's journal."""
        assert not self.is_open
        if not database_only:
            shutil.rmtree(self.folder)
            shutil.copytree(copy, self.folder)
            return
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
        return twin

"""What the screens hand to actions and views: the open laptop and the ways to it. Made by whoever starts the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol, cast
from zoneinfo import ZoneInfo

from bravetui.base.errors import WrongKey
from bravetui.base.runner import Runner
from bravetui.db.store import Store
from bravetui.views.photos import PhotoRow
from bravetui.views.status import project_zone, scopes
from bravetui.wire.blobs import Rendition


class SyncWorker(Protocol):
    """The worker as the app sees it (`sync.worker.Worker`)."""

    async def watch(self) -> None: ...

    def nudge(self) -> None: ...

    def ask_now(self) -> None: ...

    def on_records(self, tell: Callable[[frozenset[tuple[str, str]]], None]) -> None: ...


class LineSwitch(Protocol):
    """A line that can be cut by hand (`sync.line.Line`): the demo's."""

    is_up: bool

    def cut(self) -> None: ...

    def restore(self) -> None: ...


class ScreenLock(Protocol):
    """What locks and unlocks the screen (`wiring.screen_lock.FolderLock`)."""

    def asked(self) -> str:
        """What a person is asked for; empty where nothing that could be typed opens the keys."""
        ...

    def open(self, typed: str) -> None:
        """Return if what was typed really opens this laptop's keys and they its database. Raises WrongKey."""
        ...


class PhotoSource(Protocol):
    """Brings a photo's bytes from central (`wiring.photos.photo_source`)."""

    async def __call__(self, row: PhotoRow, rendition: Rendition) -> None:
        """Return when they are here. Raises BadInput where central has none of them, and as the client."""
        ...


class Shut:
    """Stands where the store was while the screen is locked: whoever asks it for anything hears that."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WrongKey("This laptop is locked.", "Unlock it first.")


@dataclass
class Services:
    """What the app works with; made by whoever starts it."""

    store: Store
    scope_id: str
    """The project that is shown; empty while its person is in none."""
    zone: ZoneInfo
    run: Runner
    worker: SyncWorker | None = None
    """None when another process holds the lease: then this window only shows."""
    line: LineSwitch | None = None
    """A line that can be cut by hand: the demo's."""
    notices: tuple[str, ...] = ()
    """What a person should know of how the laptop opened."""
    on_write: list[Callable[[], None]] = field(default_factory=list)
    """Told after every write made here."""
    lock: ScreenLock | None = None
    """None where the screen cannot be locked: the demo's."""
    bring_photo: PhotoSource | None = None
    """None where nothing is fetched: tests."""
    last_folder: Path | None = None
    """Where a picture was chosen last."""
    _held: Store | None = field(default=None, repr=False)

    def find_project(self) -> None:
        """Go to the first project, once there is one: a person may be in none when the app is opened."""
        known = () if self.scope_id else scopes(self.store)
        found = next((scope.id for scope in known if scope.kind == "project"), "")
        if found:
            self.scope_id, self.zone = found, project_zone(self.store, found)

    def shut(self) -> None:
        """Take the store out of the screens' reach; the worker has a hold of its own."""
        if self._held is None:
            self._held, self.store = self.store, cast("Store", Shut())

    def unlock(self, typed: str) -> None:
        """Bring the store back. Raises WrongKey for what does not open the keys; blocks for the time of a key derivation."""
        assert self.lock is not None
        self.lock.open(typed)
        if self._held is not None:
            self.store, self._held = self._held, None

"""What the screens hand to actions and views: the open laptop and the ways to it. Made by whoever starts the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from bravetui.base.runner import Runner
from bravetui.db.store import Store


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


@dataclass
class Services:
    """What the app works with; made by whoever starts it."""

    store: Store
    scope_id: str
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

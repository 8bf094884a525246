"""What sync reports: frozen events, and the one picture of progress that folding them gives. This is the status API.

The app turns events into messages, the command line into lines or JSON, a test into a list. `fold` is pure, so that
whoever holds the same events holds the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from bravetui.base.text import counted
from bravetui.wire.lanes import Lane


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """Base of all events."""

    at: datetime

    def words(self) -> str:
        """The event for a person, in one line."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Sending(SyncEvent):
    """An exchange begins."""

    changes: Mapping[Lane, int]
    bytes_up: int

    def words(self) -> str:
        told = ", ".join(f"{count} {lane.value}" for lane, count in self.changes.items() if count)
        return f"Sending {told} ({self.bytes_up:,} bytes)" if told else "Asking for news"


@dataclass(frozen=True, slots=True)
class Exchanged(SyncEvent):
    """Central answered."""

    bytes_up: int
    bytes_down: int
    took_s: float
    acknowledged: Mapping[Lane, int]
    rows: Mapping[Lane, int]
    rows_left: int
    waiting: int
    """Changes that central has still not acknowledged."""

    def words(self) -> str:
        up, down = sum(self.acknowledged.values()), sum(self.rows.values())
        return f"{counted(up, 'change')} handed in, {counted(down, 'record')} received, {self.rows_left:,} to come"


@dataclass(frozen=True, slots=True)
class PhotosCarried(SyncEvent):
    """Some photo bytes went to central."""

    bytes_up: int
    took_s: float
    done: int
    """Pictures, of whatever size, that central has signed for."""
    photos_left: int
    bytes_left: int

    def words(self) -> str:
        if not self.photos_left:
            return f"{counted(self.done, 'picture')} handed in, no photo left"
        return f"{self.bytes_up:,} bytes of photos handed in, {counted(self.photos_left, 'photo')} to come"


@dataclass(frozen=True, slots=True)
class PhotoFailed(SyncEvent):
    """One photo did not go through, and waits by itself; the others go on."""

    photo: str
    """SHA-256 of the original."""
    why: str

    def words(self) -> str:
        return f"A photo waits: {self.why}"


@dataclass(frozen=True, slots=True)
class ConflictOpened(SyncEvent):
    """Central could not join two people's values."""

    count: int

    def words(self) -> str:
        return f"{self.count} conflict{'s' * (self.count != 1)} to decide"


@dataclass(frozen=True, slots=True)
class ChangeRefused(SyncEvent):
    """Central said no; the change is in quarantine."""

    lane: Lane
    reason: str

    def words(self) -> str:
        return f"Refused and kept here: {self.reason}"


@dataclass(frozen=True, slots=True)
class Waiting(SyncEvent):
    """Nothing goes until then."""

    until: datetime
    why: str
    lanes: tuple[Lane, ...] = ()

    def words(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class AllHandedIn(SyncEvent):
    """Nothing exists only on this laptop: everything is confirmed by central's checkpoint."""

    def words(self) -> str:
        return "All handed in"


@dataclass(frozen=True, slots=True)
class NothingRead(SyncEvent):
    """Central took what was handed in, and told no news: `why` is its word (`SyncAnswer.closed`)."""

    why: str

    def words(self) -> str:
        return f"Central tells this laptop nothing ({self.why}): what is here is kept and handed in. Look: bravetui status"


@dataclass(frozen=True, slots=True)
class Mended(SyncEvent):
    """Comparing found records that were not as central has them; they are now."""

    records: int

    def words(self) -> str:
        return f"{self.records} record{'s' * (self.records != 1)} mended after comparing with central"


@dataclass(frozen=True, slots=True)
class Renumbered(SyncEvent):
    """This laptop turned out to be a copy of another and has its own number now."""

    device: int

    def words(self) -> str:
        return f"This laptop is a copy of another one; it goes on as number {self.device}. Nothing is lost."


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Where sync stands, folded from the events so far."""

    line_up: bool | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    changes_done: int = 0
    rows_done: int = 0
    rows_left: int = 0
    waiting: int = 0
    busy_s: float = 0.0
    """Time spent in exchanges, for the rate."""
    conflicts: int = 0
    refused: int = 0
    wait_until: datetime | None = None
    why: str = ""
    last_exchange_at: datetime | None = None
    handed_in_at: datetime | None = None
    by_lane: Mapping[Lane, int] = field(default_factory=dict)
    """Changes and rows moved, by lane."""
    photos_left: int = 0
    photo_bytes_left: int = 0
    photo_bytes_up: int = 0
    photo_busy_s: float = 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds until what is known to be left has moved, at the rate so far; None before there is a rate."""
        moved, left = self.changes_done + self.rows_done, self.rows_left + self.waiting
        if not moved or self.busy_s <= 0:
            return None
        return left * self.busy_s / moved

    @property
    def photos_eta_s(self) -> float | None:
        """Seconds until the photos that are left have gone, at the rate so far; None before there is a rate."""
        if not self.photo_bytes_up or self.photo_busy_s <= 0:
            return None
        return self.photo_bytes_left * self.photo_busy_s / self.photo_bytes_up

    def to_json(self) -> dict[str, Any]:
        """For `--json`: plain values."""
        told = asdict(self) | {
            "eta_s": self.eta_s,
            "photos_eta_s": self.photos_eta_s,
            "by_lane": {lane.value: n for lane, n in self.by_lane.items()},
        }
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()
        }


def fold(progress: SyncProgress, event: SyncEvent) -> SyncProgress:
    """The picture after one more event."""
    match event:
        case Sending():
            return replace(progress, wait_until=None, why="")
        case Exchanged():
            lanes = dict(progress.by_lane)
            for moved in (event.acknowledged, event.rows):
                for lane, count in moved.items():
                    lanes[lane] = lanes.get(lane, 0) + count
            return replace(
                progress,
                line_up=True,
                bytes_up=progress.bytes_up + event.bytes_up,
                bytes_down=progress.bytes_down + event.bytes_down,
                changes_done=progress.changes_done + sum(event.acknowledged.values()),
                rows_done=progress.rows_done + sum(event.rows.values()),
                rows_left=event.rows_left,
                waiting=event.waiting,
                busy_s=progress.busy_s + event.took_s,
                by_lane=lanes,
                last_exchange_at=event.at,
                wait_until=None,
                why="",
            )
        case Waiting():
            return replace(
                progress, wait_until=event.until, why=event.why, line_up=progress.line_up and not event.lanes
            )
        case PhotosCarried():
            return replace(
                progress,
                bytes_up=progress.bytes_up + event.bytes_up,
                photos_left=event.photos_left,
                photo_bytes_left=event.bytes_left,
                photo_bytes_up=progress.photo_bytes_up + event.bytes_up,
                photo_busy_s=progress.photo_busy_s + event.took_s,
                wait_until=None,
                why="",
            )
        case ConflictOpened():
            return replace(progress, conflicts=progress.conflicts + event.count)
        case ChangeRefused():
            return replace(progress, refused=progress.refused + 1)
        case AllHandedIn():
            return replace(progress, handed_in_at=event.at)
        case _:
            return progress

"""Tables that only a laptop has: outbox, bases, cursors, lane states, sync log, parked arrivals.

What sync is doing is in these tables and not in memory, which is how a second window, support over SSH and `bravetui
status` see the same state as the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from bravetui.db.tables.columns import DEVICE, JsonType


class OutboxState(StrEnum):
    """Where a change of this laptop stands. Only `confirmed` may ever be forgotten."""

    PENDING = "pending"
    """Never sent; further typing folds into it."""
    SENT = "sent"
    """Sent, no verdict yet; the same bytes are sent again until one comes."""
    PARKED = "parked"
    """Central keeps it until the record it belongs to arrives."""
    APPLIED = "applied"
    """Named in a genuine verdict of central's, with its hash."""
    CONFIRMED = "confirmed"
    """Covered by a signed checkpoint fetched in a later request."""
    REFUSED = "refused"
    """In quarantine: central said no; kept, shown, can be mended and sent again."""
    PUT_AWAY = "put_away"
    """The removal of a record that central refused and so never had: it goes if that comes after all (`db.put_away`)."""


UNACKNOWLEDGED = (OutboxState.PENDING, OutboxState.SENT)
"""States that the worker still has to bring to central."""

AT_REST = (OutboxState.CONFIRMED, OutboxState.PUT_AWAY)
"""States in which a change asks for nothing more, of central or of anybody."""


class DeviceTable(SQLModel):
    """Base of the laptop's own tables."""

    metadata = DEVICE


class Meta(DeviceTable, table=True):
    """Single values: counter, clock stamp, epoch, last contact."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True, max_length=60)
    value: str = ""


class Outbox(DeviceTable, table=True):
    """The laptop's own changes that central has not confirmed (and for a while those it has)."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_state_lane_counter", "state", "lane", "counter"),
        Index("ix_outbox_scope_id_kind_record_id", "scope_id", "kind", "record_id"),
    )

    device: int = Field(primary_key=True)
    counter: int = Field(primary_key=True, sa_type=BigInteger)
    """Never re-used, not even once the queue is empty: it comes from `meta`, not from the row."""
    scope_id: str = Field(max_length=36)
    lane: str = Field(max_length=20)
    kind: str = Field(max_length=40)
    record_id: str = Field(max_length=36)
    body: str
    """The change as canonical JSON: the very bytes that are hashed and sent."""
    hash: str = Field(max_length=64)
    state: str = Field(default=OutboxState.PENDING, max_length=20)
    made_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    """Why the last attempt did not go through, in words."""
    verdict: Mapping[str, Any] | None = Field(default=None, sa_type=JsonType)
    """Central's receipt."""
    settled_at: datetime | None = None
    """When it became applied, parked, refused or confirmed, by central's signed time: the clock here may be years off."""


class Receipt(DeviceTable, table=True):
    """Central's signed word on a change of this laptop, kept long after the change has left the outbox."""

    __tablename__ = "receipt"
    __table_args__ = (Index("ix_receipt_at", "at"), Index("ix_receipt_record_id", "record_id"))

    device: int = Field(primary_key=True)
    counter: int = Field(primary_key=True, sa_type=BigInteger)
    scope_id: str = Field(max_length=36)
    kind: str = Field(max_length=40)
    record_id: str = Field(max_length=36)
    at: datetime
    """When central gave it, by its own clock."""
    body: str
    """The verdict as JSON, defaults left out: what the signature covers, and the signature."""


class Base(DeviceTable, table=True):
    """A record as this laptop and central last agreed on it; kept while the laptop's changes to it are not acknowledged."""

    __tablename__ = "base"

    scope_id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(primary_key=True, max_length=40)
    record_id: str = Field(primary_key=True, max_length=36)
    # "values" is an SQL keyword that SQLite and PostgreSQL both want quoted.
    agreed: Mapping[str, Any] = Field(default_factory=dict, sa_type=JsonType)
    """Values by path."""


class BlobState(StrEnum):
    """Where the bytes of a photo stand."""

    WAITING = "waiting"
    """Central has not signed for them."""
    TAKEN = "taken"
    """Central has; or they came from there."""
    PRUNED = "pruned"
    """Central has, and they made room here."""


class BlobProgress(DeviceTable, table=True):
    """How far the bytes of a photo, in one size, have come on their way to central. Made again from the files
    (`db.blob_rows`) where it is lost."""

    __tablename__ = "blob"
    __table_args__ = (Index("ix_blob_state", "state"),)

    scope_id: str = Field(primary_key=True, max_length=36)
    photo: str = Field(primary_key=True, max_length=64)
    """SHA-256 of the original, as the photo's record has it."""
    rendition: str = Field(primary_key=True, max_length=20)
    size_bytes: int
    sent_bytes: int = 0
    """How many central said last that it holds."""
    state: str = Field(default=BlobState.WAITING, max_length=20)
    epoch: str = Field(default="", max_length=40)
    """The life of central in which it signed for them, or was last asked whether it has them."""
    receipt: str | None = None
    """Central's signed word that it has them (`BlobTaken`), as JSON."""
    failures: int = 0
    """In a row; 0 after any part that went through."""
    next_attempt_at: datetime | None = None
    why: str | None = None
    """Why the last part did not go through, in words."""
    made_at: datetime
    """When they came here."""
    settled_at: datetime | None = None
    """When central signed for them, by its own clock."""


class Cursor(DeviceTable, table=True):
    """How much of one scope's lane has been pulled: news up to `after`, history down to `before`."""

    __tablename__ = "cursor"

    scope_id: str = Field(primary_key=True, max_length=36)
    lane: str = Field(primary_key=True, max_length=20)
    after: int = Field(default=0, sa_type=BigInteger)
    before: int | None = Field(default=0, sa_type=BigInteger)
    """0: nothing pulled yet. None: the beginning has been reached."""
    rows_left: int = 0
    agreed: int = Field(default=0, sa_type=BigInteger)
    """Up to this seq, what is here has been found equal to what central has."""
    differs: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    """While a difference is being narrowed down: {"tries": contacts so far, "want": the records to fetch}."""


class Parked(DeviceTable, table=True):
    """Rows of a record that wait for its own changes, or of a kind that this version does not know: kept as they came, and
    used after an upgrade. `rows` are of this central, `former` of those before, which were restored (`sync.former`), each
    with the own changes that its central had taken."""

    __tablename__ = "parked"

    scope_id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(primary_key=True, max_length=40)
    record_id: str = Field(primary_key=True, max_length=36)
    row: Mapping[str, Any] = Field(default_factory=dict, sa_type=JsonType)


BYTES_LANE = "bytes"
"""Stands among the lanes for the pause of all photo bytes, which hold up no record of theirs."""


class LaneState(DeviceTable, table=True):
    """What a lane is doing, for every window to read."""

    __tablename__ = "lane_state"

    lane: str = Field(primary_key=True, max_length=20)
    failures: int = 0
    """In a row; 0 after any success."""
    next_attempt_at: datetime | None = None
    why: str | None = None
    """What it waits for, in words; None when it does not wait."""
    last_done_at: datetime | None = None


class SyncLog(DeviceTable, table=True):
    """What sync did, a line an event, for people. Holds counts and words, never answers or secrets, and no name but
    support's, in `numbers`."""

    __tablename__ = "sync_log"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    event: str = Field(max_length=40)
    lane: str | None = Field(default=None, max_length=20)
    words: str = ""
    numbers: Mapping[str, Any] = Field(default_factory=dict, sa_type=JsonType)


class DeviceSeen(DeviceTable, table=True):
    """Whose laptop a device number is: the author of every change that bears it."""

    __tablename__ = "device_seen"

    device: int = Field(primary_key=True, sa_type=BigInteger)
    user_id: str = Field(max_length=64)


class ScopeSeen(DeviceTable, table=True):
    """A scope that central lets this device sync, as of the last contact."""

    __tablename__ = "scope_seen"

    scope_id: str = Field(primary_key=True, max_length=36)
    name: str = ""
    kind: str = Field(default="project", max_length=20)
    permissions: list[str] = Field(default_factory=list, sa_type=JsonType)

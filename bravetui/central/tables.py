"""Tables that only central has: the ledger, who may sync what, what waits for a parent. `CENTRAL` is their metadata.

The ledger is the truth and is only ever appended to; the site's tables (`db/tables`) are the ledger, summed up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from bravetui.db.tables.columns import NAMING, JsonType

CENTRAL = MetaData(naming_convention=NAMING)

CENTRAL_DEVICE = 0
"""Number under which the first epoch of central makes changes of its own."""


class CentralTable(SQLModel):
    """Base of central's own tables."""

    metadata = CENTRAL


class Device(CentralTable, table=True):
    """One device number: a laptop, or a copy of one (a twin), which shares the key of its original."""

    __tablename__ = "device"

    number: int | None = Field(
        default=None, primary_key=True, sa_column_args=(Identity(start=1),), sa_type=BigInteger
    )
    organization_id: str = Field(max_length=36)
    user_id: str = Field(max_length=64)
    name: str = Field(max_length=100)
    public_key: str = Field(max_length=64, index=True)
    """Ed25519, base64url: by it every request of the laptop is known."""
    held: Sequence[Any] = Field(default_factory=list, sa_type=JsonType)
    """Counters whose changes central holds: ranges, first and last inclusive, in order."""
    enrolled_at: datetime
    revoked_at: datetime | None = None


class Twin(CentralTable, table=True):
    """A change that came under a dot already taken, and the device number given to the last copy that sent it; and a bundle,
    from its first such change on."""

    __tablename__ = "twin"

    device: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    counter: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    hash: str = Field(primary_key=True, max_length=64)
    """The change's, or the bundle's."""
    new_device: int = Field(sa_type=BigInteger)
    verdict: str = Field(sa_type=Text)
    """The verdict on the change as first given, JSON."""


class KeyGrant(CentralTable, table=True):
    """The grant that counts for a laptop's key: of those that were shown the newest."""

    __tablename__ = "key_grant"

    public_key: str = Field(primary_key=True, max_length=64)
    generation: int = Field(sa_type=BigInteger)
    id: str = Field(max_length=64)
    text: str = Field(sa_type=Text)
    """As it is given out; of use to none but the key's owner."""


class ShownProof(CentralTable, table=True):
    """The id of a proof that was shown: none is good twice. Lost with a crash, which costs no more than that."""

    __tablename__ = "shown_proof"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    public_key: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, max_length=64)
    until: datetime = Field(index=True)


class EnrolmentCode(CentralTable, table=True):
    """A one-time code; only its hash is kept."""

    __tablename__ = "enrolment_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    organization_id: str = Field(max_length=36)
    user_id: str = Field(max_length=64)
    expires_at: datetime
    used_at: datetime | None = None
    device: int | None = Field(default=None, sa_type=BigInteger)


class Scope(CentralTable, table=True):
    """An organization or a project: the unit of permission, ordering, paging and sharding."""

    __tablename__ = "scope"

    scope_id: str = Field(primary_key=True, max_length=36)
    organization_id: str = Field(max_length=36, index=True)
    kind: str = Field(max_length=20)
    """`organization` or `project`."""
    name: str = Field(default="", max_length=200)


class ScopeHead(CentralTable, table=True):
    """The last number given in a scope. Its row lock makes numbers become visible in their order."""

    __tablename__ = "scope_head"

    scope_id: str = Field(primary_key=True, max_length=36)
    seq: int = Field(default=0, sa_type=BigInteger)
    chain: str = Field(default="", max_length=64)
    """Chain hash of the last ledger entry."""


class Ledger(CentralTable, table=True):
    """Every change ever taken, in the order taken, each chained to the one before it."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("device", "counter"),
        Index("ix_ledger_scope_id_lane_seq", "scope_id", "lane", "seq"),
        Index("ix_ledger_scope_id_kind_record_id", "scope_id", "kind", "record_id", "seq"),
        Index("ix_ledger_waited", "device", "seq", postgresql_where=text("waited")),
    )

    scope_id: str = Field(primary_key=True, max_length=36)
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    lane: str = Field(max_length=20)
    device: int = Field(sa_type=BigInteger)
    counter: int = Field(sa_type=BigInteger)
    hash: str = Field(max_length=64)
    kind: str = Field(max_length=40)
    record_id: str = Field(max_length=36)
    created: bool = False
    """Whether the record began with this entry."""
    paths: Sequence[str] = Field(default_factory=list, sa_type=JsonType)
    """Cells of the record that this entry changed at central."""
    body: str = Field(sa_type=Text)
    """The change as its author wrote it, canonical JSON: the bytes that are hashed."""
    verdict: str = Field(sa_type=Text)
    """The receipt as first given, JSON."""
    waited: bool = False
    """Whether the change was parked first, so that its verdict travels in a later answer."""
    received_at: datetime
    chain: str = Field(max_length=64)
    """SHA-256 over the chain hash before it and this entry."""


class ParkedChange(CentralTable, table=True):
    """A change whose record or parent has not arrived: kept, never refused for it, taken as soon as it can be."""

    __tablename__ = "parked_change"
    __table_args__ = (Index("ix_parked_change_scope_id_record_id", "scope_id", "kind", "record_id"),)

    device: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    counter: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    scope_id: str = Field(max_length=36)
    kind: str = Field(max_length=40)
    record_id: str = Field(max_length=36)
    hash: str = Field(max_length=64)
    body: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)
    waits_for_kind: str = Field(max_length=40)
    waits_for_id: str = Field(max_length=36)
    received_at: datetime
    taken_before: bool = False
    """Whether a central of before had taken it."""


class RefusedChange(CentralTable, table=True):
    """A change that central refused, kept for the office to mend or release without its laptop."""

    __tablename__ = "refused_change"
    __table_args__ = (Index("ix_refused_change_organization_id", "organization_id", "settled_at"),)

    device: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    counter: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    organization_id: str = Field(max_length=36)
    hash: str = Field(max_length=64)
    body: str = Field(sa_type=Text)
    code: str = Field(max_length=40)
    reason: str = Field(sa_type=Text)
    received_at: datetime
    settled_at: datetime | None = None
    """When it was taken after all, or the office put it aside."""
    settled_by: str | None = Field(default=None, max_length=64)
    """Who at the office; None where its laptop sent it again and it was taken."""
    settled_as: str | None = Field(default=None, max_length=20)
    """`released`, `mended`, `taken` (sent again) or `set aside`."""


class KeptBundle(CentralTable, table=True):
    """A rescue bundle of which not everything could be taken: kept, still sealed, until a manager has looked at it."""

    __tablename__ = "kept_bundle"

    digest: str = Field(primary_key=True, max_length=64)
    """SHA-256 of the file."""
    device: int = Field(sa_type=BigInteger)
    """The laptop that it says it is from."""
    why: str = Field(sa_type=Text)
    file: bytes = Field(sa_type=LargeBinary)
    carried_by: int | None = Field(default=None, sa_type=BigInteger)
    """Device that brought it; None for one imported on central's machine."""
    received_at: datetime
    settled_at: datetime | None = None
    """When all of it had been taken after all."""


class Blob(CentralTable, table=True):
    """A photo in one size: how much of it is here. Its bytes are in `BlobPart`; both are `central.blobs`' alone."""

    __tablename__ = "blob"

    scope_id: str = Field(primary_key=True, max_length=36)
    photo: str = Field(primary_key=True, max_length=64)
    """SHA-256 of the original, as the photo's record has it."""
    rendition: str = Field(primary_key=True, max_length=20)
    organization_id: str = Field(max_length=36)
    sha256: str = Field(max_length=64)
    """Of this rendition's bytes, as whoever began it said."""
    size: int = Field(sa_type=BigInteger)
    received: int = Field(default=0, sa_type=BigInteger)
    """Bytes that are here, from the first on without a gap."""
    device: int = Field(sa_type=BigInteger)
    """The laptop that began it."""
    created_at: datetime
    complete_at: datetime | None = None
    """When all bytes were here and were those of the hash."""
    receipt: str | None = Field(default=None, sa_type=Text)
    """What central signed then (`BlobTaken`), JSON."""


class BlobPart(CentralTable, table=True):
    """Bytes of a blob as they came, from `start` on; never changed, and removed only while the blob is not complete."""

    __tablename__ = "blob_part"

    scope_id: str = Field(primary_key=True, max_length=36)
    photo: str = Field(primary_key=True, max_length=64)
    rendition: str = Field(primary_key=True, max_length=20)
    start: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    content: bytes = Field(sa_type=LargeBinary)
    """Stored as it is: a JPEG does not get smaller."""


class Unlock(CentralTable, table=True):
    """The office has opened a laptop's keys with the recovery key; never changed, never removed."""

    __tablename__ = "unlock"

    id: int | None = Field(
        default=None, primary_key=True, sa_column_args=(Identity(start=1),), sa_type=BigInteger
    )
    device: int = Field(sa_type=BigInteger)
    code: str = Field(max_length=20)
    """Of the request: its person has it on the screen."""
    by_code: bool
    """Whether the person read it out; else the key file itself was brought, and a manager answered for it."""
    at: datetime


class AuditEvent(CentralTable, table=True):
    """Who was let in, given a grant, refused or revoked (`audit_log`). Only ever added to, but for its age."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_device", "device", "at"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_column_args=(Identity(start=1),), sa_type=BigInteger
    )
    at: datetime = Field(index=True)
    organization_id: str | None = Field(default=None, max_length=36)
    """None of somebody who could not show where he belongs."""
    user_id: str | None = Field(default=None, max_length=64)
    device: int | None = Field(default=None, sa_type=BigInteger)
    what: str = Field(max_length=20)
    outcome: str = Field(max_length=40)
    actor: str | None = Field(default=None, max_length=64)
    """Who really sat there, where somebody plays the account."""


class CentralState(CentralTable, table=True):
    """One row: which life of this database it is, and central's own dots in it."""

    __tablename__ = "central_state"

    id: int = Field(default=1, primary_key=True)
    epoch: str = Field(max_length=36)
    """Random; changed after a restore from a backup, so that laptops send again what the backup did not hold."""
    device: int = Field(default=CENTRAL_DEVICE, sa_type=BigInteger)
    """Central's own device number in this epoch."""
    counter: int = Field(default=0, sa_type=BigInteger)
    """Counter of central's last dot."""
    server: str = Field(default="", max_length=80)
    """On which running server numbers were last given (`state.SERVER`)."""
    started_at: datetime


def _table(model: type[CentralTable]) -> Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]


DEVICES = _table(Device)
TWINS = _table(Twin)
GRANTS = _table(KeyGrant)
SHOWN = _table(ShownProof)
CODES = _table(EnrolmentCode)
SCOPES = _table(Scope)
HEADS = _table(ScopeHead)
LEDGER = _table(Ledger)
PARKED = _table(ParkedChange)
REFUSED = _table(RefusedChange)
KEPT_BUNDLES = _table(KeptBundle)
BLOBS = _table(Blob)
BLOB_PARTS = _table(BlobPart)
UNLOCKS = _table(Unlock)
AUDIT = _table(AuditEvent)
STATE = _table(CentralState)

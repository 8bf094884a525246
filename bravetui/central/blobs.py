"""Photo bytes at central: taken part by part, hashed once they are whole, given out, and found lacking.

The one module that reads and writes parts (docs/decisions/0008). Blocking; each function is one transaction, or a few that
each leave everything in order. A blob's row is locked while a part is added, and before any scope's head.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from bravetui.auth.signing import encode
from bravetui.base.errors import BadInput, BravetuiError, Refused
from bravetui.base.fault import fault
from bravetui.central.access import Access
from bravetui.central.blob_faults import NotThere, RecordFirst, WrongBytes, WrongOffset
from bravetui.central.blob_states import is_recorded, tell
from bravetui.central.desk import Desk
from bravetui.central.tables import BLOB_PARTS, BLOBS
from bravetui.central.tenants import tenant
from bravetui.wire.blobs import PART_BYTES_MAX, RECEIPT_HEADER, BlobName, BlobTaken, Rendition
from bravetui.wire.receipt import sign

READ_BYTES = PART_BYTES_MAX
"""Of a blob that are read at a time, about: with the parts that reach across, twice as many at most."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What whoever begins a blob says of it."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a blob is."""

    sha256: str
    size: int
    received: int
    receipt: str = ""
    """`BlobTaken`, JSON, once all of it is here."""

    @property
    def headers(self) -> dict[str, str]:
        """The same as answers tell it."""
        told = {"Upload-Offset": str(self.received)}
        return {**told, RECEIPT_HEADER: encode(self.receipt.encode())} if self.receipt else told


_KEY = BlobName._fields

# Built once: building a statement costs more than running it.
_IS_BLOB = and_(*(BLOBS.c[name] == bindparam(f"its_{name}") for name in _KEY))
_IS_PART = and_(*(BLOB_PARTS.c[name] == bindparam(f"its_{name}") for name in _KEY))
_STAND = select(BLOBS.c.sha256, BLOBS.c.size, BLOBS.c.received, BLOBS.c.receipt).where(_IS_BLOB)
_LOCKED = _STAND.with_for_update()
_BEGUN = upsert(BLOBS).on_conflict_do_nothing()
_CHANGED = update(BLOBS).where(_IS_BLOB)
_DROPPED = delete(BLOB_PARTS).where(_IS_PART)
_PIECES = (
    select(BLOB_PARTS.c.start, BLOB_PARTS.c.content)
    .where(
        _IS_PART,
        BLOB_PARTS.c.start > bindparam("first") - PART_BYTES_MAX,
        BLOB_PARTS.c.start < bindparam("end"),
        BLOB_PARTS.c.start + func.octet_length(BLOB_PARTS.c.content) > bindparam("first"),
    )
    .order_by(BLOB_PARTS.c.start)
)
_ASKED = select(*(func.unnest(bindparam(f"its_{name}", type_=ARRAY(String))) for name in _KEY))
_COMPLETE = select(*(BLOBS.c[name] for name in _KEY)).where(
    BLOBS.c.complete_at.is_not(None), tuple_(*(BLOBS.c[name] for name in _KEY)).in_(_ASKED)
)


def check_may_write(access: Access, name: BlobName) -> None:
    """As a change of a photo's record is judged (`checks.admit`). Raises Refused."""
    if name.scope_id not in access.scopes or name.scope_id in access.reading_only:
        raise Refused(
            "There is no such project that you may write to.",
            "The photo stays on this laptop; ask the office.",
            code="not_permitted",
        )


def begin(desk: Desk, access: Access, name: BlobName, told: Announced, part: bytes) -> Stand:
    """Begin a blob, or say how far it is; `part` is its beginning, used only where nothing of it is here yet.

    Of other bytes under the same name what is complete stays: two laptops make slightly different thumbnails. What is not
    is replaced. Raises RecordFirst, and WrongBytes as `go_on` does.
    """
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        recorded = is_recorded(connection, name)
        if recorded:
            stand = _opened(connection, desk, access, name, told)
            at_start = stand.received == 0 and not stand.receipt
            stand, wrong = _with_part(connection, desk, name, stand, part if at_start else b"")
    if not recorded:
        raise RecordFirst
    return _told(desk, access, name, stand, wrong)


def go_on(desk: Desk, access: Access, name: BlobName, offset: int, part: bytes) -> Stand:
    """Add a part that begins at `offset`.

    Raises NotThere, WrongOffset, BadInput for more bytes than were announced, and WrongBytes where all are here now and are
    not those of the hash: then none is, and the blob begins anew.
    """
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        stand = _read(connection.execute(_LOCKED, _keyed(name)).one_or_none())
        wrong: BravetuiError | None = NotThere()
        if stand is not None:
            wrong = WrongOffset(stand.received, stand.headers) if offset != stand.received else None
            if wrong is None:
                stand, wrong = _with_part(connection, desk, name, stand, part)
    if stand is None:
        raise NotThere
    return _told(desk, access, name, stand, wrong)


def stand_of(desk: Desk, access: Access, name: BlobName) -> Stand:
    """How far a blob is. Raises NotThere."""
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        stand = _read(connection.execute(_STAND, _keyed(name)).one_or_none())
    if stand is None:
        raise NotThere
    return _told(desk, access, name, stand, None)


def read(engine: Engine, organization_id: str, name: BlobName, first: int, end: int) -> bytes:
    """Bytes of a complete blob from `first` to before `end`, no more than `READ_BYTES` of them. Raises NotThere where they
    are gone."""
    end = min(end, first + READ_BYTES)
    with engine.begin() as connection:
        tenant(connection, organization_id)
        piece = _piece(connection, name, first, end)
    if len(piece) != end - first:
        raise NotThere
    return piece


def lacking(desk: Desk, access: Access, names: Collection[BlobName]) -> frozenset[BlobName]:
    """Those of these that are not here complete, or are in a scope that the caller may not see."""
    seen = [name for name in names if name.scope_id in access.scopes]
    asked = {f"its_{key}": [str(getattr(name, key)) for name in seen] for key in _KEY}
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        rows = connection.execute(_COMPLETE, asked)
        there = {BlobName(row.scope_id, row.photo, Rendition(row.rendition)) for row in rows}
    return frozenset(names) - there


def _opened(connection: Connection, desk: Desk, access: Access, name: BlobName, told: Announced) -> Stand:
    """The blob's row, locked until the commit: a new one, the one that is there, or that one begun anew."""
    fresh = {
        "sha256": told.sha256, "size": told.size, "received": 0, "device": access.device, "created_at": desk.now,
    }  # fmt: skip
    made = {**_row(name), "organization_id": access.organization_id, "complete_at": None, "receipt": None}
    connection.execute(_BEGUN, {**made, **fresh})
    stand = _read(connection.execute(_LOCKED, _keyed(name)).one())
    assert stand is not None
    if stand.receipt or (stand.sha256, stand.size) == (told.sha256, told.size):
        return stand
    connection.execute(_DROPPED, _keyed(name))
    connection.execute(_CHANGED.values(fresh), _keyed(name))
    return Stand(told.sha256, told.size, 0)


def _with_part(
    connection: Connection, desk: Desk, name: BlobName, stand: Stand, part: bytes
) -> tuple[Stand, BravetuiError | None]:
    """The blob, which is locked, with a part behind what is here; and what is wrong with that. Nothing is raised: what was
    done is to be committed all the same."""
    if not part:
        return stand, None
    received = stand.received + len(part)
    if received > stand.size:
        return stand, BadInput("The part reaches beyond the photo's size.", "Send it from its first byte on.")
    connection.execute(insert(BLOB_PARTS), {**_row(name), "start": stand.received, "content": part})
    if received < stand.size:
        connection.execute(_CHANGED.values(received=received), _keyed(name))
        return replace(stand, received=received), None
    if _hash(connection, name, stand.size) != stand.sha256:
        connection.execute(_DROPPED, _keyed(name))
        connection.execute(_CHANGED.values(received=0), _keyed(name))
        wrong = WrongBytes("The photo's bytes are not those of its hash.", "Send it from its first byte on.")
        return replace(stand, received=0), wrong
    taken = BlobTaken(**name._asdict(), sha256=stand.sha256, size=stand.size, epoch=desk.epoch, at=desk.now)
    receipt = sign(taken, desk.sign).model_dump_json(exclude_defaults=True)
    whole = {"received": received, "complete_at": desk.now, "receipt": receipt}
    connection.execute(_CHANGED.values(whole), _keyed(name))
    fault("central_before_blob")
    return replace(stand, received=received, receipt=receipt), None


def _told(desk: Desk, access: Access, name: BlobName, stand: Stand, wrong: BravetuiError | None) -> Stand:
    """The answer. Of a blob that is complete nobody hears before its photo's records say so: whoever gets no answer asks
    again, and comes by here, so a crash between the two transactions is mended by the next request for the same blob."""
    if stand.receipt:
        fault("central_after_blob")
        tell(desk, access.organization_id, name)
    if wrong is not None:
        raise wrong
    return stand


def _hash(connection: Connection, name: BlobName, size: int) -> str:
    digest = sha256()
    for first in range(0, size, READ_BYTES):
        digest.update(_piece(connection, name, first, min(size, first + READ_BYTES)))
    return digest.hexdigest()


def _piece(connection: Connection, name: BlobName, first: int, end: int) -> bytes:
    rows = connection.execute(_PIECES, {**_keyed(name), "first": first, "end": end})
    return b"".join(row.content[max(0, first - row.start) : end - row.start] for row in rows)


def _row(name: BlobName) -> dict[str, str]:
    return {key: str(value) for key, value in name._asdict().items()}


def _keyed(name: BlobName) -> dict[str, str]:
    return {f"its_{key}": value for key, value in _row(name).items()}


def _read(row: Row[*tuple[Any, ...]] | None) -> Stand | None:
    return None if row is None else Stand(row.sha256, row.size, row.received, row.receipt or "")

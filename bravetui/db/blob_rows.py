"""Which photo bytes have to go to central, and how far each has come: rows of `blob`, in step with records and files.

A row follows from two facts: a photo's record that is not removed, and a file that is here. Lost rows are made again by
`adopt`, and central says how much of each it has.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, case, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.errors import Corrupt
from bravetui.db import meta
from bravetui.db.blobs import BlobFiles
from bravetui.db.device import UNACKNOWLEDGED, BlobProgress, BlobState, Outbox, ScopeSeen
from bravetui.db.kinds import KINDS
from bravetui.wire.blobs import RENDITIONS, Blob, BlobName, BlobTaken, Rendition
from bravetui.wire.lanes import PAUSE_MAX

_blob = BlobProgress.__table__  # type: ignore[attr-defined]
_outbox = Outbox.__table__  # type: ignore[attr-defined]
_photo = KINDS["photo"].table

_TURN = case({rendition.value: turn for turn, rendition in enumerate(RENDITIONS)}, value=_blob.c.rendition)
"""All thumbnails, then all previews, then originals."""

_ITS_RECORD = and_(
    _photo.c.scope_id == _blob.c.scope_id, _photo.c.sha256 == _blob.c.photo, _photo.c.deleted.is_(False)
)
_UNSENT = exists().where(
    _outbox.c.scope_id == _photo.c.scope_id, _outbox.c.kind == "photo", _outbox.c.record_id == _photo.c.id,
    _outbox.c.state.in_(UNACKNOWLEDGED),
)  # fmt: skip
_WAITS = and_(_blob.c.state == BlobState.WAITING, exists().where(_ITS_RECORD))
_CAN_GO = and_(_blob.c.state == BlobState.WAITING, exists().where(_ITS_RECORD, ~_UNSENT))
"""The record goes first: central takes bytes of no photo that it does not know."""

_STATE_TURN = case(
    {rendition.value: turn for turn, rendition in enumerate(RENDITIONS)}, value=_photo.c.blob_state, else_=-1
)
_SAID_THERE = and_(_blob.c.epoch == "", exists().where(_ITS_RECORD, _STATE_TURN >= _TURN))
"""The record says so, since somebody else brought the bytes: on a stick, or for a record of his own. Not where central has
said itself that it lacks them."""

_IS_GRANTED = exists().where(ScopeSeen.scope_id == _blob.c.scope_id)
"""Of a project that was taken away central tells nothing, not even what it has."""

_PHOTOS = select(_photo.c.scope_id, _photo.c.sha256).where(_photo.c.deleted.is_(False))
_KNOWN = select(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition)
_LEFT = select(
    func.count(func.distinct(_blob.c.scope_id + _blob.c.photo)),
    func.coalesce(func.sum(_blob.c.size_bytes - _blob.c.sent_bytes), 0),
    func.min(_blob.c.made_at),
    func.count(func.distinct(case((_blob.c.failures > 0, _blob.c.scope_id + _blob.c.photo)))),
    func.max(_blob.c.why),
    func.min(_blob.c.next_attempt_at),
).where(_WAITS)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Bytes that are to go to central."""

    name: BlobName
    size_bytes: int
    sent_bytes: int
    failures: int
    is_said_there: bool = False
    """Whether the photo's record says that central has it: its receipt is to be had for the asking."""


@dataclass(frozen=True, slots=True)
class Left:
    """How much is still to go, of photos whose record is not removed."""

    photos: int
    size_bytes: int
    oldest_at: datetime | None
    sick: int = 0
    """Photos of which something did not go through, so that they wait by themselves."""
    why: str | None = None
    """Of one of those."""
    next_attempt_at: datetime | None = None
    """When the first of those is tried again."""


def note(connection: Connection, name: BlobName, data: bytes, now: datetime) -> None:
    """These bytes are here and have to go to central; nothing changes where that is known."""
    row = {**_key(name), "size_bytes": len(data), "made_at": now}
    connection.execute(insert(_blob).values(**row).on_conflict_do_nothing())


def adopt(connection: Connection, files: BlobFiles, now: datetime) -> int:
    """Make the rows that are lacking for records and files that are here; returns how many. A file that does not read is
    left for the doctor."""
    here = files.kept()
    if not here:
        return 0
    scopes: dict[str, set[str]] = {}
    for scope_id, photo in connection.execute(_PHOTOS):
        scopes.setdefault(photo, set()).add(scope_id)
    known = {_name(*row) for row in connection.execute(_KNOWN)}
    wanted = {BlobName(scope_id, *blob) for blob in here for scope_id in scopes.get(blob.photo, ())}
    made = 0
    for name in sorted(wanted - known):
        try:
            note(connection, name, files.read(name.blob), now)
        except Corrupt:
            continue
        made += 1
    return made


def due(
    connection: Connection, now: datetime, count: int, renditions: Collection[Rendition]
) -> list[Waiting]:
    """What may go now of these renditions, in the order in which it goes, at most so many."""
    columns = (_blob.c.scope_id, _blob.c.photo, _blob.c.rendition, _blob.c.size_bytes)
    next_at = _blob.c.next_attempt_at
    query = select(*columns, _blob.c.sent_bytes, _blob.c.failures, _SAID_THERE).where(
        _CAN_GO,
        _blob.c.rendition.in_(sorted(renditions)),
        or_(next_at.is_(None), next_at <= now, next_at > now + PAUSE_MAX),
    )
    rows = connection.execute(query.order_by(_TURN, _blob.c.made_at, _blob.c.photo).limit(count))
    return [Waiting(_name(*row[:3]), *row[3:]) for row in rows]


def due_at(connection: Connection, renditions: Collection[Rendition]) -> datetime | None:
    """When the first of what may go is to be tried again; None where nothing may go. One that was never tried has been due
    for ever, whatever the clock said when it came here."""
    for_ever = literal(datetime.fromtimestamp(0, UTC), _blob.c.next_attempt_at.type)
    moment = func.min(func.coalesce(_blob.c.next_attempt_at, for_ever))
    query = select(moment).where(_CAN_GO, _blob.c.rendition.in_(sorted(renditions)))
    return connection.execute(query).scalar_one_or_none()


def left(connection: Connection) -> Left:
    """How much is still to go."""
    return Left(*connection.execute(_LEFT).one())


def is_all_handed_in(connection: Connection, epoch: str) -> bool:
    """Whether central, in the life that is known here, has the bytes of every photo whose record is not removed."""
    return not left(connection).photos and not unasked(connection, epoch, 1)


def unasked(connection: Connection, epoch: str, count: int) -> list[BlobName]:
    """What another life of central's had signed for, or a colleague had handed in then: whether this one has it is to be
    asked. Only what is here can be sent again; what is not is not asked about."""
    query = select(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition).where(
        _blob.c.state == BlobState.TAKEN, _blob.c.epoch != epoch, exists().where(_ITS_RECORD), _IS_GRANTED
    )
    return [_name(*row) for row in connection.execute(query.order_by(_blob.c.made_at).limit(count))]


def failures(connection: Connection, name: BlobName) -> int:
    """How often in a row it has failed."""
    query = select(_blob.c.failures).where(
        *(_blob.c[column] == value for column, value in _key(name).items())
    )
    return connection.execute(query).scalar_one_or_none() or 0


def came(connection: Connection, name: BlobName, data: bytes, now: datetime) -> None:
    """Central gave them out: they are here, and this laptop can hand them in again where central loses them."""
    note(connection, name, data, now)
    fresh = _blob.c.state == BlobState.PRUNED
    epoch = meta.get(connection, meta.EPOCH)
    known = {"state": BlobState.TAKEN.value, "epoch": epoch, "sent_bytes": len(data), "settled_at": now}
    statement = update(_blob).where(*(_blob.c[column] == value for column, value in _key(name).items()))
    connection.execute(statement.where(or_(fresh, _blob.c.receipt.is_(None))).values(**known))


def went(connection: Connection, name: BlobName, sent_bytes: int) -> None:
    """Central holds so many bytes of it."""
    _set(connection, [name], sent_bytes=sent_bytes, failures=0, next_attempt_at=None, why=None)


def failed(
    connection: Connection, name: BlobName, until: datetime, why: str, sent_bytes: int | None = None
) -> None:
    """It is tried again then; `sent_bytes` where central has said how much it holds."""
    held = {} if sent_bytes is None else {"sent_bytes": sent_bytes}
    _set(connection, [name], failures=_blob.c.failures + 1, next_attempt_at=until, why=why, **held)


def taken(connection: Connection, name: BlobName, told: BlobTaken) -> None:
    """Central has signed for it."""
    _set(
        connection, [name], state=BlobState.TAKEN.value, epoch=told.epoch, sent_bytes=_blob.c.size_bytes, failures=0,
        next_attempt_at=None, why=None, receipt=told.model_dump_json(exclude_defaults=True), settled_at=told.at,
    )  # fmt: skip


def asked(
    connection: Connection, names: Sequence[BlobName], lacking: Collection[BlobName], epoch: str
) -> None:
    """What central of this epoch said of `names`: what it lacks goes again from the start."""
    again, there = [one for one in names if one in lacking], [one for one in names if one not in lacking]
    _set(connection, there, epoch=epoch)
    _set(
        connection,
        again,
        state=BlobState.WAITING.value,
        epoch=epoch,
        sent_bytes=0,
        receipt=None,
        settled_at=None,
    )


def settled(connection: Connection) -> dict[Blob, datetime]:
    """What central, in the life that is known here, has of every project that needs it, and when it signed for it last."""
    newest, epoch = func.max(_blob.c.settled_at), meta.get(connection, meta.EPOCH)
    there = or_(
        _blob.c.state == BlobState.PRUNED,
        and_(_blob.c.state == BlobState.TAKEN, _blob.c.epoch == epoch, _IS_GRANTED),
    )
    query = select(_blob.c.photo, _blob.c.rendition, newest).group_by(_blob.c.photo, _blob.c.rendition)
    every = query.having(func.count() == func.count(case((there, 1))))
    return {Blob(photo, Rendition(rendition)): at for photo, rendition, at in connection.execute(every) if at}


def names_of(connection: Connection, blobs: Collection[Blob]) -> tuple[BlobName, ...]:
    """These bytes, of every project that needs them."""
    keys = [(blob.photo, blob.rendition.value) for blob in blobs]
    query = select(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition)
    rows = connection.execute(query.where(tuple_(_blob.c.photo, _blob.c.rendition).in_(keys)))
    return tuple(sorted(_name(*row) for row in rows))


def wanted(connection: Connection) -> dict[Blob, bool]:
    """What is to be here, and whether central has it for every project that needs it."""
    query = select(
        _blob.c.photo, _blob.c.rendition, func.count(case((_blob.c.state == BlobState.WAITING, 1)))
    )
    rows = connection.execute(
        query.where(_blob.c.state != BlobState.PRUNED, exists().where(_ITS_RECORD)).group_by(
            _blob.c.photo, _blob.c.rendition
        )
    )
    return {Blob(photo, Rendition(rendition)): not waiting for photo, rendition, waiting in rows}


def made_again(connection: Connection, blob: Blob, data: bytes) -> None:
    """A smaller size was made of the original once more: other bytes, of which central has none."""
    where = (
        _blob.c.photo == blob.photo,
        _blob.c.rendition == blob.rendition.value,
        _blob.c.state == BlobState.WAITING,
    )
    fresh = {"size_bytes": len(data), "sent_bytes": 0, "failures": 0}
    connection.execute(update(_blob).where(*where).values(**fresh, next_attempt_at=None, why=None))


def pruned(connection: Connection, names: Sequence[BlobName]) -> None:
    """They make room here; central has them."""
    _set(connection, names, state=BlobState.PRUNED.value)


def forget_pauses(connection: Connection) -> None:
    """Everything that waits may go at once."""
    waits = _blob.c.state == BlobState.WAITING
    connection.execute(update(_blob).where(waits).values(next_attempt_at=None, failures=0))


def _set(connection: Connection, names: Sequence[BlobName], **values: object) -> None:
    keys = [(name.scope_id, name.photo, name.rendition.value) for name in names]
    where = tuple_(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition).in_(keys)
    if keys:
        connection.execute(update(_blob).where(where).values(**values))


def _key(name: BlobName) -> dict[str, str]:
    return {"scope_id": name.scope_id, "photo": name.photo, "rendition": name.rendition.value}


def _name(scope_id: str, photo: str, rendition: str) -> BlobName:
    return BlobName(scope_id, photo, Rendition(rendition))

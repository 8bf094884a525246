"""What a doctor can tell of one laptop without a line: pages, records, queue, journal, receipts. Looks at everything and
changes nothing but what it sets aside: a record that cannot be read any more, for which nothing made here waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, select

from bravetui.auth.grant import Life
from bravetui.auth.signing import signed_by
from bravetui.base.errors import BravetuiError
from bravetui.base.files import replace_file
from bravetui.base.text import counted
from bravetui.db import meta
from bravetui.db.blob_check import check_photos
from bravetui.db.damage import check_pages
from bravetui.db.device import AT_REST, Outbox, OutboxState, Receipt
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.mirror import MIRRORED_PHOTOS
from bravetui.db.records import load, rows_of, stored_from_row
from bravetui.db.recover import dot_in
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.sync.situation import has_history_left
from bravetui.views.photos import ID_SHOWN, photos
from bravetui.views.sign_in import sign_in
from bravetui.wire.blobs import Rendition
from bravetui.wire.change import Change
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import is_genuine
from bravetui.wiring.folder import mirror_of

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]


CLOCK_BEHIND_MAX_S = 300
"""Seconds by which a clock may lag behind what this laptop has seen; more is said."""


class Health(StrEnum):
    """How a part was found."""

    SOUND = "sound"
    MENDED = "mended"
    """It was not, and is now."""
    LOOK = "look"
    """A person has to do something."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, how it is, and what to do."""

    part: str
    health: Health
    words: str
    todo: str = ""


def check_up(store: Store) -> Iterator[Finding]:
    """Look at one part after the other; a part that cannot be looked at does not keep the others from it."""
    for part, look in _PARTS.items():
        try:
            yield look(store)
        except BravetuiError as error:
            yield Finding(part, Health.UNKNOWN, error.what, error.todo)
        except Exception as error:  # noqa: BLE001 - whatever lies in a damaged table, the other parts are looked at
            yield unforeseen(part, error)


def unforeseen(part: str, error: Exception) -> Finding:
    """A part whose looking ended in what nobody thought of."""
    words = f"it could not be looked at ({type(error).__name__})"
    return Finding(
        part, Health.UNKNOWN, words, "Nothing of yours was touched. Call support; keep this laptop as it is."
    )


def _database(store: Store) -> Finding:
    found = check_pages(store.engine)
    if not found:
        return Finding("database", Health.SOUND, "every page reads back as it was written")
    todo = "Close every window of the program and start it again: it sets the damage aside and rebuilds what it held."
    return Finding("database", Health.LOOK, found[0], todo)


def _records(store: Store) -> Finding:
    count, aside, kept = 0, 0, 0
    with store.maintain() as connection:
        for kind in KINDS.values():
            ids = connection.exec_driver_sql(f"SELECT scope_id, id FROM {kind.table.name}").all()
            count += len(ids)
            bad = [key for key in ids if not _reads(connection, kind, *key)]
            done = sum(_set_aside(store, connection, kind, *key) for key in bad)
            aside, kept = aside + done, kept + len(bad) - done
    mended = f"{aside} of {count:,} could not be read; they were set aside and are fetched from central"
    if kept:
        words = f"{kept} of {count:,} cannot be read and hold work that is not handed in: left as they lie"
        todo = "The work itself is whole in the queue. Hand it in (bravetui sync), then run this again."
        return Finding("records", Health.LOOK, f"{words}; {mended}" if aside else words, todo)
    return Finding("records", *((Health.MENDED, mended) if aside else (Health.SOUND, f"{count:,} read")))


def _reads(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> bool:
    one = select(kind.table).where(kind.table.c.scope_id == scope_id, kind.table.c.id == record_id)
    try:
        for row in rows_of(connection, one):
            stored_from_row(kind, row)
    except BravetuiError:
        return False
    return True


def _set_aside(store: Store, connection: Connection, kind: Kind, scope_id: str, record_id: str) -> bool:
    """Write the row as it lies there into a file, and make room for central's; not while work on it waits here."""
    waits = select(func.count()).where(
        _outbox.c.scope_id == scope_id, _outbox.c.kind == kind.name, _outbox.c.record_id == record_id,
        _outbox.c.state != OutboxState.CONFIRMED,
    )  # fmt: skip
    if connection.execute(waits).scalar_one():
        return False
    place = f"FROM {kind.table.name} WHERE scope_id = ? AND id = ?"
    row = connection.exec_driver_sql(f"SELECT * {place}", (scope_id, record_id)).mappings().one()
    aside = store.folder / "set-aside"
    aside.mkdir(mode=0o700, exist_ok=True)
    replace_file(aside / f"{kind.name}-{record_id}.json", json.dumps(dict(row), default=repr).encode())
    connection.exec_driver_sql(f"DELETE {place}", (scope_id, record_id))
    return True


def _queue(store: Store) -> Finding:
    """Every change of this laptop's own reads, bears its hash, and is a part of its record."""
    with store.read() as connection:
        rows = connection.execute(select(_outbox).where(_outbox.c.state.not_in(AT_REST))).all()
        wrong = [f"{row.device}.{row.counter}" for row in rows if not _adds_up(connection, row)]
        ahead = max((row.counter for row in rows), default=0) > meta.get_counter(connection)
    if wrong or ahead:
        words = f"{len(wrong)} of {len(rows)} changes do not add up: {', '.join(wrong[:5])}"
        todo = "Nothing was touched. Make a rescue bundle (bravetui rescue export DIR) and call support."
        return Finding("queue", Health.LOOK, words, todo)
    return Finding(
        "queue",
        Health.SOUND,
        f"{counted(len(rows), 'change')} waiting, each whole" if rows else "nothing waits",
    )


def _adds_up(connection: Connection, row: Row[Any]) -> bool:
    try:
        change = Change.model_validate_json(row.body)
    except ValidationError:
        return False
    kind = KINDS.get(change.kind)
    if change.dot != Dot(row.device, row.counter) or change.hash != row.hash:
        return False
    if kind is None:
        return True
    if not _reads(connection, kind, change.scope_id, change.record_id):
        return True  # the record's own part says so; the change is whole
    stored = load(connection, kind, change.scope_id, change.record_id)
    return stored is not None and stored.state.version.covers([change.dot])


def _journal(store: Store) -> Finding:
    """The second copy of all that central has not confirmed."""
    with store.maintain() as connection:  # nobody appends meanwhile
        frames = {dot_in(frame) for frame in store.journal.frames()}
        query = select(_outbox.c.device, _outbox.c.counter).where(_outbox.c.state != OutboxState.CONFIRMED)
        lacking = [dot for dot in connection.execute(query) if Dot(*dot) not in frames]
    if lacking:
        todo = "Close every window of the program and start it again: it writes the journal anew from the database."
        return Finding("journal", Health.LOOK, f"it lacks {counted(len(lacking), 'change')}", todo)
    return Finding("journal", Health.SOUND, "it holds every change that central has not confirmed")


def _photos(store: Store) -> Finding:
    """The bytes of every photo that are to be here."""
    card = mirror_of(store.folder)
    on_card = store.photos.elsewhere(card / MIRRORED_PHOTOS) if card is not None else None
    checked = check_photos(store, _remade, on_card)
    mended = [
        f"{counted(checked.mended, 'file')} written again" * bool(checked.mended),
        f"{counted(checked.at_central, 'file')} set aside, which central has" * bool(checked.at_central),
    ]
    if checked.lost:
        lost = {blob.photo for blob in checked.lost}
        named = ", ".join(row.id[:ID_SHOWN] for row in photos(store) if row.sha256 in lost)
        words = f"{counted(len(checked.lost), 'file')} only here cannot be read, of the photos {named}"
        todo = "See which (bravetui photo list), and add them again from the phone or camera. Nothing was deleted."
        return Finding("photos", Health.LOOK, words, todo)
    if any(mended):
        return Finding("photos", Health.MENDED, "; ".join(words for words in mended if words))
    told = f"{counted(checked.whole, 'file')}, each whole" if checked.whole else "none is kept here"
    return Finding("photos", Health.SOUND, told)


def _remade(original: bytes) -> dict[Rendition, bytes]:
    from bravetui.pictures.opening import open_picture

    picture = open_picture(original)
    return {Rendition.THUMBNAIL: picture.thumbnail, Rendition.PREVIEW: picture.preview}


def _receipts_of(store: Store) -> Finding:
    with store.read() as connection:
        bodies = connection.execute(select(_receipts.c.body)).scalars().all()
        query = select(func.count()).where(
            _outbox.c.state.in_((OutboxState.APPLIED, OutboxState.CONFIRMED)), _outbox.c.verdict.is_(None)
        )
        without = connection.execute(query).scalar_one()
    forged = sum(not _is_centrals(body, store.identity.central_key) for body in bodies)
    if forged or without:
        words = f"{forged} of {len(bodies)} are not central's, {without} changes count as taken without one"
        return Finding(
            "receipts", Health.LOOK, words, "Nothing was touched. Call support; keep this laptop as it is."
        )
    return Finding("receipts", Health.SOUND, f"{len(bodies)} kept, each signed by central")


def _is_centrals(body: str, key: str) -> bool:
    try:
        return is_genuine(Verdict.model_validate_json(body), signed_by(key))
    except ValidationError:
        return False


def _reserve(store: Store) -> Finding:
    if store.ballast.is_reserved:
        return Finding("reserve", Health.SOUND, "room is kept for the day when the disk is full")
    if store.ballast.restore_if_room():
        return Finding("reserve", Health.MENDED, "room is kept again for the day when the disk is full")
    return Finding(
        "reserve", Health.LOOK, "the disk is nearly full and no room is kept", "Free 150 MB on this disk."
    )


def _sign_in(store: Store) -> Finding:
    """Judged by the time that has certainly passed: a clock set back makes no old sign-in good."""
    stands = sign_in(store)
    health = Health.SOUND if stands.state == Life.FRESH else Health.LOOK
    return Finding("sign-in", health, stands.words, stands.todo)


def _clock(store: Store) -> Finding:
    with store.read() as connection:
        last, stamp = meta.get_moment(connection, meta.LAST_CONTACT_AT), meta.get_hlc(connection)
    now = store.clock.now()
    behind_s = max(stamp.wall_ms / 1000, last.timestamp() if last else 0) - now.timestamp()
    if behind_s > CLOCK_BEHIND_MAX_S:
        words = f"this laptop's clock says {now:%Y-%m-%d %H:%M} UTC, earlier than what it has already seen"
        return Finding(
            "clock", Health.LOOK, words, "Set date and time. What was recorded keeps its order regardless."
        )
    if words := sign_in(store).clock_words:
        return Finding("clock", Health.LOOK, words)
    return Finding("clock", Health.SOUND, f"{now:%Y-%m-%d %H:%M} UTC")


def not_fetched(store: Store) -> Iterator[Finding]:
    """Nothing of central's has come into this database, or not all: it is new, or was begun anew for a damaged one."""
    with store.read() as connection:
        contact, left = meta.get_moment(connection, meta.LAST_CONTACT_AT), has_history_left(connection)
    if contact is None or left:
        words = "what central has was not fetched into this database, or not all of it"
        yield Finding("central", Health.LOOK, words, "When there is a line: bravetui sync --once.")


_PARTS: dict[str, Callable[[Store], Finding]] = {
    "database": _database, "records": _records, "queue": _queue, "journal": _journal, "photos": _photos,
    "receipts": _receipts_of, "reserve": _reserve, "sign-in": _sign_in, "clock": _clock,
}  # fmt: skip

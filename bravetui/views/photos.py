"""Photos as people see them: what each shows, what it belongs to, and where its bytes are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text
from sqlalchemy import Connection, RowMapping, false, func, select

from bravetui.base.errors import BadInput, Corrupt
from bravetui.base.text import safe_line
from bravetui.db.device import BlobProgress, BlobState
from bravetui.db.kinds import KINDS
from bravetui.db.site import EDITABLE
from bravetui.db.store import Store
from bravetui.views.occasion import titled
from bravetui.views.words import named_by
from bravetui.wire.blobs import RENDITIONS, Blob, Rendition

CAPTION_MAX = 200
ID_SHOWN = 13
"""Characters of an id that are shown: milliseconds of its making, which tell one from another."""
OWNERS = ("submission", "violation", "corrective_action", "daily_log", "delivery", "inspector_visit")
"""Kinds of record that photos are taken for."""
TARGETS_MAX = 100
"""Of each kind, the newest."""

_photo = KINDS["photo"].table
_blob = BlobProgress.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo."""

    id: str
    scope_id: str
    sha256: str
    caption: str
    """Safe to show; empty where nobody said anything."""
    taken_at: datetime | None
    owner_kind: str
    owner_id: str
    owner: str
    """What it belongs to, in words."""
    size_bytes: int
    width: int | None
    height: int | None
    here: frozenset[Rendition]
    """The sizes of which this laptop has the bytes."""
    at_central: frozenset[Rendition]
    """The sizes that central has, as far as this laptop knows."""
    why: str | None
    """Why its bytes wait; None where nothing holds them."""

    @property
    def is_at_central(self) -> bool:
        """Whether central has it in full."""
        return Rendition.ORIGINAL in self.at_central


@dataclass(frozen=True, slots=True)
class Tally:
    """So many photos."""

    photos: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Target:
    """A record that a photo can be added to."""

    scope_id: str
    kind: str
    record_id: str
    words: str


def photos(
    store: Store, scope_id: str = "", owner: tuple[str, str] | None = None, limit: int | None = None
) -> tuple[PhotoRow, ...]:
    """The photos of a project, newest first, or of all, or those of one record (kind, id)."""
    query = select(_photo).where(_photo.c.deleted.is_(False))
    if scope_id:
        query = query.where(_photo.c.scope_id == scope_id)
    if owner is not None:
        query = query.where(_photo.c.owner_kind == owner[0], _photo.c.owner_id == owner[1])
    here = store.photos.kept()
    with store.look() as connection:
        progress = _progress(connection)
        rows = connection.execute(query.order_by(_photo.c.taken_at.desc(), _photo.c.id).limit(limit)).all()
        return tuple(
            PhotoRow(
                id=row.id, scope_id=row.scope_id, sha256=row.sha256, caption=safe_line(row.caption or "", CAPTION_MAX),
                taken_at=row.taken_at, owner_kind=row.owner_kind, owner_id=row.owner_id,
                owner=named_by(titled, connection, row.owner_kind, row.scope_id, row.owner_id),
                size_bytes=row.size_bytes or 0, width=row.width, height=row.height,
                here=frozenset(one for one in RENDITIONS if Blob(row.sha256, one) in here),
                at_central=_at_central(row.blob_state, progress[row.scope_id, row.sha256]),
                why=_why(progress[row.scope_id, row.sha256]),
            )
            for row in rows
        )  # fmt: skip


def tally(store: Store, scope_id: str, owner: tuple[str, str] | None = None) -> Tally:
    """How many photos a project has, or one record, and how much that is."""
    with store.look() as connection:
        return tally_of(connection, scope_id, owner)


def tally_of(connection: Connection, scope_id: str, owner: tuple[str, str] | None = None) -> Tally:
    """`tally` inside a look that is open already."""
    query = select(func.count(), func.coalesce(func.sum(_photo.c.size_bytes), 0))
    query = query.where(_photo.c.scope_id == scope_id, _photo.c.deleted.is_(False))
    if owner is not None:
        query = query.where(_photo.c.owner_kind == owner[0], _photo.c.owner_id == owner[1])
    return Tally(*connection.execute(query).one())


def photo(store: Store, photo_id: str) -> PhotoRow:
    """One photo by its id, or by the beginning of it. Raises BadInput where there is no such, or more than one."""
    query = select(_photo.c.scope_id, _photo.c.id).where(
        _photo.c.id.startswith(photo_id, autoescape=True), _photo.c.deleted.is_(False)
    )
    with store.look() as connection:
        found = connection.execute(query.limit(2)).all()
    if len(found) != 1 or not photo_id:
        raise BadInput(
            f"There is no one photo {safe_line(photo_id, 40)!r}.", "List them: bravetui photo list."
        )
    return next(one for one in photos(store, found[0].scope_id) if one.id == found[0].id)


def targets(store: Store) -> tuple[Target, ...]:
    """What a photo can be added to in this laptop's projects: this person's drafts first, then other records, the newest
    first in each."""
    found: list[tuple[bool, str, Target]] = []
    with store.look() as connection:
        for kind in map(KINDS.__getitem__, OWNERS):
            columns = [kind.table.c[name] for name in ("scope_id", "id")]
            query = select(*columns).where(kind.table.c.deleted.is_(False))
            if kind.name == "submission":
                query = query.where(kind.table.c.status.in_(sorted(EDITABLE)))
            own = kind.table.c.author_id == store.identity.user_id if kind.name == "submission" else false()
            newest = query.add_columns(own.label("own")).order_by(kind.table.c.id.desc()).limit(TARGETS_MAX)
            for row in connection.execute(newest):
                words = titled(connection, kind, row.scope_id, row.id)
                found.append((bool(row.own), row.id, Target(row.scope_id, kind.name, row.id, words)))
    return tuple(one for *_, one in sorted(found, key=lambda told: told[:2], reverse=True))


def target(store: Store, record_id: str) -> Target:
    """The record that an id, or the beginning of one, names; with none, this person's newest draft. Raises BadInput."""
    every = targets(store)
    found = [one for one in every if one.record_id.startswith(record_id)] if record_id else list(every[:1])
    if record_id and len(found) != 1:
        raise BadInput(
            f"There is no one record {safe_line(record_id, 40)!r} that a photo can be added to.",
            "List them: bravetui photo list --records.",
        )
    if not found or (not record_id and found[0].kind != "submission"):
        raise BadInput(
            "You have no form under way to add the photo to.",
            "Begin one in the app, or name a record: --for ID (bravetui photo list --records).",
        )
    return found[0]


def smallest_here(store: Store, row: PhotoRow) -> bytes | None:
    """The bytes of the thumbnail; None where they are not here or do not read."""
    try:
        return (
            store.photos.read(Blob(row.sha256, Rendition.THUMBNAIL))
            if Rendition.THUMBNAIL in row.here
            else None
        )
    except Corrupt:
        return None


def in_blocks(store: Store, row: PhotoRow, columns: int, rows: int) -> Text | None:
    """The picture as half blocks; None where its thumbnail is not here or does not read."""
    from bravetui.pictures.blocks import half_blocks

    data = smallest_here(store, row)
    try:
        return half_blocks(data, columns, rows) if data is not None else None
    except BadInput:
        return None


def to_fetch(row: PhotoRow) -> Rendition | None:
    """What central has and this laptop has not: the thumbnail, by which it can be shown here, then the best there is."""
    if row.at_central and Rendition.THUMBNAIL not in row.here:
        return Rendition.THUMBNAIL
    best = max(row.at_central, key=RENDITIONS.index, default=None)
    return best if best not in row.here else None


def where_words(row: PhotoRow) -> str:
    """Where its bytes are, for a person."""
    if row.is_at_central and Rendition.ORIGINAL not in row.here:
        return "at central, small picture here" if row.here else "at central, not fetched yet"
    if row.is_at_central:
        return "at central"
    if row.at_central:
        return "small picture at central, the rest to go" if row.here else "only small at central yet"
    return "only on this laptop" if row.here else "not come in yet"


def _progress(connection: Connection) -> defaultdict[tuple[str, str], list[RowMapping]]:
    found: defaultdict[tuple[str, str], list[RowMapping]] = defaultdict(list)
    columns = (_blob.c.scope_id, _blob.c.photo, _blob.c.rendition, _blob.c.state, _blob.c.why)
    for row in connection.execute(select(*columns)).mappings():
        found[row["scope_id"], row["photo"]].append(row)
    return found


def _why(progress: list[RowMapping]) -> str | None:
    return next((safe_line(one["why"], CAPTION_MAX) for one in progress if one["why"]), None)


def _at_central(blob_state: str, progress: list[RowMapping]) -> frozenset[Rendition]:
    """By central's word in the record, and by its receipts here, which come sooner."""
    signed = {Rendition(one["rendition"]) for one in progress if one["state"] != BlobState.WAITING}
    best = [one for one in RENDITIONS if one.value == blob_state]
    return frozenset(signed | set(best))

"""What central has of a photo's bytes, said in the photo's own records: by that everybody's laptop learns what to fetch."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import SQLAlchemyError, StatementError

from bravetui.central.desk import Desk
from bravetui.central.refusals import is_sick
from bravetui.central.shelf import Shelf
from bravetui.central.tables import BLOBS
from bravetui.central.taking import AUTHOR, Taking
from bravetui.central.tenants import tenant
from bravetui.db.kinds import KINDS
from bravetui.wire.blobs import RENDITIONS, BlobName, Rendition

log = logging.getLogger(__name__)

_PHOTO = KINDS["photo"]
_there = _PHOTO.table.c

# Built once: building a statement costs more than running it.
_RECORDS = (
    select(_there.id, _there.blob_state)
    .where(_there.scope_id == bindparam("scope"), _there.sha256 == bindparam("photo"))
    .order_by(_there.id)
)
_ANY_RECORD = _RECORDS.limit(1)
_HERE = select(BLOBS.c.rendition).where(
    BLOBS.c.scope_id == bindparam("scope"),
    BLOBS.c.photo == bindparam("photo"),
    BLOBS.c.complete_at.is_not(None),
)


def is_recorded(connection: Connection, name: BlobName) -> bool:
    """Whether the scope has a record of the photo. One that was deleted counts: a deletion can be taken back, and its bytes
    may be the only ones."""
    asked = {"scope": name.scope_id, "photo": name.photo}
    return connection.execute(_ANY_RECORD, asked).first() is not None


def tell(desk: Desk, organization_id: str, name: BlobName) -> None:
    """Write into every record of the photo which size of it is here, the best that is complete, where it does not say so.

    A change of central's own, in a transaction of its own: a scope that is busy costs no bytes that have come. A record that
    breaks the program, or that the database chokes on, costs its picture nothing. Other trouble of the database is raised.
    """
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        if not _untold(connection, name)[1]:
            return
    try:
        _write(desk, organization_id, name)
    except Exception as error:
        if isinstance(error, SQLAlchemyError) and not (isinstance(error, StatementError) and is_sick(error)):
            raise
        log.exception("the records of a photo in scope %s do not say what is here of it", name.scope_id)


def _write(desk: Desk, organization_id: str, name: BlobName) -> None:
    scope_id = name.scope_id
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        shelf = Shelf(connection, {scope_id: organization_id})
        taking = Taking(connection, desk.sign, desk.epoch, desk.now, shelf)
        taking.hold([scope_id])
        best, ids = _untold(connection, name)  # as it is once nobody else moves the scope
        if not ids:
            return
        taking.reserve(len(ids))
        shelf.fetch_records((scope_id, _PHOTO.name, one, {}) for one in ids)
        for one in ids:
            target = (scope_id, _PHOTO.name, one)
            shelf.release(target)  # what waits for others says nothing of bytes
            taking.author(target, {"blob_state": best}, AUTHOR)
        taking.finish()


def _untold(connection: Connection, name: BlobName) -> tuple[str, list[str]]:
    """The best size that is here, and the records that say something else."""
    asked = {"scope": name.scope_id, "photo": name.photo}
    here = {Rendition(row.rendition) for row in connection.execute(_HERE, asked)}
    if not here:
        return "", []
    best = max(here, key=RENDITIONS.index).value
    rows = connection.execute(_RECORDS, asked)
    return best, [row.id for row in rows if row.blob_state != best]

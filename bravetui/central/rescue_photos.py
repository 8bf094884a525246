"""Photo bytes that came in a rescue bundle: taken by `blobs`, as their laptop would have handed them in over a line.

Whose rights count is the maker's, whoever carries the file. What cannot be taken is counted by its reason, and never named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput, Refused, Transient
from bravetui.base.text import counted
from bravetui.central.access import Access
from bravetui.central.blob_faults import RECORD_FIRST, NotThere, WrongBytes, WrongOffset
from bravetui.central.blobs import Announced, begin, check_may_write, go_on
from bravetui.central.desk import Desk
from bravetui.central.tenants import tenant
from bravetui.db.kinds import KINDS
from bravetui.wire.blobs import BYTES_MAX, PART_BYTES_MAX, BlobName, Rendition
from bravetui.wire.photo_pieces import BLOBS_MAX, CarriedBlob, unpack_blob

_photo = KINDS["photo"].table
_TRIES = 3


@dataclass
class PhotosTaken:
    """What became of the photos of one bundle."""

    there: Counter[Rendition] = field(default_factory=Counter)
    """Photos that central has now in that size, of every project that they are for."""
    left: Counter[str] = field(default_factory=Counter)
    """Those that it has not, by the code of the reason."""

    @property
    def counts(self) -> dict[str, int]:
        """As the carrier hears it."""
        return {rendition.value: self.there[rendition] for rendition in Rendition if self.there[rendition]}

    @property
    def why(self) -> str:
        """Why the bundle is kept; empty where all of it was taken."""
        if not self.left:
            return ""
        count, every = self.left.total(), self.left.total() + self.there.total()
        words = counted(every, "file") + " of photos"
        return f"{count} of its {words} were not taken: {', '.join(sorted(self.left))}"


def read_photos(pieces: Iterable[bytes]) -> list[tuple[CarriedBlob, bytes]]:
    """What a bundle holds. Raises BadInput for more than a bundle may hold, and for what is no photo."""
    found = [unpack_blob(piece) for piece in pieces]
    if len(found) > BLOBS_MAX:
        raise BadInput(
            f"The bundle holds more than {BLOBS_MAX} files of photos.",
            "Make it again with `bravetui rescue export`.",
        )
    return found


def take_photos(desk: Desk, access: Access, photos: Iterable[tuple[CarriedBlob, bytes]]) -> PhotosTaken:
    """Take them; what is there already is left as it is."""
    taken = PhotosTaken()
    for told, data in photos:
        code = _take(desk, access, told, data)
        if code:
            taken.left[code] += 1
        else:
            taken.there[told.rendition] += 1
    return taken


def _take(desk: Desk, access: Access, told: CarriedBlob, data: bytes) -> str:
    """Why it was not taken for every project that needs it; empty where it was."""
    if not data or len(data) > BYTES_MAX[told.rendition]:
        return "too_large" if data else "wrong_bytes"
    if told.rendition is Rendition.ORIGINAL and sha256_hex(data) != told.photo:
        return "wrong_bytes"
    scopes, code = told.scopes or _recorded_in(desk, access, told), ""
    if not scopes:
        return RECORD_FIRST
    for scope_id in scopes:
        try:
            name = BlobName(scope_id, *told.blob)
            check_may_write(access, name)
            _hand_in(desk, access, name, data)
        except Refused as error:
            code = error.code
    return code


def _recorded_in(desk: Desk, access: Access, told: CarriedBlob) -> Sequence[str]:
    """The projects that have the photo, of those that its maker may write to."""
    may = sorted(set(access.scopes) - access.reading_only)
    query = select(_photo.c.scope_id).where(_photo.c.sha256 == told.photo, _photo.c.scope_id.in_(may))
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        return connection.execute(query.distinct().order_by(_photo.c.scope_id)).scalars().all()


def _hand_in(desk: Desk, access: Access, name: BlobName, data: bytes) -> None:
    """All of it, behind what is there of it from before. Anew, where that was not what it said, or where the laptop itself
    is handing it in just now. Raises RecordFirst, and Transient after a few of those."""
    for _ in range(_TRIES):
        try:
            stand = begin(desk, access, name, Announced(sha256_hex(data), len(data)), data[:PART_BYTES_MAX])
            while not stand.receipt:
                part = data[stand.received : stand.received + PART_BYTES_MAX]
                stand = go_on(desk, access, name, stand.received, part)
        except (WrongBytes, WrongOffset, NotThere):
            continue
        return
    raise Transient("The same photo is being handed in just now.", "Send the bundle again in a moment.")

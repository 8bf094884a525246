"""Takes rescue bundles: proves whose they are, opens them, and hands what is in them to the same push path as any line.

What is not taken whole is kept, still sealed, with a sentence for a manager: a bundle may be the only copy of somebody's
work. Its carrier hears counts and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bravetui.auth.bundle import Bundle, read_bundle
from bravetui.auth.locks import Lock
from bravetui.base.errors import BadInput, BravetuiError, NeedsSignIn
from bravetui.base.text import safe_line
from bravetui.central.access import Access, access_of
from bravetui.central.callers import Caller
from bravetui.central.desk import Desk
from bravetui.central.incoming import Incoming, read
from bravetui.central.rescue_photos import read_photos, take_photos
from bravetui.central.service import Central
from bravetui.central.state import State, arrive
from bravetui.central.tables import DEVICES, KEPT_BUNDLES, TWINS
from bravetui.central.tenants import operator, stranger, tenant
from bravetui.db.moves import Moves, RecordKey, moves_of, record_of
from bravetui.db.requests import requests_of
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.codec import TooLarge, encode, unpack, values_in
from bravetui.wire.messages import PROTOCOL, Delivered, Outcome, Verdict
from bravetui.wire.photo_pieces import HOLDS_PHOTOS
from bravetui.wire.receipt import sign

NOT_TAKEN = (Outcome.REFUSED, Outcome.TWIN)
"""Outcomes after which the bundle may hold the only copy."""


ROOM_BYTES_MAX = 256 * 1024 * 1024
"""Of what a bundle holds, unpacked, where it comes over a line: all of it is read before any is taken, and any laptop may
carry one, so that a few kilobytes could stand for gigabytes (CWE-409)."""
VALUE_BYTES = 64
"""What a value takes beside its text."""

KEPT_MAX = 50
"""Bundles that wait at a time for one carrier, so that nobody can fill central's disk."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a bundle."""

    delivered: Delivered
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Maker:
    """The laptop that made the bundle, proven by its signature."""

    organization_id: str
    numbers: frozenset[int]
    """Its own, and those that it had as a copy of another."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of what is in a bundle."""

    why: str = ""
    """Why it is kept; empty where all of it was taken."""
    verdicts: tuple[Verdict, ...] = ()
    photos: Mapping[str, int] = field(default_factory=dict)
    epoch: str = ""


_Take = Callable[[Central, Bundle, _Maker, datetime], _Done]


class _Kept(BravetuiError):
    """Nothing of the bundle was tried, and why."""


def take_bundle(
    central: Central,
    file: bytes,
    carried_by: Caller | None = None,
    *,
    vouched: bool = False,
    locks: Sequence[Lock] = (),
) -> Taken:
    """Take a bundle. `vouched`: a manager answers for a laptop that was revoked. `locks` beside central's own.

    Raises BadInput for bytes that are none, WrongKey for one that central cannot open: those stay with who has them.
    """
    bundle, now = read_bundle(file), central.clock.now()
    if bundle.holds not in ("", HOLDS_PHOTOS):
        raise BadInput(
            "The bundle was made by a newer program than central's.", "Update central, and try again."
        )
    sealed = bundle.opened((central.keys.recovery, *locks))
    take = _taking_photos(sealed) if bundle.holds else _taking_changes(sealed, by_line=carried_by is not None)
    done, maker = _Done(), None
    try:
        maker = _proven(central, bundle, vouched)
        done = take(central, bundle, maker, now)
    except _Kept as error:
        done = _Done(why=str(error))
    if done.why or maker is None:
        _keep(central, bundle, file, done.why, carried_by, now)
    else:
        _settle(central, bundle, maker, now)
    outcomes = Counter(verdict.outcome for verdict in done.verdicts)
    told = Delivered(
        bundle=bundle.digest, device=bundle.device, kept=bool(done.why), why=done.why, at=now, photos=dict(done.photos),
        outcomes={outcome.value: count for outcome, count in sorted(outcomes.items())}, epoch=done.epoch,
    )  # fmt: skip
    return Taken(sign(told, central.keys.sign), done.verdicts)


def _taking_changes(sealed: Sequence[bytes], *, by_line: bool) -> _Take:
    """Takes the requests of a bundle, all of which are read first."""
    pieces = list(_pieces(sealed, by_line=by_line))

    def take(central: Central, bundle: Bundle, maker: _Maker, now: datetime) -> _Done:
        epoch = _arrived(central, bundle.device, maker, now)[1].epoch if bundle.is_one_of_many else ""
        verdicts = _hand_in_all(central, bundle, maker, pieces, now)
        left = sum(verdict.outcome in NOT_TAKEN for verdict in verdicts)
        why = f"{left} of its {len(verdicts)} changes were not taken: {_reasons(verdicts)}" if left else ""
        return _Done(why, tuple(verdicts), epoch=epoch)

    return take


def _taking_photos(sealed: Sequence[bytes]) -> _Take:
    """Takes the photos of a bundle, all of which are read first."""
    photos = read_photos(sealed)

    def take(central: Central, bundle: Bundle, maker: _Maker, now: datetime) -> _Done:
        access, state = _arrived(central, bundle.device, maker, now)
        taken = take_photos(Desk(central.engine, central.keys.sign, state.epoch, now), access, photos)
        return _Done(taken.why, photos=taken.counts, epoch=state.epoch)

    return take


def kept_bundles(central: Central) -> Sequence[Row[Any]]:
    """Bundles that wait for a manager, oldest first: digest, device, why, received_at."""
    columns = (KEPT_BUNDLES.c.digest, KEPT_BUNDLES.c.device, KEPT_BUNDLES.c.why, KEPT_BUNDLES.c.received_at)
    query = select(*columns).where(KEPT_BUNDLES.c.settled_at.is_(None)).order_by(KEPT_BUNDLES.c.received_at)
    with central.engine.connect() as connection:
        operator(connection)
        return list(connection.execute(query))


def kept_file(central: Central, digest: str) -> bytes:
    """The file of a bundle that waits, by the beginning of its SHA-256. Raises BadInput."""
    query = (
        select(KEPT_BUNDLES.c.file).where(KEPT_BUNDLES.c.digest.startswith(digest, autoescape=True)).limit(2)
    )
    with central.engine.connect() as connection:
        operator(connection)
        found = connection.execute(query).scalars().all()
    if len(found) != 1 or not digest:
        raise BadInput(
            f"There is no one kept bundle {safe_line(digest, 70)!r}.", "List them: bravetui central import."
        )
    return bytes(found[0])


def _pieces(packed: Iterable[bytes], *, by_line: bool) -> Iterator[Incoming]:
    left = ROOM_BYTES_MAX
    for piece in packed:
        raw = unpack(piece, "zstd")
        left -= len(raw) + VALUE_BYTES * values_in(raw)
        if by_line and left < 0:
            raise TooLarge(
                "The bundle takes more room than central gives one that comes over a line.",
                "Bring the file to the office, which imports it on central's machine.",
            )
        yield _read(raw)


def _read(raw: bytes) -> Incoming:
    incoming = read(raw, "")
    if incoming.request.protocol > PROTOCOL:
        raise BadInput(
            "The bundle was made by a newer program than central's.", "Update central, and try again."
        )
    if incoming.edited:
        raise BadInput(
            "The bundle holds changes that are not whole.", "Make it again with `bravetui rescue export`."
        )
    return incoming


def _proven(central: Central, bundle: Bundle, vouched: bool) -> _Maker:
    """Who made the bundle. His key shows it as it shows who sends a request, whoever carries the file."""
    with central.engine.connect() as connection:
        stranger(connection)
        key = connection.execute(select(func.central_key_of(bundle.device))).scalar_one_or_none()
        if key is None:
            raise _Kept(
                f"Central does not know laptop {bundle.device}.",
                "If central was restored from a backup, enrol the laptop again and import the bundle then.",
            )
        try:
            bundle.check_signature(key)
        except BadInput:
            raise _Kept(
                f"The bundle says that it is from laptop {bundle.device}, and is not signed by it.",
                "Ask whoever brought it where it comes from.",
            ) from None
        stranger(connection, key)
        row = connection.execute(select(DEVICES).where(DEVICES.c.number == bundle.device)).one()
        if row.revoked_at is not None and not vouched:
            raise _Kept(
                f"Laptop {bundle.device} has been revoked.",
                "A manager who answers for it imports the bundle on central's machine with --vouch.",
            )
        same = select(DEVICES.c.number).where(DEVICES.c.public_key == key)
        return _Maker(row.organization_id, frozenset(connection.execute(same).scalars()))


def _hand_in_all(
    central: Central, bundle: Bundle, maker: _Maker, pieces: Sequence[Incoming], now: datetime
) -> list[Verdict]:
    """Every request of the bundle. Where a copy of its laptop has used the numbers of its changes for other work, they go on
    under a number of their own, as their laptop would have gone on if it could."""
    verdicts: list[Verdict] = []
    left = list(pieces)
    while left:
        incoming = left.pop(0)
        told, own_number = _hand_in(central, bundle, maker, incoming, now)
        if own_number is None:
            verdicts += [one for one in told if one.outcome is not Outcome.TWIN]
        else:
            # All of it goes once more, so that each change is told of once; but for what could not be read.
            unread = {one.dot for one in incoming.broken}
            verdicts += [one for one in told if one.dot in unread]
            strange = min(one.dot for one in told if one.outcome is Outcome.TWIN)
            strange, number = _goes_on(central, bundle, maker, strange, own_number)
            maker = replace(maker, numbers=maker.numbers | {number})
            left = _moved([incoming, *left], strange, number, now)
    return verdicts


def _goes_on(central: Central, bundle: Bundle, maker: _Maker, strange: Dot, number: int) -> tuple[Dot, int]:
    """From where on, and under which number: as at the first import, though others have handed in and asked since."""
    columns, same = TWINS.c, (TWINS.c.device == strange.device, TWINS.c.hash == bundle.digest)
    before = select(columns.counter, columns.new_device).where(*same, columns.counter <= strange.counter)
    row = {**strange._asdict(), "hash": bundle.digest, "new_device": number, "verdict": ""}
    with central.engine.begin() as connection:
        tenant(connection, maker.organization_id)
        connection.execute(select(DEVICES).where(DEVICES.c.number == strange.device).with_for_update())
        first = connection.execute(before.order_by(columns.counter.desc()).limit(1)).one_or_none()
        if first is not None:
            return Dot(strange.device, first.counter), first.new_device
        connection.execute(insert(TWINS), row)
    return strange, number


def _moved(pieces: Sequence[Incoming], strange: Dot, number: int, now: datetime) -> list[Incoming]:
    """The requests with the changes from the first strange one on under dots of `number`. Always the same for the same
    bundle, so that importing it twice changes nothing."""
    sent = [one for piece in pieces for batch in piece.batches() for one in batch]
    changes, before = [one.change for one in sent], {one.change.dot for one in sent if one.taken_before}
    moving = sorted(
        (one for one in changes if one.dot.device == strange.device and one.dot.counter >= strange.counter),
        key=lambda one: one.dot,
    )
    moves = moves_of({one.dot: Dot(number, one.dot.counter) for one in moving}, moving)
    left = {one.dot for one in moving}
    _keep_seen(moves, [one for one in changes if one.dot.device == strange.device], left)
    told = [moves[record_of(one)].change(one) if one.dot in left else one for one in changes]
    made = [read(encode(request), "zstd") for request in requests_of(told, now, before - left)]
    unread = tuple(
        one for piece in pieces[1:] for one in piece.broken
    )  # those of the first have been answered
    return [*made[:-1], replace(made[-1], broken=unread)]


def _keep_seen(moves: Mapping[RecordKey, Moves], own: Sequence[Change], left: Collection[Dot]) -> None:
    """Count as seen before what stays of a record, and all before the bundle's first: its laptop has that confirmed. The
    first that moves need not have seen it, if it goes in the place of one that was refused."""
    first = min(one.dot for one in own)
    for moved in moves.values():
        moved.keep([Dot(first.device, first.counter - 1)])
    for one in own:
        if one.dot not in left and record_of(one) in moves:
            moves[record_of(one)].keep([one.dot])


def _hand_in(
    central: Central, bundle: Bundle, maker: _Maker, incoming: Incoming, now: datetime
) -> tuple[list[Verdict], int | None]:
    """One request of the bundle, as if its laptop had sent it now. Changes of other laptops are refused by the push path."""
    asked = incoming.request.device
    number = asked if asked in maker.numbers else bundle.device
    access, state = _arrived(central, number, maker, now)
    return central.take(access, state, incoming, now)


def _arrived(central: Central, number: int, maker: _Maker, now: datetime) -> tuple[Access, State]:
    """What the maker's person may do now, and in which life central is."""
    with central.engine.begin() as connection:
        tenant(connection, maker.organization_id)
        row = connection.execute(select(DEVICES).where(DEVICES.c.number == number)).one()
        state = arrive(connection, now)
        try:
            return access_of(connection, number, row.organization_id, row.user_id, now), state
        except NeedsSignIn as error:
            raise _Kept(error.what, "A manager decides what becomes of this person's work.") from error


def _reasons(verdicts: Sequence[Verdict]) -> str:
    """Their codes, since reasons may quote what was written."""
    codes = {verdict.code or verdict.outcome.value for verdict in verdicts if verdict.outcome in NOT_TAKEN}
    return ", ".join(sorted(codes))


def _keep(
    central: Central, bundle: Bundle, file: bytes, why: str, carried_by: Caller | None, now: datetime
) -> None:
    carrier = None if carried_by is None else carried_by.device
    row = {
        "digest": bundle.digest, "device": bundle.device, "why": why, "file": file, "carried_by": carrier,
        "received_at": now,
    }  # fmt: skip
    waiting = select(func.count()).where(
        KEPT_BUNDLES.c.settled_at.is_(None),
        KEPT_BUNDLES.c.carried_by == carrier,
        KEPT_BUNDLES.c.digest != bundle.digest,
    )
    with central.engine.begin() as connection:
        if carried_by is None:
            operator(connection)
        else:
            tenant(connection, carried_by.organization_id)
        if carried_by is not None and connection.execute(waiting).scalar_one() >= KEPT_MAX:
            raise BadInput(
                f"Central keeps {KEPT_MAX} bundles from this laptop already; this one was not taken.",
                "Keep the file, and ask the office to look at those first.",
            )
        made = upsert(KEPT_BUNDLES).values(row).on_conflict_do_nothing()
        if connection.execute(made.returning(KEPT_BUNDLES.c.digest)).first() is None:
            # One that another organization's laptop brought stays as it is: it is kept.
            same = update(KEPT_BUNDLES).where(KEPT_BUNDLES.c.digest == bundle.digest)
            connection.execute(same.values(why=why, settled_at=None))


def _settle(central: Central, bundle: Bundle, maker: _Maker, now: datetime) -> None:
    waits = (KEPT_BUNDLES.c.digest == bundle.digest, KEPT_BUNDLES.c.settled_at.is_(None))
    with central.engine.begin() as connection:
        tenant(connection, maker.organization_id)
        connection.execute(update(KEPT_BUNDLES).where(*waits).values(settled_at=now))

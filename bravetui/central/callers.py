"""Who calls: every request shows a proof of its laptop's key (`auth.proof`) and the grant given for that key (`auth.grant`).

The key alone says whose work is handed in, so that an expired or revoked laptop still can; reading takes the grant that
counts now. Of the grants given for one key the newest that was ever shown counts: a new one comes with an answer and takes
the place of the old when the laptop first shows it, so a lost or doubled answer locks nobody out, and no two read at a time.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from bravetui.auth.grant import LIVES, RENEWED_AFTER, SCOPES_MAX, Grant, Life, read_grant, sign_grant
from bravetui.auth.proof import Proof, fits, read_proof, thumbprint_of
from bravetui.base.errors import NeedsSignIn
from bravetui.central.access import Access, is_left_out
from bravetui.central.audit_log import Event, note, note_seldom
from bravetui.central.keys import CentralKeys
from bravetui.central.tables import DEVICES, GRANTS, SHOWN
from bravetui.central.tenants import tenant

CLOCK_MAY_DIFFER = timedelta(minutes=5)
"""A proof further from central's time needs a nonce of central's."""
NONCE_LIVES_S = 600
"""Seconds in which a nonce begins to be good; it is for as long again."""
REMEMBERED = timedelta(seconds=2 * NONCE_LIVES_S)
"""How long the ids of proofs are kept: no proof is good for longer."""


class Standing(StrEnum):
    """What a caller may do, in the word that the answer bears."""

    OPEN = ""
    """Hands in and reads."""
    SUPERSEDED = "superseded"
    """Hands in, and gets the newer grant that was given for its key: it reads with the next request."""
    EXPIRED = "expired"
    """Hands in. It reads once its person has signed in again."""
    REVOKED = "revoked"
    """Hands in to the office, which decides. It reads no more."""
    LEFT = "left"
    """The same: the organization no longer has the person."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows, as far as that can be believed without the database."""

    proof: Proof
    grant: Grant | None
    text: str
    """The grant as it was shown."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A laptop that was recognised."""

    device: int
    organization_id: str
    user_id: str
    standing: Standing
    shown: Shown
    counts: str = ""
    """The grant that counts for its key, where that is another than the one shown."""


class WantsProof(NeedsSignIn):
    """The proof is to be made again, with `nonce` in it: its time is far from central's, or it was shown before."""

    def __init__(self, nonce: str) -> None:
        super().__init__(
            "Central wants to know that this request was made just now; the laptop asks again by itself."
        )
        self.nonce = nonce


def nonce_at(keys: CentralKeys, now: datetime, ago: int = 0) -> str:
    """Central's nonce of this moment, or of so many before. Nothing is kept of it: it is known again by its mark."""
    number = int(now.timestamp()) // NONCE_LIVES_S - ago
    return f"{number:x}.{keys.mark(f'nonce {number}'.encode())}"


def shown_by(method: str, place: str, headers: Mapping[str, str], now: datetime, keys: CentralKeys) -> Shown:
    """What the request shows of its sender. Raises NeedsSignIn, or WantsProof where it is not of this moment."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    text = text.strip()
    if text and scheme.lower() != "dpop":
        raise NeedsSignIn(
            "The request does not say who sends it in a way that central knows.",
            "Enrol this laptop again: bravetui enrol --again. All work is kept.",
        )
    proof = read_proof(headers.get("dpop", ""))
    if not fits(proof, method, place, text):
        raise _not_fitting()
    if not _is_of_now(proof, now, keys):
        raise WantsProof(nonce_at(keys, now))
    grant = read_grant(text, keys.public) if text else None
    if grant is not None and grant.thumbprint != thumbprint_of(proof.key):
        raise _not_fitting()
    return Shown(proof, grant, text)


def check_known(connection: Connection, shown: Shown) -> None:
    """That central has ever known the key, by a grant of its own or by a laptop: a stranger is to cost neither row nor room.

    Raises NeedsSignIn.
    """
    query = select(DEVICES.c.number).where(DEVICES.c.public_key == shown.proof.key).limit(1)
    if shown.grant is None and connection.execute(query).first() is None:
        raise _unknown()


def recognise(connection: Connection, shown: Shown, number: int | None, now: datetime) -> Caller:
    """The laptop of that number (None: any of this key's), and what its grant is worth at this moment.

    A grant that is newer than all shown before takes their place. The rest of the transaction is for the laptop's
    organization. Raises NeedsSignIn for a key that is no laptop's, a number
    that is not the key's, or a grant that was given to another person.
    """
    row = _row(connection, shown, number)
    if row is None:
        raise _unknown()
    grant = shown.grant
    if grant is not None and (grant.organization_id, grant.user_id) != (row.organization_id, row.user_id):
        raise _not_fitting()
    tenant(connection, str(row.organization_id))
    standing, counts = Standing.EXPIRED, ""
    if row.revoked_at is not None:
        standing = Standing.REVOKED
    elif grant is not None and grant.life(now) is not Life.EXPIRED:
        standing, counts = _counted(connection, shown.proof.key, grant, shown.text, now)
    if standing in (Standing.REVOKED, Standing.EXPIRED):
        event = Event("contact", standing.value, row.organization_id, row.user_id, row.number)
        note_seldom(connection, event, now)
    return Caller(row.number, row.organization_id, row.user_id, standing, shown, counts)


def remember(connection: Connection, proof: Proof, now: datetime, keys: CentralKeys) -> None:
    """Take the proof for used up. Raises WantsProof for one that was shown before (RFC 9449 section 11.1)."""
    row = {"public_key": proof.key, "id": proof.id, "until": now + REMEMBERED}
    fresh = insert(SHOWN).values(row).on_conflict_do_nothing().returning(SHOWN.c.id)
    if connection.execute(fresh).first() is None:
        raise WantsProof(nonce_at(keys, now))


def forget(connection: Connection, now: datetime) -> None:
    """Let go of proofs that are good no more."""
    connection.execute(delete(SHOWN).where(SHOWN.c.until < now))


def grant_anew(
    connection: Connection, keys: CentralKeys, key: str, access: Access, now: datetime, new_id: str
) -> str:
    """The first grant of an enrolment: it counts at once, and none before it does."""
    before = connection.execute(
        select(GRANTS.c.generation).where(GRANTS.c.public_key == key).with_for_update()
    ).scalar_one_or_none()
    grant = _granted(access, key, (before or 0) + 1, now, new_id)
    text = sign_grant(grant, keys.private_key)
    _keep(connection, key, grant, text)
    return text


def renewed(caller: Caller, access: Access, keys: CentralKeys, now: datetime, new_id: str) -> str:
    """What the answer brings: the grant that counts, to whoever showed an older one; a new one, a day after the last or when
    rights have changed; else nothing. The same again, word for word or nearly, until the laptop shows it."""
    grant = caller.shown.grant
    if caller.standing is Standing.SUPERSEDED:
        return caller.counts
    if caller.standing is not Standing.OPEN or grant is None:
        return ""
    fresh = _granted(access, caller.shown.proof.key, grant.generation + 1, now, new_id)
    is_young = grant.issued_at <= now < grant.issued_at + RENEWED_AFTER
    if is_young and (grant.role, grant.scopes) == (fresh.role, fresh.scopes):
        return ""
    return sign_grant(fresh, keys.private_key)


def _row(connection: Connection, shown: Shown, number: int | None) -> Row[tuple[object, ...]] | None:
    columns = (DEVICES.c[name] for name in ("number", "organization_id", "user_id", "revoked_at"))
    query = select(*columns).where(DEVICES.c.public_key == shown.proof.key)
    if number is not None:
        query = query.where(DEVICES.c.number == number)
    query = query.order_by(DEVICES.c.revoked_at.is_not(None), DEVICES.c.number).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None and number is not None and _readopted(connection, shown, number):
        row = connection.execute(query).one_or_none()
    return row


def _readopted(connection: Connection, shown: Shown, number: int) -> bool:
    """Give a laptop back a number that it got in the time that a restored central has lost: as a copy, or with its grant.

    Only numbers that were left out (`state.arrive`) qualify, so nobody else can bear it.
    """
    if not is_left_out(connection, number):
        return False
    names = ("organization_id", "user_id", "name", "public_key", "enrolled_at")
    query = select(*(DEVICES.c[name] for name in names)).where(
        DEVICES.c.public_key == shown.proof.key, DEVICES.c.revoked_at.is_(None)
    )
    found = connection.execute(query.order_by(DEVICES.c.number).limit(1)).mappings().first()
    row: dict[str, object] | None = dict(found) if found is not None else None
    grant = shown.grant
    if row is None and grant is not None and grant.device == number:
        row = {
            "organization_id": grant.organization_id, "user_id": grant.user_id, "name": "", "public_key": shown.proof.key,
            "enrolled_at": grant.issued_at,
        }  # fmt: skip
    if row is None:
        return False
    tenant(connection, str(row["organization_id"]))
    connection.execute(insert(DEVICES).values(**row, number=number, held=[]).on_conflict_do_nothing())
    return True


def _counted(
    connection: Connection, key: str, grant: Grant, text: str, now: datetime
) -> tuple[Standing, str]:
    """Whether this is the grant that counts for its key; a newer one than that takes its place."""
    query = select(GRANTS.c.id, GRANTS.c.generation, GRANTS.c.text).where(GRANTS.c.public_key == key)
    live = connection.execute(query).one_or_none()
    if live is None or grant.generation > live.generation:
        _keep(connection, key, grant, text)
        note(connection, Event("grant", "renewed", grant.organization_id, grant.user_id, grant.device), now)
        live = connection.execute(query).one()
    return (Standing.OPEN, "") if live.id == grant.id else (Standing.SUPERSEDED, live.text)


def _keep(connection: Connection, key: str, grant: Grant, text: str) -> None:
    """Of two that come at once the newer stays."""
    row = {"id": grant.id, "generation": grant.generation, "text": text}
    statement = insert(GRANTS).values(public_key=key, **row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["public_key"], set_=row, where=GRANTS.c.generation < grant.generation
        )
    )


def _granted(access: Access, key: str, generation: int, now: datetime, new_id: str) -> Grant:
    scopes = {name: tuple(scope.permissions) for name, scope in access.scopes.items()}
    whole = datetime.fromtimestamp(int(now.timestamp()), now.tzinfo)
    return Grant(
        id=new_id, generation=generation, organization_id=access.organization_id, user_id=access.user_id,
        device=access.device, role=access.role, scopes=scopes if len(scopes) <= SCOPES_MAX else None,
        thumbprint=thumbprint_of(key), issued_at=whole, expires_at=whole + LIVES,
    )  # fmt: skip


def _is_of_now(proof: Proof, now: datetime, keys: CentralKeys) -> bool:
    if proof.nonce:
        return any(hmac.compare_digest(proof.nonce, nonce_at(keys, now, ago)) for ago in (0, 1))
    return abs(proof.issued_at - now) <= CLOCK_MAY_DIFFER


def _unknown() -> NeedsSignIn:
    return NeedsSignIn(
        "Central does not know this laptop any more.",
        "Sign in again: bravetui enrol --again. All work is kept.",
    )


def _not_fitting() -> NeedsSignIn:
    return NeedsSignIn(
        "What the request shows does not belong to this laptop, or not to this request.",
        "Sign in again: bravetui enrol --again. All work is kept.",
    )

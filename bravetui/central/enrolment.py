"""Enrolment: a one-time code, or the provider's word on a person, makes a laptop's key known. Of codes only hashes are kept.

Codes are 50 random bits, live for a day, and die with their use or with the person's next one; the bad ones are counted by
the caller (`Attempts`), so guessing is hopeless.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, text, update

from bravetui.auth.clerk import ClerkClaims
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput, Refused
from bravetui.base.text import safe_line
from bravetui.central.access import is_left_out
from bravetui.central.audit_log import Event, note
from bravetui.central.tables import CODES, DEVICES, SCOPES
from bravetui.central.tenants import operator, stranger, tenant
from bravetui.db.kinds import KINDS
from bravetui.wire.messages import Enrol

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing that reads like something else."""

USER_ID_MAX = 64
"""Characters of a person's id that the log holds."""

CODE_LENGTH = 10
CODE_LIVES = timedelta(hours=24)

ATTEMPTS_MAX = 10
"""Bad codes from one address within `ATTEMPTS_WINDOW_S`."""
ATTEMPTS_WINDOW_S = 60.0

_ORGANIZATIONS_OF = text("SELECT organization_id FROM central_organizations_of(:person)")

ADDRESSES_MAX = 10_000
"""Addresses remembered before those that have been quiet are forgotten."""


class NotEnrolled(Refused):
    """Refused to somebody who has shown who he is, at least in part."""

    def __init__(self, what: str, todo: str, *, code: str, who: Event) -> None:
        super().__init__(what, todo, code=code)
        self.noted = replace(who, outcome=code)
        """For the log."""


@dataclass(frozen=True, slots=True)
class Made:
    """A device that has just been enrolled."""

    device: int
    organization_id: str
    user_id: str


def issue_code(
    engine: Engine, now: datetime, organization_id: str, user_id: str, lives: timedelta = CODE_LIVES
) -> str:
    """A new code for a person, to be told to him once; it ends the one before, which may lie about on paper.

    Raises BadInput for an unknown person.
    """
    people = KINDS["user"].table
    with engine.begin() as connection:
        operator(connection)
        known = connection.execute(
            select(people.c.id)
            .join(SCOPES, SCOPES.c.scope_id == people.c.scope_id)
            .where(people.c.scope_id == organization_id, people.c.id == user_id, people.c.deleted.is_(False))
        ).first()
        if known is None:
            raise BadInput(
                "There is no such person in this organization.", "Look at `bravetui central people`."
            )
        unused = (CODES.c.organization_id == organization_id, CODES.c.user_id == user_id, *_live(now))
        connection.execute(update(CODES).where(*unused).values(expires_at=now))
        plain = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        row = {"code_hash": code_hash(plain), "organization_id": organization_id, "user_id": user_id}
        connection.execute(insert(CODES).values(**row, expires_at=now + lives))
        note(connection, Event("code", "issued", organization_id, user_id), now)
    return f"{plain[:5]}-{plain[5:]}"


def with_codes(engine: Engine, now: datetime) -> frozenset[tuple[str, str]]:
    """(organization id, user id) of everybody who has a code that can still be used."""
    with engine.connect() as connection:
        operator(connection)
        rows = connection.execute(select(CODES.c.organization_id, CODES.c.user_id).where(*_live(now)))
        return frozenset((row.organization_id, row.user_id) for row in rows)


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return CODES.c.used_at.is_(None), CODES.c.expires_at > now


def use_code(connection: Connection, asked: Enrol, key: str, now: datetime) -> Made:
    """Spend a code and make the device whose public key `key` is, both or neither. Raises Refused (`bad_code`).

    The laptop that spent it may ask once more while the code lives: the first answer may have been lost.
    """
    wanted = code_hash(asked.code)
    stranger(connection, key, wanted)
    row = connection.execute(select(CODES).where(CODES.c.code_hash == wanted).with_for_update()).one_or_none()
    if row is None or not hmac.compare_digest(row.code_hash, wanted) or row.expires_at <= now:
        raise _bad_code()
    tenant(connection, row.organization_id)
    if row.used_at:
        return _once_more(connection, row.device, key)
    made = enter(connection, asked, key, row.organization_id, row.user_id, now)
    connection.execute(
        update(CODES).where(CODES.c.code_hash == wanted).values(used_at=now, device=made.device)
    )
    return made


def use_token(connection: Connection, asked: Enrol, claims: ClerkClaims, key: str, now: datetime) -> Made:
    """Make the device for a person whom the identity provider vouches for; asked again, the same one. Raises Refused.

    What he may do is central's to say, and not in the token: the office has added him, or there is nobody to enrol. A laptop
    that the office revoked comes back by the office alone, with a code.
    """
    if claims.actor is not None:
        raise NotEnrolled(
            "Somebody else is signed in as this person; a laptop is nobody's to lend.",
            "Sign in as yourself.",
            code="impersonated",
            who=_who(None, claims.subject, actor=claims.actor),
        )
    stranger(connection, key)
    organization_id, user_id = _person_of(connection, claims)
    tenant(connection, organization_id)
    here = [
        DEVICES.c.public_key == key,
        DEVICES.c.organization_id == organization_id,
        DEVICES.c.user_id == user_id,
    ]
    if asked.device is not None:
        here.append(DEVICES.c.number == asked.device)
    known = connection.execute(select(DEVICES).where(*here).order_by(DEVICES.c.number).limit(1)).one_or_none()
    if known is not None and known.revoked_at is not None:
        raise NotEnrolled(
            "The office has revoked this laptop.",
            "Ask the office for a one-time code.",
            code="revoked",
            who=_who(organization_id, user_id, known.number),
        )
    if known is not None:
        return Made(known.number, organization_id, user_id)
    return enter(connection, asked, key, organization_id, user_id, now)


def _person_of(connection: Connection, claims: ClerkClaims) -> tuple[str, str]:
    """(organization id, user id) of the person in the organization that he has chosen, or in the only one that has him."""
    found = list(connection.execute(_ORGANIZATIONS_OF, {"person": claims.subject}).scalars())
    if claims.organization_id is not None:
        found = [one for one in found if one == claims.organization_id]
    if not found:
        raise NotEnrolled(
            "You are signed in, and the office has not added you here yet.",
            "Ask the office to add you, then run the same command again.",
            code="unknown_person",
            who=_who(None, claims.subject),
        )
    if len(found) > 1:
        raise NotEnrolled(
            "You belong to several organizations.",
            "Sign in again and choose the one that this laptop is for.",
            code="which_organization",
            who=_who(None, claims.subject),
        )
    return found[0], claims.subject


def enter(
    connection: Connection, asked: Enrol, key: str, organization_id: str, user_id: str, now: datetime
) -> Made:
    """Make the device for a person who has shown who he is, or let it in again under the number it had. Raises Refused.

    The rest of the transaction is for that person's organization.
    """
    tenant(connection, organization_id)
    told = {
        "organization_id": organization_id, "user_id": user_id, "public_key": key,
        "name": safe_line(asked.device_name, 100)[:100], "enrolled_at": now,
    }  # fmt: skip
    if asked.device is not None:
        number, outcome = _let_in_again(connection, asked.device, told), "let in again"
    else:
        made = insert(DEVICES).values(**told, held=[]).returning(DEVICES.c.number)
        number, outcome = int(connection.execute(made).scalar_one()), "enrolled"
    note(connection, Event("enrol", outcome, organization_id, user_id, number), now)
    return Made(number, organization_id, user_id)


def _once_more(connection: Connection, device: int | None, key: str) -> Made:
    query = select(DEVICES).where(
        DEVICES.c.number == device, DEVICES.c.public_key == key, DEVICES.c.revoked_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _bad_code()
    return Made(row.number, row.organization_id, row.user_id)


def _who(
    organization_id: str | None, user_id: str, device: int | None = None, actor: str | None = None
) -> Event:
    """Who is refused. What the provider calls somebody is a text of its own, and is cut to what the log holds."""
    actor = None if actor is None else safe_line(actor, USER_ID_MAX)[:USER_ID_MAX]
    return Event("enrol", "", organization_id, safe_line(user_id, USER_ID_MAX)[:USER_ID_MAX], device, actor)


def _bad_code() -> Refused:
    return Refused(
        "This code is unknown, used up or out of date.", "Ask the office for a new one.", code="bad_code"
    )


def _let_in_again(connection: Connection, number: int, told: Mapping[str, Any]) -> int:
    """Give a laptop that was revoked, or whose grant ran out, its old number: unsent work bears it. Raises Refused.

    Only to whoever holds the laptop's own key, and for the person whose work it is. A central that came back from a backup
    older than the laptop takes its word for the number.
    """
    laptop = (DEVICES.c.number == number, DEVICES.c.public_key == told["public_key"])
    who = _who(told["organization_id"], told["user_id"], number)
    row = connection.execute(select(DEVICES).where(*laptop).with_for_update()).one_or_none()
    if row is None and not is_left_out(connection, number):
        raise NotEnrolled(
            f"Central knows no laptop {number} with this key.",
            "Carry its unsent work by hand (bravetui rescue export DIR), and enrol in another --folder.",
            code="unknown_device",
            who=who,
        )
    if row is None:
        connection.execute(insert(DEVICES).values(**told, number=number, held=[]))
    elif (row.organization_id, row.user_id) != (told["organization_id"], told["user_id"]):
        raise NotEnrolled(
            "This is another person than the one whose work is on this laptop.",
            "Sign in as that person, or enrol in another --folder.",
            code="another_person",
            who=who,
        )
    else:
        connection.execute(update(DEVICES).where(*laptop).values(**told, revoked_at=None))
    return number


def code_hash(code: str) -> str:
    """The hash of a code as typed: case, spaces and dashes do not matter, O reads as 0, I and L as 1."""
    plain = "".join(code.split()).replace("-", "").upper().translate(str.maketrans("OIL", "011"))
    return sha256_hex(b"bravetui-code-1\n" + plain.encode("utf-8", "replace"))


class Attempts:
    """Counts bad codes by address, so that nobody can try many."""

    def __init__(self) -> None:
        self._failed: dict[str, list[float]] = {}

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        recent = [at for at in self._failed.get(address, []) if now_s - at < ATTEMPTS_WINDOW_S]
        if recent:
            self._failed[address] = recent
        else:
            self._failed.pop(address, None)
        return recent[0] + ATTEMPTS_WINDOW_S - now_s if len(recent) >= ATTEMPTS_MAX else 0.0

    def failed(self, address: str, now_s: float) -> None:
        """A bad code came from there."""
        if len(self._failed) >= ADDRESSES_MAX:
            self._failed = {
                key: times for key, times in self._failed.items() if now_s - times[-1] < ATTEMPTS_WINDOW_S
            }
        while len(self._failed) >= ADDRESSES_MAX:  # all have tried just now: the one that began first goes
            del self._failed[next(iter(self._failed))]
        self._failed.setdefault(address, []).append(now_s)

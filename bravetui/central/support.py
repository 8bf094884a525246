"""Support at central: judges who says at a laptop that he is, gives him a pass for it for an hour, and notes his acts.

Who he is says the identity provider; that he is support says the organization's own record of him, asked anew at every act.
The pass opens no route that gives records. Blocking; each call is one transaction, and a refusal is noted as well.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from bravetui.auth.clerk import ClerkClaims
from bravetui.auth.proof import thumbprint_of
from bravetui.auth.support_pass import (
    LIVES,
    NAME_CHARACTERS_MAX,
    SupportPass,
    read_support_pass,
    sign_support_pass,
)
from bravetui.base.errors import Refused
from bravetui.base.text import safe_line
from bravetui.central.access import SUPPORT_ROLE
from bravetui.central.audit_log import Event, note, note_seldom
from bravetui.central.callers import Caller, Shown, Standing, recognise, remember
from bravetui.central.service import Central
from bravetui.central.tenants import stranger
from bravetui.db.kinds import KINDS
from bravetui.wire.messages import SupportAsk, SupportGiven, SupportNoted, SupportReport

WHAT = "support"
"""The log's word for all of this."""
SIGNED_IN, NOT_SUPPORT = "signed-in", "not_support"
_ID_CHARACTERS_MAX = 64

_people = KINDS["user"].table


def give_pass(central: Central, asked: SupportAsk, shown: Shown) -> SupportGiven:
    """Let a person look at the laptop whose key was shown. Raises Refused (`not_support`, `revoked`, `no_issuer`),
    NeedsSignIn for an unknown laptop, and as `ClerkIssuer.verify` does."""
    now = central.clock.now()
    claims = central.enrolling.claims(asked.token, now)
    with central.engine.begin() as connection:
        stranger(connection, shown.proof.key)
        remember(connection, shown.proof, now, central.keys)
        caller = recognise(connection, shown, asked.device, now)
        name = _name_of(connection, caller, claims.subject) if _is_of(claims, caller) else None
        refused = _refusal(caller, name)
        _note(connection, caller, claims.subject, claims.actor, refused.code if refused else SIGNED_IN, now)
    if refused is not None:
        raise refused
    whole = datetime.fromtimestamp(int(now.timestamp()), now.tzinfo)
    given = SupportPass(
        id=central.ids.new_id(), organization_id=caller.organization_id, user_id=claims.subject,
        name=safe_line(name or "", NAME_CHARACTERS_MAX)[:NAME_CHARACTERS_MAX], played_by=_id(claims.actor or ""),
        device=caller.device, thumbprint=thumbprint_of(shown.proof.key), issued_at=whole, expires_at=whole + LIVES,
    )  # fmt: skip
    return SupportGiven(support_pass=sign_support_pass(given, central.keys.private_key))


def note_act(central: Central, told: SupportReport, shown: Shown) -> SupportNoted:
    """Note what support is about to do. Raises Refused (`not_support`) where the pass is another laptop's or has run out, or
    its person is support no more; NeedsSignIn for what is no pass."""
    now = central.clock.now()
    given = read_support_pass(told.support_pass, central.keys.public)
    with central.engine.begin() as connection:
        stranger(connection, shown.proof.key)
        remember(connection, shown.proof, now, central.keys)
        caller = recognise(connection, shown, told.device, now)
        holds = given.holds(caller.device, thumbprint_of(shown.proof.key), now)
        own = holds and given.organization_id == caller.organization_id
        refused = _refusal(caller, _name_of(connection, caller, given.user_id) if own else None)
        outcome = refused.code if refused else told.act.value
        _note(connection, caller, given.user_id, given.played_by or None, outcome, now)
    if refused is not None:
        raise refused
    return SupportNoted(at=now)


def _is_of(claims: ClerkClaims, caller: Caller) -> bool:
    """Whether the token may speak of somebody of the laptop's organization."""
    return claims.organization_id in (None, caller.organization_id)


def _name_of(connection: Connection, caller: Caller, user_id: str) -> str | None:
    """The person's name, if he is support in the laptop's organization now."""
    query = select(_people.c.name).where(
        _people.c.scope_id == caller.organization_id, _people.c.id == user_id, _people.c.deleted.is_(False),
        _people.c.role == SUPPORT_ROLE,
    )  # fmt: skip
    return connection.execute(query).scalar_one_or_none()


def _refusal(caller: Caller, name: str | None) -> Refused | None:
    """Whoever is unknown, of another organization or of another role hears the same."""
    if name is None:
        return Refused(
            "You are not support in the organization of this laptop, or your hour has run out.",
            "Ask its office to give you the role, or sign in as the one who has it.",
            code=NOT_SUPPORT,
        )
    if caller.standing is Standing.REVOKED:
        return Refused(
            "The office has revoked this laptop, so nobody is let in on it.",
            "Ask the office.",
            code="revoked",
        )
    return None


def _note(
    connection: Connection, caller: Caller, user_id: str, actor: str | None, outcome: str, now: datetime
) -> None:
    actor = _id(actor) if actor else None
    event = Event(WHAT, outcome, caller.organization_id, _id(user_id), caller.device, actor)
    (note_seldom if outcome in (NOT_SUPPORT, "revoked") else note)(connection, event, now)


def _id(text: str) -> str:
    return safe_line(text, _ID_CHARACTERS_MAX)[:_ID_CHARACTERS_MAX]

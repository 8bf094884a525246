"""How a laptop is let in: by a one-time code or by what the identity provider says of its person. Refusals leave a note."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from sqlalchemy import Engine

from bravetui.auth.clerk import ClerkClaims
from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import Refused
from bravetui.central.access import access_of
from bravetui.central.audit_log import Event, note
from bravetui.central.callers import Shown, grant_anew, remember
from bravetui.central.clerk import ClerkIssuer
from bravetui.central.enrolment import NotEnrolled, use_code, use_token
from bravetui.central.keys import CentralKeys
from bravetui.central.rates import Buckets, Rate, TooOften
from bravetui.central.state import arrive
from bravetui.central.tenants import stranger, tenant
from bravetui.wire.messages import Enrol, Enrolled

NAMELESS = Rate(burst=100, per_s=30 / 3600)
"""Refused enrolments that one process puts on record. They are anybody's, from any number of addresses: without a limit they
would fill the log, and push what else is in it out of the operator's sight."""


class Enrolling:
    """Lets laptops in; safe to call from several threads."""

    def __init__(
        self, engine: Engine, keys: CentralKeys, clock: Clock, ids: IdSource, issuer: ClerkIssuer | None
    ) -> None:
        """`issuer` says who people are; without one a laptop is enrolled by a one-time code alone."""
        self._engine, self._keys, self._clock, self._ids = engine, keys, clock, ids
        self.issuer = issuer
        self.nameless = Buckets(NAMELESS)

    def enrol(self, asked: Enrol, shown: Shown) -> Enrolled:
        """Trade a one-time code, or what the identity provider issued, for a device number, and a grant for the key that was
        shown. Raises Refused, or as `ClerkIssuer.verify` does."""
        now, key = self._clock.now(), shown.proof.key
        claims = self.claims(asked.token, now) if asked.token else None
        with self._engine.begin() as connection:
            stranger(connection)
            state = arrive(connection, now)
        with self._engine.begin() as connection, self._noting_refusals(now):
            stranger(connection, key)
            remember(connection, shown.proof, now, self._keys)
            made = (
                use_code(connection, asked, key, now)
                if claims is None
                else use_token(connection, asked, claims, key, now)
            )
            access = access_of(connection, made.device, made.organization_id, made.user_id, now)
            grant = grant_anew(connection, self._keys, key, access, now, self._ids.new_id())
        return Enrolled(
            device=made.device, grant=grant, user_id=access.user_id, user_name=access.user_name,
            organization_id=access.organization_id, scopes=tuple(access.scopes.values()),
            central_key=self._keys.public, epoch=state.epoch, sealing_key=self._keys.sealing_key,
        )  # fmt: skip

    def claims(self, token: str, now: datetime) -> ClerkClaims:
        """Whom a token of the provider's speaks of. Raises Refused (`no_issuer`), and as `ClerkIssuer.verify` does."""
        if self.issuer is None:
            raise Refused(
                "This central knows no identity provider.",
                "Ask the office for a one-time code.",
                code="no_issuer",
            )
        return self.issuer.verify(token, now)

    @contextmanager
    def _noting_refusals(self, now: datetime) -> Iterator[None]:
        """What is refused leaves nothing behind but a note, in a transaction of its own: who, as far as it was shown."""
        try:
            yield
        except Refused as error:
            with suppress(TooOften):
                self.nameless.take("", self._clock.monotonic_s())
                with self._engine.begin() as connection:
                    stranger(connection)
                    event = (
                        error.noted
                        if isinstance(error, NotEnrolled)
                        else Event("enrol", error.code or "refused")
                    )
                    if event.organization_id is not None:
                        tenant(connection, event.organization_id)
                    note(connection, event, now)
            raise

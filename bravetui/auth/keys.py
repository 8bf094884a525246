"""The laptop's secrets, and the port through which they are kept.

The database key is random and belongs to this laptop alone; the device key signs and proves the laptop to
central. Losing the device key means enrolling again; losing the database key means losing what was never
handed in, which is why the file that holds it has several locks (see `sealed_file`).
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any, Protocol

from bravetui.auth.signing import PRIVATE_KEY_BYTES, decode, encode, new_private_key
from bravetui.base.canonical import canonical_bytes
from bravetui.base.errors import BadInput, Corrupt

DATABASE_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """All that must be kept from others, or must not be restored together with the database."""

    database_key: bytes = dataclasses.field(repr=False)
    """Opens database, journal and high water; never leaves this laptop."""
    device_key: bytes = dataclasses.field(repr=False)
    """Private Ed25519 key of this laptop."""
    incarnation: int = 1
    """Raised each time the laptop is enrolled anew; tells a clone apart."""
    identity: str | None = dataclasses.field(default=None, repr=False)
    """What enrolment gave (device number, person, central's address and key, token), as JSON; None before it. Kept here
    so that a database that is restored or lost takes no identity with it."""
    next_key: bytes | None = dataclasses.field(default=None, repr=False)
    """The database key that is taking the place of the old one; None but while the files are being sealed anew."""

    @property
    def database_keys(self) -> tuple[bytes, ...]:
        """All keys under which a file of this laptop may lie just now, the likelier first."""
        return (self.database_key,) if self.next_key is None else (self.next_key, self.database_key)

    def to_bytes(self) -> bytes:
        """Canonical JSON, to be sealed."""
        return canonical_bytes(
            {
                "database_key": encode(self.database_key),
                "device_key": encode(self.device_key),
                "incarnation": self.incarnation,
                "identity": self.identity,
                **({"next_key": encode(self.next_key)} if self.next_key else {}),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Secrets:
        """Read what `to_bytes` wrote; entries that this version does not know are left out. Raises
        Corrupt."""
        try:
            found: dict[str, Any] = json.loads(data)
            return cls(
                database_key=decode(found["database_key"], DATABASE_KEY_BYTES, "database key"),
                device_key=decode(found["device_key"], PRIVATE_KEY_BYTES, "device key"),
                incarnation=int(found["incarnation"]),
                identity=found.get("identity"),
                next_key=(
                    decode(found["next_key"], DATABASE_KEY_BYTES, "database key")
                    if "next_key" in found
                    else None
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError, BadInput):
            raise Corrupt(
                "The key file opens, but what is in it cannot be used.",
                "Put it back from a backup of this folder or from its black box; keep this folder as it is.",
            ) from None


class KeyRing(Protocol):
    """Where the secrets are kept."""

    def exists(self) -> bool:
        """Whether there is anything to load, readable or not."""
        ...

    def load(self) -> Secrets:
        """The secrets as last saved. Raises WrongKey or Corrupt, each saying what to do."""
        ...

    def save(self, secrets: Secrets) -> None:
        """Durably keep the secrets in place of those before. Raises StorageFull."""
        ...


def new_secrets() -> Secrets:
    """Secrets for a laptop that has never signed in."""
    return Secrets(database_key=os.urandom(DATABASE_KEY_BYTES), device_key=new_private_key())


def open_or_create(ring: KeyRing) -> Secrets:
    """The secrets kept in `ring`; new ones, saved before they are returned, where there are none at all.

    Never replaces secrets that exist but do not open: that would orphan the database.
    """
    if ring.exists():
        return ring.load()
    secrets = new_secrets()
    ring.save(secrets)
    return secrets

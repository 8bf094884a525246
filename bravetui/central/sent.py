"""A change as it came: with the bytes that are hashed, stored and chained."""

from __future__ import annotations

from dataclasses import dataclass

from bravetui.base.canonical import canonical_bytes, sha256_hex
from bravetui.base.errors import Refused
from bravetui.central.shelf import Target
from bravetui.wire.change import Change


@dataclass(frozen=True, slots=True)
class Sent:
    """A change with its bytes and their hash."""

    change: Change
    body: bytes
    hash: str
    taken_before: bool = False
    """Whether a central of before had taken it (`wire.messages.SyncRequest`)."""

    @staticmethod
    def of(change: Change, *, taken_before: bool = False) -> Sent:
        """Raises Refused for a change that has no canonical bytes (a lone surrogate, a NaN)."""
        try:
            body = canonical_bytes(change.to_json())
        except (ValueError, RecursionError) as error:
            raise Refused(
                "The change holds characters or numbers that cannot be stored.",
                "Mend it and send it again.",
                code="invalid_field",
            ) from error
        return Sent(change, body, sha256_hex(body), taken_before)

    @property
    def target(self) -> Target:
        """The record it changes."""
        return (self.change.scope_id, self.change.kind, self.change.record_id)

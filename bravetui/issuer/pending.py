"""What the development issuer remembers between two requests: who is signing in, codes, devices. Ten minutes, bounded.

Times are seconds of a clock that only goes forward. Knows no HTTP.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bravetui.issuer.people import Person

LIFE_S = 600.0
"""How long a code holds, of either kind (Clerk's are the same)."""
INTERVAL_S = 5.0
KEPT_MAX = 1000
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word (RFC 8628 section 6.1)."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to sign in, as it came to the authorization endpoint."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    challenge: str
    """S256 of what only the asking program knows (RFC 7636 section 4.2)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code stands for."""

    asked: Asked
    person: Person


@dataclass(slots=True)
class Device:
    """A device that waits for a person with a browser (RFC 8628)."""

    client_id: str
    scope: str
    user_code: str
    interval_s: float = INTERVAL_S
    asked_s: float | None = None
    """When it last asked; None before the first time."""
    person: Person | None = None
    denied: bool = False


class Shelf(Generic[_T]):
    """Things by a secret name, each for ten minutes; the oldest go when there are too many."""

    def __init__(self, monotonic_s: Callable[[], float], new_name: Callable[[], str] | None = None) -> None:
        self._now_s, self._things = monotonic_s, dict[str, tuple[float, _T]]()
        self._new_name = new_name or (lambda: secrets.token_urlsafe(24))

    def put(self, thing: _T) -> str:
        """Keep it, and give its name."""
        while len(self._things) >= KEPT_MAX:
            del self._things[next(iter(self._things))]
        name = self._new_name()
        self._things[name] = (self._now_s() + LIFE_S, thing)
        return name

    def look(self, name: str) -> _T | None:
        """The thing of that name; None if there is none any more."""
        ends_s, thing = self._things.get(name, (0.0, None))
        return thing if ends_s > self._now_s() else None

    def take(self, name: str) -> _T | None:
        """As `look`, and nobody gets it again."""
        thing = self.look(name)
        self._things.pop(name, None)
        return thing


def new_user_code() -> str:
    """A code to type, such as `BCDF-GHJK`."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"

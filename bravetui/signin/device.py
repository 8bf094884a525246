"""Signs in on another device (RFC 8628): a code is shown here and typed there, and the provider is asked until it is done.

The provider's `interval` and `expires_in` are obeyed; a line that fails meanwhile is waited for, not given up on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bravetui.auth.openid import Metadata, NotAProvider, judged_address
from bravetui.base.clock import Clock
from bravetui.base.errors import BadInput, Refused, Transient
from bravetui.signin.authorize import refusal_of
from bravetui.signin.line import Line
from bravetui.signin.tokens import SignedIn, believed, error_of
from bravetui.signin.ways import Invitation, Ways

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_S = 5.0
"""More between two questions after `slow_down` (RFC 8628 section 3.5)."""
INTERVAL_S, INTERVAL_S_MAX = 5.0, 120.0
LIFE_S_MAX = 3600.0
_WORD_CHARACTERS_MAX = 2000

Pause = Callable[[float], Awaitable[None]]


class NotOffered(Refused):
    """The provider does not offer this way to this application; another may do."""

    def __init__(self) -> None:
        super().__init__(
            "The sign-in service offers no codes for devices.", "Sign in by another way.", code="not_offered"
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """What the provider said to begin with (RFC 8628 section 3.2)."""

    device_code: str
    user_code: str
    address: str
    scan: str
    life_s: float
    interval_s: float


async def sign_in_elsewhere(
    line: Line, metadata: Metadata, client_id: str, scope: str, ways: Ways, clock: Clock, pause: Pause
) -> SignedIn:
    """Show a code and wait until somebody has used it. Raises NotOffered, Refused, NeedsSignIn or Transient."""
    begun = await _begin(line, metadata, client_id, scope)
    ends_at = clock.now() + timedelta(seconds=begun.life_s)
    await ways.invite(Invitation("device", begun.address, begun.scan, begun.user_code, ends_at))
    return await _wait(line, metadata, client_id, begun, clock, pause)


async def _begin(line: Line, metadata: Metadata, client_id: str, scope: str) -> Begun:
    if metadata.device_authorization_endpoint is None:
        raise NotOffered
    fields = {"client_id": client_id, "scope": scope}
    status, answer = await line.post(metadata.device_authorization_endpoint, fields)
    if status != 200:
        # Providers have many words for it, `invalid_request` among them; nobody has done anything yet that would be lost.
        error_of(answer)
        raise NotOffered
    return read_begun(answer)


def read_begun(answer: Mapping[str, Any]) -> Begun:
    """The provider's answer, judged. Raises NotAProvider."""
    address = _address(answer, "verification_uri")
    complete = "verification_uri_complete"
    return Begun(
        device_code=_word(answer, "device_code", _WORD_CHARACTERS_MAX),
        user_code=_word(answer, "user_code", 64),
        address=address,
        scan=_address(answer, complete) if answer.get(complete) is not None else address,
        life_s=min(_span(answer.get("expires_in")), LIFE_S_MAX),
        interval_s=min(max(1.0, _span(answer.get("interval", INTERVAL_S))), INTERVAL_S_MAX),
    )


async def _wait(
    line: Line, metadata: Metadata, client_id: str, begun: Begun, clock: Clock, pause: Pause
) -> SignedIn:
    interval_s, ends_s = begun.interval_s, clock.monotonic_s() + begun.life_s
    fields = {"client_id": client_id, "grant_type": DEVICE_GRANT, "device_code": begun.device_code}
    while clock.monotonic_s() + interval_s < ends_s:
        await pause(interval_s)
        try:
            status, answer = await line.post(metadata.token_endpoint, fields)
            error, description = ("", "") if status == 200 else error_of(answer)
        except Transient:
            # RFC 8628 section 3.5: twice as long after each failure of the line.
            interval_s = min(2 * interval_s, INTERVAL_S_MAX)
            continue
        if status == 200:
            return await believed(line, metadata, client_id, clock, answer, None)
        if error == "slow_down":
            interval_s += SLOWER_S
        elif error != "authorization_pending":
            raise refusal_of(error, description)
    raise refusal_of("expired_token", "")


def _span(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise NotAProvider("it does not say how long its code holds")
    return float(value)


def _word(answer: Mapping[str, Any], name: str, limit: int) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise NotAProvider(f"its {name} is missing")
    return value


def _address(answer: Mapping[str, Any], name: str) -> str:
    try:
        return judged_address(_word(answer, name, _WORD_CHARACTERS_MAX))
    except BadInput:
        raise NotAProvider(f"its {name} is no safe address") from None

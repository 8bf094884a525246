"""What signing in asks of a terminal: to show an address, to open a browser, to take what a person pastes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bravetui.base.errors import BravetuiError

Way = Literal["browser", "device", "paste"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a person has to do just now, to be shown."""

    way: Way
    """`browser`: one has been opened here. `device`: open the address on any device, and type the code there. `paste`:
    open the address on any device, and bring back what its address line says at the end."""
    address: str
    """To be opened, or typed."""
    scan: str
    """The address for a QR code (`qr.half_blocks`); with the code already in it where the provider has such a one."""
    user_code: str | None
    """To be typed at the address, or compared with what stands there; only for `device`."""
    expires_at: datetime
    """When the invitation ends, as this laptop's clock has it."""


class Ways(Protocol):
    """The terminal. Each method may be cancelled while it waits."""

    async def open_browser(self, address: str) -> bool:
        """Open a browser on this machine; False where there is none (`browser.open_browser` does it)."""
        ...

    async def invite(self, invitation: Invitation) -> None:
        """Show what to do, and return at once. A later invitation replaces it."""
        ...

    async def ask_for_paste(self, wrong: BravetuiError | None) -> str:
        """Wait for what the person pastes; `wrong` says what was not right with the last one."""
        ...

"""Signs the demo's people in as they would do it themselves: opens the issuer's page, picks the person, goes where it sends
the browser. All of it is real but the hand on the mouse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from urllib.parse import urljoin

import httpx

from bravetui.base.errors import BadInput, BravetuiError
from bravetui.central.founding import Person
from bravetui.issuer.people import Person as Account
from bravetui.signin.ways import Invitation

_ACTION = re.compile(r'<form method="post" action="([^"]*)">')
_TICKET = re.compile(r'name="ticket" value="([^"]*)"')


def accounts(people: Sequence[Person]) -> tuple[Account, ...]:
    """Everybody whom central knows, with an account at the development issuer."""
    return tuple(
        Account(one.user_id, one.name, f"{one.user_id}@demo.example", one.organization_id, one.role)
        for one in people
    )


class PlayedBrowser:
    """Ways to sign in where the browser plays itself."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id

    async def open_browser(self, address: str) -> bool:
        """Go through the pages, to the one that says to go back to the terminal."""
        async with httpx.AsyncClient(timeout=10) as http:
            page = await http.get(address)
            action, ticket = _ACTION.search(page.text), _TICKET.search(page.text)
            if action is None or ticket is None:
                raise BadInput("The development issuer shows a page that the demo does not know.")
            target = urljoin(str(page.url), unescape(action[1]))
            chosen = {"ticket": unescape(ticket[1]), "subject": self._user_id}
            await http.post(target, data=chosen, follow_redirects=True)
        return True

    async def invite(self, invitation: Invitation) -> None:
        """There is nobody to invite."""

    async def ask_for_paste(self, wrong: BravetuiError | None) -> str:
        """There is nobody to ask."""
        raise BadInput("The demo's browser did not come back.")

"""A central that refuses what another version of it may take, and a person who types on meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bravetui.base.errors import Refused
from bravetui.central import push
from bravetui.central.access import Access
from bravetui.central.checks import Admitted, admit
from bravetui.sync.exchange import prepare, take
from bravetui.wire.change import Change
from bravetui.wire.lanes import LANES
from tests.support.world import Here


def refuse_bad(monkeypatch: pytest.MonkeyPatch, path: str = "location") -> None:
    """A central that takes no value there that begins with `bad`, as one of another version may."""

    def refusing(change: Change, access: Access, size_bytes: int) -> Admitted:
        if str(change.after.get(path)).startswith("bad"):
            raise Refused("That is no place.", "Mend it.", code="invalid_field", field=path)
        return admit(change, access, size_bytes)

    monkeypatch.setattr(push, "admit", refusing)


async def typed_meanwhile(here: Here, types: Callable[[], None]) -> None:
    """One exchange, during which more is typed."""
    prepared = prepare(here.store, [policy.lane for policy in LANES], 10**7)
    answered = await here.worker._client.sync(prepared.request)
    types()
    take(here.store, prepared, answered.answer)

"""Compares all that a laptop holds with central, now: what differs is fetched or handed in, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bravetui.base.errors import BravetuiError, Busy
from bravetui.base.runner import ThreadRunner
from bravetui.base.text import counted
from bravetui.db.lease import Lease
from bravetui.sync.agreement import begin_anew, is_agreed
from bravetui.sync.progress import Mended, SyncEvent
from bravetui.wiring.checkup import Finding, Health, unforeseen
from bravetui.wiring.folder import LEASE
from bravetui.wiring.joining import make_worker
from bravetui.wiring.opening import Laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

PART = "central"
NOT_COMPARED = "not compared"
"""How a finding begins that goes on with why, perhaps in central's words."""


async def compare_with_central(laptop: Laptop, transport: AsyncBaseTransport | None = None) -> Finding:
    """Sync, compare everything, and say how the two stand."""
    store, events = laptop.store, list[SyncEvent]()
    try:
        with Lease.take(laptop.folder / LEASE, store.clock.now()):
            with store.maintain() as connection:
                begin_anew(connection, store.clock.now())
            runner = ThreadRunner()
            worker = make_worker(laptop, events.append, runner, transport)
            try:
                handed_in = await worker.run_once()
            finally:
                await worker.close()
                runner.close()
    except Busy:
        todo = "It compares by itself once a week; to do it now, close the app or the background sync first."
        return Finding(PART, Health.UNKNOWN, "another window of the program is syncing this laptop", todo)
    except BravetuiError as error:
        return Finding(PART, Health.UNKNOWN, f"{NOT_COMPARED}: {error.what}", error.todo)
    except Exception as error:  # noqa: BLE001 - whatever lies in a damaged table, the doctor says what he found
        return unforeseen(PART, error)
    with store.read() as connection:
        agreed = is_agreed(connection)
    return _finding(agreed, handed_in, sum(event.records for event in events if isinstance(event, Mended)))


def _finding(agreed: bool, handed_in: bool, mended: int) -> Finding:
    if not agreed:
        todo = "Nothing of yours was touched. Run it again later; if it stays so, call support."
        return Finding(PART, Health.LOOK, "this laptop and central still differ", todo)
    rest = "" if handed_in else "; what waits in the queue is left out"
    if mended:
        return Finding(
            PART, Health.MENDED, f"not as central had them, and mended: {counted(mended, 'record')}{rest}"
        )
    return Finding(PART, Health.SOUND, f"both hold the same{rest}")

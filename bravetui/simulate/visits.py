"""A visit to a laptop: the lid opens, somebody works while it syncs, the lid shuts, unless the machine dies first.

And the last of all visits, after which everything must be handed in. Knows nothing of days, nor of what befalls disks and
central between visits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from bravetui.actions import queue as queue_actions
from bravetui.base.errors import BravetuiError, StorageFull
from bravetui.db.device import AT_REST, Outbox, OutboxState
from bravetui.merge.version import Dot
from bravetui.simulate import photo_checks
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import Died, running_on
from bravetui.simulate.laptop import POLL_S, SimulatedLaptop
from bravetui.simulate.older import Programs
from bravetui.simulate.oversight import Oversight, hidden_work, invented, newer_dropped, unmoved
from bravetui.simulate.people import People
from bravetui.simulate.witness import Witness
from bravetui.sync.agreement import begin_anew
from bravetui.sync.progress import Renumbered, SyncEvent

_outbox = Outbox.__table__  # type: ignore[attr-defined]

LINE_COMES_AFTER_S = 300.0
"""Long enough that every lane is in a pause that it has drawn for itself, and must come back from."""

HEALED_WITHIN_S = 8 * 3600.0
"""How long after the last fault everything must be handed in and everybody alike; longer is a stall."""

EVENINGS = 0.1
"""Of so many visits one ends with an evening on a good line."""


class Visits:
    """The visits of one simulated month."""

    def __init__(
        self, chaos: Chaos, central: SimulatedCentral, people: People, witness: Witness, known: Programs
    ) -> None:
        self._chaos, self._central, self._people = chaos, central, people
        self._witness, self._programs = witness, known
        self._oversight = Oversight(witness, known)

    async def visit(self, laptop: SimulatedLaptop, *, works: bool = True) -> None:
        """Somebody opens the lid, works a while, and closes it, unless the machine dies first."""
        with running_on(laptop.name):
            await self._visited(laptop, works=works)

    async def _visited(self, laptop: SimulatedLaptop, *, works: bool) -> None:
        try:
            if not self._opens(laptop, works):
                return
            assert laptop.worker is not None
            syncing = asyncio.create_task(laptop.worker.watch())
            working = asyncio.create_task(self._works(laptop) if works else asyncio.sleep(60))
            try:
                await asyncio.wait({syncing, working}, return_when=asyncio.FIRST_COMPLETED)
                if syncing.done():
                    syncing.result()
                working.result()
                laptop.worker.stop()
                await syncing
            finally:
                for task in (syncing, working):
                    task.cancel()
                await asyncio.gather(syncing, working, return_exceptions=True)
            with laptop.store.read() as connection:
                found = [*hidden_work(connection, self._central), *newer_dropped(connection, laptop)]
                self._witness.complaints += [f"{laptop.name} {words}" for words in found]
            await laptop.shut()
        except Died:
            self._chaos.tell(f"{asyncio.get_running_loop().time():.2f} {laptop.name} is dead")
            laptop.die()
        except BravetuiError as error:
            self._witness.complaints.append(f"{laptop.name} does not go on: {error}")
            laptop.die()

    async def _works(self, laptop: SimulatedLaptop) -> None:
        await self._people.work(laptop)
        if self._chaos.chance(EVENINGS):
            await self._evening(laptop)

    async def _evening(self, laptop: SimulatedLaptop) -> None:
        """The lid stays open on a good line: within hours all is handed in that can be, whatever was before."""
        line, loop = laptop.line, asyncio.get_running_loop()
        line.is_up = line.is_calm = True
        until_s = loop.time() + HEALED_WITHIN_S / 2
        try:
            while left := self._unmoved(laptop):
                if loop.time() >= until_s:
                    self._witness.complaints.append(f"{laptop.name} stalls on a good line: {'; '.join(left)}")
                    return
                await asyncio.sleep(POLL_S)
        finally:
            line.is_calm = False

    def _unmoved(self, laptop: SimulatedLaptop) -> list[str]:
        with laptop.store.read() as connection:
            return unmoved(connection)

    def _opens(self, laptop: SimulatedLaptop, works: bool) -> bool:
        """Whether it does; on a disk that is full just now it says so, and is tried again another time."""
        try:
            self._open(laptop)
            if laptop.is_updated:
                laptop.is_updated = False
                self._chaos.counts["newer records kept for the update"] += laptop.kept_for_update()
            if works and self._chaos.happens("record lost"):
                self._chaos.tell(f"{laptop.name} loses {laptop.lose_a_record(self._chaos)}")
        except StorageFull:
            self._chaos.tell(f"{laptop.name} does not open on a full disk")
            laptop.die()
            return False
        return True

    def _open(self, laptop: SimulatedLaptop) -> None:
        laptop.open(partial(self._report, laptop))
        with laptop.store.read() as connection:
            found = invented(connection, self._programs)
        self._witness.complaints += [f"{laptop.name} {words}" for words in found]

    def _report(self, laptop: SimulatedLaptop, event: SyncEvent) -> None:
        self._witness.renumbered += isinstance(event, Renumbered)
        self._oversight.hear(laptop, event, self._central)
        self._chaos.tell(
            f"{asyncio.get_running_loop().time():.2f} {laptop.name} {type(event).__name__} {event.words()}"
        )

    # ------------------------------------------------------------------ the last

    async def stay_open(self, laptops: Sequence[SimulatedLaptop]) -> None:
        """Lids open, and then lines up, until all is handed in, or time is up. The lids stay open."""
        syncing = []
        for laptop in laptops:
            laptop.clock.skew, laptop.line.is_up = timedelta(), False
            self._open(laptop)
            assert laptop.worker is not None
            with (
                laptop.store.maintain() as connection
            ):  # as `bravetui doctor` does, whom a careful person asks
                begin_anew(connection, laptop.clock.now())
            syncing.append(asyncio.create_task(laptop.worker.watch()))
        await asyncio.sleep(LINE_COMES_AFTER_S)  # so that whoever waits must come back by himself
        for laptop in laptops:
            laptop.line.is_up = True
        until_s = asyncio.get_running_loop().time() + HEALED_WITHIN_S
        quiet = 0
        while quiet < 3 and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(POLL_S * 1.25)  # everybody has asked once more by then
            quiet = quiet + 1 if self._all_quiet(laptops) else 0
        for laptop in laptops:
            assert laptop.worker is not None
            laptop.worker.stop()
        await asyncio.gather(*syncing)

    def _all_quiet(self, laptops: Sequence[SimulatedLaptop]) -> bool:
        """Asks every laptop: each of them may have something to send again."""
        return {self._is_quiet(laptop) for laptop in laptops} == {True}

    def _is_quiet(self, laptop: SimulatedLaptop) -> bool:
        """Whether nothing is on its way; what was refused for want of a right is sent again, as a person would."""
        with laptop.store.read() as connection:
            query = select(_outbox.c.device, _outbox.c.counter, _outbox.c.state).where(
                _outbox.c.state.not_in(AT_REST)
            )
            left = connection.execute(query.order_by(_outbox.c.counter)).all()
        refused = [row for row in left if row.state == OutboxState.REFUSED]
        for row in refused:
            queue_actions.send_again(laptop.store, Dot(row.device, row.counter))
        assert laptop.worker is not None
        if refused:
            laptop.worker.nudge()  # as the app does; nobody helps along what waits by itself
        with laptop.store.read() as connection:
            lost = self._witness.bytes_lost
            photos = [name for name, _ in photo_checks.waiting(connection) if name.blob not in lost]
        return not left and not photos

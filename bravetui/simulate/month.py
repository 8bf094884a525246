"""One month, from the first morning to the last comparison. The story in order: set up, live, come back, compare. What goes
on at an open laptop is a visit (`simulate.visits`)."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bravetui import wiring
from bravetui.base import fault
from bravetui.base.errors import BravetuiError, Corrupt
from bravetui.central.enrolment import issue_code
from bravetui.central.rescue import take_bundle
from bravetui.db.kinds import KINDS
from bravetui.simulate import crash, disk
from bravetui.simulate.central import FOREMEN, ORGANIZATION, SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import CENTRAL, CONSOLE, Died, running_on
from bravetui.simulate.database import Databases
from bravetui.simulate.ending import Fates, ledger_of, read_end
from bravetui.simulate.invariants import CHECKS
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.loop import live
from bravetui.simulate.network import Headers, Reply, is_of_bytes
from bravetui.simulate.office import Office
from bravetui.simulate.older import Programs, programs
from bravetui.simulate.outcome import Outcome, Plan
from bravetui.simulate.oversight import invented
from bravetui.simulate.people import People
from bravetui.simulate.photographs import Holdings
from bravetui.simulate.signing_in import sign_in_again
from bravetui.simulate.visits import Visits
from bravetui.simulate.witness import Witness

DAY_S = 86_400.0
BAD_REQUEST = 400
"""The first HTTP status that says: no."""
REQUESTS_AN_HOUR_MAX = 250
"""As many as a month of three laptops takes; more is a livelock, and from there on no line is up."""

CENTRAL_STEPS = (timedelta(minutes=-20), timedelta(hours=3), timedelta(hours=-9))
"""How far central's clock goes wrong: a server is watched, and set right the same day or the next."""


def simulate(databases: Databases, template: str, seed: int, plan: Plan) -> Outcome:
    """Live through the month that `seed` stands for. Whatever goes wrong in it is a complaint of its outcome."""
    chaos = Chaos(seed)
    random.seed(seed)  # tenacity draws its pauses from there
    with disk.folder() as folder, programs() as known:
        month = _Month(databases, template, chaos, plan, folder, known)
        fault.install(crash.Hook(chaos, month.laptops))
        try:
            return live(month.story(seed))
        except (Exception, Died, asyncio.CancelledError) as error:  # noqa: BLE001 -- whatever it is, it is told
            return month.broken_off(seed, error)
        finally:
            fault.install(None)


class _Month:
    """The stage and the script."""

    def __init__(
        self, databases: Databases, template: str, chaos: Chaos, plan: Plan, folder: Path, known: Programs
    ) -> None:
        self._chaos, self._plan, self._folder, self._programs = chaos, plan, folder, known
        self._databases, self._template = databases, template
        self._witness = Witness()
        self._people = People(chaos, self._witness, known)
        self.laptops: dict[str, SimulatedLaptop] = {}
        """Those that there are, by name."""
        self._copies: dict[str, tuple[float, Path]] = {}
        self._twins = self._new_ones = 0
        self._restored_s = 0.0
        self._requests: Counter[int] = Counter()
        self._photos: Counter[str] = Counter()
        """What became of the photos."""

    async def story(self, seed: int) -> Outcome:
        """The month."""
        if self._chaos.chance(0.6):
            self._programs.old.add(CENTRAL)
        self._central = SimulatedCentral(self._databases, self._template, seed, self._programs)
        self._holdings = Holdings(self._witness, self._central, self.laptops)
        self._office = Office(self._chaos, self._central, self._people)
        self._visits = Visits(self._chaos, self._central, self._people, self._witness, self._programs)
        try:
            self._office.begin()
            await self._enrol()
            self._central.back_up()
            await self._live()
            await self._come_back()
            return self._compare(seed)
        finally:
            for laptop in self.laptops.values():
                laptop.line.forget()
                laptop.die()
            self._central.close()

    @property
    def _users(self) -> tuple[str, ...]:
        return FOREMEN[: self._plan.laptops]

    async def _enrol(self) -> None:
        self._chaos.is_on = False
        for user_id in self._users:
            await self._enrol_one(user_id, user_id)
        self._chaos.is_on = True

    async def _enrol_one(self, name: str, user_id: str) -> SimulatedLaptop:
        """A new machine, on its first morning; some keep a black box."""
        folder = self._folder / name
        folder.mkdir()
        laptop = SimulatedLaptop(name, user_id, folder, self._chaos, self._deliver)
        code = issue_code(self._central.engine, self._central.clock.now(), ORGANIZATION, user_id)
        if self._chaos.chance(0.4):
            self._programs.old.add(name)
        with running_on(name):
            await wiring.enrol(
                folder, laptop.ring, "http://central.test", code, name, laptop.line, clock=laptop.clock
            )
        if self._chaos.chance(0.5):
            laptop.keep_card(self._folder / f"{name}.card")
        self.laptops[name] = laptop
        await self._visits.visit(laptop, works=False)
        return laptop

    async def _deliver(self, method: str, path: str, headers: Headers, body: bytes) -> Reply:
        """Counts what gets nowhere: a part of a photo that is taken is none of it."""
        hour = int(asyncio.get_running_loop().time() // 3600)
        self._requests[hour] += 1
        if self._requests[hour] == REQUESTS_AN_HOUR_MAX:
            self._witness.complaints.append(
                f"{REQUESTS_AN_HOUR_MAX} requests in an hour: somebody goes in circles"
            )
        if max(self._requests.values()) >= REQUESTS_AN_HOUR_MAX:
            raise ConnectionRefusedError
        reply = await self._central.deliver(method, path, headers, body)
        self._requests[hour] -= is_of_bytes(path) and reply[0] < BAD_REQUEST
        return reply

    # ------------------------------------------------------------------ the days

    async def _live(self) -> None:
        for day in range(self._plan.days):
            self._chaos.tell(f"day {day + 1}")
            self._central_day()
            days = [asyncio.create_task(self._laptop_day(laptop)) for laptop in tuple(self.laptops.values())]
            if self._central.is_old and self._chaos.happens("central updated"):
                days.append(asyncio.create_task(self._central_update()))
            await asyncio.sleep(DAY_S)
            await asyncio.gather(*days)

    def _central_day(self) -> None:
        chaos, central = self._chaos, self._central
        if chaos.happens("central's clock wrong"):
            central.clock.skew = chaos.pick(CENTRAL_STEPS)
        elif chaos.chance(0.6):
            central.clock.skew = timedelta()
        with running_on(CONSOLE):
            self._office.day(self._users)
        if chaos.chance(0.1):
            central.back_up()
        if chaos.happens("central restored"):
            self._central_lost(lambda: central.restore(chaos.dice))
        if chaos.happens("failover to a stale copy"):
            self._central_lost(central.fail_over)

    async def _central_update(self) -> None:
        await asyncio.sleep(self._chaos.dice.random() * DAY_S / 2)
        await self._update_central()

    async def _update_central(self) -> None:
        await self._central.update(self._chaos)
        with self._central.engine.begin() as connection:
            self._witness.complaints += [f"central {words}" for words in invented(connection, KINDS)]

    def _central_lost(self, goes_back: Callable[[], float | None]) -> None:
        """Central goes on from a copy of an earlier moment; what the dead had only there is gone."""
        with self._central.engine.begin() as connection:
            self._witness.forgotten += ledger_of(connection)
        with self._holdings.losing():
            since_s = goes_back()
        self._restored_s = asyncio.get_running_loop().time()
        for machine in ("office", *self._witness.dead):
            self._witness.disk_lost(machine, since_s or 0.0)

    async def _laptop_day(self, laptop: SimulatedLaptop) -> None:
        chaos = self._chaos
        await asyncio.sleep(chaos.dice.random() * DAY_S / 2)
        if chaos.happens("clock stepped"):
            laptop.clock.skew = chaos.pick(crash.CLOCK_STEPS)
        elif chaos.chance(0.1):
            laptop.clock.skew = timedelta()
        if await self._disk_day(laptop):
            return
        if laptop.name in self._programs.old and chaos.happens("program updated"):
            self._programs.old.remove(laptop.name)
            laptop.is_updated = True
        while chaos.chance(self._plan.visits):
            laptop.line.is_up = chaos.chance(0.75)
            if chaos.chance(0.1):
                await self._carry_for(laptop)
            await self._visits.visit(laptop)
            await asyncio.sleep(chaos.dice.random() * DAY_S / 8)

    async def _disk_day(self, laptop: SimulatedLaptop) -> bool:
        """Images are made, put back and copied; returns whether the laptop is gone."""
        chaos, now_s = self._chaos, asyncio.get_running_loop().time()
        if laptop.name in self._copies and not laptop.is_damaged:
            made_s, place = self._copies[laptop.name]
            if chaos.happens("database restored"):
                self._witness.gone_back.add(laptop.name)
                laptop.put_back(place, database_only=True)
            elif chaos.happens("disk restored"):
                self._witness.copies += 1
                self._witness.gone_back.add(laptop.name)
                with self._holdings.losing():
                    laptop.put_back(place, database_only=False)
                self._witness.disk_lost(laptop.name, made_s)
        if not laptop.is_damaged and chaos.happens("file damaged"):
            was_only_copy, told = self._held_the_only_copy(laptop), laptop.damage()
            if was_only_copy and told.startswith(wiring.DATABASE):
                self._witness.disk_lost(laptop.name, 0.0)
            self._witness.rebuilt.add(laptop.name)
            chaos.tell(f"{laptop.name} is damaged: {told}")
        if chaos.happens("laptop cloned"):
            self._twins += 1
            self._witness.copies += 1
            self._witness.cloned.add(laptop.name)
            twin = f"{laptop.name}-{self._twins}"
            self.laptops[twin] = laptop.cloned(twin, self._folder / twin)
            if laptop.name in self._programs.old:
                self._programs.old.add(twin)
        if chaos.chance(0.15):
            self._copies[laptop.name] = (now_s, self._folder / f"{laptop.name}.image")
            laptop.keep_copy(self._copies[laptop.name][1])
        if chaos.happens("disk destroyed"):
            await self._destroy(laptop)
            return True
        return False

    async def _destroy(self, laptop: SimulatedLaptop) -> None:
        """Its work comes back from its card, if it kept one; its owner goes on with a new machine."""
        await self._central.comes_up()
        self._witness.dead[laptop.name] = asyncio.get_running_loop().time()
        self._witness.gone_back.add(laptop.name)
        with self._holdings.losing():
            del self.laptops[laptop.name]
            laptop.destroy()
        if laptop.card is None or self._held_the_only_copy(laptop):
            self._witness.disk_lost(laptop.name, 0.0)
        if laptop.card is not None:
            self._read_card_back(laptop)
        self._new_ones += 1
        with self._chaos.calm():
            await self._enrol_one(f"{laptop.user_id}+{self._new_ones}", laptop.user_id)
        # A laptop that a restored central has never heard of has to be enrolled anew by hand; that is not lived here.
        self._central.forget_backups()
        self._central.back_up()

    def _read_card_back(self, laptop: SimulatedLaptop) -> None:
        """Torn, too, before there was room to mend a damaged disk, a card need not read: two such things at once."""
        try:
            bundle = laptop.bundle_of_card(self._folder)
        except Corrupt:
            if not laptop.is_damaged:
                raise
            self._chaos.tell(f"the card of {laptop.name} does not read, as its disk")
            self._witness.disk_lost(laptop.name, 0.0)
            return
        if bundle is not None:
            with running_on(CONSOLE):
                taken = take_bundle(self._central.central, bundle.read_bytes())
            self._chaos.counts["card read back"] += 1
            self._chaos.tell(f"the card of {laptop.name}: {sorted(taken.delivered.outcomes.items())}")

    def _held_the_only_copy(self, laptop: SimulatedLaptop) -> bool:
        """Whether central has been restored since it last heard of a laptop whose journal, and so its card, may have been
        written anew: then what had been confirmed before was in that laptop's database alone."""
        return laptop.name in self._witness.rebuilt and laptop.heard_s <= self._restored_s

    async def _carry_for(self, laptop: SimulatedLaptop) -> None:
        """What waits on a colleague's shut laptop, carried on a stick; its owner syncs it too, later or sooner."""
        others = [one for one in self.laptops.values() if one is not laptop and not one.is_open]
        if not others or not laptop.line.is_up:
            return
        owner = self._chaos.pick(others)
        try:
            bundle = owner.bundle(self._folder)
            if bundle is None:
                return
            told = await wiring.carry(laptop.ring, bundle, laptop.line)
            self._chaos.counts["bundle carried"] += 1
            self._chaos.tell(f"{laptop.name} carries {owner.name}'s work: {sorted(told.outcomes.items())}")
        except BravetuiError as error:
            self._chaos.tell(f"{laptop.name} cannot carry {owner.name}'s work: {type(error).__name__}")

    # ------------------------------------------------------------------ the end

    def broken_off(self, seed: int, error: BaseException) -> Outcome:
        """The outcome of a month that an error ended before its time."""
        where = "".join(traceback.format_exception(error)).rstrip()
        complaints = [*self._witness.complaints, f"the month broke off: {where}"]
        self._chaos.tell(f"broken off: {type(error).__name__}")
        return self._outcome(seed, complaints)

    async def _come_back(self) -> None:
        """No more faults: clocks right, rights back, lids open, and then lines up, until all is handed in, or time is up."""
        self._chaos.is_on = False
        await asyncio.sleep(DAY_S)
        self._central.clock.skew = timedelta()
        if self._central.is_old:
            await self._update_central()
        self._office.give_back(self._users)
        self._office.publish_again()
        self._office.take_all_refused()
        self._programs.old.clear()
        for laptop in self.laptops.values():
            self._chaos.counts["signed in again"] += sign_in_again(self._central.central, laptop)
        await self._visits.stay_open(tuple(self.laptops.values()))

    def _compare(self, seed: int) -> Outcome:
        end = read_end(self._central, self.laptops.values(), self._witness)
        complaints = [words for check in CHECKS for words in check(end)]
        self._photos = end.photos.fates
        conflicts = sum(kind == "conflict" for kind, _ in end.central)
        self._chaos.tell(f"{len(end.ledger)} changes, {conflicts} conflicts, {end.fates}")
        self._chaos.tell(f"photos: {sorted(self._photos.items())}")
        return self._outcome(seed, complaints, end.fates, len(end.ledger), conflicts)

    def _outcome(
        self,
        seed: int,
        complaints: list[str],
        fates: Fates | None = None,
        changes: int = 0,
        conflicts: int = 0,
    ) -> Outcome:
        lines = [laptop.line for laptop in self.laptops.values()]
        return Outcome(
            seed, tuple(complaints), self._chaos.counts, fates or Fates(), len(self._witness.saved), changes, conflicts,
            sum(line.requests for line in lines), sum(line.bytes for line in lines),
            self._chaos.fingerprint(), tuple(self._chaos.trace), self._photos,
            sum(photo.size_bytes for photo in self._witness.photos),
        )  # fmt: skip

"""One month, from the first morning to the last comparison. The story in order: set up, live, come back, compare."""

from __future__ import annotations

import asyncio
import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select

from bravetui import wiring
from bravetui.actions import queue as queue_actions
from bravetui.base import fault
from bravetui.base.errors import BravetuiError
from bravetui.central.enrolment import issue_code
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.merge.version import Dot
from bravetui.simulate import crash
from bravetui.simulate.central import FOREMEN, ORGANIZATION, SimulatedCentral, template_values
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import MACHINE, Died
from bravetui.simulate.database import Databases
from bravetui.simulate.invariants import CHECKS, Fates, hidden_work, read_end
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.loop import live
from bravetui.simulate.network import Reply
from bravetui.simulate.people import People
from bravetui.simulate.witness import Witness
from bravetui.sync.progress import Renumbered, SyncEvent

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_members = KINDS["project_member"].table

DAY_S = 86_400.0
REQUESTS_AN_HOUR_MAX = 250
"""As many as a month of three laptops takes; more is a livelock, and from there on no line is up."""

LINE_COMES_AFTER_S = 900.0

TRACED_MAX = 12
"""Last lines of the trace that are shown of a month that went wrong; replaying it shows all."""

HEALED_WITHIN_S = 8 * 3600.0
"""How long after the last fault everything must be handed in and everybody alike; longer is a stall."""

_STEPS = (
    timedelta(hours=-7),
    timedelta(hours=9),
    timedelta(days=-400),
    timedelta(days=700),
    timedelta(minutes=-20),
)
"""How far a wrong clock jumps."""


@dataclass(frozen=True)
class Plan:
    """The size of a month."""

    laptops: int = 3
    days: int = 30
    visits: float = 0.25
    """Visits to each laptop a day, on average."""


@dataclass(frozen=True)
class Outcome:
    """What a month came to."""

    seed: int
    complaints: tuple[str, ...]
    faults: Counter[str]
    fates: Fates
    saved: int
    changes: int
    conflicts: int
    requests: int
    bytes: int
    fingerprint: str
    trace: tuple[str, ...]

    def with_complaint(self, words: str) -> Outcome:
        """The outcome with one more thing to complain of."""
        return replace(self, complaints=(*self.complaints, words))

    def without_trace(self) -> Outcome:
        """The outcome as it travels between processes: of a month that went wrong, with the last that was traced."""
        return replace(self, trace=self.trace[-TRACED_MAX:] if self.complaints else ())


def unlived(seed: int, why: str) -> Outcome:
    """The outcome of a month of which nothing is known."""
    return Outcome(seed, (why,), Counter(), Fates(), 0, 0, 0, 0, 0, "", ())


def simulate(databases: Databases, template: str, seed: int, plan: Plan) -> Outcome:
    """Live through the month that `seed` stands for. Whatever goes wrong in it is a complaint of its outcome."""
    chaos = Chaos(seed)
    random.seed(seed)  # tenacity draws its pauses from there
    with tempfile.TemporaryDirectory(prefix="bravetui-simulate-") as folder, _points(chaos):
        month = _Month(databases, template, chaos, plan, Path(folder))
        try:
            return live(month.story(seed))
        except (Exception, Died, asyncio.CancelledError) as error:  # noqa: BLE001 -- whatever it is, it is told
            return month.broken_off(seed, error)


@contextmanager
def _points(chaos: Chaos) -> Iterator[None]:
    fault.install(partial(crash.hook, chaos))
    try:
        yield
    finally:
        fault.install(None)


class _Month:
    """The stage and the script."""

    def __init__(self, databases: Databases, template: str, chaos: Chaos, plan: Plan, folder: Path) -> None:
        self._chaos, self._plan, self._folder = chaos, plan, folder
        self._databases, self._template = databases, template
        self._witness = Witness()
        self._people = People(chaos, self._witness)
        self._laptops: list[SimulatedLaptop] = []
        self._copies: dict[str, tuple[float, Path]] = {}
        self._twins = 0
        self._requests: Counter[int] = Counter()

    async def story(self, seed: int) -> Outcome:
        """The month."""
        self._central = SimulatedCentral(self._databases, self._template, seed)
        try:
            await self._enrol()
            self._central.back_up()
            await self._live()
            await self._come_back()
            return self._compare(seed)
        finally:
            for laptop in self._laptops:
                laptop.line.forget()
                laptop.die()
            self._central.close()

    async def _enrol(self) -> None:
        self._chaos.is_on = False
        for user_id in FOREMEN[: self._plan.laptops]:
            folder = self._folder / user_id
            folder.mkdir()
            laptop = SimulatedLaptop(user_id, user_id, folder, self._chaos, self._deliver)
            code = issue_code(self._central.engine, self._central.clock.now(), ORGANIZATION, user_id)
            await wiring.enrol(folder, laptop.ring, "http://central.test", code, user_id, laptop.line)
            self._laptops.append(laptop)
            await self._visit(laptop, works=False)
        self._chaos.is_on = True

    async def _deliver(self, *request: object) -> Reply:
        hour = int(asyncio.get_running_loop().time() // 3600)
        self._requests[hour] += 1
        if self._requests[hour] == REQUESTS_AN_HOUR_MAX:
            self._witness.complaints.append(
                f"{REQUESTS_AN_HOUR_MAX} requests in an hour: somebody goes in circles"
            )
        if max(self._requests.values()) >= REQUESTS_AN_HOUR_MAX:
            raise ConnectionRefusedError
        return await self._central.deliver(*request)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ the days

    async def _live(self) -> None:
        for day in range(self._plan.days):
            self._chaos.tell(f"day {day + 1}")
            self._office_day()
            days = [asyncio.create_task(self._laptop_day(laptop)) for laptop in tuple(self._laptops)]
            await asyncio.sleep(DAY_S)
            await asyncio.gather(*days)

    def _office_day(self) -> None:
        chaos, central = self._chaos, self._central
        for _ in range(chaos.dice.choice((0, 1, 1, 2))):
            self._people.at_the_office(central)
        if chaos.happens("template changed"):
            record_id = central.central.ids.new_id()
            central.publish("form_template", record_id, template_values(2), ORGANIZATION)
        if chaos.happens("right taken"):
            self._set_right(chaos.pick(self._laptops).user_id, "viewer")
        elif chaos.chance(0.2):
            self._give_rights_back()
        if chaos.chance(0.1):
            central.back_up()
        if chaos.happens("central restored"):
            self._witness.disk_lost("office", central.restore(chaos.dice) or 0.0)
        if chaos.happens("failover to a stale copy"):
            self._witness.disk_lost("office", central.fail_over() or 0.0)

    def _set_right(self, user_id: str, role: str) -> None:
        with self._central.engine.connect() as connection:
            query = select(_members.c.id).where(_members.c.user_id == user_id)
            member_id = connection.execute(query).scalar_one()
        self._central.publish("project_member", member_id, {"project_role": role})

    def _give_rights_back(self) -> None:
        for user_id in {laptop.user_id: None for laptop in self._laptops}:
            self._set_right(user_id, "foreman")

    async def _laptop_day(self, laptop: SimulatedLaptop) -> None:
        chaos = self._chaos
        await asyncio.sleep(chaos.dice.random() * DAY_S / 2)
        if chaos.happens("clock stepped"):
            laptop.clock.skew = chaos.pick(_STEPS)
        elif chaos.chance(0.1):
            laptop.clock.skew = timedelta()
        self._disk_day(laptop)
        while chaos.chance(self._plan.visits):
            laptop.line.is_up = chaos.chance(0.75)
            await self._visit(laptop)
            await asyncio.sleep(chaos.dice.random() * DAY_S / 8)

    def _disk_day(self, laptop: SimulatedLaptop) -> None:
        """Images are made, put back and copied."""
        chaos, now_s = self._chaos, asyncio.get_running_loop().time()
        if laptop.name in self._copies:
            made_s, place = self._copies[laptop.name]
            if chaos.happens("database restored"):
                self._witness.gone_back.add(laptop.name)
                laptop.put_back(place, database_only=True)
            elif chaos.happens("disk restored"):
                self._witness.copies += 1
                self._witness.gone_back.add(laptop.name)
                laptop.put_back(place, database_only=False)
                self._witness.disk_lost(laptop.name, made_s)
        if chaos.happens("laptop cloned"):
            self._twins += 1
            self._witness.copies += 1
            twin = f"{laptop.name}-{self._twins}"
            self._laptops.append(laptop.cloned(twin, self._folder / twin))
        if chaos.chance(0.15):
            self._copies[laptop.name] = (now_s, self._folder / f"{laptop.name}.image")
            laptop.keep_copy(self._copies[laptop.name][1])

    # ------------------------------------------------------------------ a visit

    async def _visit(self, laptop: SimulatedLaptop, *, works: bool = True) -> None:
        """Somebody opens the lid, works a while, and closes it, unless the machine dies first."""
        before = MACHINE.set(laptop.name)
        try:
            self._open(laptop)
            assert laptop.worker is not None
            syncing = asyncio.create_task(laptop.worker.watch())
            working = asyncio.create_task(self._people.work(laptop) if works else asyncio.sleep(60))
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
                self._witness.complaints += [f"{laptop.name} {words}" for words in hidden_work(connection)]
            await laptop.shut()
        except Died:
            self._chaos.tell(f"{asyncio.get_running_loop().time():.2f} {laptop.name} is dead")
            laptop.die()
        except BravetuiError as error:
            self._witness.complaints.append(f"{laptop.name} does not open: {error}")
            laptop.die()
        finally:
            MACHINE.reset(before)

    def _open(self, laptop: SimulatedLaptop) -> None:
        laptop.open(partial(self._report, laptop))

    def _report(self, laptop: SimulatedLaptop, event: SyncEvent) -> None:
        self._witness.renumbered += isinstance(event, Renumbered)
        self._chaos.tell(
            f"{asyncio.get_running_loop().time():.2f} {laptop.name} {type(event).__name__} {event.words()}"
        )

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
        self._give_rights_back()
        syncing = []
        for laptop in self._laptops:
            laptop.clock.skew, laptop.line.is_up = timedelta(), False
            self._open(laptop)
            assert laptop.worker is not None
            syncing.append(asyncio.create_task(laptop.worker.watch()))
        await asyncio.sleep(LINE_COMES_AFTER_S)  # so that whoever waits must come back by himself
        for laptop in self._laptops:
            laptop.line.is_up = True
        until_s = asyncio.get_running_loop().time() + HEALED_WITHIN_S
        quiet = 0
        while quiet < 3 and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(600)
            quiet = quiet + 1 if self._all_quiet() else 0
        for laptop in self._laptops:
            assert laptop.worker is not None
            laptop.worker.stop()
        await asyncio.gather(*syncing)

    def _all_quiet(self) -> bool:
        """Asks every laptop: each of them may have something to send again."""
        return {self._is_quiet(laptop) for laptop in self._laptops} == {True}

    def _is_quiet(self, laptop: SimulatedLaptop) -> bool:
        """Whether nothing is on its way; what was refused for want of a right is sent again, as a person would."""
        with laptop.store.read() as connection:
            query = select(_outbox.c.device, _outbox.c.counter, _outbox.c.state).where(
                _outbox.c.state != OutboxState.CONFIRMED
            )
            left = connection.execute(query.order_by(_outbox.c.counter)).all()
        refused = [row for row in left if row.state == OutboxState.REFUSED]
        for row in refused:
            queue_actions.send_again(laptop.store, Dot(row.device, row.counter))
        assert laptop.worker is not None
        if refused:
            laptop.worker.nudge()  # as the app does; nobody helps along what waits by itself
        return not left

    def _compare(self, seed: int) -> Outcome:
        end = read_end(self._central, self._laptops, self._witness)
        complaints = [words for check in CHECKS for words in check(end)]
        conflicts = sum(kind == "conflict" for kind, _ in end.central)
        self._chaos.tell(f"{len(end.ledger)} changes, {conflicts} conflicts, {end.fates}")
        return self._outcome(seed, complaints, end.fates, len(end.ledger), conflicts)

    def _outcome(
        self,
        seed: int,
        complaints: list[str],
        fates: Fates | None = None,
        changes: int = 0,
        conflicts: int = 0,
    ) -> Outcome:
        lines = [laptop.line for laptop in self._laptops]
        return Outcome(
            seed, tuple(complaints), self._chaos.counts, fates or Fates(), len(self._witness.saved), changes, conflicts,
            sum(line.requests for line in lines), sum(line.bytes for line in lines),
            self._chaos.fingerprint(), tuple(self._chaos.trace),
        )  # fmt: skip

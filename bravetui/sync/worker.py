"""The loop: ask what is next, do that one bounded step, say what happened. It never gives up and never holds a transaction
across an await.

Waiting is a state that is written down with its end and its reason, so that every window shows it. A step that makes no
progress is cut off after two minutes and tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError, NeedsSignIn, Refused, StorageFull, Transient
from bravetui.base.runner import Runner
from bravetui.db.store import Store
from bravetui.db.urgent import urgent_at
from bravetui.sync.ahead import continuation
from bravetui.sync.batch import BUDGET_BYTES_FIRST, next_budget, shrunk
from bravetui.sync.carrying import ALL, THUMBNAILS, Carrier
from bravetui.sync.client import UNSENT, Answered, CentralClient, TooLarge
from bravetui.sync.credible import InARow
from bravetui.sync.exchange import going_on, prepare, take, unsend
from bravetui.sync.news import Listener, News
from bravetui.sync.policy import poll_in_s, wait_s
from bravetui.sync.power import Mains, Power, awake
from bravetui.sync.progress import (
    AllHandedIn,
    ChangeRefused,
    ConflictOpened,
    Exchanged,
    Mended,
    NothingRead,
    Renumbered,
    Sending,
    SyncEvent,
    SyncProgress,
    Waiting,
    fold,
)
from bravetui.sync.situation import (
    bytes_due_at,
    forget_pauses,
    has_history_left,
    is_all_handed_in,
    is_behind,
    lane_situations,
    unconfirmed,
    wants_closing,
    write_pauses,
)
from bravetui.sync.step import Carry, Exchange, Situation, Wait, next_step
from bravetui.sync.taken import Prepared, Taken
from bravetui.sync.tus import Uploads
from bravetui.sync.twin import renumber
from bravetui.wire.blobs import Rendition
from bravetui.wire.lanes import LANES, POLICY, Lane
from bravetui.wire.messages import SyncRequest

P = ParamSpec("P")
T = TypeVar("T")

POLL_S = 30.0
"""How often an idle laptop asks for news while the line is up."""

CONFIRM_S = 2.0
"""How soon after an acknowledgement the confirming contact follows."""

CLOSING_MAX = 8
"""Contacts after the last row moved: one confirms, and a difference takes a few to be narrowed down."""

SILENT = (
    "Central answered, and said nothing that counts of what was sent.",
    "Nothing is lost: it stays here and is sent again.",
)

ELSEWHERE = (
    "Another central server answers than the one before, each time anew.",
    "Nothing is lost: it stays here. Tell the office that two of them are running, of which one must be switched off.",
)

LOOK_S = 3.0
"""How often a laptop without a line looks whether there is another network; it sends nothing for that."""

SILENCES_MAX = 3
"""Answers in a row without a word on what was sent, after which it goes again only after a pause."""

BATTERY_THRIFT = 5
"""How many times longer, on its battery, a laptop with nothing to do sleeps between looks and polls. Work is not delayed."""
MAINS = Mains()


async def _given_up(task: asyncio.Task[Answered] | None) -> None:
    """End what was asked for ahead and is not needed; what it would have brought comes with the next exchange."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError, BravetuiError, TimeoutError):
            await task


STUCK_S = 120.0
SIGN_IN_WAIT_S = 900.0
STUMBLED_WAIT_S = 60.0
ROOM_EVERY_S = 3600.0
"""How often all files of photos are gone through for those that can make room."""


class Worker:
    """Runs sync for one laptop; whoever makes it holds the lease."""

    def __init__(
        self,
        store: Store,
        client: CentralClient,
        report: Callable[[SyncEvent], None],
        run: Runner,
        *,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        poll_s: float = POLL_S,
        way_out: Callable[[], tuple[str, ...]] | None = None,
        listens: bool = False,
        power: Power = MAINS,
        part_share: int = 1,
    ) -> None:
        """`listens`: to central's news, while `watch` runs. `way_out` tells of a network that came back (`sync.network`).
        `part_share`: of a `Carrier`."""
        self._power = power
        self._store, self._client, self._report, self._run = store, client, report, run
        self._clock, self._sleep, self._poll_s = clock or store.clock, sleep, poll_s
        self._way_out = way_out
        self._lost_on: tuple[str, ...] | None = None
        """The way out on which the line was lost; None while it is up."""
        self._listener = Listener(client, self._heard, self._stream_ended, self._sleep) if listens else None
        self._moved: dict[str, int] = {}
        """Scopes that central says have moved, and where to, since that was last compared with what is here."""
        self._more = False
        """Whether the last answer brought rows and said that more would come at once."""
        self._attempted_at: datetime | None = None
        self._nudged = asyncio.Event()
        self._stopping = self._hung_up = self._held = False
        self._budget_bytes = BUDGET_BYTES_FIRST
        self._poll_at: datetime | None = None
        self._pull_failures, self._silences, self._room_from_s = 0, 0, 0.0
        self._row = InARow()
        self._pull_not_before: datetime | None = None
        uploads = Uploads(client, store.identity.central_key)
        self._carrier = Carrier(store, uploads, run, self._clock, power, part_share, lambda: self._hung_up)
        self._with_contact: frozenset[Rendition] = frozenset()
        """Which photo bytes go on the battery, too: they ride along with a contact that was made, until nothing is left."""
        self._records: Callable[[frozenset[tuple[str, str]]], None] | None = None
        self.progress = SyncProgress()

    def on_records(self, tell: Callable[[frozenset[tuple[str, str]]], None]) -> None:
        """Let `tell` hear which records each exchange changed here."""
        self._records = tell

    @property
    def is_listening(self) -> bool:
        """Whether central's news come by themselves at this moment."""
        return self._listener is not None and self._listener.is_open

    def nudge(self) -> None:
        """Something new waits: look again now. A pause after a failure is kept, unless `retry_now` cleared it."""
        self._nudged.set()

    def ask_now(self) -> None:
        """A person wants it now: forget pauses in memory and go."""
        self._poll_at = self._pull_not_before = None
        self._with_contact = ALL
        self._nudged.set()

    def hold(self, held: bool) -> None:
        """Stop (or start) sending, for a person who wants it so."""
        self._held = held
        self._nudged.set()

    def stop(self) -> None:
        """End `watch` after the step under way."""
        self._stopping = True
        self._nudged.set()

    async def close(self) -> None:
        """Stop, and let go of the connection, also amid an exchange: what it carried is asked about at the next start."""
        self._hung_up = True
        self.stop()
        await self._client.close()

    async def watch(self) -> None:
        """Sync until stopped."""
        listening = asyncio.ensure_future(self._listener.listen()) if self._listener else None
        try:
            while not self._stopping:
                self._nudged.clear()
                try:
                    await self._go_on()
                except BravetuiError as error:
                    await self._wait_until(self._stumbled(error))
        finally:
            if listening is not None:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    async def _go_on(self) -> None:
        """What is next: one exchange, a few photo bytes, or one wait."""
        step = await self._next()
        if isinstance(step, Exchange):
            await self._exchange(step.lanes)
        elif isinstance(step, Carry):
            await self._carry()
        else:
            self._with_contact = frozenset()
            self._row.ended(well=self._pull_not_before is None)
            await self._wait_until(step.until)

    def _stumbled(self, error: BravetuiError) -> datetime:
        """Until when to wait where not even a pause could be written down: the disk is full, another window holds it."""
        now = self._clock.now()
        until = now + timedelta(seconds=STUMBLED_WAIT_S)
        # The pause that was to be written down may be a longer one, and what is shown is when it is tried again.
        self._poll_at = self._pull_not_before = until
        self._tell(Waiting(now, until, error.what))
        return until

    async def run_once(self) -> bool:
        """Sync until nothing is left to move; returns whether all is handed in. Raises the error that stopped it."""
        closing = 0
        self._row.ended(well=False)
        self.ask_now()
        while True:
            step = await self._next()
            if isinstance(step, Carry):
                if (error := await self._carry()) is not None:
                    raise error
                continue
            lanes = step.lanes if isinstance(step, Exchange) else ()
            is_done = isinstance(step, Wait) and closing == CLOSING_MAX
            if is_done or (isinstance(step, Wait) and not await self._reads(wants_closing, closing)):
                return await self._reads(is_all_handed_in)
            closing = 0 if isinstance(step, Exchange) else closing + 1
            error = await self._exchange(lanes)
            if error is not None:
                raise error

    async def _next(self) -> Exchange | Carry | Wait:
        now = self._clock.now()
        if self._held:
            return Wait(now + timedelta(seconds=self._poll_s))
        moved, self._moved = self._moved, {}
        if moved:
            behind: bool = await self._reads(is_behind, moved)
            self._poll_at = None if behind else self._poll_at
        return next_step(await self._reads(self._situation), now)

    async def _exchange(self, lanes: tuple[Lane, ...]) -> BravetuiError | None:
        """One exchange, and what goes on from it; what went wrong is reported, written down and returned."""
        prepared: Prepared | None = None
        answering: asyncio.Task[Answered] | None = None
        self._attempted_at = began_at = self._clock.now()
        try:
            prepared = await self._run(prepare, self._store, lanes, self._budget_bytes)
            self._attempted_at, self._moved = began_at, {}
            self._tell_sending(prepared)
            began = self._clock.monotonic_s()
            while prepared is not None:
                answered = await (answering or self._ask(prepared.request))
                came, following = self._clock.monotonic_s(), self._following(prepared, answered)
                answering = asyncio.create_task(self._ask(following.request)) if following else None
                taken = await self._run(take, self._store, prepared, answered.answer, came - began)
                await self._succeeded(prepared, answered, taken, self._clock.monotonic_s() - began)
                self._row.took(taken.waiting)
                began = came
                prepared = None if taken.silent or taken.waiting or taken.incomplete else following
        except TimeoutError:
            return await self._failed(lanes, Transient("Nothing moved for two minutes."))
        except BravetuiError as error:
            return await self._failed(lanes, error, prepared if isinstance(error, UNSENT) else None)
        finally:
            await _given_up(answering)
        self._silences = self._silences + 1 if taken.silent else 0
        if self._silences < SILENCES_MAX:
            return None
        if not taken.elsewhere:
            return await self._failed(taken.silent, Transient(*SILENT))
        self._silences = 0  # the first answer of the one that is left is that of another once more
        return await self._failed(taken.silent, Transient(*ELSEWHERE))

    async def _carry(self) -> BravetuiError | None:
        """Photo bytes, a part of a few photos; returns why nothing at all went through."""
        came = await self._carrier.step(self._with_contact if self._power.on_battery() else ALL)
        if came.all_gone:
            self._poll_at = (
                self._clock.now()
            )  # whether all is handed in is central's word, and may be asked for
        for event in came.events:
            self._tell(event)
        return came.error

    async def _ask(self, request: SyncRequest) -> Answered:
        async with asyncio.timeout(STUCK_S), awake(self._power):
            return await self._client.sync(request)

    def _following(self, prepared: Prepared, answered: Answered) -> Prepared | None:
        """What to ask for while an answer is being taken; nothing where something waits to be sent first."""
        if prepared.left or self._stopping or self._held:
            return None
        following = continuation(prepared.request, answered.answer, self._clock.now())
        return going_on(following) if following is not None else None

    def _tell_sending(self, prepared: Prepared) -> None:
        changes = [change for batch in prepared.request.push for change in batch.changes]
        up = sum(len(change.model_dump_json()) for change in changes)
        self._tell(Sending(self._clock.now(), prepared.counts, up))

    async def _succeeded(self, prepared: Prepared, answered: Answered, taken: Taken, took_s: float) -> None:
        now = self._clock.now()
        moved = answered.bytes_up + answered.bytes_down
        self._budget_bytes = next_budget(self._budget_bytes, moved, took_s)
        self._pull_failures, self._pull_not_before = 0, None
        self._more = taken.more and any(taken.rows.values())
        if taken.new_device is not None and taken.first_strange is not None:
            await self._run(renumber, self._store, taken.new_device, taken.first_strange)
            self._tell(Renumbered(now, taken.new_device))
        soon = taken.narrowing or await self._reads(unconfirmed) > 0
        self._lost_on = None
        self._with_contact |= THUMBNAILS
        self._poll_at = now + timedelta(seconds=min(CONFIRM_S, self._poll_s) if soon else self._pause_s())
        if self._listener is not None:
            self._listener.line(up=True)
        self._tell(
            Exchanged(
                now, answered.bytes_up, answered.bytes_down, took_s, taken.acknowledged, taken.rows,
                taken.rows_left, taken.waiting,
            )
        )  # fmt: skip
        for lane, reason in taken.refused:
            self._tell(ChangeRefused(now, lane, reason))
        if taken.closed not in ("", "superseded"):
            self._tell(NothingRead(now, taken.closed))
        if taken.conflicts:
            self._tell(ConflictOpened(now, taken.conflicts))
        if taken.mended:
            self._tell(Mended(now, taken.mended))
        if taken.all_handed_in:
            await self._make_room()
            self._tell(AllHandedIn(now))
        if self._records is not None:
            self._records(frozenset(taken.records))

    async def _make_room(self) -> None:
        """Let go of photos that central has had for a week, if it has them still."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._room_from_s:
            self._room_from_s = now_s + ROOM_EVERY_S
            await self._carrier.make_room()

    async def _failed(
        self, lanes: tuple[Lane, ...], error: BravetuiError, unsent: Prepared | None = None
    ) -> BravetuiError:
        """Write down until when each lane waits and why, and that no byte of `unsent` has left.

        A line that was let go of by oneself is nobody's failure, and no reason to wait after the next start.
        """
        if self._hung_up:
            return error
        if isinstance(error, TooLarge | Transient) and not isinstance(error, UNSENT):
            self._budget_bytes = shrunk(self._budget_bytes)
        self._more = False
        if self._listener is not None:
            self._listener.line(up=False)
        if self._way_out is not None and isinstance(error, Transient) and error.wait_s is None:
            self._lost_on = self._way_out()
        now = self._clock.now()
        self._pull_failures = max(self._pull_failures + 1, self._row.rows)
        pull_s = self._asked(LANES[0].lane, self._pull_failures, error)
        self._pull_not_before = now + timedelta(seconds=pull_s)
        # It has not been answered: due still, also by a clock that was set back meanwhile.
        self._poll_at = None
        until = await self._writes(_give_up, lanes, partial(self._asked, error=error), error, now, unsent)
        self._tell(Waiting(now, min(until.values(), default=self._pull_not_before), error.what, lanes))
        return error

    def _pause_s(self) -> float:
        return self._thrift() * poll_in_s(self._poll_s, listening=self.is_listening)

    def _heard(self, news: News) -> None:
        """A scope moved: go and see, unless it is by what this laptop has handed in or fetched itself."""
        self._moved[news.scope_id] = max(news.seq, self._moved.get(news.scope_id, 0))
        self._nudged.set()

    def _stream_ended(self) -> None:
        """Without a stream the next poll is sooner."""
        soon = self._clock.now() + timedelta(seconds=self._pause_s())
        self._poll_at = min(self._poll_at, soon) if self._poll_at else soon
        self._nudged.set()

    def _asked(self, lane: Lane, failures: int, error: BravetuiError) -> float:
        if isinstance(error, StorageFull):
            return STUMBLED_WAIT_S  # there may be room again at any moment
        if isinstance(error, NeedsSignIn | Refused) and not isinstance(error, TooLarge):
            return SIGN_IN_WAIT_S
        failures = max(failures, self._row.rows)
        return wait_s(POLICY[lane], failures, error.wait_s if isinstance(error, Transient) else None)

    def _situation(self, connection: Connection) -> Situation:
        lanes, unfinished = lane_situations(connection), self._more or has_history_left(connection)
        sends = any(lane.waiting for lane in lanes.values())
        on_battery = self._power.on_battery()
        return Situation(
            lanes,
            unfinished,
            0,
            self._poll_at,
            self._pull_not_before,
            urgent_at(connection) if sends else None,
            self._attempted_at,
            on_battery,
            bytes_due_at(connection, self._with_contact if on_battery else ALL),
        )

    async def _reads(
        self, question: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        def ask() -> T:
            with self._store.read() as connection:
                return question(connection, *args, **named)

        return await self._run(ask)

    async def _writes(
        self, note: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        def put() -> T:
            with self._store.maintain() as connection:
                return note(connection, *args, **named)

        return await self._run(put)

    def _thrift(self) -> int:
        return BATTERY_THRIFT if self._power.on_battery() else 1

    async def _wait_until(self, until: datetime) -> None:
        """Until then, until somebody nudges, or until a network is there again."""
        thrift = self._thrift()
        left_s = min(max(0.0, (until - self._clock.now()).total_seconds()), self._poll_s * thrift)
        while not self._nudged.is_set():
            part_s = min(left_s, LOOK_S * thrift) if self._lost_on is not None else left_s
            await self._doze(part_s)
            left_s -= part_s
            if left_s <= 0 or await self._is_network_back():
                return

    async def _doze(self, pause_s: float) -> None:
        waiter = asyncio.ensure_future(self._nudged.wait())
        sleeper = asyncio.ensure_future(self._sleep(pause_s))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiter, sleeper):
                task.cancel()

    async def _is_network_back(self) -> bool:
        """Whether another way out is there than the one on which the line was lost; then every pause is forgotten."""
        if self._way_out is None or self._lost_on is None:
            return False
        now_on = self._way_out()
        if now_on == self._lost_on:
            return False
        self._lost_on = now_on
        if now_on:
            await self._writes(forget_pauses)
            self._pull_failures = 0
            self.ask_now()
        return bool(now_on)

    def _tell(self, event: SyncEvent) -> None:
        self.progress = fold(self.progress, event)
        self._report(event)


def _give_up(
    connection: Connection,
    lanes: tuple[Lane, ...],
    pause_s: Callable[[Lane, int], float],
    error: BravetuiError,
    now: datetime,
    unsent: Prepared | None,
) -> dict[Lane, datetime]:
    """An attempt that came to nothing, in one transaction."""
    if unsent is not None:
        unsend(connection, unsent)
    return write_pauses(connection, lanes, pause_s, error, now)

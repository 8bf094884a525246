"""News as it happens: PostgreSQL tells one thread which scope moved, and that wakes the streams of those who may see it.

An event says a scope and a number, nothing of what is in it: what is new comes by an exchange, which asks for permission as
ever. Whatever goes wrong ends the stream; the laptop then polls until it has a new one. Several processes of central hear of
each other's changes, since the database is what tells them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress

import psycopg
from sqlalchemy import Engine, select

from bravetui.base.errors import NeedsSignIn, Transient
from bravetui.base.runner import Runner
from bravetui.central.announcing import CHANNEL
from bravetui.central.callers import Shown, Standing, remember
from bravetui.central.database import foreign_errors
from bravetui.central.service import Central, caller_and_access
from bravetui.central.tables import HEADS
from bravetui.central.tenants import stranger

log = logging.getLogger(__name__)

STREAMS_MAX = 1000
"""Streams of one process. A laptop has one: a newer one ends the one before."""

KEEPALIVE_S = 20.0
"""How often a silent stream shows that it lives, and its permission is looked at again."""

GATHER_S = 0.2
"""News of one stream are gathered for so long: a burst of changes is one event a scope."""

_LOOK_S = 1.0
_HEAR_S = 5.0
_FULL_WAIT_S = 60.0
_Heads = dict[str, int]


class Newsroom:
    """All streams of this process, and the one connection that feeds them; it is made when the first stream comes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._streams: dict[int, Stream] = {}
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None
        self._hearing, self._closing = threading.Event(), threading.Event()

    def open(self, device: int) -> Stream:
        """A stream for a device. Raises Transient when there are too many, or central is stopping."""
        with self._lock:
            if self._closing.is_set():
                raise Transient("Central is stopping.", wait_s=5.0)
            if len(self._streams) >= STREAMS_MAX and device not in self._streams:
                raise Transient("Central has no stream to spare.", wait_s=_FULL_WAIT_S)
            stream = Stream(asyncio.get_running_loop())
            before, self._streams[device] = self._streams.get(device), stream
            if before is not None:
                before.end()
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="bravetui-news", daemon=True)
                self._listener.start()
        return stream

    def hear(self) -> None:
        """Wait until changes made from now on are heard of. Blocking; raises Transient when they are not."""
        if not self._hearing.wait(_HEAR_S):
            raise Transient("Central cannot hear news now.", wait_s=_FULL_WAIT_S)

    def forget(self, device: int, stream: Stream) -> None:
        """The stream is over."""
        with self._lock:
            if self._streams.get(device) is stream:
                del self._streams[device]

    @property
    def count(self) -> int:
        """Streams that are open."""
        return len(self._streams)

    def close(self) -> None:
        """End every stream and open no more: central is stopping."""
        self._closing.set()
        self._end_all()
        if self._listener is not None:
            self._listener.join(_LOOK_S + 5)

    def _end_all(self) -> None:
        with self._lock:
            for stream in self._streams.values():
                stream.end()

    def _listen(self) -> None:
        """Until the connection breaks or central stops. Streams end with it, since they would hear nothing any more."""
        address = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(address, autocommit=True, application_name="bravetui-news") as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                self._hearing.set()
                while not self._closing.is_set():
                    for notice in connection.notifies(timeout=_LOOK_S):
                        self._spread(notice.payload)
        except psycopg.Error:
            log.warning("central lost the connection that news come by", exc_info=True)
        finally:
            self._hearing.clear()
            with self._lock:
                self._listener = None
            self._end_all()

    def _spread(self, payload: str) -> None:
        try:
            scope_id, seq = json.loads(payload)
        except ValueError:
            log.warning("central cannot read news: %.100r", payload)
            return
        with self._lock:
            for stream in self._streams.values():
                stream.moved(str(scope_id), int(seq))


class Stream:
    """What one laptop is to hear of next. Fed from the listening thread, read on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._woken = loop, asyncio.Event()
        self._moved: _Heads = {}
        self.is_over = False

    def moved(self, scope_id: str, seq: int) -> None:
        """A scope has moved; only its newest number is kept."""
        self._call(lambda: self._moved.update({scope_id: max(seq, self._moved.get(scope_id, 0))}))

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self._call(lambda: None)

    async def take(self) -> _Heads:
        """What has moved since, after the keep-alive time nothing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), KEEPALIVE_S)
            if not self.is_over:
                await asyncio.sleep(GATHER_S)
        self._woken.clear()
        moved, self._moved = self._moved, {}
        return moved

    def _call(self, done: Callable[[], object]) -> None:
        def wake() -> None:
            done()
            self._woken.set()

        with suppress(RuntimeError):  # the loop is gone, and the stream with it
            self._loop.call_soon_threadsafe(wake)


async def open_stream(central: Central, newsroom: Newsroom, run: Runner, shown: Shown) -> AsyncIterator[str]:
    """The events of the laptop that shows its key and its grant. Raises NeedsSignIn, or Transient when there is no room."""
    device = await run(_device, central, shown)
    stream = newsroom.open(device)
    try:
        await run(newsroom.hear)
        heads = await run(_seen, central, shown, device, None)
    except BaseException:
        newsroom.forget(device, stream)
        raise

    async def events() -> AsyncIterator[str]:
        try:
            yield _told(heads)
            while not stream.is_over:
                moved = await stream.take()
                yield _told(await run(_seen, central, shown, device, tuple(moved)))
        except (NeedsSignIn, Transient):
            return  # the next request says why
        finally:
            newsroom.forget(device, stream)

    return events()


def _told(heads: Mapping[str, int]) -> str:
    """Server-sent events (WHATWG HTML section 9.2), or a comment that says no more than that the line is good."""
    if not heads:
        return ": \n\n"
    return "".join(
        f"event: news\ndata: {json.dumps({'scope_id': scope_id, 'seq': seq}, separators=(',', ':'))}\n\n"
        for scope_id, seq in sorted(heads.items())
    )


def _device(central: Central, shown: Shown) -> int:
    now = central.clock.now()
    with foreign_errors(), central.engine.begin() as connection:
        stranger(connection, shown.proof.key)
        remember(connection, shown.proof, now, central.keys)
        return caller_and_access(connection, shown, None, now)[0].device


def _seen(central: Central, shown: Shown, device: int, moved: Sequence[str] | None) -> _Heads:
    """The heads of those scopes (None: of all) that the laptop may see at this moment. Raises NeedsSignIn."""
    with foreign_errors(), central.engine.begin() as connection:
        stranger(connection, shown.proof.key)
        caller, access = caller_and_access(connection, shown, device, central.clock.now())
        if caller.standing is not Standing.OPEN:
            raise NeedsSignIn("This laptop may not read at this moment.", "Sign in again.")
        wanted = set(access.scopes) if moved is None else set(access.scopes) & set(moved)
        query = select(HEADS.c.scope_id, HEADS.c.seq).where(HEADS.c.scope_id.in_(wanted))
        return {row.scope_id: row.seq for row in connection.execute(query)}

"""The client and a server that misbehaves, over real HTTP on loopback: the right error, nothing acknowledged, and recovery.

The server first answers as scripted and from then on as a true central does; `central` stands behind both.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from bravetui.auth import signing
from bravetui.base.clock import SystemClock
from bravetui.base.errors import BravetuiError, NeedsSignIn, Refused, StorageFull, Transient
from bravetui.base.runner import InlineRunner
from bravetui.db.device import OutboxState
from bravetui.db.store import Store
from bravetui.sync import client as client_module
from bravetui.sync.client import CentralClient, TooLarge, retry_after_s
from bravetui.sync.progress import SyncEvent, Waiting
from bravetui.sync.worker import Worker
from bravetui.wire.codec import decode, encode
from bravetui.wire.messages import Checkpoint, Outcome, Problem, SyncAnswer, SyncRequest, Verdict
from bravetui.wire.receipt import sign
from tests.support.laptop import MORNING, PROJECT, any_prover, open_store

KEY = signing.new_private_key()
PUBLIC = signing.public_key_of(KEY)
PORTAL = b"<html><body>Welcome to Truck Stop WiFi. Tap to accept.</body></html>"


@dataclass
class Reply:
    """One HTTP answer, word for word."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    stall_s: float = 0.0
    cut_at: int | None = None
    """Break the connection after so many bytes of the body."""


Answer = Callable[[SyncRequest], Reply]


def signed(data: bytes) -> str:
    return signing.sign(KEY, data)


def true_answer(request: SyncRequest, held: int = 0, with_key: Callable[[bytes], str] = signed) -> SyncAnswer:
    """Takes everything; its checkpoint covers counters up to `held`."""
    verdicts = tuple(
        sign(
            Verdict(dot=change.dot, hash=change.hash, outcome=Outcome.APPLIED, seq=n, epoch="e1", at=MORNING),
            with_key,
        )
        for batch in request.push
        for n, change in enumerate(batch.changes, start=1)
    )
    ranges = ((1, held),) if held else ()
    checkpoint = sign(Checkpoint(device=request.device, epoch="e1", held=ranges, at=MORNING), with_key)
    return SyncAnswer(epoch="e1", now=MORNING, verdicts=verdicts, checkpoint=checkpoint)


def packed(answer: SyncAnswer, **headers: str) -> Reply:
    return Reply(
        body=encode(answer),
        headers={"Content-Type": "application/json", "Content-Encoding": "zstd", **headers},
    )


def problem(status: int, title: str, **headers: str) -> Answer:
    body = Problem(type="about:blank", title=title, status=status).model_dump_json().encode()
    return lambda request: Reply(status, body, {"Content-Type": "application/problem+json", **headers})


def always(reply: Reply) -> Answer:
    return lambda request: reply


def no_verdicts(request: SyncRequest) -> Reply:
    return packed(true_answer(request).model_copy(update={"verdicts": ()}))


def another_s_signature(request: SyncRequest) -> Reply:
    rogue = signing.new_private_key()
    return packed(true_answer(request, held=99, with_key=lambda data: signing.sign(rogue, data)))


def another_hash(request: SyncRequest) -> Reply:
    answer = true_answer(request)
    told = [sign(v.model_copy(update={"hash": "0" * 64, "signature": ""}), signed) for v in answer.verdicts]
    return packed(answer.model_copy(update={"verdicts": tuple(told)}))


def half(request: SyncRequest) -> Reply:
    reply = packed(true_answer(request))
    reply.cut_at = len(reply.body) // 2
    return reply


def unfinished_frame(request: SyncRequest) -> Reply:
    """A proxy that counted the half it had."""
    reply = packed(true_answer(request))
    reply.body = reply.body[: len(reply.body) // 2]
    return reply


def newer(request: SyncRequest) -> Reply:
    return packed(true_answer(request).model_copy(update={"protocol": 99}))


BROKEN: dict[str, tuple[Answer, type[BravetuiError]]] = {
    "500": (problem(500, "It fell over."), Transient),
    "503 without a word": (always(Reply(503)), Transient),
    "429 with seconds": (problem(429, "Busy.", **{"Retry-After": "120"}), Transient),
    "rubbish": (always(Reply(body=b"\x00\xff\x13rubbish")), Transient),
    "rubbish that says zstd": (always(Reply(body=b"rubbish", headers={"Content-Encoding": "zstd"})), Transient),
    "another's JSON": (always(Reply(body=b'{"ok": true}')), Transient),
    "nothing": (always(Reply(body=b"")), Transient),
    "a captive portal": (always(Reply(body=PORTAL, headers={"Content-Type": "text/html"})), Transient),
    "a compressed portal": (always(Reply(body=gzip.compress(PORTAL), headers={"Content-Encoding": "gzip"})), Transient),
    "a redirect": (always(Reply(302, headers={"Location": "http://portal.invalid/"})), Transient),
    "a stranger's 404": (always(Reply(404, PORTAL)), Transient),
    "half an answer": (half, Transient),
    "half a frame": (unfinished_frame, Transient),
    "a newer protocol": (newer, Transient),
    "a portal's 401": (always(Reply(401, PORTAL, {"Content-Type": "text/html"})), Transient),
    "a portal's 403": (always(Reply(403, PORTAL, {"Content-Type": "text/html"})), Transient),
    "401": (problem(401, "Not known here."), NeedsSignIn),
    "403": (problem(403, "Revoked."), NeedsSignIn),
    "413": (problem(413, "Too large."), TooLarge),
    "422 from central": (problem(422, "That is no request."), Refused),
}  # fmt: skip


class _Quiet(ThreadingHTTPServer):
    """A laptop that hangs up is part of the script."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Scripted:
    """A server that answers by a script, then truly."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.requests: list[SyncRequest] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = decode(SyncRequest, body, self.headers["Content-Encoding"])
                _send(self, outer.answer(request))

            def log_message(self, *told: Any) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answer(self, request: SyncRequest) -> Reply:
        self.requests.append(request)
        if self.script:
            reply = self.script.pop(0)(request)
            if reply.stall_s:
                self.released.wait(reply.stall_s)
            return reply
        sent = [c.dot.counter for r in self.requests[:-1] for b in r.push for c in b.changes]
        return packed(true_answer(request, held=max(sent, default=0)))

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(reply.body)))
    handler.end_headers()
    try:
        handler.wfile.write(reply.body[: reply.cut_at])
    except OSError:  # the client has given up on a stalled answer
        handler.close_connection = True
    if reply.cut_at is not None:
        handler.close_connection = True


@pytest.fixture
def server() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


@dataclass
class Truck:
    """A laptop with two changes in its outbox."""

    store: Store
    worker: Worker
    events: list[SyncEvent]

    def states(self) -> list[str]:
        with self.store.read() as connection:
            rows = connection.exec_driver_sql("SELECT state FROM outbox ORDER BY counter")
            return [row[0] for row in rows]


@asynccontextmanager
async def a_truck(folder: Path, server: Scripted) -> AsyncIterator[Truck]:
    store = open_store(folder)
    store.identity = replace(store.identity, central_url=server.address, central_key=PUBLIC)
    for text in ("fence down", "inlet full"):
        with store.write() as writing:
            writing.create("violation", PROJECT, {"description": text})
    events: list[SyncEvent] = []
    worker = Worker(store, CentralClient(server.address, any_prover()), events.append, InlineRunner())
    try:
        yield Truck(store, worker, events)
    finally:
        await worker.close()
        store.close()


async def recovers(truck: Truck) -> None:
    """After the pause has passed everything goes by itself, without anyone touching it."""
    clock: Any = truck.store.clock
    clock.advance(hours=2)
    assert await truck.worker.run_once()
    assert set(truck.states()) == {OutboxState.CONFIRMED}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_bad_answer_acknowledges_nothing_and_the_next_good_one_everything(
    name: str, server: Scripted, tmp_path: Path
) -> None:
    answer, expected = BROKEN[name]
    server.script.append(answer)
    async with a_truck(tmp_path, server) as truck:
        with pytest.raises(expected) as told:
            await truck.worker.run_once()
        assert type(told.value) is expected
        assert told.value.what.endswith(".")
        assert truck.states() == [OutboxState.SENT] * 2
        (pause,) = [event for event in truck.events if isinstance(event, Waiting)]
        assert (pause.why, pause.until > MORNING) == (told.value.what, True)
        await recovers(truck)
    first, second = server.requests[:2]
    assert first.push == second.push, "what is sent again is the very same"


FORGED: dict[str, Answer] = {
    "a wrong signature": another_s_signature,
    "a wrong hash": another_hash,
    "a missing verdict": no_verdicts,
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_false_or_missing_verdict_acknowledges_nothing(
    name: str, server: Scripted, tmp_path: Path
) -> None:
    server.script.append(FORGED[name])
    async with a_truck(tmp_path, server) as truck:
        with pytest.MonkeyPatch.context() as patch:
            seen: list[list[str]] = []
            answer = server.answer

            def look_first(request: SyncRequest) -> Reply:
                seen.append(truck.states())
                return answer(request)

            patch.setattr(server, "answer", look_first)
            await recovers(truck)
    assert seen[:2] == [[OutboxState.SENT] * 2] * 2


async def test_the_same_answer_twice_changes_nothing_more(server: Scripted, tmp_path: Path) -> None:
    """A checkpoint confirms only in a later request; a verdict seen before is no news."""
    async with a_truck(tmp_path, server) as truck:
        server.script.append(lambda request: packed(true_answer(request, held=2)))
        await truck.worker.run_once()
        assert set(truck.states()) == {OutboxState.CONFIRMED}
        acknowledged = truck.worker.progress.changes_done
        once = true_answer(server.requests[0], held=2)
        server.script.append(lambda request: packed(once))
        await truck.worker.run_once()
        assert truck.worker.progress.changes_done == acknowledged == 2
        assert set(truck.states()) == {OutboxState.CONFIRMED}


async def test_an_answer_that_never_comes_is_given_up_and_asked_for_again(
    server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_TIMEOUT", httpx.Timeout(0.2))
    server.script.append(lambda request: replace(packed(true_answer(request)), stall_s=30.0))
    async with a_truck(tmp_path, server) as truck:
        with pytest.raises(Transient, match="too slow"):
            await truck.worker.run_once()
        assert truck.states() == [OutboxState.SENT] * 2
        await recovers(truck)


async def test_the_pause_that_central_asks_for_is_kept(server: Scripted, tmp_path: Path) -> None:
    server.script.append(problem(429, "Busy.", **{"Retry-After": "120"}))
    async with a_truck(tmp_path, server) as truck:
        with pytest.raises(Transient) as told:
            await truck.worker.run_once()
        assert told.value.wait_s == 120
        (pause,) = [event for event in truck.events if isinstance(event, Waiting)]
        assert pause.until >= MORNING + timedelta(seconds=120)


def test_a_pause_may_be_given_in_seconds_or_as_a_date_and_rubbish_is_none() -> None:
    """RFC 9110 section 10.2.3."""
    in_an_hour = format_datetime(SystemClock().now() + timedelta(hours=1), usegmt=True)
    assert retry_after_s("7") == 7
    assert 3500 < (retry_after_s(in_an_hour) or 0) <= 3600
    assert retry_after_s("Mon, 03 Aug 2020 13:30:00 GMT") == 0
    assert [retry_after_s(text) for text in (None, "", "soon", "-4")] == [None] * 4


async def test_too_large_halves_the_batches_until_they_pass(server: Scripted, tmp_path: Path) -> None:
    async with a_truck(tmp_path, server) as truck:
        for number in range(60):
            with truck.store.write() as writing:
                writing.create("violation", PROJECT, {"description": f"{number} " + "mud " * 250})

        held = [0]

        def small_only(request: SyncRequest) -> Reply:
            if len(request.model_dump_json()) > 40_000:
                return problem(413, "Too large.")(request)
            before = max(held)
            held.extend(change.dot.counter for batch in request.push for change in batch.changes)
            return packed(true_answer(request, before))

        server.script += [small_only] * 12
        for _ in range(12):
            clock: Any = truck.store.clock
            clock.advance(minutes=30)
            try:
                await truck.worker.run_once()
            except TooLarge:
                continue
            break
        assert not {OutboxState.PENDING, OutboxState.SENT} & set(truck.states())


async def test_where_nobody_listens_the_change_waits_and_says_why(tmp_path: Path, server: Scripted) -> None:
    async with a_truck(tmp_path, server) as truck:
        gone = Scripted()
        gone.close()
        worker = Worker(
            truck.store, CentralClient(gone.address, any_prover()), truck.events.append, InlineRunner()
        )
        with pytest.raises(Transient, match="No line"):
            await worker.run_once()
        await worker.close()
        assert {OutboxState.PENDING, OutboxState.SENT} >= set(truck.states())
        with truck.store.read() as connection:
            rows = connection.exec_driver_sql("SELECT lane, failures, why FROM lane_state WHERE failures > 0")
            assert [tuple(row) for row in rows] == [("critical", 1, "No line to central.")]
        await recovers(truck)


async def test_watching_comes_back_by_itself_when_the_line_does(server: Scripted, tmp_path: Path) -> None:
    """No person, no nudge: the worker's own pauses bring everything in."""
    server.script += [problem(500, "It fell over."), always(Reply(body=PORTAL)), half]
    async with a_truck(tmp_path, server) as truck:
        clock: Any = truck.store.clock

        async def sleep(wait_s: float) -> None:
            clock.advance(seconds=wait_s + 0.001)
            await asyncio.sleep(0)

        watcher = Worker(
            truck.store,
            CentralClient(server.address, any_prover()),
            truck.events.append,
            InlineRunner(),
            sleep=sleep,
        )
        watching = asyncio.ensure_future(watcher.watch())
        for _ in range(2000):
            if set(truck.states()) == {OutboxState.CONFIRMED}:
                break
            await asyncio.sleep(0.01)
        await watcher.close()
        await watching
        assert set(truck.states()) == {OutboxState.CONFIRMED}
        assert len(server.requests) >= 5


async def test_hanging_up_amid_an_exchange_is_no_failure_of_the_line(
    server: Scripted, tmp_path: Path
) -> None:
    """Nothing is said of a broken line, no lane waits after the next start, and what was under way goes again."""
    server.script.append(lambda request: replace(packed(true_answer(request)), stall_s=30.0))
    async with a_truck(tmp_path, server) as truck:
        worker = Worker(
            truck.store, CentralClient(server.address, any_prover()), truck.events.append, InlineRunner()
        )
        watching = asyncio.ensure_future(worker.watch())
        for _ in range(2000):
            if server.requests:
                break
            await asyncio.sleep(0.01)
        await worker.close()
        await watching
        assert not [event for event in truck.events if isinstance(event, Waiting)]
        again = Worker(
            truck.store, CentralClient(server.address, any_prover()), truck.events.append, InlineRunner()
        )
        server.released.set()
        await again.run_once()
        await again.close()
        assert set(truck.states()) == {OutboxState.CONFIRMED}
        assert not [event for event in truck.events if isinstance(event, Waiting)]


async def test_a_disk_that_is_full_while_syncing_does_not_end_sync(
    server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the pause can be written down: the worker says so, waits, and is back when there is room again."""
    async with a_truck(tmp_path, server) as truck:
        clock: Any = truck.store.clock
        right, full = truck.store.maintain, [True]

        @contextmanager
        def maintain() -> Iterator[Connection]:
            with right() as connection:
                yield connection
                if full[0]:
                    raise StorageFull("The disk is full.", "Free some room on this disk.")

        async def sleep(wait_s: float) -> None:
            clock.advance(seconds=wait_s + 0.001)
            full[0] = len(truck.events) < 3
            await asyncio.sleep(0)

        monkeypatch.setattr(truck.store, "maintain", maintain)
        watcher = Worker(
            truck.store,
            CentralClient(server.address, any_prover()),
            truck.events.append,
            InlineRunner(),
            sleep=sleep,
        )
        watching = asyncio.ensure_future(watcher.watch())
        for _ in range(2000):
            if watching.done() or set(truck.states()) == {OutboxState.CONFIRMED}:
                break
            await asyncio.sleep(0.01)
        await watcher.close()
        await watching
        assert [event.why for event in truck.events if isinstance(event, Waiting)] == [
            "The disk is full."
        ] * 3
        assert set(truck.states()) == {OutboxState.CONFIRMED}

"""What support may do on a laptop: one table. It shows numbers, kinds, states and words of the program's own; no answer, no
title, no name. Whatever is not in the table does not exist for support.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, NoReturn

from bravetui.actions.queue import send_again
from bravetui.base.errors import BadInput, BravetuiError, Transient
from bravetui.base.options import LINES_MAX, decimal, whole
from bravetui.base.runner import ThreadRunner
from bravetui.base.text import in_columns, safe_line
from bravetui.cli.doctor import lines_of as lines_of_finding
from bravetui.cli.log import line_of
from bravetui.cli.status import lines_of
from bravetui.db.lease import Lease
from bravetui.merge.version import Dot
from bravetui.sync.log import failure_of
from bravetui.sync.progress import ChangeRefused, NothingRead, SyncEvent, Waiting
from bravetui.views.outline import queue_outline, summary_outline
from bravetui.views.sign_in import sign_in
from bravetui.views.status import log
from bravetui.wire.messages import SupportAct
from bravetui.wiring import LEASE, Laptop, make_worker
from bravetui.wiring.checkup import check_up
from bravetui.wiring.diagnosis import diagnosis, of_laptop
from bravetui.wiring.locking import standing


class Task(NamedTuple):
    """One thing that support may do."""

    usage: str
    says: str
    did: Callable[[argparse.Namespace], str]
    """What the log says after the name."""
    run: Callable[[Laptop, argparse.Namespace], int]
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    act: Callable[[argparse.Namespace], SupportAct | None] = lambda asked: None
    """What central is told before it is done; None for a look."""


def read_words(words: list[str]) -> argparse.Namespace:
    """What was asked for; `task` is its name. Raises BadInput for what is not in the table."""
    parser = _Words(prog="support", add_help=False, allow_abbrev=False)
    tasks = parser.add_subparsers(dest="task", required=True)
    for name, task in TASKS.items():
        task.options(tasks.add_parser(name, add_help=False, allow_abbrev=False))
    return parser.parse_args(words)


def listed() -> str:
    """The table for a person."""
    rows = [(task.usage, task.says) for task in TASKS.values()]
    rows.insert(2, MORE)
    return "\n".join(f"  {usage:<28}{says}" for usage, says in rows)


class _Words(argparse.ArgumentParser):
    """Says what is wrong by an error of ours, and ends nothing."""

    color = False

    def error(self, message: str) -> NoReturn:
        raise BadInput(
            f"Support cannot do that here: {safe_line(message, 100)}.",
            f"What there is: {', '.join(task.usage for task in TASKS.values())}.",
        )


def _status(laptop: Laptop, asked: argparse.Namespace) -> int:
    stands = sign_in(laptop.store)
    print(f"Signed in     {stands.words}")
    if stands.clock_words:
        print(f"Clock         {stands.clock_words}")
    if laptop.mirror is not None:
        print(f"Black box     {laptop.mirror.report.state.value}")
    print("\n".join(lines_of(summary_outline(laptop.store))))
    return 0


def _queue(laptop: Laptop, asked: argparse.Namespace) -> int:
    if asked.send_again:
        send_again(laptop.store, asked.send_again)
        print(f"{asked.send_again} goes again with the next contact.")
        return 0
    seen = queue_outline(laptop.store, asked.limit)
    for item in seen.items:
        why = f"  {item.code} {item.field}".rstrip()
        cells = (item.dot, 18), (item.lane, 10), (item.state, 10), (item.kind, 18), (item.record_id, 38)
        print(in_columns(*cells) + why)
    if seen.total > len(seen.items):
        print(f"… and {seen.total - len(seen.items)} more (--limit)")
    elif not seen.total:
        print("The queue is empty.")
    return 0


def _log(laptop: Laptop, asked: argparse.Namespace) -> int:
    since = laptop.store.clock.now() - timedelta(days=asked.days)
    lines = [line_of(one, as_json=False) for one in reversed(log(laptop.store, asked.limit, since))]
    print("\n".join(lines))
    return 0


def _doctor(laptop: Laptop, asked: argparse.Namespace) -> int:
    """Without a comparison with central, which syncs. The diagnosis goes over the line: support writes no file here."""
    findings = []
    for finding in check_up(laptop.store):
        findings.append(finding)
        if not asked.bundle:
            print("\n".join(lines_of_finding(finding)), flush=True)
    if asked.bundle:
        told = diagnosis(laptop.folder, laptop.store.clock, of_laptop(laptop, findings))
        print(json.dumps(told, indent=1, ensure_ascii=True))
    return 0


def _keys(laptop: Laptop, asked: argparse.Namespace) -> int:
    for lock in standing(laptop.folder):
        print(f"  {lock.name:<11}{lock.words}" + (f"  NOT NOW: {lock.trouble}" if lock.trouble else ""))
    return 0


def _sync(laptop: Laptop, asked: argparse.Namespace) -> int:
    with Lease.take(laptop.folder / LEASE, laptop.store.clock.now()):
        return asyncio.run(_synced(laptop))


async def _synced(laptop: Laptop) -> int:
    runner = ThreadRunner()
    worker = make_worker(laptop, _tell, runner)
    try:
        done = await worker.run_once()
    except BravetuiError as error:  # central's own sentence may quote somebody
        words = f"{failure_of(error)[1]}."
        raise (Transient(words) if isinstance(error, Transient) else BravetuiError(words)) from error
    finally:
        await worker.close()
        runner.close()
    print("All handed in." if done else "Something is still to be confirmed or decided: queue")
    return 0


def _tell(event: SyncEvent) -> None:
    unsaid = isinstance(event, ChangeRefused | Waiting | NothingRead)
    words = {
        ChangeRefused: "A change was refused: queue",
        Waiting: "Waiting",
        NothingRead: "Nothing is read here",
    }
    print(f"{event.at.astimezone():%H:%M:%S}  {words[type(event)] if unsaid else event.words()}", flush=True)


def _queue_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=whole(1, LINES_MAX), default=100)
    parser.add_argument("--send-again", type=Dot.parse)


def _log_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=decimal(0, 10_000), default=30)
    parser.add_argument("--limit", type=whole(1, LINES_MAX), default=200)


def _doctor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", action="store_true")


def _sync_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", required=True)


def _did_in_queue(asked: argparse.Namespace) -> str:
    return f"asked to send {asked.send_again} again" if asked.send_again else "read the queue"


TASKS = {
    "status": Task("status", "queue, lanes, last contact, next attempt", lambda _: "looked at the status", _status),
    "queue": Task(
        "queue [--limit N]", "the outbox: numbers, kinds, states", _did_in_queue, _queue, _queue_options,
        lambda asked: SupportAct.SEND_AGAIN if asked.send_again else None,
    ),
    "log": Task("log [--days N] [--limit N]", "what sync did", lambda _: "read the log", _log, _log_options),
    "doctor": Task(
        "doctor [--bundle]", "look everything over; --bundle: as a diagnosis on standard output",
        lambda asked: "took a diagnosis" if asked.bundle else "looked everything over", _doctor, _doctor_options,
    ),
    "keys": Task("keys", "which locks the keys have, and what ails them", lambda _: "looked at the locks", _keys),
    "sync": Task(
        "sync --once", "sync until nothing is left", lambda _: "asked to sync", _sync, _sync_options,
        lambda _: SupportAct.SYNC,
    ),
}  # fmt: skip
MORE = ("queue --send-again DOT", "let a refused change go again")
"""Of the table's second row, for the list that a person sees."""

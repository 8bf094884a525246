"""`bravetui sync --once | --watch`: sync without a screen, with the same events as the app."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable

from bravetui.base.runner import ThreadRunner
from bravetui.base.text import safe_line
from bravetui.cli.common import json_line, laptop_of
from bravetui.db.lease import Lease
from bravetui.sync.progress import SyncEvent
from bravetui.sync.worker import Worker
from bravetui.wiring import LEASE, Laptop, make_worker

EPILOG = "With --json each event is one line: {at, event, words, progress}. Exit code 75: the line is down, try later."


def options(parser: argparse.ArgumentParser) -> None:
    """Once, or for good."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="sync until nothing is left, then stop (default)")
    how.add_argument("--watch", action="store_true", help="go on syncing until stopped")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Sync; the lease keeps a second process from doing the same."""
    with laptop_of(arguments) as laptop, Lease.take(laptop.folder / LEASE, laptop.store.clock.now()):
        return asyncio.run(_sync(laptop, watch=arguments.watch, as_json=arguments.json))


async def _sync(laptop: Laptop, *, watch: bool, as_json: bool) -> int:
    runner = ThreadRunner()
    told: list[Worker] = []
    worker = make_worker(laptop, _printer(told, as_json), runner, watches=watch)
    told.append(worker)
    _stop_on_signals(worker)
    try:
        if watch:
            await worker.watch()
            return 0
        empty = await worker.run_once()
        if not as_json:
            print(
                "All handed in." if empty else "Something is still to be confirmed or decided: bravetui queue"
            )
        return 0
    finally:
        await worker.close()
        runner.close()


def _printer(told: list[Worker], as_json: bool) -> Callable[[SyncEvent], None]:
    def report(event: SyncEvent) -> None:
        words = safe_line(event.words(), 300)
        if as_json:
            progress = told[0].progress.to_json() if told else {}
            line = json_line(
                {"at": event.at, "event": type(event).__name__, "words": words, "progress": progress}
            )
        else:
            line = f"{event.at.astimezone():%H:%M:%S}  {words}"
        print(line, flush=True)

    return report


def _stop_on_signals(worker: Worker) -> None:
    """SIGTERM ends after the step under way; where signals cannot be had (Windows), Ctrl-C still does."""
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, worker.stop)

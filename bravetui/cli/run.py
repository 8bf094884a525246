"""`bravetui`: the app."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace

from bravetui.base.errors import BadInput, Busy
from bravetui.base.terminal import on_terminal
from bravetui.cli.common import laptop_of


def options(parser: argparse.ArgumentParser) -> None:
    """None beyond the folder."""


def run(arguments: argparse.Namespace) -> int:
    """Open the app; it syncs unless another process of this laptop does."""
    if not on_terminal():
        raise BadInput("The app needs a terminal.", "Without one use: bravetui status, bravetui sync --once.")
    with laptop_of(arguments) as laptop, ExitStack() as held:
        from bravetui.db.lease import Lease
        from bravetui.wiring import LEASE, run_app

        try:
            held.enter_context(Lease.take(laptop.folder / LEASE, laptop.store.clock.now()))
            syncs = True
        except Busy as error:
            syncs, laptop = False, replace(laptop, notices=(*laptop.notices, str(error)))
        return run_app(laptop, syncs=syncs)

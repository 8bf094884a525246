"""`bravetui bench`: the figures, printed by what they are about."""

from __future__ import annotations

import argparse

from bravetui.bench.main import options as bench_options
from bravetui.bench.main import run as run_bench


def options(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own options."""
    bench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    return run_bench(arguments)

"""`bravetui simulate`: hostile months in seconds, and whether everything held."""

from __future__ import annotations

import argparse

from bravetui.simulate.main import options as simulate_options
from bravetui.simulate.main import run as run_simulation


def options(parser: argparse.ArgumentParser) -> None:
    """The simulation's own options."""
    simulate_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print."""
    return run_simulation(arguments)

"""`bravetui central`: serve the central API, found an organization, print codes."""

from __future__ import annotations

import argparse

from bravetui.central.command import add_arguments
from bravetui.central.command import run as run_central


def options(parser: argparse.ArgumentParser) -> None:
    """Central's own options."""
    add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do the task."""
    return run_central(arguments)

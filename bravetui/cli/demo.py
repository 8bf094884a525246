"""`bravetui demo`: the whole story on this machine, on real parts."""

from __future__ import annotations

import argparse
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Where, and whether from the start."""
    parser.add_argument(
        "--fresh", action="store_true", help="start afresh: what an earlier demo left is removed"
    )
    parser.add_argument(
        "--play", action="store_true", help="tell the story as text (also without a terminal)"
    )
    parser.add_argument(
        "--folder", type=Path, default=argparse.SUPPRESS, help="where the demo keeps its files"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it."""
    from bravetui.demo.main import run_demo

    return run_demo(arguments.folder, fresh=arguments.fresh, play=arguments.play)

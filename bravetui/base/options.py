"""Kinds of values that an option on the command line may have: what does not fit is refused by argparse, in a sentence.

Pure: a word in, a value out. Knows no command.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from bravetui.base.text import safe_line

LINES_MAX = 1_000_000
"""The most lines, changes or receipts that a command prints."""


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number between two others, both included."""

    def read(word: str) -> int:
        digits = word.strip().removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) <= len(str(high)):
            number = int(word)
            if low <= number <= high:
                return number
        raise argparse.ArgumentTypeError(f"{safe_line(word, 40)} is not a whole number from {low} to {high}")

    return read


def decimal(low: float, high: float) -> Callable[[str], float]:
    """A number between two others, both included."""

    def read(word: str) -> float:
        try:
            found = float(word)
        except ValueError:
            found = math.nan
        if low <= found <= high:
            return found
        raise argparse.ArgumentTypeError(f"{safe_line(word, 40)} is not a number from {low:g} to {high:g}")

    return read

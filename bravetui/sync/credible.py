"""What of an answer can be true. Pages are not signed, whoever is on the line may alter them, and central may be broken: an
answer that cannot be true is none, and nothing of it is taken. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from bravetui.base.errors import Transient
from bravetui.wire.messages import LOST_MAX, Checkpoint, SyncAnswer


class Incredible(Transient):
    """An answer that cannot be true. The next may be."""


def numbers_used(answer: SyncAnswer, genuine: Sequence[Checkpoint], device: int, used: int) -> int:
    """Up to where the numbers of `device` are used: by this laptop up to `used`, and maybe further by a copy of it, or in
    its own lost past. `genuine` are the checkpoints that central signed. Raises Incredible.

    What is not signed counts up to what a restored central can have lost behind the last number that it signed for, and
    central's own word up to what this laptop can have lost itself: behind any number that is told there might be none left.
    """
    told, signed = _highest(answer, device), _last_signed(genuine, device)
    if told > max(used, signed + LOST_MAX if answer.checkpoint in genuine else 0):
        raise _incredible("it names changes of this laptop that it cannot have made")
    return max(used, *(last for last in (told, signed) if last <= used + LOST_MAX), 0)


def _last_signed(genuine: Sequence[Checkpoint], device: int) -> int:
    """The last number of the device that central signed that it holds."""
    return max((last for one in genuine if one.device == device for _, last in one.held), default=0)


def _highest(answer: SyncAnswer, device: int) -> int:
    """The highest number of the device in what is not signed."""
    rows = [row for page in answer.pages for row in (*page.rows, *page.mended)]
    versions = (row.version[device] for row in rows)
    dots = (dot for row in rows for group in row.stamps for dot in group.dots)
    return max(chain(versions, (dot.counter for dot in dots if dot.device == device)), default=0)


def _incredible(why: str) -> Incredible:
    return Incredible(f"Central's answer cannot be true ({why}), so nothing of it was taken.")

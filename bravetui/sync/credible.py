"""What of an answer can be true. Pages are not signed, whoever is on the line may alter them, and central may be broken: an
answer that cannot be true is none, and nothing of it is taken. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from bravetui.base.errors import Transient
from bravetui.wire.messages import LOST_MAX, Checkpoint, Page, PullAsk, SyncAnswer, SyncRequest

IN_A_ROW_MAX = 500
"""Answers one after the other, without a pause: 125 MB of rows on the thinnest line, and more on a better one."""


class Incredible(Transient):
    """An answer that cannot be true. The next may be."""


@dataclass(slots=True)
class InARow:
    """Answers that came without a pause, while the queue grew no shorter than it had been: each could be true by itself."""

    answers: int = 0
    fewest: int | None = None
    """Changes that waited at the least."""
    rows: int = 0
    """How many came to no end, one after the other."""

    def took(self, waiting: int) -> None:
        """An answer was taken, after which so many changes wait. Raises Incredible where no end is to be seen."""
        self.answers += 1
        if self.fewest is None or waiting < self.fewest:
            self.fewest, self.answers = waiting, 1
        if self.answers >= IN_A_ROW_MAX:
            self.answers, self.fewest, self.rows = 0, None, self.rows + 1
            raise _incredible("it comes to no end")

    def ended(self, *, well: bool) -> None:
        """Nothing is to be done at once any more; `well` unless the pause was brought about by a failure."""
        self.answers, self.fewest = 0, None
        self.rows = 0 if well else self.rows


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


def check_pages(request: SyncRequest, answer: SyncAnswer) -> None:
    """That asking on will come to an end. Raises Incredible."""
    if request.epoch not in ("", answer.epoch):
        return  # these pages are of another central, and are not taken
    asks = {(ask.scope_id, ask.lane): ask for ask in request.pull}
    for page in answer.pages:
        ask = asks.get((page.scope_id, page.lane))
        if ask is not None and not _goes_on(ask, page):
            raise _incredible("it leads in a circle")


def _last_signed(genuine: Sequence[Checkpoint], device: int) -> int:
    """The last number of the device that central signed that it holds."""
    return max((last for one in genuine if one.device == device for _, last in one.held), default=0)


def _highest(answer: SyncAnswer, device: int) -> int:
    """The highest number of the device in what is not signed."""
    rows = [row for page in answer.pages for row in (*page.rows, *page.mended)]
    versions = (row.version[device] for row in rows)
    dots = (dot for row in rows for group in row.stamps for dot in group.dots)
    return max(chain(versions, (dot.counter for dot in dots if dot.device == device)), default=0)


def _goes_on(ask: PullAsk, page: Page) -> bool:
    """Whether a page leads towards an end. One that ends before the cursor is a stale copy's (`sync.lacking`)."""
    if page.before is None and not page.more:
        return True
    begins = ask.after == 0 and not ask.before
    least_before = page.after if begins else ask.before
    is_back = page.before is not None and (least_before is None or page.before > least_before)
    return not is_back and (page.after, page.before) != (ask.after, ask.before)


def _incredible(why: str) -> Incredible:
    return Incredible(f"Central's answer cannot be true ({why}), so nothing of it was taken.")

"""A disk that says no: every file call in turn fails, once or from then on, as a full disk or as a broken one.

Whatever the call was for, an error is a sentence of ours, what was saved stays and can be read, and once the disk takes
bytes again so does the program, without a new start.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bravetui import wiring
from bravetui.base.errors import BravetuiError, StorageFull
from tests.durability.checking import Told, check, demand
from tests.durability.foreman import Foreman, Tell, changes_in, open_laptop
from tests.durability.lab import Lab, in_child
from tests.durability.shim import CHANGES, FAIL, READS, Shim

SORT = "refusals"
SAVES = 24
SAVES_AFTER = 3
PHOTO_EVERY = 8


@dataclass(frozen=True)
class Refusal:
    """What the disk says, and for how long."""

    name: str
    error: int
    for_ever: bool
    kinds: int


REFUSALS = tuple(
    Refusal(f"{errno.errorcode[error]} {'for ever' if for_ever else 'once'}", error, for_ever, kinds)
    for error, kinds in ((errno.ENOSPC, CHANGES), (errno.EIO, CHANGES), (errno.EIO, CHANGES | READS))
    for for_ever in (False, True)
)
_calls: dict[int, int] = {}


def trial(lab: Lab, case: int) -> str:
    """Refuse one call of a working day, and check; returns what was refused. Raises Lost."""
    number, which = divmod(case, len(REFUSALS))
    refusal = REFUSALS[which]
    nth = number % calls_of_a_day(lab, refusal.kinds)
    told = lab.told_before()
    with lab.laptop() as folder:
        child = in_child(lambda tell: _day(folder, refusal, nth, tell))
        demand(child.code == 0, f"call {nth}, {refusal.name}: {' '.join(child.lines[-1:])}")
        for line in child.lines:
            told.hear(line)
        check(folder, told, deep=case % 5 == 0)
    return refusal.name + (" (open failed)" if "refused at opening" in child.lines else "")


def cases_of_a_day(lab: Lab) -> int:
    """How many trials there are until every call has been refused in every way."""
    return len(REFUSALS) * max(calls_of_a_day(lab, refusal.kinds) for refusal in REFUSALS)


def calls_of_a_day(lab: Lab, kinds: int) -> int:
    """How many calls there are to refuse."""
    if kinds not in _calls:
        never = Refusal("", 0, False, kinds)
        with lab.laptop() as folder:
            child = in_child(lambda tell: _day(folder, never, 1 << 40, tell))
        demand(child.code == 0, f"a day without refusals failed: {child.lines[-1:]}")
        _calls[kinds] = next(int(line.split()[1]) for line in child.lines if line.startswith("calls "))
    return _calls[kinds]


def _day(folder: Path, refusal: Refusal, nth: int, tell: Tell) -> None:
    shim = Shim()
    shim.arm(folder, FAIL, nth, error=refusal.error, for_ever=refusal.for_ever, kinds=refusal.kinds)
    try:
        laptop = open_laptop(folder)
    except BravetuiError as error:
        _demand_fit(error, refusal)
        shim.disarm()
        tell("refused at opening")
        laptop = open_laptop(folder)
    told = Told()

    def hear(words: str) -> None:
        told.hear(words)
        tell(words)

    foreman = Foreman(laptop, Random(SORT), hear, 1000)
    for number in range(SAVES):
        try:
            foreman.save()
            foreman.sync_to_nothing()
            if number % PHOTO_EVERY == PHOTO_EVERY - 1:
                foreman.photograph()
        except BravetuiError as error:
            _demand_fit(error, refusal)
            if not refusal.kinds & READS:
                _demand_readable(laptop, told)
    tell(f"calls {shim.disarm()}")
    for _ in range(SAVES_AFTER):
        foreman.save()
    _demand_readable(laptop, told)
    laptop.close()


def _demand_fit(error: BravetuiError, refusal: Refusal) -> None:
    """Two sentences, and of the right sort."""
    demand(bool(error.what and error.todo), f"an error without words: {error!r}")
    # Where SQLite cannot tell a full disk from a failing one, the words name both.
    full = isinstance(error, StorageFull) or "room on this disk" in error.todo
    demand(refusal.error != errno.ENOSPC or full, f"not a full disk: {error!r}")


def _demand_readable(laptop: wiring.Laptop, told: Told) -> None:
    """The program goes on reading, and what it reads is what was saved."""
    there = {change["record_id"] for change in changes_in(laptop.store)}
    missing = {record for save in told.saved() for record in save.values} - there
    demand(not missing, f"saved and not to be read: {missing}")

"""Which machine the running code belongs to, and what befalls it at any named point: it dies without a word, loses its
power, finds its disk full, or its clock set (`base.fault`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Protocol

from psycopg.errors import DiskFull
from sqlalchemy.exc import OperationalError

from bravetui.base.errors import StorageFull
from bravetui.simulate.chaos import Chaos

CENTRAL, CONSOLE = "central", "central's console"
"""Central as it serves laptops, and the same program as the office works with it, where nothing befalls it."""

MACHINE: ContextVar[str] = ContextVar("machine", default="")
"""The machine whose code runs; tasks inherit it."""

CLOCK_STEPS = (
    timedelta(hours=-7),
    timedelta(hours=9),
    timedelta(days=-400),
    timedelta(days=700),
    timedelta(minutes=-20),
)
"""How far a wrong clock jumps."""

SAVING, PHOTOGRAPHING, SYNCING, SENDING, AT_CENTRAL, UPDATING = (
    "before_journal",
    "before_blob",
    "before_maintained",
    "marked_sent",
    "central_before_save",
    "inside_central_migration",
)
"""Points of a save, of a photo's files, of what sync writes, of a request on its way, of what central writes, and of its
schema's update."""

_FULL_AT = {
    SAVING: "disk full",
    PHOTOGRAPHING: "disk full",
    SYNCING: "disk full in sync",
    "inside_migration": "disk full in update",
}
"""Which fault strikes where a laptop writes."""


@contextmanager
def running_on(machine: str) -> Iterator[None]:
    """The code inside is that machine's."""
    before = MACHINE.set(machine)
    try:
        yield
    finally:
        MACHINE.reset(before)


class Died(BaseException):
    """A machine stopped here. No handler of the product sees it, as none sees a power cut."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine


class Machine(Protocol):
    """What can befall a laptop besides dying."""

    def lose_power_soon(self) -> None:
        """From here to the next point it writes what it may lose."""
        ...

    @property
    def is_losing_power(self) -> bool: ...

    @property
    def is_calm(self) -> bool: ...

    def stand_still(self) -> None:
        """It stops here: what is on its disk now is what is left of it."""
        ...

    def set_clock(self, skew: timedelta) -> None: ...


class Hook:
    """Called at every named point of the code."""

    def __init__(self, chaos: Chaos, laptops: Mapping[str, Machine]) -> None:
        self._chaos, self._laptops = chaos, laptops

    def __call__(self, point: str) -> None:
        machine = MACHINE.get()
        if machine == CENTRAL:
            self._at_central(point)
        elif machine in self._laptops:
            self._on_laptop(point, self._laptops[machine])

    def _at_central(self, point: str) -> None:
        if point in (AT_CENTRAL, UPDATING, "central_before_blob") and self._chaos.happens(
            "central's disk full"
        ):
            raise OperationalError("INSERT", {}, DiskFull("No space left on device"))
        if self._chaos.happens("central dies in update" if point == UPDATING else "central dies"):
            raise Died(CENTRAL)

    def _on_laptop(self, point: str, laptop: Machine) -> None:
        chaos, machine = self._chaos, MACHINE.get()
        if laptop.is_calm:
            return
        if laptop.is_losing_power:
            laptop.stand_still()
            raise Died(machine)
        if point in _FULL_AT and chaos.happens(_FULL_AT[point]):
            raise StorageFull("The disk is full.", "Free some room, then save again.")
        if point == SENDING and chaos.happens("clock set in mid-exchange"):
            laptop.set_clock(chaos.pick(CLOCK_STEPS))
        if chaos.happens("power cut"):
            laptop.lose_power_soon()
        elif chaos.happens("laptop dies"):
            laptop.stand_still()
            raise Died(machine)

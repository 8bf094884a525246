"""Which machine the running code belongs to, and how it dies: at any named point, without a word (`base.fault`)."""

from __future__ import annotations

from contextvars import ContextVar

from bravetui.base.errors import StorageFull
from bravetui.simulate.chaos import Chaos

CENTRAL = "central"

MACHINE: ContextVar[str] = ContextVar("machine", default="")
"""The machine whose code runs; tasks inherit it."""


class Died(BaseException):
    """A machine stopped here. No handler of the product sees it, as none sees a power cut."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine


def hook(chaos: Chaos, point: str) -> None:
    """Called at every named point of the code."""
    machine = MACHINE.get()
    if machine == CENTRAL:
        if chaos.happens("central dies"):
            raise Died(machine)
    elif machine:
        if point == "before_journal" and chaos.happens("disk full"):
            raise StorageFull("The disk is full.", "Free some room, then save again.")
        if chaos.happens("laptop dies"):
            raise Died(machine)

"""What one person did once, and handed in under two numbers: taken once, and seen under both by whoever made it.

A laptop that was found to be a copy renumbers its work. Another copy of it that holds the same work does so too, under a
number of its own, and so does the laptop itself once it is put back to an older image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from bravetui.base.canonical import canonical_bytes
from bravetui.central.shelf import Target
from bravetui.merge.version import Dot
from bravetui.wire.change import Change

Act = tuple[str, str, bytes]
"""Author, stamp and what it says: what stays the same when an edit gets another dot."""


def act_of(change: Change) -> Act:
    """What somebody did, whatever dot it bears."""
    return change.author_id, str(change.hlc), canonical_bytes(change.after)


class Acts:
    """The acts that the ledger holds of the records that one transaction is about, and under which dots."""

    def __init__(self, about: Callable[[Target], Iterable[Change]]) -> None:
        self._about = about
        self._records: dict[Target, dict[Act, set[Dot]]] = {}

    def is_known(self, change: Change) -> bool:
        """Whether the ledger has the act under another dot; from now on it has it under this one."""
        dots = self._of(change).setdefault(act_of(change), set())
        dots.add(change.dot)
        return len(dots) > 1

    def seen(self, change: Change) -> Change:
        """The change, its author having seen what he did under every dot that it has here. A dot stands for all before it:
        of each number that goes only as far as there is nothing between that he has not seen."""
        acts, context = self._of(change).values(), change.context
        his = {
            dot
            for dots in acts
            if len(dots) > 1 and any(context.covers([dot]) for dot in dots)
            for dot in dots
        }
        unseen: set[int] = set()
        for dot in sorted(dot for dots in acts for dot in dots) if his else ():
            if dot in his and dot.device not in unseen:
                context = context.with_dot(dot)
            elif not change.context.covers([dot]):
                unseen.add(dot.device)
        return change if context == change.context else change.model_copy(update={"context": context})

    def _of(self, change: Change) -> dict[Act, set[Dot]]:
        target = (change.scope_id, change.kind, change.record_id)
        if target not in self._records:
            found: dict[Act, set[Dot]] = defaultdict(set)
            for one in self._about(target):
                found[act_of(one)].add(one.dot)
            self._records[target] = found
        return self._records[target]

"""What somebody replaced knowingly does not stand against him because of a third one's word. Pure.

A cell stands for all the changes that were joined in it, and one of them gave it its value. Whoever had seen that one and
says something else has answered it; what is left to hold his word against is what the others had said, and he had not seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce

from bravetui.central.as_signed import Ledger, is_answer, unseen_signature
from bravetui.central.past import has_seen_what_stands, is_in
from bravetui.merge.join import JOINS, KEEPS_BOTH
from bravetui.merge.record import joined
from bravetui.merge.rules import Rule, Rules
from bravetui.merge.state import DELETED, Cell, RecordState, is_row
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change


def unreplaced(
    known: RecordState, there: Mapping[str, Cell], local: Mapping[str, Cell], context: VersionVector,
    ledger: Ledger, rules: Rules,
) -> dict[str, Cell]:  # fmt: skip
    """Of central's cells `there`, in the record `known`, what stands against the words `local` of an author who has seen
    `context`. As they are stay groups, which would be torn, and what holds all that several have entered."""
    sizes = Counter(rules.unit_of(path) for path in there.keys() | local.keys())
    in_part = [
        path
        for path in there.keys() & local.keys()
        if sizes[rules.unit_of(path)] == 1
        and not (path == DELETED or is_row(path) or rules.of(path).rule in KEEPS_BOTH)
        and _is_seen_in_part(there[path], context)
    ]
    changes, found = ledger() if in_part else (), dict(there)
    for path in in_part:
        if not has_seen_what_stands(there[path], path, context, changes):
            continue
        del found[path]
        against = [
            Cell(one.after[path], one.dots_of(path), one.stamp_of(path))
            for one in _unseen(there[path], path, context, changes)
            if not (is_answer(path) and unseen_signature(known, one.context, ledger))
        ]
        if against and rules.of(path).rule is not Rule.SERVER_WINS:  # of others' words none was central's
            found[path] = reduce(lambda one, other: _by_rule(path, one, other, rules), against)
    return found


def _is_seen_in_part(cell: Cell, context: VersionVector) -> bool:
    return len({context.covers([dot]) for dot in cell.dots}) > 1


def _unseen(cell: Cell, path: str, context: VersionVector, changes: Sequence[Change]) -> list[Change]:
    """What was joined in the cell and an author had not seen, but for what another of these had."""
    unseen = [
        one
        for one in changes
        if path in one.after and is_in(cell, path, one) and not context.covers(one.dots_of(path))
    ]
    return [
        one
        for one in unseen
        if not any(other.context.covers([one.dot]) for other in unseen if other is not one)
    ]


def _by_rule(path: str, one: Cell, other: Cell, rules: Rules) -> Cell:
    declared = rules.of(path)
    return joined(JOINS[declared.rule](None, one, other, declared, rules).value, one, other)

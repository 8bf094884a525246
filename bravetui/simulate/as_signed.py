"""What was signed says what its signer had before him, until somebody who knows of the signature says otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bravetui.db.site import signs
from bravetui.merge.state import ANSWERS, RecordState
from bravetui.merge.version import Dot
from bravetui.simulate.ending import End
from bravetui.wire.change import Change


def what_was_signed_changes_knowingly(end: End) -> list[str]:
    """No answer stands in a signed form whose author had not seen any signature, and whom no signer had seen. Of two who
    sign apart, the report is as the first had it. A signature that a restored central lost, and nobody has brought back, is
    none any more."""
    taken = {change.dot: change for change in (*end.witness.forgotten, *end.ledger)}
    brought = {dot for one in end.ledger for dot in (one.dot, *_said_once_more(one))}
    signatures: dict[str, list[Change]] = defaultdict(list)
    for change in taken.values():
        if change.dot in brought and signs(change.kind, change.after):
            signatures[change.record_id].append(change)
    return [
        f"{answer} stands in {record_id} at {path}, signed by {', '.join(str(one.dot) for one in signed)} without it"
        for record_id, signed in signatures.items()
        if (record := end.central.get(("submission", record_id))) is not None
        for path, answer in _unseen(record, signed, taken)
    ]


def _said_once_more(change: Change) -> Iterator[Dot]:
    return (dot for said in change.said.values() for dot in said.dots)


def _unseen(
    record: RecordState, signed: Sequence[Change], taken: Mapping[Dot, Change]
) -> Iterator[tuple[str, Dot]]:
    for path, cell in record.cells.items():
        # What came late stands beside the word that was signed, or says that nothing was.
        if not path.startswith(f"{ANSWERS}/") or cell.value is None or len(cell.dots) != 1:
            continue
        (dot,) = cell.dots
        if dot in taken and not any(_knew(taken[dot], signature) for signature in signed):
            yield path, dot


def _knew(answer: Change, signature: Change) -> bool:
    """Whether either of the two had seen the other."""
    own = answer.dot == signature.dot
    return own or signature.context.covers([answer.dot]) or answer.context.covers([signature.dot])

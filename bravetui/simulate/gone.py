"""Records that nobody holds any more, and of which a laptop has nothing but its own edits.

The office made a record, central was put back to before it, and so was every database that it had come to: it is gone, as
what is on a broken disk is. Edits of it, put back from a journal, wait at central for it and are not handed in as the record
that they are not: no timer ends that, and nobody is to blame. Whoever still held the record would have handed it in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from bravetui.db.device import Outbox, OutboxState
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]

_WAITING = (OutboxState.PARKED, OutboxState.PUT_AWAY)

Key = tuple[str, str]
"""(kind, record id)"""


def gone(
    central: Mapping[Key, RecordState], laptops: Iterable[tuple[Mapping[Key, RecordState], Connection]]
) -> dict[Key, list[Change]]:
    """The edits that wait, by what they wait for: not at central, and on no laptop more than such edits."""
    waiting: dict[Key, list[Change]] = defaultdict(list)
    held: set[Key] = set()
    for records, connection in laptops:
        own = _own(connection)
        for key in records.keys() - central.keys():
            edits = [change for change, state in own.get(key, ()) if state in _WAITING]
            if len(edits) == len(own.get(key, ())) and _are_all(records[key], edits):
                waiting[key] += edits
            else:
                held.add(key)
    return {key: edits for key, edits in waiting.items() if key not in held}


def _are_all(record: RecordState, edits: Iterable[Change]) -> bool:
    """Whether nothing is in the record that these do not say, and none of them made it."""
    dots: set[Dot] = {edit.dot for edit in edits if edit.op is not Op.CREATE}
    return bool(dots) and set(record.version) <= dots


def _own(connection: Connection) -> Mapping[Key, list[tuple[Change, str]]]:
    """All that a laptop's outbox still has, by record, with its state."""
    found: dict[Key, list[tuple[Change, str]]] = defaultdict(list)
    query = select(_outbox.c.kind, _outbox.c.record_id, _outbox.c.body, _outbox.c.state)
    for row in connection.execute(query.order_by(_outbox.c.device, _outbox.c.counter)):
        found[row.kind, row.record_id].append((Change.model_validate_json(row.body), row.state))
    return found

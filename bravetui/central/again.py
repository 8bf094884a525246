"""What one transaction asks the ledger about what comes once more: to a central that was restored, or in a refused change's
place."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ARRAY, BigInteger, Connection, any_, bindparam, select

from bravetui.base.errors import Refused
from bravetui.central.book import Book
from bravetui.central.intake import seen_by
from bravetui.central.past import Past
from bravetui.central.sent import Sent
from bravetui.central.shelf import Shelf
from bravetui.central.state import OWN_FROM
from bravetui.central.tables import DEVICES, REFUSED
from bravetui.db.kinds import KINDS
from bravetui.db.tables.conflict import is_answered
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.messages import LOST_MAX

_HELD = select(DEVICES.c.number, DEVICES.c.held).where(
    DEVICES.c.number == any_(bindparam("devices", type_=ARRAY(BigInteger)))
)

_RELEASED = select(REFUSED.c.counter).where(
    REFUSED.c.device == bindparam("device"),
    REFUSED.c.counter == any_(bindparam("counters", type_=ARRAY(BigInteger))),
    REFUSED.c.settled_as.in_(("released", "mended")),
)


def past_of(connection: Connection, book: Book, sent: Sent, known: RecordState) -> Past | None:
    """What the ledger knows of the record, for what had been taken before and is not simply upon what is there.

    Raises Refused where somebody is said to have said what he cannot have said.
    """
    change = sent.change
    merges = not seen_by(change, known.version).covers(known.version)
    if not (change.said or (merges and (sent.taken_before or _is_borne(change, known)))):
        return None
    dots = {dot for said in change.said.values() for dot in said.dots}
    _check_given(connection, dots)
    return Past(tuple(book.about(sent.target, put_down=True)), book.holds(dots))


def _is_borne(change: Change, known: RecordState) -> bool:
    """Whether a neighbour has handed in a word of this very change: then a central of before had taken it, though its
    laptop has no receipt, which was lost with the line or is the office's release of what had been refused."""
    return any(
        change.dot in cell.dots and cell.hlc == change.hlc
        for path, cell in known.cells.items()
        if path in change.after
    )


def _check_given(connection: Connection, dots: Collection[Dot]) -> None:
    """That no laptop, nor one to come, is said to have used numbers that it cannot have used: it would go on behind them."""
    if not dots:
        return
    rows = connection.execute(_HELD, {"devices": [*{dot.device for dot in dots}]})
    last = {row.number: row.held[-1][1] if row.held else 0 for row in rows}
    laptops = [dot for dot in dots if dot.device < OWN_FROM]
    if any(dot.counter > last.get(dot.device, 0) + LOST_MAX for dot in laptops):
        raise Refused(
            "The change says words again that nobody can have said.",
            "Tell the office.",
            code="invalid_context",
        )


def has_all(book: Book, shelf: Shelf, change: Change) -> bool:
    """Whether central has all that a change says once more from somebody else: in the ledger, or in the record's cells.

    A question bears central's own dots, and each life of central's has others: it is enough that it is asked, or decided.
    """
    target = (change.scope_id, change.kind, change.record_id)
    stored = shelf.get(target) if change.kind in KINDS else None
    if stored is None or change.kind == "conflict":
        return stored is not None and not is_answered(stored.state.values(), change.after)
    here = book.holds({dot for said in change.said.values() for dot in said.dots})
    cells = stored.state.cells
    # Its own dot stands for a value of which its laptop did not know whose it is: any value there will do.
    return all(
        path in cells
        if change.dot in said.dots
        else here.union(cells[path].dots if path in cells else ()).issuperset(said.dots)
        for path, said in change.said.items()
    )


def upon_released(connection: Connection, book: Book, change: Change, known: RecordState | None) -> Change:
    """A change that goes in the place of a refused one, which the office has released meanwhile, upon what that one said:
    its author had it before him, though his laptop could not know that it is here.

    Of what else is here under his number he knows nothing: an unnoticed copy of his laptop said it, or a disk that he lost.
    What is said once more from somebody else stands upon nothing but what it names.
    """
    device, seen = change.dot.device, change.context[change.dot.device]
    if known is None or change.said or known.version[device] <= seen:
        return change
    own = [
        one
        for one in book.about((change.scope_id, change.kind, change.record_id))
        if one.dot.device == device
        and one.hlc <= change.hlc
        and seen < one.dot.counter < change.dot.counter
        and not one.said
    ]
    released = _released(connection, device, [one.dot.counter for one in own])
    said, context = dict(change.before), change.context
    for one in sorted((one for one in own if one.dot.counter in released), key=lambda one: one.hlc):
        said |= {path: value for path, value in one.after.items() if path in change.after}
        context = context.with_dot(one.dot)
    return change.model_copy(update={"before": said, "context": context}) if released else change


def _released(connection: Connection, device: int, counters: Collection[int]) -> frozenset[int]:
    """Those of a laptop's changes that the office has released, as they were or mended."""
    asked = {"device": device, "counters": list(counters)}
    return frozenset(connection.execute(_RELEASED, asked).scalars() if counters else ())

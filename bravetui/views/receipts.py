"""Receipts: central's signed word on each change, as a person reads, prints and checks it, with no line to central."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import or_, select

from bravetui.auth.signing import read_public_key, signed_by
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.db.device import Outbox, Receipt
from bravetui.db.kinds import KINDS
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.views.unworded import unworded
from bravetui.views.words import kind_label, named_by, record_title
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import is_genuine

_receipts = Receipt.__table__  # type: ignore[attr-defined]

OUTCOME_WORDS = {
    Outcome.APPLIED: "taken as it is",
    Outcome.MERGED: "taken and merged",
    Outcome.CONFLICT: "taken, needs a decision",
    Outcome.PARKED: "kept until its record arrives",
    Outcome.REFUSED: "refused",
    Outcome.TWIN: "sent back for a new number",
}
_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One receipt."""

    dot: str
    outcome: str
    words: str
    """The outcome in words."""
    kind: str
    record_id: str
    title: str
    """What the record is called here now."""
    seq: int
    """Central's number for the change in its project; 0 if it was not taken."""
    given_at: datetime
    """Central's clock."""
    hash: str
    """SHA-256 of the change that it speaks of."""
    reason: str | None
    body: str
    """The receipt itself, JSON on one line, in ASCII, so that a printed page can be checked."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found of one receipt."""

    dot: str
    genuine: bool
    words: str


def receipts(
    store: Store, wanted: str = "", limit: int = 100, *, titles: bool = True
) -> tuple[ReceiptRow, ...]:
    """The newest receipts first; `wanted` is a record's id, its beginning, or a dot. Without `titles` no record is named by
    what somebody wrote."""
    title_of = record_title if titles else unworded
    query = select(_receipts).order_by(_receipts.c.at.desc(), _receipts.c.counter.desc()).limit(limit)
    if wanted:
        by_record = _receipts.c.record_id.startswith(wanted, autoescape=True)
        query = query.where(or_(by_record, *_by_dot(wanted)))
    with store.look() as connection:
        return tuple(
            _row(row, named_by(title_of, connection, row.kind, row.scope_id, row.record_id))
            for row in connection.execute(query)
        )


def is_here(store: Store, wanted: str) -> bool:
    """Whether a record with this id, or its beginning, or a change with this dot is on this laptop, signed for or not."""
    outbox = Outbox.__table__  # type: ignore[attr-defined]
    try:
        dot = Dot.parse(wanted)
        change = select(outbox.c.counter).where(
            outbox.c.device == dot.device, outbox.c.counter == dot.counter
        )
        queries = [change]
    except BadInput:
        ids = [kind.table.c.id for kind in KINDS.values()]
        queries = [select(one).where(one.startswith(wanted, autoescape=True)) for one in ids]
    with store.look() as connection:
        return any(connection.execute(query.limit(1)).first() is not None for query in queries)


def check(text: str, central_key: str) -> tuple[Checked, ...]:
    """Check every receipt in a file: JSON, or a printed page, and whether the page says what was signed. The record's name
    there is for people to read: central signs for the content, by its hash.

    Raises BadInput for none at all, or a key that is none.
    """
    read_public_key(central_key)

    found = tuple(_checked(told, above, signed_by(central_key)) for told, above in _documents(text))
    if not found:
        raise BadInput(
            "There is no receipt in this file.", "Make one: bravetui receipts RECORD > FILE, or with --json."
        )
    return found


def page_lines(verdict: Verdict) -> dict[str, str]:
    """What a printed page says of a receipt in words, by the label of each line: nothing but what is signed."""
    number = f", number {verdict.seq} of its project" if verdict.seq else ""
    lines = {
        "Central's receipt for change": str(verdict.dot),
        "Given": f"{verdict.at:%Y-%m-%d %H:%M:%S} UTC",
        "Outcome": f"{OUTCOME_WORDS[verdict.outcome]}{number}",
        "Content": f"SHA-256 {verdict.hash}",
    }
    return {**lines, "Reason": safe_line(verdict.reason, 300)} if verdict.reason else lines


def _altered(above: Sequence[str], verdict: Verdict) -> str | None:
    """The first line of a page that says something else than what is signed under it."""
    signed = page_lines(verdict)
    for line in (" ".join(line.split()) for line in above):
        label = next((label for label in (*signed, "Reason") if line.startswith(f"{label} ")), None)
        if label is not None and line != " ".join(f"{label} {signed.get(label, '')}".split()):
            return line
    return None


def _checked(told: dict[str, Any], above: Sequence[str], centrals: Any) -> Checked:
    dot = safe_line(str(told.get("dot")), 40)
    try:
        verdict = Verdict.model_validate(told)
    except ValidationError:
        return Checked(dot, False, "it is not a receipt as central writes them")
    if not is_genuine(verdict, centrals):
        return Checked(dot, False, "central did not sign this: it was changed, or another central gave it")
    said, altered = page_lines(verdict), _altered(above, verdict)
    if altered is not None:
        signed = f"{said['Outcome']}, {said['Given']}"
        return Checked(
            dot, False, f"the page was changed: {safe_line(altered, 80)!r}. Central signed: {signed}"
        )
    return Checked(dot, True, f"{said['Outcome']}, {said['Given']}")


def _documents(text: str) -> Iterator[tuple[dict[str, Any], Sequence[str]]]:
    """Everything in the text that looks like a receipt, JSON as a whole or lines of it, with the words above each."""
    try:
        yield from ((told, ()) for told in _verdicts(json.loads(text), 0))
    except (ValueError, RecursionError):
        above: list[str] = []
        for line in text.splitlines():
            if not line.lstrip().startswith("{"):
                above.append(line)
                continue
            try:
                yield from ((told, above) for told in _verdicts(json.loads(line), 0))
            except (ValueError, RecursionError):
                yield {"dot": "damaged"}, ()
            above = []


def _verdicts(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and {"dot", "signature"} <= value.keys():
        yield value
    elif isinstance(value, dict | list) and depth < _DEPTH_MAX:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _verdicts(inner, depth + 1)


def _by_dot(wanted: str) -> list[Any]:
    try:
        dot = Dot.parse(wanted)
    except BadInput:
        return []
    return [(_receipts.c.device == dot.device) & (_receipts.c.counter == dot.counter)]


def _row(row: Any, title: str) -> ReceiptRow:
    verdict = Verdict.model_validate_json(row.body)
    return ReceiptRow(
        str(verdict.dot), verdict.outcome.value, OUTCOME_WORDS[verdict.outcome], kind_label(row.kind), row.record_id,
        title, verdict.seq, verdict.at, verdict.hash, verdict.reason,
        json.dumps(verdict.model_dump(mode="json", exclude_defaults=True)),
    )  # fmt: skip

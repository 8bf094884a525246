"""Receipts: central's signed word on each change, as a person reads, prints and checks it, with no line to central."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import or_, select

from bravetui.auth.signing import read_public_key, signed_by
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.db.device import Outbox, Receipt
from bravetui.db.kinds import KINDS
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.views.unworded import unworded
from bravetui.views.words import kind_label, named_by, record_title
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import MENDED, is_genuine

_receipts = Receipt.__table__  # type: ignore[attr-defined]

OUTCOME_WORDS = {
    Outcome.APPLIED: "taken as it is",
    Outcome.MERGED: "taken and merged",
    Outcome.CONFLICT: "taken, needs a decision",
    Outcome.PARKED: "kept until its record arrives",
    Outcome.REFUSED: "refused",
    Outcome.TWIN: "sent back for a new number",
}
MENDED_WORDS = "taken, mended by the office"
"""For what the office wrote in its own name: what its author said does not stand as it was."""

NOT_SIGNED = "Not signed"
"""The label of a page's lines that are for people to read, and no word of central's."""

Beside = Sequence[str] | Mapping[str, Any]
"""What stands beside a receipt: the lines above it on a page, or the entries that list it in JSON."""

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
    unsigned: tuple[str, ...] = ()
    """What stands beside it, passes for signed, and is not."""


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
    """Check every receipt in a file: JSON, or a printed page, and whether what stands beside each is what was signed. The
    record's name and id are not: central signs for the content, by its hash.

    Raises BadInput for none at all, or a key that is none.
    """
    read_public_key(central_key)

    found = tuple(_checked(told, beside, signed_by(central_key)) for told, beside in _documents(text))
    if not found:
        raise BadInput(
            "There is no receipt in this file.", "Make one: bravetui receipts RECORD > FILE, or with --json."
        )
    return found


def outcome_words(verdict: Verdict) -> str:
    """What became of the change, as its receipt says it."""
    return MENDED_WORDS if verdict.code == MENDED else OUTCOME_WORDS[verdict.outcome]


def page_lines(verdict: Verdict) -> dict[str, str]:
    """What a printed page says of a receipt in words, by the label of each line: nothing but what is signed."""
    number = f", number {verdict.seq} of its project" if verdict.seq else ""
    lines = {
        "Central's receipt for change": str(verdict.dot),
        "Given": f"{verdict.at:%Y-%m-%d %H:%M:%S} UTC",
        "Outcome": f"{outcome_words(verdict)}{number}",
        "Content": f"SHA-256 {verdict.hash}",
    }
    return {**lines, "Reason": safe_line(verdict.reason, 300)} if verdict.reason else lines


def _entries(verdict: Verdict) -> dict[str, Json]:
    """The same of the JSON in which a receipt is listed."""
    return {
        "dot": str(verdict.dot), "outcome": verdict.outcome.value, "words": outcome_words(verdict), "seq": verdict.seq,
        "given_at": verdict.at.isoformat(), "hash": verdict.hash, "reason": verdict.reason,
    }  # fmt: skip


def _compared(beside: Beside, verdict: Verdict) -> tuple[list[str], list[str]]:
    """What stands beside a receipt and says something else than what is signed; and what it does not speak of at all."""
    altered, unsigned = [], []
    if isinstance(beside, Mapping):
        signed = _entries(verdict)
        for name, value in beside.items():
            if name not in signed:
                unsigned.append(f"{name} {value}")
            elif value != signed[name]:
                altered.append(f"{name} {value}")
        return altered, unsigned
    said = page_lines(verdict)
    for line in (" ".join(line.split()) for line in beside):
        label = next((label for label in (*said, "Reason") if line.startswith(f"{label} ")), None)
        if label is None and line and not line.startswith(f"{NOT_SIGNED} "):
            unsigned.append(line)
        elif label is not None and line != " ".join(f"{label} {said.get(label, '')}".split()):
            altered.append(line)
    return altered, unsigned


def _checked(told: dict[str, Any], beside: Beside, centrals: Any) -> Checked:
    dot = safe_line(str(told.get("dot")), 40)
    try:
        verdict = Verdict.model_validate(told)
    except ValidationError:
        return Checked(dot, False, "it is not a receipt as central writes them")
    if not is_genuine(verdict, centrals):
        return Checked(dot, False, "central did not sign this: it was changed, or another central gave it")
    said, (altered, unsigned) = page_lines(verdict), _compared(beside, verdict)
    signed = f"{said['Outcome']}, {said['Given']}"
    if altered:
        words = f"the page was changed: {safe_line(altered[0], 80)!r}. Central signed: {signed}"
        return Checked(dot, False, words)
    return Checked(dot, True, signed, tuple(safe_line(line, 200) for line in unsigned))


def _documents(text: str) -> Iterator[tuple[dict[str, Any], Beside]]:
    """Everything in the text that looks like a receipt, JSON as a whole or lines of it, with what stands beside each."""
    try:
        yield from _verdicts(json.loads(text), 0)
    except (ValueError, RecursionError):
        above: list[str] = []
        for line in text.splitlines():
            if not line.lstrip().startswith("{"):
                above.append(line)
                continue
            try:
                yield from ((told, beside or above) for told, beside in _verdicts(json.loads(line), 0))
            except (ValueError, RecursionError):
                yield {"dot": "damaged"}, ()
            above = []


def _verdicts(value: Any, depth: int) -> Iterator[tuple[dict[str, Any], Beside]]:
    if isinstance(value, dict) and {"dot", "signature"} <= value.keys():
        yield value, ()
    elif isinstance(value, dict) and depth < _DEPTH_MAX:
        for name, inner in value.items():
            others = (
                {key: other for key, other in value.items() if key != name} if name == "receipt" else None
            )
            yield from ((told, others or beside) for told, beside in _verdicts(inner, depth + 1))
    elif isinstance(value, list) and depth < _DEPTH_MAX:
        for inner in value:
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
        str(verdict.dot), verdict.outcome.value, outcome_words(verdict), kind_label(row.kind), row.record_id,
        title, verdict.seq, verdict.at, verdict.hash, verdict.reason,
        json.dumps(verdict.model_dump(mode="json", exclude_defaults=True)),
    )  # fmt: skip

"""Filling in forms: start, answer, add and remove rows, submit with a typed signature, discard a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS, rules_for
from bravetui.db.records import Stored, load
from bravetui.db.site import (
    EDITABLE,
    answers_of,
    calendar_of,
    hash_of_answers,
    last_inspected_at,
    may_sign,
    project_of,
)
from bravetui.db.starting import first_answers
from bravetui.db.store import Changed, Store
from bravetui.db.taken_back import taken_back
from bravetui.db.templates import template_of, written_on
from bravetui.db.values import to_cell
from bravetui.db.writing import Writing
from bravetui.forms.engine import evaluate
from bravetui.forms.fitting import too_long
from bravetui.forms.parse import TEXT_CHARACTERS_MAX
from bravetui.forms.template import Template
from bravetui.forms.typed_over import upon
from bravetui.merge.state import ANSWERS, Cell

_NAMES = UUID("c9a4e5de-3d0b-5b0e-8f52-0d8f2f3f6c77")
"""Namespace of ids that every laptop derives alike (RFC 9562 section 5.5)."""


@dataclass(frozen=True, slots=True)
class Started:
    """A form that was opened for the first time."""

    submission_id: str
    changed: Changed


@dataclass(frozen=True, slots=True)
class Added:
    """A row that was added to a repeat."""

    row_path: str
    changed: Changed


def start_form(
    store: Store, scope_id: str, template_id: str, inspection_id: str | None = None, *, routine: bool = False
) -> Started:
    """Begin a form: job facts carry over from the last one, observations never do.

    With `inspection_id` the inspection is marked as under way and knows its form, and what was recorded of its storm is
    filled in. With `routine` the scheduled inspection that is due next is put on record first. What carries over is what
    the blank form showed: no more than may be read.
    """
    kind = "routine" if routine else ""
    with store.look() as shown:
        template = template_of(shown, template_id)
        answers = first_answers(shown, store.identity, scope_id, template, template_id, inspection_id, kind)
    with store.write() as writing:
        if routine and inspection_id is None:
            inspection_id = _routine(writing, store, scope_id)
        now = store.clock.now()
        values: dict[str, Json] = {
            "template_id": template_id,
            "title": template.title,
            "author_id": store.identity.user_id,
            "started_at": to_cell(now),
            **{f"{ANSWERS}/{path}": value for path, value in answers.items()},
        }
        submission_id = writing.create("submission", scope_id, values)
        if inspection_id is not None:
            under_way: dict[str, Json] = {
                "status": "in_progress",
                "submission_id": submission_id,
                "started_at": to_cell(now),
                "inspector_id": store.identity.user_id,
            }
            writing.edit("inspection", scope_id, inspection_id, under_way)
    return Started(submission_id, _changed(writing))


def _routine(writing: Writing, store: Store, scope_id: str) -> str:
    """The record of the scheduled inspection that follows the last one; every laptop that makes it gives it one id."""
    done_at = last_inspected_at(writing.connection, scope_id)
    inspection_id = str(uuid5(_NAMES, f"{scope_id} routine {to_cell(done_at) if done_at else ''}"))
    if load(writing.connection, KINDS["inspection"], scope_id, inspection_id) is None:
        project = project_of(writing.connection, scope_id)
        due: dict[str, Json] = {
            "kind": "routine",
            "schedule_basis": project["inspection_schedule"] if project else None,
            "due_from": to_cell(done_at) if done_at else None,
            "assigned_to": store.identity.user_id,
        }
        writing.create("inspection", scope_id, due, record_id=inspection_id)
    return inspection_id


def answer(
    store: Store,
    scope_id: str,
    submission_id: str,
    answers: Mapping[str, Json],
    over: Mapping[str, Json] = MappingProxyType({}),
) -> Changed:
    """Save answers by path; typing again and again folds into one unsent change. Durable when it returns.

    `over` is what stood there, by path, when they were begun, as far as known. What another window or a colleague has
    written there since stays in the text, or where that cannot be, in the history: a change of its own goes over it.
    """
    if any(map(too_long, answers.values())):
        raise BadInput(
            f"An answer is longer than the {TEXT_CHARACTERS_MAX:,} characters that a form carries; it is not saved.",
            "Shorten it, or split it over several answers.",
        )
    with store.write() as writing:
        stored, opened = _editable(writing, store, scope_id, submission_id)
        template = written_on(writing.connection, stored.state)
        values, outdone = upon(answers_of(stored), answers, over, rules_for(KINDS["submission"], template))
        if outdone:
            writing.fold_no_more()
        writing.edit("submission", scope_id, submission_id, {**opened, **_prefixed(values)})
    return _changed(writing)


def add_row(store: Store, scope_id: str, submission_id: str, repeat: str) -> Added:
    """Add an empty row at the end of the repeat; its id is what merging knows it by."""
    with store.write() as writing:
        stored, opened = _editable(writing, store, scope_id, submission_id)
        row_path = f"{repeat}/{store.ids.new_id()}"
        last = max(
            (cell.value for path, cell in _rows(stored, repeat) if isinstance(cell.value, int)), default=-1
        )
        added = _prefixed({row_path: last + 1})
        writing.edit("submission", scope_id, submission_id, {**opened, **added})
    return Added(row_path, _changed(writing))


def remove_row(store: Store, scope_id: str, submission_id: str, row_path: str) -> Changed:
    """Remove a row. If a colleague is working in it, it comes back and a person decides."""
    with store.write() as writing:
        _, opened = _editable(writing, store, scope_id, submission_id)
        writing.edit("submission", scope_id, submission_id, {**opened, **_prefixed({row_path: None})})
    return _changed(writing)


def submit(store: Store, scope_id: str, submission_id: str, signer_name: str, signer_title: str) -> Changed:
    """Sign what stands and hand it in. Raises BadInput naming the first problem that is left.

    The signature holds the hash of the answers as signed (40 CFR 122.22(d) certifies those words and no others); if they
    change later it reads "changed since signed".
    """
    if not signer_name.strip():
        raise BadInput("The report is not signed.", "Type your name to sign it.")
    with store.write() as writing:
        stored, _ = _editable(writing, store, scope_id, submission_id)
        template = written_on(writing.connection, stored.state)
        answers = answers_of(stored)
        zone = calendar_of(project_of(writing.connection, scope_id)).zone
        _refuse_problems(store, template, answers, zone)
        now = to_cell(store.clock.now())
        signed = (template.statement, hash_of_answers(answers))
        roles = (
            ("inspector", "signatory")
            if may_sign(writing.connection, scope_id, store.identity.user_id)
            else ("inspector",)
        )
        for role in roles:
            _sign(writing, store, (scope_id, submission_id), role, (signer_name, signer_title), signed)
        writing.edit("submission", scope_id, submission_id, {"status": "submitted", "submitted_at": now})
        inspection_id = _inspection_of(writing.connection, scope_id, submission_id)
        if inspection_id is not None:
            writing.edit("inspection", scope_id, inspection_id, {"status": "submitted", "ended_at": now})
    return _changed(writing)


def countersign(
    store: Store, scope_id: str, submission_id: str, signer_name: str, signer_title: str
) -> Changed:
    """Sign a submitted report as the duly authorized representative (CGP Appendix G, G.11.2).

    Raises BadInput for somebody whom the project does not name as one.
    """
    if not signer_name.strip():
        raise BadInput("The report is not signed.", "Type your name to sign it.")
    with store.write() as writing:
        if not may_sign(writing.connection, scope_id, store.identity.user_id):
            raise BadInput(
                "You are not named as an authorized representative on this project.",
                "Ask the office who may sign.",
            )
        stored = load(writing.connection, KINDS["submission"], scope_id, submission_id)
        if stored is None:
            raise BadInput("This form is not on this laptop.", "Go back and open it from its list.")
        template = written_on(writing.connection, stored.state)
        signed = (template.statement, hash_of_answers(answers_of(stored)))
        _sign(writing, store, (scope_id, submission_id), "signatory", (signer_name, signer_title), signed)
    return _changed(writing)


def discard_draft(store: Store, scope_id: str, submission_id: str, reason: str) -> Changed:
    """Put a draft away. It leaves a tombstone and stays in the ledger; a submitted form cannot be discarded."""
    with store.write() as writing:
        stored, opened = _editable(writing, store, scope_id, submission_id)
        if opened:
            raise _as_it_stands(stored)
        writing.delete("submission", scope_id, submission_id, reason)
    return _changed(writing)


def _sign(
    writing: Writing,
    store: Store,
    form: tuple[str, str],
    role: str,
    who: tuple[str, str],
    signed: tuple[str, str],
) -> None:
    """Record a typed signature over the hash of the answers; `signed` is the statement and that hash."""
    scope_id, submission_id = form
    signature: dict[str, Json] = {
        "submission_id": submission_id,
        "role": role,
        "signer_id": store.identity.user_id,
        "signer_name": who[0].strip(),
        "signer_title": who[1].strip(),
        "method": "typed",
        "statement": signed[0],
        "content_sha256": signed[1],
        "signed_at": to_cell(store.clock.now()),
    }
    writing.create("signature", scope_id, signature)


def _changed(writing: Writing) -> Changed:
    return Changed(frozenset(writing.touched))


def _prefixed(answers: Mapping[str, Json]) -> dict[str, Json]:
    return {f"{ANSWERS}/{path}": value for path, value in answers.items()}


def _editable(
    writing: Writing, store: Store, scope_id: str, submission_id: str
) -> tuple[Stored, dict[str, Json]]:
    """A form that takes answers, and what is to be said with the next one (`db.taken_back`)."""
    stored = load(writing.connection, KINDS["submission"], scope_id, submission_id)
    if stored is None:
        raise BadInput("This form is not on this laptop.", "Go back and open it from its list.")
    author_id = store.identity.user_id
    opened = taken_back(writing.connection, author_id, scope_id, submission_id, stored.state)
    if _status(stored) not in EDITABLE and not opened:
        raise _as_it_stands(stored)
    return stored, opened


def _status(stored: Stored) -> Json:
    return stored.state.cells["status"].value if "status" in stored.state.cells else "draft"


def _as_it_stands(stored: Stored) -> BadInput:
    return BadInput(
        f"This form is {_status(stored)} and was signed as it stands.",
        "Ask the office to send it back for correction.",
    )


def _rows(stored: Stored, repeat: str) -> list[tuple[str, Cell]]:
    prefix = f"{ANSWERS}/{repeat}/"
    return [
        (path, cell)
        for path, cell in stored.state.cells.items()
        if path.startswith(prefix) and "/" not in path.removeprefix(prefix)
    ]


def _refuse_problems(store: Store, template: Template, answers: Mapping[str, Json], zone: ZoneInfo) -> None:
    state = evaluate(template, answers, now=store.clock.now().astimezone(zone))
    for problem in state.problems():
        raise BadInput(f"{problem.label}: {problem.words}", "Mend it, then submit again.")


def _inspection_of(connection: Connection, scope_id: str, submission_id: str) -> str | None:
    table = KINDS["inspection"].table
    query = select(table.c.id).where(table.c.scope_id == scope_id, table.c.submission_id == submission_id)
    # One that was joined into another bears the form, too.
    return connection.execute(query.order_by(table.c.deleted, table.c.id)).scalars().first()

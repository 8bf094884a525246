"""Forms: the templates there are, the drafts and submissions, and one form with its answers and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, func, select

from bravetui.base.canonical import Json, content_hash
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.quarantine import refused_run
from bravetui.db.records import load
from bravetui.db.site import EDITABLE, answers_of, calendar_of, hash_of_answers, may_sign, project_of
from bravetui.db.starting import first_answers
from bravetui.db.store import Store
from bravetui.db.taken_back import taken_back
from bravetui.db.templates import is_readable, template_of, written_on
from bravetui.forms.engine import FormState, evaluate
from bravetui.forms.template import Template
from bravetui.merge.hlc import Hlc
from bravetui.views.disputes import Dispute, disputes_of
from bravetui.views.occasion import about_words, derived_answers, inspection_row, occasion_words
from bravetui.views.photos import tally_of
from bravetui.views.rights import only_reads_in

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_submission = KINDS["submission"].table
_template = KINDS["form_template"].table
_conflict = KINDS["conflict"].table

_EPOCH_MS = 1_000_000_000_000
"""Below it a stamp is none of a laptop's: September 2001."""

STATUS_WORDS: Mapping[str, str] = {
    "draft": "draft",
    "submitted": "submitted",
    "reviewed": "reviewed",
    "approved": "approved",
    "rejected": "sent back for correction",
}


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A form that can be started."""

    id: str
    title: str
    version: int
    category: str


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """A form in a list."""

    id: str
    title: str
    status: str
    status_words: str
    about: str
    """Which inspection it is the report of: `Storm inspection, 0.42 in Mon 3 Aug`; empty for none."""
    author: str
    edited_at: datetime | None
    """When anybody last wrote in it."""
    submitted_at: datetime | None
    sync_words: str
    """`on this laptop`, `at central`, …"""
    conflicts: int


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """A signature under a form."""

    role: str
    name: str
    title: str
    signed_at: datetime | None
    changed_since: bool
    """Whether the answers are no longer those that were signed."""


@dataclass(frozen=True, slots=True)
class NewForm:
    """A form to begin: it is stored with the first answer, so that one that was only looked at leaves no trace."""

    template_id: str
    inspection_id: str | None = None
    kind: str = ""
    """`routine` for the scheduled inspection that is due next, which has no record before."""


@dataclass(frozen=True)
class FormView:
    """One form to fill in or to read."""

    submission_id: str
    """Empty while nothing has been written in it, and so nothing is stored."""
    title: str
    about: str
    """Which inspection it is the report of, in short; empty for none."""
    template: Template
    answers: Mapping[str, Json]
    state: FormState
    status: str
    status_words: str
    editable: bool
    sync_words: str
    disputes: Mapping[str, Dispute]
    """By answer path, and by that of a row."""
    signatures: tuple[SignatureRow, ...]
    zone: ZoneInfo
    user_name: str
    user_title: str
    may_countersign: bool
    """Whether this person may sign as the authorized representative, and nobody has yet."""
    is_refused: bool = False
    """Whether central will not have something that is said in it: what is signed waits for that, or is refused with it."""
    only_reads: str = ""
    """Why this person can write nothing here; empty where he can."""
    photos: int = 0
    """Photos that belong to it."""

    @property
    def goes_words(self) -> str:
        """When it goes to central once it is signed."""
        if self.is_refused:
            return (
                "It waits here: central refused something of it. F4 says what; correct that, and sign again."
            )
        return "It goes to central as soon as there is a line."


def templates(store: Store) -> tuple[TemplateRow, ...]:
    """The forms that can be started; one that this version cannot read is not offered."""
    columns = (
        _template.c.id, _template.c.title, _template.c.version_number, _template.c.category, _template.c.body,
    )  # fmt: skip
    query = (
        select(*columns)
        .where(_template.c.active.is_(True), _template.c.deleted.is_(False))
        .order_by(_template.c.title)
    )
    with store.look() as connection:
        return tuple(
            TemplateRow(key, safe_line(title, 80), version, safe_line(category, 40))
            for key, title, version, category, body in connection.execute(query)
            if is_readable(body)
        )


def submissions(
    store: Store, scope_id: str, status: str = "all", limit: int = 500
) -> tuple[SubmissionRow, ...]:
    """Drafts (`draft`), handed-in forms (`submitted`) or `all`, newest first."""
    query = select(_submission).where(_submission.c.scope_id == scope_id, _submission.c.deleted.is_(False))
    if status == "draft":
        query = query.where(_submission.c.status.in_(EDITABLE))
    elif status == "submitted":
        query = query.where(_submission.c.status.not_in(EDITABLE))
    query = query.order_by(func.coalesce(_submission.c.submitted_at, _submission.c.started_at).desc()).limit(
        limit
    )
    with store.look() as connection:
        rows = connection.execute(query).mappings().all()
        names, waiting, open_conflicts = (
            _names(connection),
            _unsent(connection, scope_id),
            _open(connection, scope_id),
        )
        zone = calendar_of(project_of(connection, scope_id)).zone
        return tuple(
            _row(row, names, waiting, open_conflicts, about_words(connection, scope_id, row["id"], zone))
            for row in rows
        )


def form(store: Store, scope_id: str, submission_id: str) -> FormView:
    """One form. Raises BadInput when it, or the template it is written on, is not here."""
    now = store.clock.now()
    with store.look() as connection:
        stored = load(connection, KINDS["submission"], scope_id, submission_id)
        if stored is None:
            raise BadInput("This form is not on this laptop.", "Go back and open it from its list.")
        values = stored.state.values()
        template = written_on(connection, stored.state)
        calendar = calendar_of(project_of(connection, scope_id))
        answers = answers_of(stored)
        opened = taken_back(connection, store.identity.user_id, scope_id, submission_id, stored.state)
        status = str(opened.get("status") or values.get("status", "draft"))
        row = inspection_row(connection, scope_id, submission_id=submission_id)
        derived = derived_answers(row, answers, calendar, now)
        person = _person(connection, store.identity.user_id)
        signatures = tuple(_signatures(connection, scope_id, submission_id, answers))
        closed = only_reads_in(connection, store, scope_id)
        refused = refused_run(connection, scope_id, "submission", submission_id)
        unsigned = all(signature.role != "signatory" for signature in signatures)
        return FormView(
            submission_id=submission_id,
            title=safe_line(str(values.get("title") or template.title), 80),
            about=about_words(connection, scope_id, submission_id, calendar.zone),
            template=template,
            answers=answers,
            state=evaluate(template, answers, now=now.astimezone(calendar.zone), derived=derived),
            status=status,
            status_words=_status_words(status),
            editable=status in EDITABLE and not closed,
            sync_words=_sync_words(_unsent(connection, scope_id).get(submission_id, ())),
            is_refused=refused is not None and refused.is_faulty,
            disputes=disputes_of(connection, store.identity.user_id, scope_id, submission_id, answers),
            signatures=signatures,
            zone=calendar.zone,
            user_name=safe_line(store.identity.user_name, 80),
            user_title=safe_line(person or "", 80),
            may_countersign=status not in EDITABLE
            and unsigned
            and not closed
            and may_sign(connection, scope_id, store.identity.user_id),
            only_reads=closed,
            photos=tally_of(connection, scope_id, ("submission", submission_id)).photos,
        )


def blank(store: Store, scope_id: str, new: NewForm) -> FormView:
    """The form as it will begin. Raises BadInput when its template is not here."""
    now = store.clock.now()
    with store.look() as connection:
        template = template_of(connection, new.template_id)
        calendar = calendar_of(project_of(connection, scope_id))
        answers = first_answers(
            connection, store.identity, scope_id, template, new.template_id, new.inspection_id, new.kind
        )
        row = inspection_row(connection, scope_id, id=new.inspection_id) if new.inspection_id else None
        derived = derived_answers(row, answers, calendar, now)
        return FormView(
            submission_id="",
            title=safe_line(template.title, 80),
            about=occasion_words(connection, row["kind"] if row else new.kind, row, calendar.zone),
            template=template,
            answers=answers,
            state=evaluate(template, answers, now=now.astimezone(calendar.zone), derived=derived),
            status="draft",
            status_words=STATUS_WORDS["draft"],
            editable=True,
            sync_words="",
            disputes={},
            signatures=(),
            zone=calendar.zone,
            user_name=safe_line(store.identity.user_name, 80),
            user_title=safe_line(_person(connection, store.identity.user_id) or "", 80),
            may_countersign=False,
        )


def evaluated(view: FormView, answers: Mapping[str, Json], now: datetime) -> FormState:
    """The form's state with answers that are still being typed; no look at the tables."""
    derived = {
        path: asked.value for path, asked in view.state.asked.items() if path in ("next_due", "timely")
    }
    return evaluate(view.template, answers, now=now.astimezone(view.zone), derived=derived)


def _row(
    row: RowMapping,
    names: Mapping[str, str],
    waiting: Mapping[str, tuple[str, ...]],
    open_conflicts: Mapping[str, int],
    about: str,
) -> SubmissionRow:
    return SubmissionRow(
        id=row["id"],
        title=safe_line(row["title"] or "Form", 80),
        status=row["status"],
        status_words=_status_words(row["status"]),
        about=about,
        author=safe_line(names.get(row["author_id"], ""), 60),
        edited_at=_edited_at(row),
        submitted_at=row["submitted_at"],
        sync_words=_sync_words(waiting.get(row["id"], ())),
        conflicts=open_conflicts.get(row["id"], 0),
    )


def _status_words(status: str) -> str:
    """A newer central may know more states than this program."""
    return STATUS_WORDS.get(status) or safe_line(status, 40)


def _edited_at(row: RowMapping) -> datetime | None:
    """The newest of its stamps; when it was begun, where they tell nothing."""
    stamps = row["stamps"]
    told = [group[1] for group in (stamps.get("rest"), *stamps.get("cells", ())) if group]
    newest_ms = max((Hlc.parse(text).wall_ms for text in told), default=0)
    return datetime.fromtimestamp(newest_ms / 1000, UTC) if newest_ms > _EPOCH_MS else row["started_at"]


def _sync_words(states: tuple[str, ...]) -> str:
    if OutboxState.REFUSED in states:
        return "refused, kept here"
    return "on this laptop" if states else "at central"


def _unsent(connection: Connection, scope_id: str) -> dict[str, tuple[str, ...]]:
    states = [state.value for state in (*UNACKNOWLEDGED, OutboxState.REFUSED)]
    query = select(_outbox.c.record_id, _outbox.c.state).where(
        _outbox.c.scope_id == scope_id, _outbox.c.kind == "submission", _outbox.c.state.in_(states)
    )
    found: dict[str, tuple[str, ...]] = {}
    for record_id, state in connection.execute(query):
        found[record_id] = (*found.get(record_id, ()), state)
    return found


def _open(connection: Connection, scope_id: str) -> dict[str, int]:
    query = (
        select(_conflict.c.record_id, func.count())
        .where(_conflict.c.scope_id == scope_id, _conflict.c.status == "open")
        .group_by(_conflict.c.record_id)
    )
    return dict(connection.execute(query).all())


def _signatures(
    connection: Connection, scope_id: str, submission_id: str, answers: Mapping[str, Json]
) -> list[SignatureRow]:
    table = KINDS["signature"].table
    as_signed = (hash_of_answers(answers), content_hash(answers))  # the latter by a program of before
    query = select(table).where(table.c.scope_id == scope_id, table.c.submission_id == submission_id)
    return [
        SignatureRow(
            row["role"], safe_line(row["signer_name"], 80), safe_line(row["signer_title"] or "", 80), row["signed_at"],
            row["content_sha256"] not in as_signed,
        )
        for row in connection.execute(query.order_by(table.c.signed_at)).mappings()
    ]  # fmt: skip


def _names(connection: Connection) -> dict[str, str]:
    people = KINDS["user"].table
    return {row.id: row.name for row in connection.execute(select(people.c.id, people.c.name))}


def _person(connection: Connection, user_id: str) -> str | None:
    people = KINDS["user"].table
    return connection.execute(select(people.c.title).where(people.c.id == user_id)).scalar()

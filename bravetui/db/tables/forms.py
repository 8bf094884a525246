"""Forms: templates, what was filled in on them, and who signed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bravetui.db.tables.columns import Synced, merged, parent
from bravetui.merge.rules import Rule

SIGNED_STATUSES = ("submitted", "reviewed", "approved")
"""Of a submission whose answers somebody has signed for as they stand."""


class FormTemplate(Synced, table=True):
    """One version of a form, compiled. Immutable: a new version is a new record, so a submission keeps its form for ever."""

    __tablename__ = "form_template"

    key: str = merged(Rule.SERVER_WINS, default="", max_length=80)
    version_number: int = merged(Rule.SERVER_WINS, default=1)
    title: str = merged(Rule.SERVER_WINS, default="", max_length=200)
    category: str = merged(Rule.SERVER_WINS, default="", max_length=40)
    body: str = merged(Rule.SERVER_WINS, default="")
    """The compiled template as JSON text (`forms.template`)."""
    active: bool = merged(Rule.SERVER_WINS, default=True)


class Submission(Synced, table=True):
    """A form as filled in. Its answers are one document; what other tables need stands beside it."""

    __tablename__ = "submission"

    template_id: str = parent("form_template", default="")
    status: str = merged(Rule.SERVER_WINS, default="draft", max_length=20)
    """`draft`, `submitted`, `reviewed`, `approved`, `rejected`."""
    title: str = merged(Rule.LAST_WRITE_WINS, default="", max_length=200)
    author_id: str = merged(Rule.SERVER_WINS, default="", max_length=64)
    started_at: datetime | None = merged(Rule.EARLIEST)
    submitted_at: datetime | None = merged(Rule.EARLIEST)
    reviewed_by: str | None = merged(Rule.SERVER_WINS, max_length=64)
    reviewed_at: datetime | None = merged(Rule.SERVER_WINS)
    review_note: str | None = merged(Rule.SERVER_WINS)
    answers: dict[str, Any] = merged(Rule.REVIEW, document=True)
    """By path: questions, rows of repeats and their cells (`merge.state`)."""


class Signature(Synced, table=True):
    """A signature over the hash of what was signed. Never edited: signing again is a new record."""

    __tablename__ = "signature"

    submission_id: str = parent("submission", default="")
    role: str = merged(Rule.REVIEW, default="inspector", max_length=20, group="signed")
    """`inspector`, `signatory`, `crew`, `witness`."""
    signer_id: str = merged(Rule.REVIEW, default="", max_length=64, group="signed")
    signer_name: str = merged(Rule.REVIEW, default="", max_length=120, group="signed")
    signer_title: str | None = merged(Rule.REVIEW, max_length=120, group="signed")
    method: str = merged(Rule.REVIEW, default="typed", max_length=20, group="signed")
    statement: str = merged(Rule.REVIEW, default="", group="signed")
    """The certification as shown to the signer (40 CFR 122.22(d))."""
    content_sha256: str = merged(Rule.REVIEW, default="", max_length=64, group="signed")
    """Hash of the answers as signed; when they change later the signature reads "changed since signed"."""
    signed_at: datetime | None = merged(Rule.REVIEW, group="signed")
    device_signature: str | None = merged(Rule.REVIEW, group="signed")
    """The device key's Ed25519 signature over the content hash, base64url."""

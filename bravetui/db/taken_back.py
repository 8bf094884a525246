"""A signed report that central refused for what it says is its author's to correct: that takes the signature back.

The office can send such a report back to nobody, for it has none. So its author writes on in it, and signs it anew.
"""

from __future__ import annotations

from sqlalchemy import Connection

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS
from bravetui.db.quarantine import refused_run
from bravetui.db.records import load
from bravetui.db.site import EDITABLE
from bravetui.db.tables.forms import SIGNED_STATUSES
from bravetui.merge.state import RecordState


def taken_back(
    connection: Connection, author_id: str, scope_id: str, submission_id: str, report: RecordState
) -> dict[str, Json]:
    """What the first correction says of the report beside the answer, by path, so that it is as it was before it was
    signed. Empty where nothing is to be taken back: it is not signed, or central has the signature or would take it."""
    status = report.cells.get("status")
    if status is None or status.value not in SIGNED_STATUSES:
        return {}
    run = refused_run(connection, scope_id, "submission", submission_id)
    if run is None or run.changes[0].author_id != author_id or not run.is_faulty:
        return {}
    own = [one for one in run.changes if "status" in one.after and one.dot in status.dots]
    # Where somebody else has signed it, too, or the office has had its say, that is not his to take back.
    if not own or {one.dot for one in own} != set(status.dots):
        return {}
    before = own[0].before.get("status") or "draft"
    return {"status": before, "submitted_at": own[0].before.get("submitted_at")} if before in EDITABLE else {}


def is_signed(connection: Connection, author_id: str, scope_id: str, kind: str, record_id: str) -> bool:
    """Whether a record is a report that is kept as it was signed, with its photos."""
    stored = load(connection, KINDS[kind], scope_id, record_id) if kind == "submission" else None
    if stored is None or stored.state.values().get("status", "draft") in EDITABLE:
        return False
    return not taken_back(connection, author_id, scope_id, record_id, stored.state)

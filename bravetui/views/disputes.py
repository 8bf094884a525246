"""Which answers of a form are in dispute, and whose each shows: nobody may decide by typing who has not seen both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS
from bravetui.db.tables.conflict import OPEN, SETTLED
from bravetui.merge.state import ANSWERS, alike
from bravetui.views.conflicts import loser_of, status_of
from bravetui.views.values import names_of

_conflict = KINDS["conflict"].table

SET_ASIDE_WORDS = "· A rule set yours aside: F7"


@dataclass(frozen=True, slots=True)
class Dispute:
    """What is said at an answer that two people set apart from each other."""

    conflict_id: str
    words: str
    is_open: bool
    """Whether a person has to decide: until then the answer is read here, and written where both sides are in sight."""


def disputes_of(
    connection: Connection, user_id: str, scope_id: str, submission_id: str, answers: Mapping[str, Json]
) -> dict[str, Dispute]:
    """By answer path; a row's own path where it is in question whether the row stays. None that was decided on this laptop.

    `answers` are those that the form shows.
    """
    query = select(_conflict).where(
        _conflict.c.scope_id == scope_id, _conflict.c.record_id == submission_id,
        _conflict.c.status.in_((OPEN, SETTLED)), _conflict.c.deleted.is_(False),
    )  # fmt: skip
    rows = connection.execute(query.order_by(_conflict.c.opened_at)).mappings().all()
    authors = {str(row[side].get("author_id")) for row in rows for side in ("local", "remote")}
    names = {**names_of(connection, authors), user_id: ""} if rows else {}
    found: dict[str, Dispute] = {}
    for row in rows:
        status = status_of(connection, row)
        for path in (path for path in row["paths"] if path.startswith(f"{ANSWERS}/")):
            place = path.removeprefix(f"{ANSWERS}/")
            if status == OPEN:
                found[place] = Dispute(row["id"], _whose(row, path, answers.get(place), names), is_open=True)
            elif status == SETTLED and loser_of(row).get("author_id") == user_id:
                found.setdefault(place, Dispute(row["id"], SET_ASIDE_WORDS, is_open=False))
    return found


def _whose(row: RowMapping, path: str, shown: Json, names: Mapping[str, str]) -> str:
    """Whose answer is shown, and whose is kept beside it; the reader's own name is empty among `names`."""
    sides: tuple[Mapping[str, Any], ...] = (row["local"], row["remote"])
    values = [side.get("values", {}).get(path) for side in sides]
    if alike(values[0], values[1]):
        return "≠ In dispute together with what belongs to it: F7 decides"
    for value, whose, other in ((values[0], *sides), (values[1], *sides[::-1])):
        if alike(value, shown):
            return f"≠ Shown is {_possessive(whose, names)}; {_possessive(other, names)} is kept: F7 decides"
    return "≠ Two people wrote this, and both are kept: F7 decides"


def _possessive(side: Mapping[str, Any], names: Mapping[str, str]) -> str:
    name = names.get(str(side.get("author_id")), "central")
    return f"{name}'s" if name else "yours"

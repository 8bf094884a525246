"""Conflicts are synced records: open at central the moment they arise, decided once by anyone, closed everywhere.

What a rule decided by itself is one too, settled from the start: its loser is told, and can bring his value back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bravetui.base.canonical import Json
from bravetui.db.tables.columns import Synced, merged
from bravetui.merge.rules import Rule

DUPLICATE = "duplicate"
"""In the place of a rule: two records that may be the same thing, logged twice."""

SIGNED = "signed"
"""In the place of a rule: answers that somebody set in a form that had been signed meanwhile."""

OPEN, SETTLED, RESOLVED = "open", "settled", "resolved"
"""A person has to decide; a rule has decided, and a person still may; a person has decided."""

SET_ASIDE = "\nSet aside: "
"""In the reason for which two records were joined: behind it, what the first said and says no longer, by path, in JSON."""

HANDED_IN_BY = "handed_in_by"
"""In `resolution`: who handed in a question that a restored central had lost."""

UNDECIDED = (OPEN, SETTLED)
"""What a later change of somebody who has seen both sides closes."""


def is_answered(there: Mapping[str, Json], told: Mapping[str, Json]) -> bool:
    """Whether a laptop shows what was decided about a question that a restored central has put again, or still has open."""
    return there.get("status") in UNDECIDED and told.get("status") == RESOLVED


class Conflict(Synced, table=True):
    """Two values that two people set, neither having seen the other's, and what was decided."""

    __tablename__ = "conflict"

    record_kind: str = merged(Rule.SERVER_WINS, default="", max_length=40)
    record_id: str = merged(Rule.SERVER_WINS, default="", max_length=36)
    paths: list[str] = merged(Rule.SERVER_WINS, json=list)
    rule: str = merged(Rule.SERVER_WINS, default="review", max_length=20)
    base: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """Values both had agreed on, by path."""
    local: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """The side that arrived second: `{"values", "dots", "author_id", "at", "device"}`."""
    remote: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """The side that central had."""
    provisional: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """Values that stand until someone decides, by path."""
    status: str = merged(Rule.SERVER_WINS, default=OPEN, max_length=20)
    """`open`, `settled` or `resolved`."""
    opened_at: datetime | None = merged(Rule.EARLIEST)
    resolved_at: datetime | None = merged(Rule.SERVER_WINS)
    resolved_by: str | None = merged(Rule.SERVER_WINS, max_length=64)
    resolution: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """Values decided on, by path, and the `reason` given; while settled, `set_aside` names the side that
    lost; of a duplicate, `same_as` names the record that was there before."""

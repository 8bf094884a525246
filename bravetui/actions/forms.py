"""Filling in forms: start, answer, add and remove rows, submit with a typed signature, discard a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json, content_hash
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS
from bravetui.db.records import Stored, load
from bravetui.db.site import EDITABLE, answers_of, calendar_of, last_inspected_at, may_sign, project_of
from bravetui.db.starting import first_answers
from bravetui.db.store import Changed, Store
from bravetui.db.templates import template_of
from bravetui.db.values import to_cell
from bravetui.db.writing import Writing
from bravetui.forms.engine import evaluate
from bravetui.forms.template import Template
from bravetui.merge.state import ANSWERS, Cell

ANSWER_LENGTH_MAX = 50_000
"""Of one answer, in characters: twenty typed pages. A whole form has to fit into what central takes of a change."""

_NAMES = UUID("c9a4e5de-3d0b-5b0e-8f52-0d8f2f3f6c77")
"""Namespace of ids that every laptop derives alike (RFC 9562 section 5.5)."""

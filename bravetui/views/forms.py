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
from bravetui.db.records import load
from bravetui.db.site import EDITABLE, answers_of, calendar_of, may_sign, project_of
from bravetui.db.starting import first_answers
from bravetui.db.store import Store
from bravetui.db.templates import is_readable, template_of

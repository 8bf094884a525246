"""The diagnosis of a laptop for support: one JSON value that holds no answer, no name, no token and no key.

One readable file, and no archive: whoever sends it can read it first, mail lets it pass, half of one still says something.
What cannot be looked at says so in its place. Composes; `machine` tells what can be told without the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import func, select

from bravetui.auth.grant import read_grant
from bravetui.base.canonical import Json
from bravetui.base.clock import Clock
from bravetui.base.crash import crash_text
from bravetui.base.errors import BravetuiError, NeedsSignIn
from bravetui.base.redaction import Redaction
from bravetui.db import meta
from bravetui.db.device import Cursor, Receipt, SyncLog
from bravetui.db.migrate import migrations, version_of
from bravetui.db.store import Store
from bravetui.sync.log import FAILURE_WORDS
from bravetui.views.outline import queue_outline, summary_outline
from bravetui.views.sign_in import sign_in
from bravetui.wiring.checkup import Finding
from bravetui.wiring.comparing import NOT_COMPARED
from bravetui.wiring.folder import mirror_of
from bravetui.wiring.machine import looked_at, outside
from bravetui.wiring.opening import Laptop

FORMAT = 1
QUEUE_MAX, LOG_MAX, ERRORS_MAX = 1_000, 2_000, 20
WHAT = "A diagnosis of a bravetui laptop. It holds no answers, no names, no tokens and no keys; read it before you send it."

_receipts = Receipt.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]
_log = SyncLog.__table__  # type: ignore[attr-defined]


def diagnosis(folder: Path, clock: Clock, inside: dict[str, Json]) -> Json:
    """All of it: what can be seen from the outside, and `inside`, which `of_laptop` or `shut` tells."""
    told: dict[str, Json] = {"what": WHAT, "format": FORMAT, "made_at": clock.now().isoformat()}
    card = mirror_of(folder)
    redaction = Redaction({"[folder]": folder, "[black box]": card, "[card]": card and card.parent})
    return redaction.value({**told, **outside(folder, clock), **inside})


def shut(error: Exception) -> dict[str, Json]:
    """What stands in the place of the inside where the laptop did not open."""
    if isinstance(error, BravetuiError):
        words = str(error)
    else:
        words = (
            f"A fault of the program: {' '.join(Path(line).name for line in crash_text(error).splitlines())}"
        )
    return {"inside": {"not_looked_at": words}}


def of_laptop(laptop: Laptop, findings: Iterable[Finding]) -> dict[str, Json]:
    """What an open laptop tells; `findings` are the doctor's."""
    store = laptop.store
    parts: dict[str, Callable[[], Json]] = {
        "laptop": lambda: _laptop(laptop), "sign_in": lambda: _sign_in(store), "time": lambda: _time(store),
        "sync": lambda: _plain(replace(summary_outline(store), support=None)),
        "queue": lambda: _plain(queue_outline(store, QUEUE_MAX)),
        "schema": lambda: _schema(store), "last_errors": lambda: _log_lines(store, ERRORS_MAX, errors=True),
        "log": lambda: _log_lines(store, LOG_MAX),
    }  # fmt: skip
    told: dict[str, Json] = {"findings": [_finding(one) for one in findings]}
    return told | {"inside": {name: looked_at(part) for name, part in parts.items()}}


def _finding(finding: Finding) -> Json:
    """Why central was not compared stands in the log, in words of our own: central's may quote somebody."""
    words = NOT_COMPARED if finding.words.startswith(NOT_COMPARED) else finding.words
    return {
        "part": finding.part,
        "health": finding.health.value,
        "words": words,
        "todo": "" if words == NOT_COMPARED else finding.todo,
    }


def _laptop(laptop: Laptop) -> Json:
    who, mirror = laptop.store.identity, laptop.mirror
    address = urlsplit(who.central_url)  # without what may stand before the host and behind it
    return {
        "device": who.device, "person_id": who.user_id, "organization_id": who.organization_id,
        "central": f"{address.scheme}://{address.hostname}" + (f":{address.port}" if address.port else ""),
        "keys_locked_to_office": bool(who.sealing_key), "black_box": mirror.report.state.value if mirror else None,
        "reserve_kept": laptop.store.ballast.is_reserved,
    }  # fmt: skip


def _sign_in(store: Store) -> Json:
    """How it stands, by the time that has certainly passed; nothing of the grant but its times."""
    stands = sign_in(store)
    told: dict[str, Json] = {
        "state": stands.state,
        "words": stands.words,
        "clock": stands.clock_words or None,
    }
    try:
        grant = read_grant(store.identity.grant, store.identity.central_key)
    except NeedsSignIn:
        return told
    left = grant.time_left(store.passed.now())
    return {
        **told, "issued_at": grant.issued_at.isoformat(), "expires_at": grant.expires_at.isoformat(),
        "hours_left": left // timedelta(hours=1), "generation": grant.generation,
    }  # fmt: skip


def _time(store: Store) -> Json:
    with store.read() as connection:
        last, stamp = meta.get_moment(connection, meta.LAST_CONTACT_AT), meta.get_hlc(connection)
    return {
        "clock": store.clock.now().isoformat(), "certainly_passed": store.passed.now().isoformat(),
        "behind_s": round(store.passed.behind.total_seconds()), "ahead_s": round(store.passed.ahead.total_seconds()),
        "last_contact_at": last.isoformat() if last else None, "last_stamp_ms": stamp.wall_ms,
    }  # fmt: skip


def _schema(store: Store) -> Json:
    with store.read() as connection:
        receipts = connection.execute(select(func.count()).select_from(_receipts)).scalar_one()
        columns = (_cursor.c[name] for name in ("scope_id", "lane", "after", "before", "rows_left"))
        cursors = [dict(row) for row in connection.execute(select(*columns)).mappings()]
        return {
            "version": version_of(connection), "newest_known": migrations()[-1].number, "receipts": receipts,
            "cipher": str(connection.exec_driver_sql("PRAGMA cipher_version").scalar()),
            "epoch": meta.get(connection, meta.EPOCH), "counter": meta.get_counter(connection),
            "counter_reserved": store.counter_floor, "closed": meta.get(connection, meta.CLOSED),
            "cursors": cast("Json", cursors),
        }  # fmt: skip


def _log_lines(store: Store, limit: int, *, errors: bool = False) -> Json:
    query = select(_log.c.at, _log.c.event, _log.c.lane, _log.c.words).order_by(_log.c.id.desc()).limit(limit)
    if errors:
        query = query.where(_log.c.words.in_(FAILURE_WORDS))
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [
        {"at": row.at.isoformat(), "event": row.event, "lane": row.lane, "words": row.words} for row in rows
    ]


def _plain(row: Any) -> Json:
    """A frozen row as JSON."""

    def plain(value: Any) -> Json:
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    return plain(asdict(row))

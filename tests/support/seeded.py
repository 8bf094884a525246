"""A laptop that holds the sample site as central would have sent it, and things of its own: what screens are tested on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bravetui.base.clock import ManualClock
from bravetui.db.store import Store
from bravetui.db.tables import DEVICE
from bravetui.forms.library import shipped
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.sample.site import Form, Seed, Site, make_site
from bravetui.sync.apply import apply_rows
from bravetui.wire.messages import Row, stamps_of
from tests.support.laptop import granted, open_store

TODAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 3, 16, 0, tzinfo=UTC)
"""Ten in the morning on the site."""
SIGNED_IN_AT = NOON - timedelta(days=6, hours=12)


def sample_site(scale: float = 0.03) -> Site:
    """A small site with the real form."""
    form = shipped("cgp_site_inspection")
    return make_site(
        Form(form.key, form.version, form.title, form.category, form.to_json()), today=TODAY, scale=scale
    )


def row_of(seed: Seed, number: int) -> Row:
    """A seed as the row that central would send."""
    dot = Dot(0, number)
    cells = {path: Cell(value, (dot,), Hlc(1)) for path, value in seed.values.items()}
    version = VersionVector({0: number})
    stamps = stamps_of(RecordState(cells, version))
    return Row(kind=seed.kind, id=seed.id, seq=number, whole=True, version=version, stamps=stamps)


def seeded_store(folder: Path, site: Site, *, device: int = 3, user_id: str | None = None) -> Store:
    """A laptop, signed in as the site's foreman, that has synced the whole site."""
    store = open_store(folder, clock=ManualClock(NOON), device=device)
    here = replace(store.identity, user_id=user_id or site.foreman_id, organization_id=site.organization_id)
    store.identity = granted(here, SIGNED_IN_AT)
    by_scope: dict[str, list[Row]] = {}
    for number, seed in enumerate(site.records, start=1):
        by_scope.setdefault(seed.scope_id, []).append(row_of(seed, number))
    scopes = ((site.project_id, "project"), (site.organization_id, "organization"))
    seen = [
        {"scope_id": scope_id, "name": kind, "kind": kind, "permissions": []} for scope_id, kind in scopes
    ]
    cursors = [
        {"scope_id": scope_id, "lane": lane, "after": 1, "before": None, "rows_left": 0}
        for scope_id, _ in scopes
        for lane in ("critical", "forms", "photos")
    ]
    with store.maintain() as connection:
        for scope_id, rows in by_scope.items():
            apply_rows(connection, scope_id, rows)
        connection.execute(DEVICE.tables["scope_seen"].insert(), seen)
        connection.execute(DEVICE.tables["cursor"].insert(), cursors)
    return store

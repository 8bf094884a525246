"""Joins the parts of a laptop: enrols it, gives it its worker, and opens the app on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bravetui.auth.keys import KeyRing, open_or_create
from bravetui.auth.signing import public_key_of
from bravetui.base.errors import BadInput
from bravetui.base.files import make_private_folder
from bravetui.db.store import Identity
from bravetui.wire.messages import Enrol
from bravetui.wiring.opening import Laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.base.runner import Runner
    from bravetui.sync.line import Line
    from bravetui.sync.progress import SyncEvent
    from bravetui.sync.worker import Worker


async def enrol(
    folder: Path,
    ring: KeyRing,
    address: str,
    code: str,
    name: str,
    transport: AsyncBaseTransport | None = None,
) -> Identity:
    """Trade a one-time code for a device number and keep what it gave beside the keys. Raises BadInput if this laptop is
    enrolled already, and whatever the client raises."""
    make_private_folder(folder)
    secrets = open_or_create(ring)
    if secrets.identity is not None:
        raise BadInput("This laptop is enrolled already.", "To start anew, choose another --folder.")
    from bravetui.sync.client import CentralClient

    asked = Enrol(code=code, device_name=name, device_key=public_key_of(secrets.device_key))
    client = CentralClient(address, transport=transport)
    try:
        given = await client.enrol(asked)
    finally:
        await client.close()
    identity = Identity(
        device=given.device, user_id=given.user_id, user_name=given.user_name, organization_id=given.organization_id,
        central_url=address, token=given.token, central_key=given.central_key,
        sealing_key=given.sealing_key.key if given.sealing_key else "",
    )  # fmt: skip
    ring.save(replace(secrets, identity=json.dumps(asdict(identity))))
    return identity


def make_worker(
    laptop: Laptop,
    report: Callable[[SyncEvent], None],
    run: Runner,
    transport: AsyncBaseTransport | None = None,
    *,
    watches: bool = False,
) -> Worker:
    """The worker of an open laptop, with its one long-lived client. Whoever runs it holds the lease. One that `watches`
    listens to news, and looks for a network that comes back."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.network import way_out
    from bravetui.sync.power import Mains, SystemPower
    from bravetui.sync.worker import Worker

    who = laptop.store.identity
    client = CentralClient(who.central_url, who.token, transport=transport)
    return Worker(
        laptop.store, client, report, run,
        listens=watches, way_out=way_out if watches else None, power=SystemPower() if watches else Mains(),
    )  # fmt: skip


def run_app(
    laptop: Laptop,
    *,
    syncs: bool,
    line: Line | None = None,
    scope_id: str = "",
    on_write: tuple[Callable[[], None], ...] = (),
) -> int:
    """Open the app on an open laptop and return its exit code. `syncs`: this process holds the lease."""
    from bravetui.app import BravetuiApp
    from bravetui.base.runner import ThreadRunner
    from bravetui.views.services import Services
    from bravetui.views.status import project_zone, scopes

    known = [scope.id for scope in scopes(laptop.store) if scope.kind == "project"]
    chosen = scope_id or (known[0] if known else "")
    runner = ThreadRunner()
    services = Services(
        laptop.store, chosen, project_zone(laptop.store, chosen), runner, line=line, notices=laptop.notices
    )
    services.on_write.extend(on_write)
    app = BravetuiApp(services)
    if syncs:
        services.worker = make_worker(laptop, app.report, runner, line, watches=True)
    try:
        app.run()
    finally:
        runner.close()
    return app.return_code or 0

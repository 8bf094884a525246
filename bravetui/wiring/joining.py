"""Joins the parts of a laptop: enrols it, gives it its worker, and opens the app on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bravetui.auth.keys import KeyRing, Secrets, open_or_create
from bravetui.auth.proof import Prover
from bravetui.auth.signing import signed_by
from bravetui.base.clock import Clock, SystemClock, SystemIds
from bravetui.base.errors import BadInput
from bravetui.base.files import make_private_folder
from bravetui.db.store import Identity
from bravetui.wire.messages import Enrol, Enrolled
from bravetui.wire.receipt import is_genuine
from bravetui.wiring.folder import refuse_orphans
from bravetui.wiring.opening import Laptop, open_laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.base.runner import Runner
    from bravetui.signin.ways import Ways
    from bravetui.sync.line import Line
    from bravetui.sync.progress import SyncEvent
    from bravetui.sync.worker import Worker

_WRONG = {
    "code": (
        "This is not a one-time code.",
        "It has ten letters and digits, like ABCDE-FGHJK: copy it as central printed it.",
    ),
    "name": ("A laptop's name has 1 to 100 characters.", "Give another one with --name."),
}


async def enrol(
    folder: Path,
    ring: KeyRing,
    address: str,
    shows: str | Ways,
    name: str,
    transport: AsyncBaseTransport | None = None,
    *,
    again: bool = False,
    clock: Clock | None = None,
) -> Identity:
    """Make this laptop known to central, and keep what that gives beside the keys. Its person `shows` who he is: by a
    one-time code of the office's, or by signing in where central says, in the ways that there are here.

    Raises BadInput if this laptop is enrolled already, and whatever the client and `sign_in` raise.

    `again`: a laptop that central does not let in any more gets its number back, and all its work goes on.
    """
    from bravetui.signin.flow import SignInSettings, sign_in
    from bravetui.sync.client import CentralClient

    secrets = keys_for(folder, ring)
    known = Identity.parse(secrets.identity) if secrets.identity else None
    if known is not None and not again:
        raise BadInput(
            "This laptop is enrolled already.",
            "If central lets it in no more, add --again: its work is kept. To start anew, choose another --folder.",
        )
    clock = clock or SystemClock()
    prover = Prover(secrets.device_key, str, clock, SystemIds(clock))
    client = CentralClient(address, prover, transport=transport)
    try:
        asked = _asking(shows if isinstance(shows, str) else None, name, known)
        if not isinstance(shows, str):
            offer = await client.sign_in_offer()
            signed_in = await sign_in(SignInSettings(offer.issuer, offer.client_id), shows, clock)
            asked = asked.model_copy(update={"code": "", "token": signed_in.access_token})
        given = await client.enrol(asked)
    finally:
        await client.close()
    if known is not None and (given.central_key, given.device) != (known.central_key, known.device):
        raise BadInput(
            "That is another central than the one this laptop belongs to, or it has lost this laptop's number.",
            "Carry its unsent work by hand (bravetui rescue export DIR), and enrol in another --folder.",
        )
    identity = Identity(
        device=given.device,
        user_id=given.user_id,
        user_name=given.user_name,
        organization_id=given.organization_id,
        central_url=address,
        grant=given.grant,
        central_key=given.central_key,
        sealing_key=_sealing_key(given),
    )
    told = replace(
        secrets, identity=json.dumps(asdict(identity)), incarnation=secrets.incarnation + bool(known)
    )
    ring.save(told)
    if known is not None:
        _try_at_once(folder, ring)
    return identity


def keys_for(folder: Path, ring: KeyRing) -> Secrets:
    """The keys of the laptop in `folder`, made where it has none. Whatever has to be typed is asked for here: whoever runs a
    loop calls this before it, since a loop that waits for a key hears no Ctrl-C."""
    make_private_folder(folder)
    refuse_orphans(ring, folder)
    return open_or_create(ring)


def _sealing_key(given: Enrolled) -> str:
    """Central's, to which the keys of this laptop are locked besides; none that somebody else has signed."""
    told = given.sealing_key
    return told.key if told is not None and is_genuine(told, signed_by(given.central_key)) else ""


def _asking(code: str | None, name: str, known: Identity | None) -> Enrol:
    """What enrolment says; without a code, what it says until somebody has signed in. Raises BadInput for what cannot be a
    code or a name."""
    told = {"token": "to come"} if code is None else {"code": code}
    try:
        return Enrol(**told, device_name=name, device=known.device if known else None)
    except ValidationError as error:
        wrong = "name" if error.errors()[0]["loc"] == ("device_name",) else "code"
        raise BadInput(*_WRONG[wrong]) from error


def _try_at_once(folder: Path, ring: KeyRing) -> None:
    """Forget the pauses that the refusals brought about."""
    from bravetui.sync.situation import forget_pauses

    laptop = open_laptop(folder, ring)
    try:
        with laptop.store.maintain() as connection:
            forget_pauses(connection)
    finally:
        laptop.close()


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
    client = CentralClient(who.central_url, laptop.prover(), transport=transport)
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
    from bravetui.views.status import project_zone
    from bravetui.wiring.photos import photo_source
    from bravetui.wiring.screen_lock import FolderLock

    runner = ThreadRunner()
    services = Services(
        laptop.store,
        scope_id,
        project_zone(laptop.store, scope_id),
        runner,
        line=line,
        notices=laptop.notices,
        bring_photo=photo_source(laptop, runner, line),
    )
    services.find_project()
    services.on_write.extend(on_write)
    if line is None:  # the demo's line is its own, and so are its keys: nobody knows their passphrase
        services.lock = FolderLock(laptop.folder, laptop.store.clock)
    app = BravetuiApp(services)
    if syncs:
        services.worker = make_worker(laptop, app.report, runner, line, watches=True)
    try:
        app.run()
    finally:
        runner.close()
    return app.return_code or 0

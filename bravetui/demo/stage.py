"""Sets the stage: central with a site on an embedded PostgreSQL, a foreman's laptop, the office's; and strikes it again.

Everything is a context manager, so that Ctrl-C at any point leaves no process behind, and what was written is whole.
The demo's keys are sealed by a passphrase that lies beside them: fit for a demo, and said so.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from bravetui import wiring
from bravetui.actions import forms as form_actions
from bravetui.actions import site as site_actions
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.errors import Busy
from bravetui.base.files import make_private_folder, replace_file
from bravetui.base.runner import InlineRunner
from bravetui.central.app import Settings, make_app
from bravetui.central.clerk import ClerkIssuer, ClerkSettings
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.founding import people
from bravetui.central.keys import load_keys
from bravetui.central.postgres import data_folder, embedded_postgres
from bravetui.central.sampling import found_sample
from bravetui.central.serve import serving
from bravetui.central.service import Central
from bravetui.demo.signing_in import PlayedBrowser, accounts
from bravetui.forms.library import CATEGORIES, shipped
from bravetui.issuer.serve import issuing
from bravetui.sample.site import ZONE, Form, Site, make_site
from bravetui.sync.line import Line
from bravetui.sync.progress import SyncProgress
from bravetui.views import home
from bravetui.views.status import scopes
from bravetui.wiring import Laptop

FORM = "cgp_site_inspection"
FOREMAN, OFFICE = "Carlos Medina", "Amy Tran"
SCALE = 0.3
"""Size of the demo's site: a few hundred records, there in a second."""

Say = Callable[[str], None]


@dataclass
class Stage:
    """Everything that plays a part."""

    folder: Path
    central: Central
    address: str
    foreman: Laptop
    office: Laptop
    line: Line
    """The foreman's line."""
    project_id: str
    template_id: str
    fresh: bool
    """Whether this folder was empty before."""


@contextmanager
def set_stage(folder: Path, say: Say, *, fresh: bool, scale: float = SCALE) -> Iterator[Stage]:
    """Start all parts; whatever is raised, all are stopped. Raises Busy when the demo runs in this folder already."""
    make_private_folder(folder)
    lock = FileLock(folder / "demo.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise Busy(
            "The demo runs in this folder already.", "Use that window, or give another --folder."
        ) from None
    with ExitStack() as stack:
        stack.callback(lock.release)
        if fresh:
            _remove(folder)
        new = not (folder / "central").exists()
        say("Starting PostgreSQL and central on this machine …")
        make_private_folder(folder / "central")
        url = stack.enter_context(embedded_postgres(folder / "central"))
        central = _open_central(stack, url, folder)
        found = _found(central, say, scale) if not people(central) else None
        address = stack.enter_context(_serving(stack, central))
        say(f"Central answers at {address}.")
        line = Line()
        laptops = [_laptop(stack, folder, name, central, address, say) for name in (FOREMAN, OFFICE)]
        project_id, template_id = _known(laptops[0], found)
        yield Stage(folder, central, address, laptops[0], laptops[1], line, project_id, template_id, new)


def _serving(stack: ExitStack, central: Central) -> AbstractContextManager[str]:
    """Central with an identity provider of the demo's own, at which everybody whom central knows has an account."""
    accounts_at = stack.enter_context(issuing(accounts(people(central))))
    settings = ClerkSettings(accounts_at.issuer, frozenset({accounts_at.client_id}))
    issuer = ClerkIssuer(settings, central.clock, development=True)
    stack.callback(issuer.close)
    return serving(
        make_app(central.engine, central.keys, central.clock, central.ids, Settings(issuer=issuer))
    )


def _open_central(stack: ExitStack, url: str, folder: Path) -> Central:
    engine = open_central_engine(url)
    stack.callback(engine.dispose)
    migrate(engine)
    clock = SystemClock()
    return Central(engine, load_keys(folder / "central" / "signing.key"), clock, SystemIds(clock))


def _remove(folder: Path) -> None:
    """Start afresh: the demo's own files, and its database, which as root lies elsewhere."""
    for name in ("central", "carlos-medina", "amy-tran"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.rmtree(data_folder(folder / "central"), ignore_errors=True)


def _found(central: Central, say: Say, scale: float) -> Site:
    form = shipped(FORM)
    body = Form(form.key, form.version, form.title, CATEGORIES[FORM], form.to_json())
    site = make_site(body, today=central.clock.now().astimezone(ZONE).date(), scale=scale)
    say(f"Founding a site with {len(site.records)} records: people, permit, forms, inspections, photos …")
    found_sample(central, site)
    return site


def _laptop(stack: ExitStack, folder: Path, name: str, central: Central, address: str, say: Say) -> Laptop:
    """Open a person's laptop; the first time its person signs in, and it is enrolled."""
    home_folder = folder / name.lower().replace(" ", "-")
    make_private_folder(home_folder)
    ring = SealedFile(home_folder / wiring.KEYS, [Passphrase(_passphrase(home_folder), memory_kib=19 * 1024)])
    if not ring.exists():
        person = next(person for person in people(central) if person.name == name)
        asyncio.run(
            wiring.enrol(home_folder, ring, address, PlayedBrowser(person.user_id), f"{name}'s laptop")
        )
        say(f"{name} has signed in; the laptop's database is encrypted, its keys sealed.")
    laptop = wiring.open_laptop(home_folder, ring)
    stack.callback(laptop.close)
    for notice in laptop.notices:
        say(f"{name}'s laptop: {notice}")
    laptop.store.become(replace(laptop.store.identity, central_url=address))
    sync(laptop)
    return laptop


def _passphrase(home_folder: Path) -> str:
    """The passphrase that seals the keys; in the demo it lies beside them."""
    path = home_folder / "demo-passphrase.txt"
    if not path.exists():
        replace_file(path, f"{secrets.token_urlsafe(18)}\n".encode())
    return path.read_text(encoding="utf-8").strip()


def _known(laptop: Laptop, found: Site | None) -> tuple[str, str]:
    from bravetui.views.forms import templates

    project_id = next(scope.id for scope in scopes(laptop.store) if scope.kind == "project")
    template_id = next(row.id for row in templates(laptop.store))
    return project_id, template_id


def sync(laptop: Laptop, line: Line | None = None) -> SyncProgress:
    """Sync a laptop to the end, without a screen, and return what it came to."""
    worker = wiring.make_worker(laptop, lambda event: None, InlineRunner(), line)

    async def once() -> None:
        try:
            await worker.run_once()
        finally:
            await worker.close()

    asyncio.run(once())
    return worker.progress


FROM_THE_GATE = "Silt fence SF-2 along the arroyo needs a look near the low point. Nothing left the site."
"""What the summary says before two people rewrite the same words of it."""


READ_AT_NIGHT = 38
"""Hundredths of an inch in the gauge when the quarter inch had fallen; it rained on, and the report says how much."""


def storm_inspection(stage: Stage) -> str:
    """The inspection that the story is about: begun on the foreman's laptop and known to the office; its form's id.

    Rain reached a quarter inch three hours ago, so it is due within 21 hours.
    """
    store, project_id = stage.foreman.store, stage.project_id
    due = [each for each in home.home(store, project_id).due if each.kind == "storm"]
    if not due:
        reached = store.clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
        site_actions.log_rain(store, project_id, READ_AT_NIGHT, reached)
        due = [each for each in home.home(store, project_id).due if each.kind == "storm"]
    inspection_id = due[0].inspection_id if due else None
    submission_id = due[0].submission_id if due else None
    if submission_id is None:
        started = form_actions.start_form(store, project_id, stage.template_id, inspection_id)
        submission_id = started.submission_id
        form_actions.answer(store, project_id, submission_id, {"summary": FROM_THE_GATE})
    sync(stage.foreman)
    sync(stage.office)
    return submission_id

"""A laptop's life with everything secret in it, told through the outer door: every command, the app, a real central and a
real sign-in service; and all that any of them said or wrote."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from bravetui.actions import forms
from bravetui.app import BravetuiApp
from bravetui.auth.os_keyring import KeyringState
from bravetui.base.canonical import Json
from bravetui.base.runner import InlineRunner
from bravetui.central.founding import people
from bravetui.central.place import FOUND, opened
from bravetui.central.sampling import found_sample
from bravetui.central.service import Writing
from bravetui.db.store import Identity
from bravetui.demo.signing_in import PlayedBrowser, accounts
from bravetui.issuer.minting import Mint
from bravetui.issuer.people import Person
from bravetui.issuer.serve import issuing
from bravetui.screens.form import FormScreen
from bravetui.views.conflicts import conflicts
from bravetui.views.forms import templates
from bravetui.views.services import Services
from bravetui.views.status import project_zone
from bravetui.wiring import Laptop, key_ring, open_laptop
from bravetui.wiring.screen_lock import FolderLock
from tests.leaks.hearing import PASSPHRASE, PIN, TEXTS, WRONG_PASSPHRASE, WRONG_PIN, Lived
from tests.leaks.office import CentralProcess
from tests.support.keyrings import MemoryKeyring
from tests.support.seeded import sample_site


@contextmanager
def lived(place: Path) -> Iterator[Lived]:
    """The whole of it, once."""
    with pytest.MonkeyPatch.context() as patch:
        told = Lived(place)
        _prepare(told, patch)
        organization = _found(told)
        with issuing(accounts(organization)) as issuer, CentralProcess.serving(place, issuer) as address:
            _sign_in(told, patch, address)
            _work(told)
            _look(told)
            _break(told, patch)
            heard = io.StringIO()
            with redirect_stdout(heard), redirect_stderr(heard):
                asyncio.run(_at_the_screen(told))
            assert "went wrong" in heard.getvalue()
            told.hear("the app's last words", heard.getvalue())
            _change_keys(told)
            _leave(told)
            _at_the_office(told)
        for name in ("out", "err"):
            told.hear(f"central's {name}", (place / f"central.{name}").read_text(encoding="utf-8"))
        yield told


def _prepare(told: Lived, patch: pytest.MonkeyPatch) -> None:
    """A machine with a keyring, a folder for what is temporary, and a file that holds the passphrase."""
    held = told.held
    for module in ("folder", "locking", "recovering", "rotating", "screen_lock"):
        patch.setattr(
            f"bravetui.wiring.{module}.keyring_of", lambda folder: MemoryKeyring(held), raising=False
        )
    for name in ("temp", "home", "stick", "theirs", "asked"):
        (told.place / name).mkdir()
    patch.setattr(tempfile, "tempdir", str(told.place / "temp"))
    patch.setenv("TMPDIR", str(told.place / "temp"))
    patch.setenv("BRAVETUI_CENTRAL_DATA", str(told.place / "data"))
    patch.setenv("SQLITE_TMPDIR", str(told.place / "temp"))
    patch.setenv("HOME", str(told.place / "home"))
    for name, words in (("phrase", PASSPHRASE), ("wrong", WRONG_PASSPHRASE)):
        (told.place / "theirs" / name).write_text(words, encoding="utf-8")
    patch.setenv("BRAVETUI_PASSPHRASE_FILE", str(told.place / "theirs" / "phrase"))
    real = held.values.__class__.__setitem__

    class Kept(dict[str, str]):
        def __setitem__(self, entry: str, value: str) -> None:
            told.secrets[f"what the keyring holds {len(told.secrets)}"] = value
            real(self, entry, value)

    held.values = Kept()


def _found(told: Lived) -> tuple[Any, ...]:
    """A central with the sample site, whose people are called as nobody else is."""
    site = sample_site()
    names = {site.foreman_id: "the foreman's name", site.office_id: "the colleague's name"}
    with opened(Namespace(folder=told.place / "central", database_url=None), FOUND) as central:
        found_sample(central, site)
        renamed = [Writing("user", key, {"name": TEXTS[what]}) for key, what in names.items()]
        central.publish(site.organization_id, renamed)
        told.secrets["central's private key"] = central.keys.private
        recovery = central.keys.recovery._private_key
        assert recovery is not None
        told.secrets["the recovery key"] = recovery
        return people(central)


def _sign_in(told: Lived, patch: pytest.MonkeyPatch, address: str) -> None:
    """The foreman by the sign-in service, his colleague by a code of the office's, after two that do not count."""
    site = sample_site()
    for name in ("access_token", "id_token"):
        patch.setattr(Mint, name, _noted(told, getattr(Mint, name), f"the provider's {name}"))
    patch.setattr("bravetui.cli.signing_in.open_browser", PlayedBrowser(site.foreman_id).open_browser)
    told.run("enrol", told.laptop, "enrol", address)
    central = told.place / "central"
    for laptop, code in (("broken", None), ("colleague", 0)):
        once = told.run("central code", central, "central", "code", "--user", site.office_id).split()[-1]
        told.secrets[f"a one-time code for {laptop}"] = once
        told.secrets[f"a one-time code for {laptop}, bare"] = once.replace("-", "")
        told.run(f"enrol {laptop}", told.place / laptop, "enrol", "--name", laptop, address, once, code=code)
    told.run("enrol twice", told.laptop, "enrol", address, once, code=2)
    told.run("enrol with a used code", told.place / "used", "enrol", address, once, code=None)
    _note_keys(told, told.laptop, "the laptop's")
    _note_keys(told, told.place / "colleague", "the colleague's")


def _noted(told: Lived, made: Any, what: str) -> Any:
    def noted(self: Mint, person: Person, *args: Any, **named: Any) -> str:
        token: str = made(self, person, *args, **named)
        told.secrets[f"{what} {len(told.secrets)}"] = token
        told.secrets[f"{what} {len(told.secrets)}, its signature"] = token.rpartition(".")[2]
        return token

    return noted


def _note_keys(told: Lived, folder: Path, whose: str) -> None:
    """What is sealed in the key file must be nowhere else."""
    secrets = key_ring(folder).load()
    grant = Identity.parse(secrets.identity or "").grant
    told.secrets |= {
        f"{whose} private key": secrets.device_key,
        **{f"{whose} database key {at}": key for at, key in enumerate(secrets.database_keys)},
        **(
            {f"{whose} grant": grant, f"{whose} grant, its signature": grant.rpartition(".")[2]}
            if grant
            else {}
        ),
    }


@contextmanager
def opening(folder: Path) -> Iterator[Laptop]:
    """A laptop as the app has it."""
    laptop = open_laptop(folder, key_ring(folder))
    try:
        yield laptop
    finally:
        laptop.close()


def _work(told: Lived) -> None:
    """A form, a photo, a finding that two people word differently, and two changes that central does not take."""
    project, colleague = sample_site().project_id, told.place / "colleague"
    told.run("sync", told.laptop, "sync", "--once")
    with opening(told.laptop) as laptop, laptop.store.write() as writing:
        finding = writing.create("violation", project, {"description": "Grube"})
    told.run("sync", told.laptop, "sync", "--once")
    told.run("sync of the colleague", colleague, "sync", "--once")
    for folder, what in ((told.laptop, "a finding"), (colleague, "a colleague's finding")):
        with opening(folder) as laptop, laptop.store.write() as writing:
            writing.edit("violation", project, finding, {"description": TEXTS[what]})
    told.run("sync of the colleague", colleague, "sync", "--once", "--json")
    refused: tuple[tuple[str, dict[str, Json]], ...] = (
        ("submission", {"title": TEXTS["what central refused"]}),
        ("violation", {"description": TEXTS["what broke central"]}),
        ("photo", {"owner_kind": "submission", "owner_id": "x", "caption": TEXTS["a caption"]}),
    )
    with opening(told.laptop) as laptop:
        begun = forms.start_form(laptop.store, project, templates(laptop.store)[0].id)
        forms.answer(laptop.store, project, begun.submission_id, {"summary": TEXTS["an answer"]})
        for kind, values in refused:
            with laptop.store.write() as writing:
                writing.create(kind, project, values)
    told.run("sync --json", told.laptop, "sync", "--once", "--json")
    told.run("sync of the colleague", colleague, "sync", "--once")
    told.run("sync", told.laptop, "sync", "--once")


def _look(told: Lived) -> None:
    """Every command that only looks, in words and in JSON, before and after there is work that only this laptop has."""
    project = sample_site().project_id
    with opening(told.laptop) as laptop:
        forms.start_form(laptop.store, project, templates(laptop.store)[0].id)
        with laptop.store.write() as writing:
            writing.create("violation", project, {"description": TEXTS["a finding"]})
        (apart, *_) = [row for row in conflicts(laptop.store, project) if row.record_kind == "violation"]
    for words in (
        ["status"], ["queue"], ["conflicts"], ["log"], ["receipts"], ["keys"], ["mirror"], ["doctor", "--offline"],
        ["doctor"],
    ):  # fmt: skip
        told.run(" ".join(words), told.laptop, *words, code=None)
        if words != ["keys"]:
            told.run(f"{' '.join(words)} --json", told.laptop, *words, "--json", code=None)
    for command in ("queue", "conflicts", "receipts"):
        told.run(f"{command} --titles", told.laptop, command, "--titles")
    told.run("log --export", told.laptop, "log", "--export", str(told.place / "exported.log"))
    told.run("keys status --json", told.laptop, "keys", "status", "--json")
    told.run("receipts RECORD", told.laptop, "receipts", apart.record_id)
    told.run("conflicts --show", told.laptop, "conflicts", "--show", apart.id)
    told.run("why", told.laptop, "why", "violation", apart.record_id, "description")
    told.run("queue --export", told.laptop, "queue", "--export", str(told.place / "asked" / "refused.json"))


def _break(told: Lived, patch: pytest.MonkeyPatch) -> None:
    """A fault of the program that quotes what it stumbled over, and a passphrase that is none."""

    def stumbles(*args: object, **named: object) -> object:
        raise ValueError(f"cannot read {TEXTS['an answer']!r} under {PASSPHRASE}")

    with patch.context() as broken:
        broken.setattr("bravetui.cli.status.sync_summary", stumbles)
        said = told.run("a crash of a command", told.laptop, "status", code=1)
        assert "Details for support" in said
        broken.setenv("BRAVETUI_PASSPHRASE_FILE", str(told.place / "theirs" / "wrong"))
        broken.setattr(told.held, "state", KeyringState.LOCKED)
        told.run("a wrong passphrase", told.place / "colleague", "queue", code=1)


async def _at_the_screen(told: Lived) -> None:
    """Typed, locked, unlocked by a wrong PIN and by the right one, and then the program itself fails."""
    told.run("keys pin", told.laptop, "keys", "pin", typed=f"{PIN}\n{PIN}\n")
    with opening(told.laptop) as laptop:
        project, lock = sample_site().project_id, FolderLock(told.laptop, laptop.store.clock)
        services = Services(laptop.store, project, project_zone(laptop.store, project), InlineRunner())
        services.lock = lock
        app = BravetuiApp(services)
        begun = forms.start_form(laptop.store, project, templates(laptop.store)[0].id)
        async with app.run_test(size=(100, 40)) as pilot:
            app.open(FormScreen(begun.submission_id, page=0))
            for key in ("ctrl+l", *WRONG_PIN, "enter"):
                await pilot.press(key)
                await pilot.pause()
            await app.workers.wait_for_complete()
            told.hear("the title of the locked window", f"{app.title}{app.sub_title}")
            for key in (*PIN, "enter"):
                await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert not app.is_locked
            app._handle_exception(ValueError(f"{TEXTS['an answer']} {TEXTS['what was typed and not saved']}"))
            await pilot.pause()


def _change_keys(told: Lived) -> None:
    """New keys; the old must be nowhere either."""
    told.run("keys rotate with a wrong PIN", told.laptop, "keys", "rotate", typed=f"{WRONG_PIN}\n", code=None)
    told.run("keys rotate", told.laptop, "keys", "rotate", typed=f"{PIN}\n")
    _note_keys(told, told.laptop, "the rotated laptop's")
    ask = told.place / "asked-for-help"
    said = told.run(
        "keys recover ask",
        told.laptop,
        "keys",
        "recover",
        "ask",
        str(ask),
        typed=f"{PASSPHRASE}\n{PASSPHRASE}\n",
    )
    code = re.findall(r"[A-Z2-7]{5}-[A-Z2-7]{5}", said)[0]
    told.run("central unlock", told.place / "central", "central", "unlock", str(ask), "--code", code)
    told.run(
        "keys recover take", told.laptop, "keys", "recover", "take", f"{ask}.answer", typed=f"{PASSPHRASE}\n"
    )


def _leave(told: Lived) -> None:
    """A rescue bundle, a card, and nobody signed in."""
    told.run("rescue export", told.laptop, "rescue", "export", str(told.place / "stick"))
    told.run("rescue export --json", told.laptop, "rescue", "export", str(told.place / "stick"), "--json")
    (bundle, *_) = sorted((told.place / "stick").iterdir())
    told.run("rescue send", told.place / "colleague", "rescue", "send", str(bundle))
    told.run("mirror DIR", told.laptop, "mirror", str(told.place / "stick"))
    told.run("sign-out", told.laptop, "sign-out", "--yes")
    told.run("status, signed out", told.laptop, "status")
    with suppress(SystemExit):
        told.run("used wrongly", told.laptop, "queue", "--limit", "many", code=None)


def _at_the_office(told: Lived) -> None:
    """What an operator does, and what he asks for."""
    central = told.place / "central"
    (bundle, *_) = sorted(path for path in (told.place / "stick").iterdir() if path.is_file())
    told.run("central import", central, "central", "import", str(bundle))
    told.run("central quarantine", central, "central", "quarantine")
    told.run("central quarantine --json", central, "central", "quarantine", "--json")
    told.run("central audit", central, "central", "audit")
    told.run("central people", central, "central", "people")

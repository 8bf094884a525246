"""A visit of support, as it happens: a real central, a real provider, the command as a process, a person with a phone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bravetui.base.clock import SystemClock, SystemIds
from bravetui.central.app import Settings, make_app
from bravetui.central.clerk import ClerkIssuer, ClerkSettings
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.founding import add_person
from bravetui.central.keys import CentralKeys
from bravetui.central.sampling import found_sample
from bravetui.central.serve import serving
from bravetui.central.service import Central
from bravetui.central.tables import AUDIT
from bravetui.db.device import Outbox, OutboxState
from bravetui.issuer.people import Person
from bravetui.issuer.serve import issuing
from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_diagnosis import SECRET, sown
from tests.cli.test_support import opened
from tests.support.seeded import sample_site
from tests.support.signing_in import Browser

NINA, KIM = "user_nina", "user_kim"
_outbox = Outbox.__table__  # type: ignore[attr-defined]
_ADDRESS = re.compile(r"^\s+(http\S+)$")
_CODE = re.compile(r"^Its code: (\S+)$")


@dataclass
class Staffed:
    """A central that knows a provider, and a laptop whose people may call support."""

    terminal: Terminal
    engine: Engine
    foreman_id: str
    people: tuple[Person, ...]
    stop_central: threading.Event = field(default_factory=threading.Event)

    def noted(self) -> list[tuple[str, str | None, str | None]]:
        """What central's log has about support: the outcome, who, and who plays him."""
        query = select(AUDIT.c.outcome, AUDIT.c.user_id, AUDIT.c.actor).where(AUDIT.c.what == "support")
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(AUDIT.c.id))]

    def visit(
        self, *words: str, as_whom: str = NINA, typed: str = "", ssh: str | None = None, code: int = 0
    ) -> tuple[str, str]:
        """A visit to its end: both streams of the command, after its person has signed in on a phone."""
        environment = {**os.environ, "BRAVETUI_PASSPHRASE_FILE": str(self.terminal.passphrase)}
        if ssh is not None:
            environment["SSH_ORIGINAL_COMMAND"] = ssh
        heard: list[str] = []
        with subprocess.Popen(
            [sys.executable, "-m", "bravetui", "--folder", str(self.terminal.folder), "support", *words],
            cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            phone = threading.Thread(target=self._phone, args=(process, as_whom, heard))
            phone.start()
            assert process.stdin
            assert process.stdout
            process.stdin.write(typed)
            process.stdin.close()
            shown = process.stdout.read()
            phone.join(60)
        said = "".join(heard)
        assert process.returncode == code, shown + said
        assert "Traceback" not in shown + said
        return shown, said

    def _phone(self, process: subprocess.Popen[str], as_whom: str, heard: list[str]) -> None:
        """Read what the command says until it ends; go where it says."""
        address = ""
        assert process.stderr
        for line in process.stderr:
            heard.append(line)
            if found := _ADDRESS.match(line):
                address = found[1]
            if found := _CODE.match(line):
                asyncio.run(_let_in(address, found[1], as_whom))


async def _let_in(address: str, user_code: str, subject: str) -> None:
    async with Browser() as browser:
        page = await browser.open(address)
        await browser.send(page, user_code=user_code, subject=subject)


@contextmanager
def a_staffed_site(
    database_url: str, keys: CentralKeys, folder: Path, *, played_by: str | None = None
) -> Iterator[Staffed]:
    engine, clock, site = open_central_engine(database_url), SystemClock(), sample_site()
    migrate(engine)
    made = Central(engine, keys, clock, SystemIds(clock))
    found_sample(made, site)
    add_person(made, site.organization_id, "Nina Ortiz", "support", new_id=NINA)
    people = (
        Person(
            NINA, "Nina Ortiz", "nina@support.example", site.organization_id, "support", played_by=played_by
        ),
        Person(site.foreman_id, "Carlos", "carlos@site.example", site.organization_id, "member"),
    )
    terminal = Terminal(folder / "laptop")
    with issuing(people) as provider:
        settings = ClerkSettings(provider.issuer, frozenset({provider.client_id}))
        issuer = ClerkIssuer(settings, clock, development=True)
        app = make_app(engine, keys, clock, made.ids, Settings(issuer=issuer))
        with serving(app) as address:
            terminal.run(
                "enrol", address, issue_code(engine, clock.now(), site.organization_id, site.foreman_id)
            )
            terminal.run("sync", "--once")
            yield Staffed(terminal, engine, site.foreman_id, people)
        issuer.close()
    engine.dispose()


@pytest.fixture
def staffed(database_url: str, keys: CentralKeys, tmp_path: Path) -> Iterator[Staffed]:
    with a_staffed_site(database_url, keys, tmp_path) as made:
        yield made


def refused_dot(staffed: Staffed) -> str:
    with opened(staffed.terminal) as (store, _), store.read() as connection:
        query = select(_outbox.c.device, _outbox.c.counter).where(_outbox.c.state == OutboxState.REFUSED)
        device, counter = connection.execute(query).one()
    return f"{device}.{counter}"


def test_support_sees_how_the_laptop_is_and_no_answer_and_all_of_it_is_written_down(staffed: Staffed) -> None:
    """Every command of the table, in one visit at the prompt, on a laptop full of what people wrote."""
    sown(staffed.terminal)
    dot = refused_dot(staffed)
    commands = [
        "status", "queue", "log", "doctor", "doctor --bundle", "keys", "conflicts", "why submission x", "queue --export /x",
        f"queue --send-again {dot}", "help", "sync --once", "queue --limit 1", "exit", "status",
    ]  # fmt: skip
    shown, said = staffed.visit(typed="\n".join(commands) + "\n")
    assert "You are Nina Ortiz, support" in shown
    assert SECRET not in (shown + said).lower()
    for part in (
        "Only here",
        "Lane       Waiting",
        f"{dot}  ",
        "refused",
        "invalid_field",
        "passphrase",
        "All handed in.",
    ):
        assert part in shown, part
    for part in ('"queue"', '"findings"', f"{dot} goes again"):
        assert part in shown, part
    assert said.count("Support cannot do that here") == 3
    who = (NINA, None)
    assert staffed.noted() == [("signed-in", *who), ("send-again", *who), ("sync", *who)]
    told = staffed.terminal.run("log")
    lines = [line.partition("support    ")[2] for line in told.splitlines() if " support " in line]
    assert lines == [
        "Nina Ortiz signed in as support", "Nina Ortiz looked at the status", "Nina Ortiz read the queue",
        "Nina Ortiz read the log", "Nina Ortiz looked everything over", "Nina Ortiz took a diagnosis",
        "Nina Ortiz looked at the locks", f"Nina Ortiz asked to send {dot} again", "Nina Ortiz asked to sync",
        "Nina Ortiz read the queue",
    ]  # fmt: skip
    assert "Support       Nina Ortiz read the queue, under 1 min ago" in staffed.terminal.run("status")
    assert json.loads(staffed.terminal.run("status", "--json"))["support"]["who"] == "Nina Ortiz"


def test_a_forced_command_gives_the_diagnosis_alone_and_names_nobody_in_it(staffed: Staffed) -> None:
    """What support redirects into a file at home; beside the open app."""
    with opened(staffed.terminal):
        shown, said = staffed.visit(ssh="bravetui doctor --bundle")
    told = json.loads(shown)
    assert "Its code:" in said
    assert told["inside"]["queue"]["total"] == 0
    assert told["inside"]["log"][0]["words"] == "took a diagnosis"
    assert "Nina" not in shown


def test_who_is_not_support_is_shown_nothing(staffed: Staffed) -> None:
    """Not even the foreman of this very laptop."""
    shown, said = staffed.visit("status", as_whom=staffed.foreman_id, code=1)
    assert shown == ""
    assert "You are not support in the organization of this laptop" in said
    assert staffed.noted() == [("not_support", staffed.foreman_id, None)]
    assert "support" not in staffed.terminal.run("log")


def test_who_is_played_by_somebody_is_told_with_his_player_on_both_sides(
    database_url: str, keys: CentralKeys, tmp_path: Path
) -> None:
    """Clerk's `act`."""
    with a_staffed_site(database_url, keys, tmp_path, played_by=KIM) as staffed:
        staffed.visit("keys")
        assert staffed.noted() == [("signed-in", NINA, KIM)]
        assert "Nina Ortiz, played by user_kim looked at the locks" in staffed.terminal.run("log")


def test_without_a_line_nothing_is_shown_and_support_hears_what_the_foreman_can_do(
    database_url: str, keys: CentralKeys, tmp_path: Path
) -> None:
    with a_staffed_site(database_url, keys, tmp_path) as staffed:
        pass
    said = staffed.terminal.run("support", "status", code=75)
    assert "No line to central." in said
    assert "bravetui doctor --bundle DIR" in said
    assert "Lane" not in said

"""Hostile text on the command line: what a command prints is text, in words as in JSON, and so is what it logs."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bravetui.base.canonical import Json
from bravetui.base.terminal import Harmless, make_safe
from bravetui.cli.main import main
from bravetui.db.device import LaneState, Outbox, OutboxState
from bravetui.db.store import Store
from bravetui.db.tables import DEVICE
from bravetui.forms.library import shipped
from bravetui.sample.site import Seed
from bravetui.sync.apply import apply_rows
from bravetui.sync.log import write_log
from bravetui.wiring import key_ring, open_laptop
from tests.cli.terminal import Terminal
from tests.support.hostile import EVERY_KIND, LONG, WAYS_TO_HARM, harm
from tests.support.seeded import NOON, row_of, sample_site

TEXTS = pytest.mark.parametrize("text", WAYS_TO_HARM.values(), ids=WAYS_TO_HARM)
SHOWN_MAX = 100_000
"""Characters of one command's words, whatever it is about."""

HERE = "01980000-0000-7000-8000-00000000e001"
APART = "01980000-0000-7000-8000-00000000c001"
COMMANDS = [
    ["status"], ["status", "--json"], ["queue"], ["queue", "--json"], ["conflicts"], ["conflicts", "--json"],
    ["queue", "--titles"], ["queue", "--titles", "--json"], ["conflicts", "--titles"], ["receipts", "--titles"],
    ["conflicts", "--show", APART], ["conflicts", "--show", APART, "--json"], ["why", "violation", HERE],
    ["why", "violation", HERE, "description"], ["why", "violation", HERE, "--json"], ["log"], ["log", "--json"],
    ["receipts"], ["receipts", "--json"], ["receipts", HERE], ["doctor", "--offline"], ["keys"],
]  # fmt: skip


def let_in(store: Store, text: str) -> None:
    """A colleague's name, a finding, both sides of a conflict, a refusal, why a lane waits, a line of the log."""
    site = sample_site()
    short = text[:100]
    said: dict[str, Json] = {"description": f"FINDING:{text}", "location": short}
    sides: list[dict[str, Json]] = [
        {
            "values": {"description": f"{mark}:{text}"},
            "dots": [f"{device}.9"],
            "author_id": site.office_id,
            "device": device,
        }
        for mark, device in (("LOCAL", 9), ("REMOTE", 2))
    ]
    apart: dict[str, Json] = {
        "record_kind": "violation", "record_id": HERE, "paths": ["description"], "rule": "review", "base": {},
        "local": sides[0], "remote": sides[1], "provisional": {}, "status": "open", "resolution": {},
        "opened_at": "2026-08-03T15:40:00Z",
    }  # fmt: skip
    seeds = [
        *(replace(s, values={**s.values, "name": f"NAME:{short}"}) for s in site.records if s.kind == "user"),
        *(s for s in site.records if s.kind == "project"),
        Seed("violation", site.project_id, HERE, said, NOON),
        Seed("conflict", site.project_id, APART, apart, NOON),
    ]
    with store.maintain() as connection:
        for number, seed in enumerate(seeds, start=90_000):
            apply_rows(connection, seed.scope_id, [row_of(seed, number)])
        write_log(connection, store.clock.now(), "exchange", f"LOGGED:{text}")
        scope = {"scope_id": site.project_id, "name": f"SCOPE:{text}", "kind": "project", "permissions": []}
        connection.execute(DEVICE.tables["scope_seen"].insert(), [scope])
        lanes = LaneState.__table__  # type: ignore[attr-defined]
        connection.execute(
            lanes.insert(), [{"lane": lane, "why": f"LANE:{text}"} for lane in ("critical", "forms")]
        )
    for mark in ("MINE", "REFUSED"):
        with store.write() as writing:
            writing.create("violation", site.project_id, {"description": f"{mark}:{text}"})
    table = Outbox.__table__  # type: ignore[attr-defined]
    refusal = {"reason": f"REASON:{text}", "outcome": "refused"}
    with store.maintain() as connection:
        last = connection.exec_driver_sql("SELECT max(counter) FROM outbox").scalar_one()
        connection.execute(
            table.update().where(table.c.counter == last).values(state=OutboxState.REFUSED, verdict=refusal)
        )


@TEXTS
def test_what_somebody_typed_is_text_in_every_command(
    enrolled: Terminal, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and in JSON, on standard output and on standard error, and never without end."""
    monkeypatch.setenv("BRAVETUI_PASSPHRASE_FILE", str(enrolled.passphrase))
    laptop = open_laptop(enrolled.folder, key_ring(enrolled.folder))
    let_in(laptop.store, text)
    laptop.close()
    everything = ""
    for command in COMMANDS:
        main(["--folder", str(enrolled.folder), *command])
        out, err = capsys.readouterr()
        assert not harm(out + err), (command, harm(out + err))
        assert "inside the program" not in err, (command, err)
        assert out, (command, err)
        if "--json" in command:
            json.loads(f"[{','.join(out.splitlines())}]" if command[0] == "log" else out)
        else:
            assert len(out + err) < SHOWN_MAX, command
        everything += out
    for mark in ("FINDING", "LOCAL", "REMOTE", "NAME", "LOGGED", "LANE", "MINE", "REASON"):
        assert f"{mark}:" in everything, mark
    assert "[@click=app.quit]a[/][red]b[/red][/no][" in everything or text == LONG


@contextmanager
def printed() -> Iterator[io.StringIO]:
    """What a process that has just begun prints, on both its streams."""
    heard = io.StringIO()
    with redirect_stdout(heard), redirect_stderr(heard):
        make_safe()
        yield heard


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(print, id="a line"),
        pytest.param(lambda text: sys.stdout.writelines([text]), id="lines"),
        pytest.param(lambda text: sys.stderr.writelines([text]), id="an error"),
        pytest.param(
            lambda text: logging.getLogger("a").warning("central said %s", text), id="a line of central's log"
        ),
    ],
)
def test_nothing_that_is_printed_is_obeyed(
    write: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with printed() as heard:
        monkeypatch.setattr(logging.getLogger("a"), "handlers", [logging.StreamHandler()])
        write(EVERY_KIND)
    assert "␛[2J␛]0;pwned" in heard.getvalue()
    assert not harm(heard.getvalue())


def test_made_safe_twice_is_made_safe_once() -> None:
    with printed() as heard:
        make_safe()
        assert isinstance(sys.stdout, Harmless)
        assert sys.stdout._stream is heard


def test_what_is_printed_is_as_long_as_it_was() -> None:
    """Character for character, however long."""
    with printed() as heard:
        sys.stdout.write(LONG)
    assert heard.getvalue() == LONG


@pytest.mark.parametrize(
    "words",
    [["--folder", EVERY_KIND, "status"], ["queue", EVERY_KIND], [EVERY_KIND], ["receipts", EVERY_KIND, EVERY_KIND],
     ["form", "compile", EVERY_KIND], ["log", "--limit", EVERY_KIND], ["rescue", "carry", EVERY_KIND],
     ["enrol", EVERY_KIND, "A"]],
    ids=["folder", "option", "command", "record", "file", "number", "bundle", "address"],
)  # fmt: skip
def test_words_and_paths_that_were_typed_are_said_back_as_text(words: list[str]) -> None:
    """Pasted from somewhere, they may hold anything."""
    with printed() as heard, suppress(SystemExit):
        main(words)
    assert heard.getvalue()
    assert not harm(heard.getvalue())
    assert "inside the program" not in heard.getvalue()


@TEXTS
def test_a_form_is_compiled_whatever_it_is_called(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Title and file name are said back as text, and not without end."""
    called = replace(shipped("cgp_site_inspection"), title=text)
    monkeypatch.setattr("bravetui.cli.form.compile_form", lambda file, category: called)
    with printed() as heard:
        assert main(["form", "compile", "form.md", "--out", str(tmp_path / "\x1b[2J\u202e.json")]) == 0
    assert not harm(heard.getvalue())
    assert len(heard.getvalue()) < 1000

"""`bravetui doctor --bundle`: one file that tells how a laptop is, also a broken one, and nothing of its people."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bravetui.actions import forms
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.canonical import Json
from bravetui.base.redaction import Redaction
from bravetui.cli.doctor import run
from bravetui.db import meta
from bravetui.db.device import LaneState, Outbox, OutboxState
from bravetui.db.store import Store
from bravetui.db.tables import DEVICE
from bravetui.sample.site import Seed
from bravetui.sync.apply import apply_rows
from bravetui.sync.log import write_log
from bravetui.views.forms import templates
from bravetui.wiring import KEYS
from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_support import opened
from tests.support.seeded import NOON, row_of, sample_site

SECRET = "zanzibar"
"""Stands in every place where a person, the office or the system may have written something."""
NAMED = "zanzibar-named"


def diagnosed(
    terminal: Terminal, place: Path, *words: str, code: int = 0, offline: bool = True
) -> tuple[dict[str, Any], str]:
    """The diagnosis that the command wrote, and what it said."""
    how = ["--offline"] * offline
    said = terminal.run("doctor", *how, "--bundle", str(place), *words, code=code)
    file = place if place.is_file() else next(place.glob("bravetui-diagnosis-*.json"))
    return json.loads(file.read_text(encoding="ascii")), said


def seeds() -> list[Seed]:
    """Rows that central sends: names of people and projects, a finding, both sides of a conflict."""
    site = sample_site()
    finding = "01980000-0000-7000-8000-00000000e001"
    said: dict[str, Json] = {"description": f"{SECRET} finding", "location": SECRET}
    side: dict[str, Json] = {
        "values": {"description": SECRET}, "dots": ["2.9"], "author_id": site.office_id, "device": 2,
    }  # fmt: skip
    apart: dict[str, Json] = {
        "record_kind": "violation", "record_id": finding, "paths": ["description"], "rule": "review",
        "base": {"description": SECRET}, "local": side, "remote": side, "provisional": {}, "status": "open",
        "resolution": {}, "opened_at": "2026-08-03T15:40:00Z",
    }  # fmt: skip
    named = (one for one in site.records if one.kind in ("user", "project"))
    return [
        *(replace(one, values={**one.values, "name": SECRET}) for one in named),
        Seed("violation", site.project_id, finding, said, NOON),
        Seed("conflict", site.project_id, "01980000-0000-7000-8000-00000000c001", apart, NOON),
    ]


def sow_tables(store: Store) -> None:
    """What central sent, its sentences, and the laptop's own notes."""
    with store.maintain() as connection:
        for number, seed in enumerate(seeds(), start=90_000):
            apply_rows(connection, seed.scope_id, [row_of(seed, number)])
        connection.exec_driver_sql("UPDATE scope_seen SET name = ?", (SECRET,))
        meta.put(connection, meta.THEME, SECRET)
        lanes = LaneState.__table__  # type: ignore[attr-defined]
        connection.execute(lanes.delete())
        connection.execute(
            lanes.insert(), [{"lane": "forms", "why": f"Central says {SECRET}.", "failures": 3}]
        )
        parked = {"scope_id": "s", "kind": "new", "record_id": "r", "row": {"a": SECRET}}
        connection.execute(DEVICE.tables["parked"].insert(), [parked])


def sown(terminal: Terminal) -> int:
    """Put the secret into every table of a laptop, and into its queue; returns how many changes are in that."""
    with opened(terminal) as (store, project_id):
        sow_tables(store)
        forms.start_form(store, project_id, templates(store)[0].id)
        for mark in ("waits", "refused"):
            with store.write() as writing:
                writing.create("violation", project_id, {"description": f"{SECRET} {mark}"})
        table = Outbox.__table__  # type: ignore[attr-defined]
        refusal = {"outcome": "refused", "code": "invalid_field", "field": "description", "reason": SECRET}
        told = {"state": OutboxState.REFUSED, "verdict": refusal, "error": SECRET}
        with store.maintain() as connection:
            last = connection.exec_driver_sql("SELECT max(counter) FROM outbox").scalar_one()
            connection.execute(table.update().where(table.c.counter == last).values(told))
            return int(connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())


class Chatty(BaseHTTPRequestHandler):
    """A central that says what it should not."""

    def do_POST(self) -> None:
        told = {"type": "urn:x", "title": f"No {SECRET} here.", "detail": SECRET, "status": 401}
        body = json.dumps(told).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def chatty_central() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chatty)
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def sow_beside(terminal: Terminal, home: Path, port: int) -> None:
    """Into the folder, what lies in it, and the passphrase."""
    (terminal.folder / f"{SECRET} notes.txt").write_text(SECRET, encoding="utf-8")
    aside = terminal.folder / "set-aside"
    aside.mkdir()
    (aside / "violation-x.json").write_text(json.dumps({"description": SECRET}), encoding="utf-8")
    frame = f"  {home}/venv/site-packages/bravetui/db/store.py:7 write"
    crash = f"builtins.ValueError\n{frame}\n{SECRET} was typed\n  {SECRET}\n"
    (terminal.folder / "bravetui-crash-abc123.txt").write_text(crash, encoding="utf-8")
    words = terminal.passphrase.read_text(encoding="utf-8")
    ring = SealedFile(terminal.folder / KEYS, [Passphrase(words)])
    secrets = ring.load()
    assert secrets.identity
    told = json.loads(secrets.identity)
    told |= {
        "user_name": SECRET,
        "central_url": f"http://{SECRET}:{SECRET}@127.0.0.1:{port}/{SECRET}?{SECRET}",
    }
    ring.save(replace(secrets, identity=json.dumps(told)))
    ring.add_lock(Passphrase(f"{words} {SECRET}"))
    terminal.passphrase.write_text(f"{words} {SECRET}", encoding="utf-8")


def test_no_secret_sown_in_any_place_is_in_the_file(
    enrolled: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers, names, central's sentences, both sides of a conflict, tokens, passphrase, the home and the account's name."""
    enrolled.run("sync", "--once")
    home = tmp_path / NAMED
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", NAMED)
    waiting = sown(enrolled)
    with opened(enrolled) as (store, _), store.maintain() as connection:
        write_log(connection, store.clock.now(), "failed", f"{home}/laptop/x of {NAMED}, not in {home}/y")
    moved = home / "laptop"
    shutil.move(enrolled.folder, moved)
    enrolled.folder = moved
    with chatty_central() as port:
        sow_beside(enrolled, home, port)
        told, said = diagnosed(enrolled, tmp_path / "out.json", code=1, offline=False)
    assert f"not compared: No {SECRET} here." in said
    text = (tmp_path / "out.json").read_text(encoding="ascii").lower()
    words = enrolled.passphrase.read_text(encoding="utf-8")
    ring = SealedFile(moved / KEYS, [Passphrase(words)])
    identity = json.loads(ring.load().identity or "")
    for secret in (
        SECRET, identity["grant"], identity["grant"].split(".")[1], words, str(home), str(moved), "eyj",
        getpass.getuser().lower() if getpass.getuser() != "root" else NAMED,
    ):  # fmt: skip
        assert secret.lower() not in text, secret
    inside = told["inside"]
    assert "[folder]/x of [user], not in [home]/y" in [line["words"] for line in inside["log"]]
    assert (inside["queue"]["total"], inside["queue"]["by_state"]["refused"]) == (waiting, 1)
    first = inside["queue"]["items"][0]
    assert (first["state"], first["code"], first["field"]) == ("refused", "invalid_field", "description")
    assert inside["laptop"]["central"] == f"http://127.0.0.1:{port}"
    assert inside["last_errors"][0]["words"] == "Central does not accept this laptop's sign-in"
    assert told["crashes"][0]["lines"] == [
        "builtins.ValueError",
        "site-packages/bravetui/db/store.py:7 write",
    ]
    assert (told["files"]["others"], told["files"]["records_set_aside"]) == (3, 1)


def test_it_tells_what_support_asks_for_first(enrolled: Terminal, tmp_path: Path) -> None:
    """Of a laptop that is in order: all was looked at, the file is its owner's alone, and a second takes a new name."""
    enrolled.run("sync", "--once")
    told, said = diagnosed(enrolled, tmp_path)
    assert "no answers, no names, no secrets" in said
    assert "not_looked_at" not in json.dumps(told)
    inside = told["inside"]
    assert told["program"]["version"] in subprocess.run(
        [sys.executable, "-m", "bravetui", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert {"python", "sqlite", "packages"} <= set(told["program"])
    assert (inside["sign_in"]["state"], inside["sign_in"]["hours_left"] // 24) == ("fresh", 29)
    assert inside["schema"]["version"] == inside["schema"]["newest_known"] > 0
    assert {lock["name"] for lock in told["locks"]["locks"]} >= {"passphrase"}
    assert told["disk"]["bytes_free"] > 0
    assert {"site.db", "journal", "keys.a", "time.a"} <= {file["name"] for file in told["files"]["own"]}
    assert {one["part"] for one in told["findings"]} >= {"database", "queue", "sign-in", "clock"}
    assert [lane["lane"] for lane in inside["sync"]["lanes"]] == ["critical", "forms", "photos", "analytics"]
    assert any(line["event"] == "exchange" for line in inside["log"])
    (file,) = tmp_path.glob("bravetui-diagnosis-*.json")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    terminal = enrolled.run("doctor", "--offline", "--json", "--bundle", str(tmp_path))
    assert json.loads(terminal)["bundle"] != str(file)


def test_no_file_and_no_link_is_overwritten(enrolled: Terminal, tmp_path: Path) -> None:
    """And nothing is looked at for it."""
    taken, link, target = tmp_path / "taken.json", tmp_path / "link.json", tmp_path / "target"
    taken.write_text("mine", encoding="utf-8")
    link.symlink_to(target)
    for place in (taken, link):
        said = enrolled.run("doctor", "--bundle", str(place), code=2)
        assert "is there already" in said
        assert "database" not in said
    assert taken.read_text(encoding="utf-8") == "mine"
    assert not target.exists()
    assert "no such folder" in enrolled.run("doctor", "--bundle", str(tmp_path / "no" / "x.json"), code=2)


def test_a_sign_in_that_has_ended_is_told_though_the_clock_was_set_back(
    enrolled: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor judges it by the time that has certainly passed."""
    import argparse

    from bravetui.auth.grant import LIVES
    from bravetui.base.clock import SystemClock
    from bravetui.wiring import PASSPHRASE_FILE_VARIABLE

    monkeypatch.setenv(PASSPHRASE_FILE_VARIABLE, str(enrolled.passphrase))
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, _):
        store.passed.told(SystemClock().now() + LIVES)
    told, _ = diagnosed(enrolled, tmp_path / "out.json", code=1)
    found = {one["part"]: one for one in told["findings"]}
    assert (found["sign-in"]["health"], found["clock"]["health"]) == ("look", "look")
    assert told["inside"]["time"]["behind_s"] > 29 * 86_400
    assert run(argparse.Namespace(folder=enrolled.folder, offline=True, json=False)) == 1
    assert "Signed in too long ago" in capsys.readouterr().out


def test_an_account_s_name_goes_where_it_is_a_word_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "rob")
    monkeypatch.setenv("HOME", str(tmp_path / "rob"))
    text = Redaction({"[card]": Path("/media/rob/SD")}).text
    assert text("robust probes of Rob's laptop") == "robust probes of [user]'s laptop"
    assert text(f"{tmp_path}/rob/x and /media/rob/SD/y, /srv/rob_2") == "[home]/x and [card]/y, /srv/[user]_2"

"""The real app on a real terminal: killed with -9 half a second after the last key, and with keys that come all at once."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.auth.keys import new_secrets
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.canonical import Json
from bravetui.sync.apply import apply_rows
from bravetui.views.forms import form, submissions
from tests.support.laptop import CARLOS
from tests.support.seeded import row_of, sample_site

if sys.platform == "win32":
    pytest.skip("Windows offers Python no pseudo-terminal", allow_module_level=True)

import fcntl
import pty
import struct
import termios

ROOT = Path(__file__).parents[2]
PASSPHRASE = "kill me if you can"
AT_RISK_S = 0.5
"""What may be lost: the last half second."""


def make_laptop(folder: Path) -> tuple[SealedFile, str]:
    """A laptop with the sample site on it and nobody to sync with; the ring, and the project's id."""
    ring = SealedFile(folder / wiring.KEYS, [Passphrase(PASSPHRASE, memory_kib=8192)])
    site = sample_site()
    who = replace(CARLOS, user_id=site.foreman_id, central_url="http://127.0.0.1:9", central_key="A" * 43)
    ring.save(replace(new_secrets(), identity=json.dumps(asdict(who))))
    laptop = wiring.open_laptop(folder, ring)
    by_scope: dict[str, list[object]] = {}
    for number, seed in enumerate(site.records, start=1):
        by_scope.setdefault(seed.scope_id, []).append(row_of(seed, number))
    with laptop.store.maintain() as connection:
        for scope_id, rows in by_scope.items():
            apply_rows(connection, scope_id, rows)  # type: ignore[arg-type]
        connection.exec_driver_sql(
            "INSERT INTO scope_seen (scope_id, name, kind, permissions) VALUES (?, 'site', 'project', '[]')",
            (site.project_id,),
        )
    laptop.close()
    return ring, site.project_id


class Screen:
    """The app in a terminal of 80 by 24."""

    def __init__(self, folder: Path, secret: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "BRAVETUI_PASSPHRASE_FILE": str(secret)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bravetui", "--folder", str(folder)],
            cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def until(self, wanted: bytes, limit_s: float = 30.0) -> None:
        """Read until the screen has shown it."""
        seen, end = b"", time.monotonic() + limit_s
        while wanted not in seen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{wanted!r} never appeared"
            seen = seen[-4000:] + os.read(self._master, 65536)

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def settle(self) -> None:
        """Until nothing is drawn for a while: all keys have been taken. A blinking cursor draws twice a second."""
        end = time.monotonic() + 10
        while time.monotonic() < end and select.select([self._master], [], [], 0.4)[0]:
            os.read(self._master, 65536)

    def wait(self, seconds: float) -> None:
        """Let time pass while the screen is being read, as a terminal does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._master], [], [], left)[0]:
                os.read(self._master, 65536)

    def ended(self, limit_s: float = 30.0) -> None:
        """Read until the app has quit by itself."""
        end = time.monotonic() + limit_s
        while self.process.poll() is None:
            assert time.monotonic() < end, "the app is still there"
            with suppress(OSError):  # on Linux a terminal without a program at its other end is an error
                self.wait(0.1)

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def new_form(tmp_path: Path, answers: dict[str, Json]) -> Iterator[Screen]:
    """F3, N: the first page of a new form. Behind the block the app is killed, and `answers` are those of its draft."""
    folder, secret = tmp_path / "laptop", tmp_path / "secret"
    folder.mkdir()
    secret.write_text(PASSPHRASE, encoding="utf-8")
    ring, project_id = make_laptop(folder)
    screen = Screen(folder, secret)
    try:
        screen.until(b"DRAFTS")
        screen.press(b"\x1bOR")
        screen.until(b"Start a form")
        screen.press(b"n")
        screen.until(b"NPDES")
        yield screen
    finally:
        screen.kill()
    laptop = wiring.open_laptop(folder, ring)
    (draft,) = submissions(laptop.store, project_id, "draft")
    answers.update(form(laptop.store, project_id, draft.id).answers)
    laptop.close()


@pytest.mark.parametrize("text", ["0.42", "1.25 not a number"])
def test_what_was_typed_half_a_second_before_a_kill_is_there(tmp_path: Path, text: str) -> None:
    """Next page, storm, the rain reading, and the process is gone."""
    answers: dict[str, Json] = {}
    with new_form(tmp_path, answers) as screen:
        screen.press(b"\x1b[6~")
        screen.until(b"What set off")
        screen.press(b"2")
        screen.until(b"Rain that set it off")
        screen.settle()
        screen.press(b"\t\t")
        screen.settle()
        screen.press(text.encode())
        screen.until(text.encode())
        screen.settle()
        screen.wait(AT_RISK_S)
    assert answers["trigger"] == "storm_rain"
    assert answers["rain_in"] == text


def test_keys_that_come_in_one_packet_reach_the_questions_they_are_meant_for(tmp_path: Path) -> None:
    """As a slow line over SSH hands them over: next page, storm, the reading and its source, a page on, then quit."""
    answers: dict[str, Json] = {}
    with new_form(tmp_path, answers) as screen:
        screen.press(b"\x1b[6~2\t\t0.425\x7f\t2\x1b[6~\x11")
        screen.ended()
    told = (answers["trigger"], answers["rain_in"], answers["rain_source"])
    assert told == ("storm_rain", "0.42", "weather_station")

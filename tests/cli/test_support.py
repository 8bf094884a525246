"""Support's commands on a laptop that has work waiting, on one whose disk is full, and with words that name nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.actions.conflicts import decide
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.cli.status import lines_of
from bravetui.db.device import OutboxState
from bravetui.db.store import Store
from bravetui.sample.site import Seed
from bravetui.sync.apply import apply_rows
from bravetui.views.forms import submissions, templates
from bravetui.views.status import SyncSummary, scopes
from bravetui.views.words import state_words
from bravetui.wiring import KEYS, open_laptop
from tests.cli.terminal import ROOT, Terminal
from tests.support.seeded import NOON, row_of

FULL_DISK = """
mount -t tmpfs -o size=12m none "$FOLDER" || exit 77
python() { "$PYTHON" -m bravetui --folder "$FOLDER/laptop" "$@"; }
python enrol "$ADDRESS" "$CODE" || exit 70
cat /dev/zero > "$FOLDER/filler" 2>/dev/null
python sync --once
echo "exit code $?"
rm "$FOLDER/filler"
python sync --once
"""


@contextmanager
def opened(terminal: Terminal) -> Iterator[tuple[Store, str]]:
    """The laptop's store and its first project, as the app has them."""
    words = terminal.passphrase.read_text(encoding="utf-8")
    laptop = open_laptop(terminal.folder, SealedFile(terminal.folder / KEYS, [Passphrase(words)]))
    try:
        yield laptop.store, next(scope.id for scope in scopes(laptop.store) if scope.kind == "project")
    finally:
        laptop.close()


def test_what_waits_is_listed_by_status_and_queue_and_goes_with_the_next_sync(enrolled: Terminal) -> None:
    """As text within 80 columns, and as JSON with just the fields that --help names."""
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        forms.start_form(store, project_id, templates(store)[0].id)
    status = enrolled.run("status")
    assert "Only here     1 change" in status
    assert max(len(line) for line in status.splitlines()) <= 80
    told = json.loads(enrolled.run("queue", "--json"))
    assert told["total"] == 1
    assert (told["items"][0]["lane"], told["items"][0]["state"]) == ("forms", "pending")
    named = re.search(r"items: \[\{(.*?)\}\]", " ".join(enrolled.run("queue", "--help").split()))
    assert named
    assert named[1].split(", ") == list(told["items"][0])
    (waiting,) = told["items"]
    assert waiting["what"] == f"{waiting['title']} ({waiting['changed']})"
    assert told["items"][0]["dot"] in enrolled.run("queue")
    assert "All handed in" in enrolled.run("sync", "--once")


def test_a_list_that_is_sent_on_names_no_record_by_what_somebody_wrote(enrolled: Terminal) -> None:
    """Queue and receipts, in words and in JSON; a form by its own title; and all of it for whoever asks for titles."""
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        forms.start_form(store, project_id, templates(store)[0].id)
        for name, values in (
            ("violation", {"description": "Said by Quirina"}),
            ("submission", {"title": "Quirina's"}),
        ):
            with store.write() as writing:
                writing.create(name, project_id, dict(values))
    enrolled.run("sync", "--once")
    for command in ("queue", "receipts"):
        for how in ((), ("--json",)):
            said, named = enrolled.run(command, *how), enrolled.run(command, *how, "--titles")
            assert ("Quirina" in said, "Quirina" in named) == (False, True)
            assert "Violation" in said or "violation" in said
            assert "EPA site inspection" in said


def test_why_names_a_record_s_fields_and_tells_one_field_s_story(enrolled: Terminal) -> None:
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        forms.start_form(store, project_id, templates(store)[0].id)
        (listed, *_) = submissions(store, project_id)
    (waiting,) = json.loads(enrolled.run("queue", "--json"))["items"]
    assert (waiting["kind"], waiting["record_id"]) == ("submission", listed.id)
    names = enrolled.run("why", "submission", listed.id).split()
    assert "template_id" in names
    told = json.loads(enrolled.run("why", "submission", listed.id, "template_id", "--json"))
    assert told["writers"][0][0].endswith("on this laptop")
    assert "Written by" in enrolled.run("why", "submission", listed.id, "template_id")
    assert "no such record" in enrolled.run("why", "submission", "nothing", code=2)


def test_much_that_waits_makes_status_say_how_work_travels_without_a_line() -> None:
    """More than 200 changes, or one older than a week."""
    now = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
    for waiting, days, told in ((200, 7, False), (201, 0, True), (1, 8, True)):
        oldest = now - timedelta(days=days)
        summary = SyncSummary(now, waiting, 0, 0, 0, 0, oldest, None, None, None, None, "down", ())
        assert any("bravetui rescue export" in line for line in lines_of(summary)) == told


def test_status_tells_what_waits_for_confirmation_also_beside_what_is_only_here() -> None:
    now = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
    lines = lines_of(SyncSummary(now, 1, 2, 0, 0, 0, now, None, None, None, None, "down", ()))
    assert "At central    2 changes wait for its confirmation" in lines


@pytest.mark.parametrize(
    ("state", "words"), [("applied", "at central"), ("confirmed", "at central, confirmed")]
)
def test_the_queue_tells_what_is_confirmed_from_what_is_at_central(state: str, words: str) -> None:
    assert state_words(OutboxState(state), {"outcome": "applied"}) == words
    assert state_words(OutboxState(state), {"outcome": "applied", "code": "mended"}) == "at central, mended"


def test_what_was_refused_is_exported_in_full_once(enrolled: Terminal, tmp_path: Path) -> None:
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id), store.write() as writing:
        writing.create("submission", project_id, {"title": "names no form"})
    enrolled.run("sync", "--once")
    told = enrolled.run("queue", "--export", str(tmp_path / "refused.json"))
    assert "1 refused change written to" in told
    (one,) = json.loads((tmp_path / "refused.json").read_text(encoding="utf-8"))
    assert (one["change"]["after"], one["verdict"]["code"]) == ({"title": "names no form"}, "invalid_field")
    assert "is there already" in enrolled.run("queue", "--export", str(tmp_path / "refused.json"), code=2)


def test_what_was_decided_is_shown_with_who_decided_and_why(enrolled: Terminal) -> None:
    enrolled.run("sync", "--once")
    question = "01980000-0000-7000-8000-00000000c001"
    with opened(enrolled) as (store, project_id):
        with store.write() as writing:
            record = writing.create("violation", project_id, {"description": "by the gate"})
        sides: list[Json] = [
            {"values": {"description": words}, "dots": [f"{device}.9"], "author_id": "x", "device": device}
            for words, device in (("by the gate", 9), ("at the gate", 2))
        ]
        apart: dict[str, Json] = {
            "record_kind": "violation", "record_id": record, "paths": ["description"], "rule": "review", "base": {},
            "local": sides[0], "remote": sides[1], "provisional": {}, "status": "open", "resolution": {},
            "opened_at": "2026-08-03T15:40:00Z",
        }  # fmt: skip
        with store.maintain() as connection:
            apply_rows(
                connection, project_id, [row_of(Seed("conflict", project_id, question, apart, NOON), 90_000)]
            )
        assert "Decided" not in enrolled.run("conflicts", "--show", question)
        decide(store, project_id, question, {"description": "behind the gate"}, "I was there")
    said = enrolled.run("conflicts", "--show", question)
    assert "Decided by " in said
    assert ": I was there\n  behind the gate" in said


def test_words_that_name_nothing_are_answered_by_a_sentence(enrolled: Terminal, tmp_path: Path) -> None:
    """A dot, a conflict, a passphrase file."""
    assert "is not a dot" in enrolled.run("queue", "--send-again", "seventeen", code=2)
    assert "Only a refused change" in enrolled.run("queue", "--send-again", "9.9", code=2)
    assert "no such conflict" in enrolled.run("conflicts", "--show", "nothing", code=2)
    assert "cannot be read" in enrolled.run("status", code=2, passphrase=tmp_path / "gone")


READING_ON_A_FULL_DISK = """
mount -t tmpfs -o size=12m none "$FOLDER" || exit 77
python() { "$PYTHON" -m bravetui --folder "$FOLDER/laptop" "$@"; }
python enrol "$ADDRESS" "$CODE" || exit 70
python sync --once || exit 71
cat /dev/zero > "$FOLDER/filler" 2>/dev/null
while printf x >> "$FOLDER/filler" 2>/dev/null; do :; done
for command in status queue conflicts log receipts mirror "doctor --offline"; do
  python $command > /dev/null && continue
  [ "$command" = "doctor --offline" ] || echo "not read: $command"
done
python queue --export "$OUT/refused.json"
python log --export "$OUT/log.txt"
exit 0
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_on_a_completely_full_disk_everything_can_still_be_read(
    tmp_path: Path, central: tuple[str, str]
) -> None:
    """Without a byte to spare, and exported to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "words").write_text("four words are enough", encoding="utf-8")
    (tmp_path / "words").chmod(0o600)
    environment = {
        **os.environ, "FOLDER": str(tmp_path / "disk"), "OUT": str(tmp_path / "out"), "PYTHON": sys.executable,
        "ADDRESS": central[0], "CODE": central[1], "BRAVETUI_PASSPHRASE_FILE": str(tmp_path / "words"),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", READING_ON_A_FULL_DISK],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "not read" not in said
    assert (tmp_path / "out" / "refused.json").read_text(encoding="utf-8") == "[]\n"
    assert "lines written" in said


def test_an_unknown_template_starts_nothing(enrolled: Terminal) -> None:
    """A sentence, and no half-begun draft."""
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        before = submissions(store, project_id, "all")
        with pytest.raises(BadInput, match="not on this laptop"):
            forms.start_form(store, project_id, "no-such-template")
        assert submissions(store, project_id, "all") == before


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_a_full_disk_is_a_sentence_and_with_room_again_the_same_command_does_it(
    tmp_path: Path, central: tuple[str, str]
) -> None:
    """While the first sync writes what it fetches."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "words").write_text("four words are enough", encoding="utf-8")
    (tmp_path / "words").chmod(0o600)
    environment = {
        **os.environ, "FOLDER": str(tmp_path / "disk"), "PYTHON": sys.executable, "ADDRESS": central[0], "CODE": central[1],
        "BRAVETUI_PASSPHRASE_FILE": str(tmp_path / "words"),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL_DISK],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "inside the program" not in said
    assert "exit code 1" in said
    assert "disk is full" in said
    assert (done.returncode, "All handed in" in done.stdout) == (0, True), said

"""The command line through its outer door: every command, every bad input, a sentence and an exit code, no traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.base.clock import SystemClock
from bravetui.base.errors import Unusable
from bravetui.base.files import replace_file
from tests.cli.terminal import ROOT, Terminal


def test_a_laptop_enrols_syncs_and_says_how_it_stands(enrolled: Terminal) -> None:
    """The whole of support's day, as text and as JSON."""
    assert "All handed in" in enrolled.run("sync", "--once")
    assert "Line          up" in enrolled.run("status")
    told = json.loads(enrolled.run("status", "--json"))
    assert (told["line"], told["waiting"], len(told["lanes"])) == ("up", 0, 4)
    assert "empty" in enrolled.run("queue")
    assert json.loads(enrolled.run("queue", "--json")) == {"total": 0, "items": []}
    assert "No conflicts" in enrolled.run("conflicts")


def test_sync_events_are_json_lines(enrolled: Terminal) -> None:
    """One object a line, with the progress so far."""
    lines = [json.loads(line) for line in enrolled.run("sync", "--once", "--json").splitlines()]
    assert {"at", "event", "words", "progress"} <= set(lines[0])
    assert lines[-1]["progress"]["rows_left"] == 0


def test_a_dead_line_is_a_sentence_and_exit_code_75(
    enrolled: Terminal, central: tuple[str, str], tmp_path: Path
) -> None:
    """Nobody tries by itself what a person typed."""
    fresh = Terminal(tmp_path / "other")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert "Look whether the address is right" in fresh.run("enrol", address, "AAAA-BBBB", code=75)


def test_a_wrong_code_says_so(terminal: Terminal, central: tuple[str, str]) -> None:
    """And makes nothing."""
    said = terminal.run("enrol", central[0], "WRONG-CODE-1", code=1)
    assert "code" in said.lower()
    assert "enrol" in terminal.run("status", code=1)


def test_a_code_is_good_once(enrolled: Terminal, central: tuple[str, str], tmp_path: Path) -> None:
    """The second laptop needs its own."""
    Terminal(tmp_path / "second").run("enrol", *central, code=1)


def test_a_laptop_that_never_enrolled_says_how(terminal: Terminal) -> None:
    """Every command that needs a laptop."""
    for command in ("status", "queue", "conflicts", "sync"):
        said = terminal.run(command, code=1)
        assert f"The folder {terminal.folder} does not exist" in said
        assert "bravetui enrol ADDRESS" in said
    terminal.folder.mkdir()
    assert "not known to central yet. Enrol it" in terminal.run("status", code=1)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("rescue",), "required: export|send"),
        (("keys", "recover"), "required: ask|take"),
        (("status", "--lowd"), "unrecognized arguments: --lowd"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_told_where_to_read_on(
    terminal: Terminal, words: tuple[str, ...], wrong: str
) -> None:
    said = terminal.run(*words, code=2)
    assert wrong in said
    assert "All that can be said: bravetui" in said


def test_the_app_without_a_terminal_names_what_to_use_instead(enrolled: Terminal) -> None:
    """Escapes in a pipe help nobody."""
    assert "bravetui status" in enrolled.run("run", code=2)


def test_a_wrong_passphrase_opens_nothing_and_destroys_nothing(enrolled: Terminal, tmp_path: Path) -> None:
    """The right one still works afterwards."""
    wrong = tmp_path / "wrong"
    wrong.write_text("not the right words", encoding="utf-8")
    assert "passphrase" in enrolled.run("status", code=1, passphrase=wrong).lower()
    enrolled.run("status")


def test_a_damaged_database_is_set_aside_and_rebuilt(enrolled: Terminal) -> None:
    """Never deleted; the next sync fetches the rest."""
    enrolled.run("sync", "--once")
    for path in enrolled.folder.glob("site.db-*"):
        path.unlink()
    (enrolled.folder / "site.db").write_bytes(b"\x00" * 8192)
    assert "set aside as site.db.damaged-" in enrolled.run("doctor", "--offline", code=1)
    assert "was not fetched" in enrolled.run("doctor", "--offline", code=1)
    assert list(enrolled.folder.glob("site.db.damaged-*"))
    assert "All handed in" in enrolled.run("sync", "--once")
    assert "was not fetched" not in enrolled.run("doctor", "--offline")
    assert "75 not now" in " ".join(enrolled.run("doctor", "--help").split())


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """And central does not even start its database."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "taken" in Terminal(tmp_path / "central").run("central", "--port", port, code=75)


def test_a_form_that_does_not_compile_says_what_to_mend(terminal: Terminal, tmp_path: Path) -> None:
    """An unknown type; a file that is none."""
    broken = tmp_path / "broken.md"
    rows = (
        "| survey |",
        "| | type | name | label |",
        "| | begin group | a | A |",
        "| | geoshape | x | X |",
        "| | end group | | |",
    )
    broken.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert "cannot ask" in terminal.run("form", "compile", str(broken), code=2)
    assert "not there" in terminal.run("form", "compile", str(tmp_path / "none.md"), code=2)


def test_a_compiled_form_takes_no_other_file_s_place(terminal: Terminal, tmp_path: Path) -> None:
    """Not unasked; and that of a folder or a device never."""
    table = tmp_path / "form.md"
    rows = ("| survey |", "| | type | name | label |", "| | begin group | a | A |", "| | text | x | X |")
    table.write_text("\n".join([*rows, "| | end group | | |"]) + "\n", encoding="utf-8")
    terminal.run("form", "compile", str(table))
    (tmp_path / "form.json").write_text("mine", encoding="utf-8")
    assert "is there already" in terminal.run("form", "compile", str(table), code=2)
    assert (tmp_path / "form.json").read_text(encoding="utf-8") == "mine"
    terminal.run("form", "compile", str(table), "--force")
    assert (tmp_path / "form.json").read_text(encoding="utf-8") != "mine"
    assert "no plain file" in terminal.run(
        "form", "compile", str(table), "--force", "--out", str(tmp_path), code=2
    )
    nowhere = str(tmp_path / "none" / "x.json")
    assert "no folder" in terminal.run("form", "compile", str(table), "--out", nowhere, code=2)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        terminal.run("form", "compile", str(table), "--force", "--out", str(tmp_path / "pipe"), code=2)
        assert (tmp_path / "pipe").is_fifo()
        with pytest.raises(Unusable):
            replace_file(tmp_path / "pipe", b"")


@pytest.mark.parametrize("name", ["form.md", "form.csv"])
def test_a_table_that_is_no_text_or_has_none_is_a_sentence(
    terminal: Terminal, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00x")
    assert "not a table in UTF-8" in terminal.run("form", "compile", str(tmp_path / name), code=2)
    (tmp_path / "plain.md").write_text("x = 1\n", encoding="utf-8")
    said = terminal.run("form", "compile", str(tmp_path / "plain.md"), code=2)
    assert "| survey |" in said
    assert "definition" not in said


def test_two_syncs_at_once_name_each_other(enrolled: Terminal) -> None:
    """One process a laptop."""
    from bravetui.db.lease import Lease
    from bravetui.wiring import LEASE

    with Lease.take(enrolled.folder / LEASE, SystemClock().now()):
        assert "already runs" in enrolled.run("sync", "--once", code=75)


@pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("central", "central")])
def test_a_laptop_without_the_extra_is_told_which_to_install(
    tmp_path: Path, command: str, extra: str
) -> None:
    """What serves central is not part of a laptop's install."""
    run = f"import sys; sys.modules['fastapi'] = None\nfrom bravetui.cli.main import main\nsys.exit(main({[command]!r}))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "'fastapi', which is not installed" in done.stderr
    assert f"'bravetui[{extra}]'" in done.stderr

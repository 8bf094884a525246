"""Words, files and terminals that are not as they should be: each a sentence and its exit code, never a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import ROOT, Terminal

INSIDE = "inside the program"
POSIX = pytest.mark.skipif(os.name == "nt", reason="devices and links as POSIX has them")


def bare(*words: str | bytes, stdout: int | None = subprocess.PIPE, **variables: str) -> tuple[int, str]:
    """Exit code and what was said, of a command run with any bytes and any terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "bravetui", *words],
        cwd=ROOT, env={**os.environ, **variables}, stdout=stdout, stderr=subprocess.PIPE, timeout=120,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    said = ((done.stdout or b"") + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in said
    assert INSIDE not in said
    return done.returncode, said


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1",
        "http://127.0.0.1:abc",
        "http://a\x1b[2J",
        "http://127.0.0.1:99999",
        "http://",
        "ftp://x",
    ],
)
def test_an_address_that_is_none_is_a_sentence(terminal: Terminal, address: str) -> None:
    said = terminal.run("enrol", address, "ABCDE-FGHJK", code=2)
    assert "is not an address of central" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("abc",), "not a one-time code"),
        (("",), "not a one-time code"),
        (("x" * 300,), "not a one-time code"),
        (("ABCDE-FGHJK", "--name", ""), "name has 1 to 100"),
        (("ABCDE-FGHJK", "--name", "x" * 300), "name has 1 to 100"),
    ],
)
def test_a_code_or_a_name_that_cannot_be_one_is_a_sentence(
    terminal: Terminal, words: tuple[str, ...], told: str
) -> None:
    assert told in terminal.run("enrol", "http://127.0.0.1:1", *words, code=2)


def test_a_folder_that_cannot_be_one_is_a_sentence(tmp_path: Path) -> None:
    """A file, or something below one: for a command that reads, and for enrolment."""
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        here = Terminal(folder) if folder.parent.is_dir() else Terminal(tmp_path / "x")
        here.folder = folder
        said = here.run("enrol", "http://127.0.0.1:1", "ABCDE-FGHJK", code=1)
        assert INSIDE not in said
    here.folder = tmp_path / "file"
    assert "is not a folder" in here.run("status", code=1)


@pytest.mark.parametrize("name", ["site.db", "journal", "keys.a", "mark.a", "reserve"])
def test_a_folder_where_a_file_belongs_is_a_sentence(enrolled: Terminal, name: str) -> None:
    """Nothing is moved for it."""
    enrolled.run("status")
    path = enrolled.folder / name
    path.unlink(missing_ok=True)
    path.mkdir()
    said = enrolled.run("status", code=1)
    assert f"{name} cannot be used: it is a folder" in said


@POSIX
def test_a_link_to_nowhere_is_a_sentence(enrolled: Terminal) -> None:
    (enrolled.folder / "site.db").unlink(missing_ok=True)
    (enrolled.folder / "site.db").symlink_to("nowhere/at-all")
    assert INSIDE not in enrolled.run("status", code=1)


@POSIX
def test_a_black_box_in_a_place_that_takes_no_folder_is_a_sentence(enrolled: Terminal) -> None:
    if sys.platform == "linux":
        assert INSIDE not in enrolled.run("mirror", "/proc", code=1)


@POSIX
def test_bytes_that_are_no_text_are_a_sentence() -> None:
    code, said = bare("central", "found", "--organization", b"\xff\xfe", "--name", "x")
    assert (code, "not text in UTF-8" in said) == (2, True)


def test_an_ascii_terminal_shows_what_it_can(enrolled: Terminal) -> None:
    for command in ("conflicts", "status", "queue", "log"):
        code, _ = bare(
            "--folder", str(enrolled.folder), command,
            BRAVETUI_PASSPHRASE_FILE=str(enrolled.passphrase), LC_ALL="C", PYTHONIOENCODING="ascii",
        )  # fmt: skip
        assert code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("queue", "--limit", "9" * 23),
        ("queue", "--limit", "0"),
        ("receipts", "--limit", "9" * 23),
        ("log", "--limit", "-3"),
        ("log", "--days", "-1"),
        ("log", "--days", "nan"),
        ("bench", "--scale", "nan"),
        ("bench", "--scale", "inf"),
        ("bench", "--scale", "0"),
        ("bench", "--scale", "-1"),
        ("central", "--port", "-1"),
        ("central", "revoke", "--device", "9999999999999999999"),
        ("central", "found", "--role", "king"),
    ],
)
def test_a_number_or_word_out_of_bounds_is_wrong_use(words: tuple[str, ...]) -> None:
    assert bare(*words)[0] == 2


@pytest.mark.parametrize("url", ["postgresql://host:notaport/x", "postgresql://[::1", "sqlite://x"])
def test_a_database_address_that_is_none_is_wrong_use(url: str, tmp_path: Path) -> None:
    code, said = bare("central", "people", "--database-url", url, "--folder", str(tmp_path))
    assert (code, said.startswith("bravetui: ")) == (2, True)


def test_a_database_that_does_not_answer_says_to_look_at_its_address(tmp_path: Path) -> None:
    url = "postgresql://127.0.0.1:1/x"
    code, said = bare("central", "people", "--database-url", url, "--folder", str(tmp_path))
    assert (code, "--database-url" in said, "by itself" in said) == (75, True, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [("--help",), ("form", "--help"), ("status",)])
def test_output_that_goes_nowhere_is_an_error_in_words(enrolled: Terminal, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, said = bare(
            "--folder", str(enrolled.folder), *words, stdout=full.fileno(),
            BRAVETUI_PASSPHRASE_FILE=str(enrolled.passphrase),
        )  # fmt: skip
    assert (code, "output could not be written" in said) == (1, True)

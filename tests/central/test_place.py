"""A mistyped folder or address is said, and leaves nothing behind: only founding makes a central."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from bravetui.central.command import main as central
from bravetui.central.keys import KEY_VARIABLE
from bravetui.central.place import DATABASE_VARIABLE
from bravetui.central.postgres import data_folder
from bravetui.cli.main import main
from tests.support.central import KEYS, Site


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory, under the system's temporary one, where PostgreSQL may run for root too."""
    made = Path(tempfile.mkdtemp(prefix="bravetui-test-place-"))
    monkeypatch.chdir(made)
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize(
    "words",
    [
        ("central",),
        ("central", "--port", "0"),
        ("central", "people"),
        ("central", "quarantine"),
        ("central", "import"),
        ("central", "audit"),
        ("central", "restored"),
        ("central", "revoke", "--device", "1"),
        ("central", "code", "--user", "x"),
        ("audit", "verify"),
        ("audit", "verify", "--json"),
    ],
)
def test_where_no_central_is_every_command_but_founding_says_so_and_makes_nothing(
    words: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = ("--port", "0") if words == ("central",) else ()
    assert main([*words, *port]) == 2
    told = capsys.readouterr()
    assert (told.out, "There is no central in bravetui-central." in told.err) == ("", True)
    assert "bravetui central found --organization NAME --name YOU" in told.err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("central", "--port", "0"),
        ("central", "quarantine"),
        ("central", "found", "--organization", "O", "--name", "N"),
        ("audit", "verify"),
    ],
)
def test_a_laptops_folder_is_never_taken_for_centrals(
    words: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop = place / "laptop"
    laptop.mkdir()
    (laptop / "keys.a").write_bytes(b"sealed")
    assert main(["--folder", str(laptop), *words]) == 2
    assert f"The folder {laptop} is a laptop's, not central's." in capsys.readouterr().err
    assert [path.name for path in laptop.iterdir()] == ["keys.a"]
    assert not data_folder(laptop).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("found", "--organization", "X"), "Give --organization and --name"),
        (("found", "--name", "X"), "Give --organization and --name"),
        (("import", "/nope/here"), "The file /nope/here cannot be read"),
        (("code",), "--user"),
        (("revoke",), "--device"),
        (("quarantine", "--release", "1.1"), "Who does it?"),
        (("quarantine", "--release", "one", "--by", "olga"), "is not a dot"),
        (("quarantine", "--release", "1.1", "--set", "x", "--by", "olga"), "is no mend"),
    ],
)
def test_options_are_looked_at_before_anything_is_made(
    words: tuple[str, ...], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert central(words) == 2
    assert said in capsys.readouterr().err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("words", [("people",), ("audit",), ("quarantine",), ("serve", "--port", "0")])
def test_an_empty_database_is_not_made_a_central_by_looking(
    words: tuple[str, ...], database_url: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert central([*words, "--database-url", database_url]) == 2
    assert "There is no central in this database." in capsys.readouterr().err
    assert main(["audit", "verify", "--database-url", database_url]) == 2
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    assert list(place.iterdir()) == []


def test_a_founded_central_gets_no_second_key(
    site: Site, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new key would make every receipt given so far worthless."""
    for words in (("people",), ("found", "--organization", "O", "--name", "N")):
        assert central([*words, "--database-url", site.url]) == 2
        assert "signing key is not in bravetui-central" in capsys.readouterr().err
    assert list(place.iterdir()) == []
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())
    assert central(["people", "--database-url", site.url]) == 0


def test_founding_makes_a_central_that_everything_else_finds(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["central", "found", "--organization", "Sandia", "--name", "Amy"]) == 0
    assert (place / "bravetui-central" / "signing.key").exists()
    assert (place / "bravetui-central" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert main(["central", "people"]) == 0
    assert "Amy" in capsys.readouterr().out
    assert main(["audit", "verify"]) == 0
    assert "all in order" in capsys.readouterr().out

"""Where root's central keeps its database: a restart of the machine takes nothing, and another TMPDIR hides nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.central import place as place_of
from bravetui.central import postgres
from bravetui.central.command import main
from bravetui.central.keys import KEY_VARIABLE, load_keys
from bravetui.central.place import DATABASE_VARIABLE
from bravetui.central.postgres import DATA_VARIABLE, MADE_NAME, data_folder, is_made, is_passing


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine's root, with `temp`, and `lib` for what lasts; open to PostgreSQL's own user."""
    made = Path(tempfile.mkdtemp(prefix="bravetui-test-lasting-")).resolve()
    for name in ("temp", "lib", "opt"):
        (made / name).mkdir()
    monkeypatch.setattr(postgres, "_is_root", lambda: True)
    monkeypatch.setattr(tempfile, "tempdir", str(made / "temp"))
    monkeypatch.setenv("TMPDIR", str(made / "temp"))
    monkeypatch.setenv(DATA_VARIABLE, str(made / "lib" / "central"))
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _make(data: Path) -> None:
    data.mkdir(parents=True)
    data.with_name(MADE_NAME).touch()


def test_root_s_central_is_where_a_restart_leaves_it_and_a_thrown_away_one_where_it_does_not(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / "opt" / "central"
    kept, passing = data_folder(folder, lasting=True), data_folder(folder)
    assert kept.is_relative_to(place / "lib" / "central")
    assert passing.is_relative_to(place / "temp")
    assert kept == data_folder(folder, lasting=True) != data_folder(place / "opt" / "else", lasting=True)
    assert list((place / "lib").iterdir()) == []
    monkeypatch.delenv(DATA_VARIABLE)
    assert str(postgres.lasting_place()) == postgres.LASTING
    monkeypatch.setattr(postgres, "_is_root", lambda: False)
    assert data_folder(folder, lasting=True) == data_folder(folder) == folder / "postgres"


def test_what_was_made_in_the_temporary_folder_is_found_there_and_said(place: Path) -> None:
    folder = place / "opt" / "central"
    passing = data_folder(folder)
    _make(passing)
    assert (data_folder(folder, lasting=True), is_made(folder), is_passing(folder)) == (passing, True, True)
    kept = place / "lib" / "central" / passing.parent.name.removeprefix("bravetui-central-")
    kept.parent.mkdir()
    shutil.move(passing.parent, kept)  # as the sentence says
    assert (data_folder(folder, lasting=True), is_made(folder), is_passing(folder)) == (
        kept / "postgres", True, False,
    )  # fmt: skip


def test_what_was_made_beside_the_key_is_found_under_another_temporary_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / "temp" / "central"
    _make(data_folder(folder, lasting=True))
    monkeypatch.setattr(tempfile, "tempdir", str(place / "opt"))
    assert data_folder(folder, lasting=True) == folder / "postgres"


def test_where_no_lasting_place_can_be_made_it_is_a_temporary_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "lib" / "central").write_text("no folder")
    assert data_folder(place / "opt" / "central", lasting=True).is_relative_to(place / "temp")
    assert is_passing(place / "opt" / "central")


def test_a_central_outlives_its_temporary_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(place / "opt" / "central")]
    assert main(["found", "--organization", "Sandia", "--name", "Amy", *folder]) == 0
    shutil.rmtree(place / "temp")
    (place / "temp2").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place / "temp2"))
    assert main(["people", *folder]) == 0
    told = capsys.readouterr()
    assert "Amy" in told.out
    assert "TEMPORARY" not in told.err


def test_a_database_that_will_not_last_is_said_loudly(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = place / "opt" / "central"
    _make(data_folder(folder))
    for task, loud in (("found", True), ("serve", True), ("people", False)):
        caplog.clear()
        place_of._look_for_its_own(folder, task)
        assert ("IS IN A TEMPORARY FOLDER" in caplog.text) is loud


def test_a_key_without_its_database_invites_to_no_second_founding(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "opt" / "central"
    load_keys(folder / "signing.key", {})
    for words in (["people"], ["audit"], ["found", "--organization", "O", "--name", "N"]):
        assert main([*words, "--folder", str(folder)]) == 2
        error = capsys.readouterr().err
        assert f"signing key is in {folder}, and its database is not at {place / 'lib'}" in error
        assert "central found" not in error
    assert list((place / "lib").iterdir()) == []


def test_a_new_folder_is_kept_out_of_git_and_one_of_somebody_else_s_is_left_alone(place: Path) -> None:
    for name, expected in (("new", True), ("used", False)):
        folder = place / "opt" / name
        if not expected:
            folder.mkdir()
            (folder / "somebody's").touch()
        place_of._keep_out_of_git(folder)
        assert (folder / ".gitignore").exists() is expected
    assert (place / "opt" / "new" / ".gitignore").read_text(encoding="utf-8") == "*\n"

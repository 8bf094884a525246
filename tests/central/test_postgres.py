"""The embedded PostgreSQL: a making that was cut short does not stand in the way of the next start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from bravetui.central.database import open_central_engine
from bravetui.central.postgres import MADE_NAME, _said, _start, data_folder, embedded_postgres


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "central"


def test_a_database_whose_making_was_interrupted_is_made_anew(folder: Path) -> None:
    """Ctrl-C in the first second leaves half a cluster; nothing was ever stored in it."""
    data = data_folder(folder)
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n", encoding="utf-8")
    with embedded_postgres(folder) as url:
        engine = open_central_engine(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        engine.dispose()


def test_a_database_that_was_made_is_never_made_anew(folder: Path) -> None:
    """What is in it is there at the next start."""
    for expected in (0, 1):
        with embedded_postgres(folder) as url:
            engine = open_central_engine(url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n int)"))
                assert connection.execute(text("SELECT count(*) FROM kept")).scalar_one() == expected
                connection.execute(text("INSERT INTO kept VALUES (1)"))
            engine.dispose()
    assert data_folder(folder).with_name(MADE_NAME).exists()


def test_a_start_that_takes_longer_than_the_wheel_waits_is_waited_for() -> None:
    """The wheel gives up after ten seconds, then finds the server starting, then ready."""
    answers = [subprocess.TimeoutExpired("pg_ctl", 10), AssertionError(), None]

    def start() -> None:
        error = answers.pop(0)
        if error is not None:
            raise error

    _start(start)
    assert not answers


def test_what_postgres_said_is_told_where_it_wrote_no_log(tmp_path: Path) -> None:
    """Its last words, not the name of a file that is not there."""
    error = subprocess.CalledProcessError(1, "initdb", stderr="initdb: error: cannot be run as root\n")
    assert _said(tmp_path / "log", error) == "initdb: error: cannot be run as root"
    (tmp_path / "log").write_text("FATAL: no room\n", encoding="utf-8")
    assert _said(tmp_path / "log", error) == f"what it said is in {tmp_path / 'log'}."

"""The embedded PostgreSQL: a making that was cut short does not stand in the way of the next start."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bravetui.central.database import open_central_engine
from bravetui.central.postgres import MADE_NAME, data_folder, embedded_postgres


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

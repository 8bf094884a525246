"""A central that answers, a shell, and a laptop that is enrolled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.base.clock import SystemClock, SystemIds
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.keys import KEY_VARIABLE, CentralKeys, make_keys
from bravetui.central.place import DATABASE_VARIABLE
from bravetui.central.sampling import found_sample
from bravetui.central.serve import serving
from bravetui.central.service import Central
from tests.cli.terminal import Terminal
from tests.support.seeded import sample_site


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "laptop")


@pytest.fixture
def keys() -> CentralKeys:
    """Central's own key."""
    return make_keys()


@pytest.fixture
def operator(
    tmp_path: Path, database_url: str, keys: CentralKeys, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """A shell on central's machine."""
    monkeypatch.setenv(KEY_VARIABLE, keys.private.hex())
    monkeypatch.setenv(DATABASE_VARIABLE, database_url)
    return Terminal(tmp_path / "operator")


@pytest.fixture
def central(database_url: str, keys: CentralKeys) -> Iterator[tuple[str, str]]:
    """An address that answers, and a code for the site's foreman."""
    engine = open_central_engine(database_url)
    migrate(engine)
    clock = SystemClock()
    made = Central(engine, keys, clock, SystemIds(clock))
    site = sample_site()
    found_sample(made, site)
    with serving(make_app(engine, made.keys, clock, made.ids)) as address:
        yield address, issue_code(engine, clock.now(), site.organization_id, site.foreman_id)
    engine.dispose()


@pytest.fixture
def enrolled(terminal: Terminal, central: tuple[str, str]) -> Terminal:
    terminal.run("enrol", *central)
    return terminal

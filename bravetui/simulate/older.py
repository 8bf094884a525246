"""Last year's program: on a laptop, or at central, until it is updated, one kind of record and one field are unknown.

Wherever the code looks a kind up, it finds what the program of the running machine knows; machines that were updated know
all. What is unknown must be kept, missed by nobody, and used after the update, which also brings the database's schema one
step further.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, text

from bravetui.central import checks, database
from bravetui.db import kinds, migrate
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.migrate import Migration
from bravetui.simulate.crash import CENTRAL, CONSOLE, MACHINE

NEWER_KIND = "delivery"
NEWER_FIELD = ("daily_log", "weather")

_OF_A_PROGRAM = (
    "bravetui.db.", "bravetui.sync.", "bravetui.actions.", "bravetui.views.", "bravetui.wiring.", "bravetui.central.",
)  # fmt: skip

_AS_IT_WAS = f"ALTER TABLE {NEWER_FIELD[0]} DROP COLUMN {NEWER_FIELD[1]};"
"""The older program fills that column with nothing; only here, and at central's update, does its table do without."""

_UPDATE = f"""
ALTER TABLE {NEWER_FIELD[0]} ADD COLUMN {NEWER_FIELD[1]} VARCHAR;
ALTER TABLE outbox ADD COLUMN simulated TEXT;
UPDATE outbox SET simulated = hash;
CREATE TABLE kept_meanwhile AS SELECT * FROM outbox;
DELETE FROM outbox;
INSERT INTO outbox SELECT * FROM kept_meanwhile;
DROP TABLE kept_meanwhile;
CREATE INDEX ix_outbox_simulated ON outbox (simulated);
"""
"""Adds the field, and moves what is most precious out of its table and back: whatever stops it in between must leave it as
it was."""

CENTRALS_STEP = "simulated"
CENTRALS_LAST = max(path.name[1:5] for path in database.step_folders()[0].glob("v*.py"))
"""The step that comes with the update of central's program, and the one before it."""

CENTRALS_UPDATE = (
    f"ALTER TABLE {NEWER_FIELD[0]} ADD COLUMN {NEWER_FIELD[1]} VARCHAR",
    "ALTER TABLE ledger ADD COLUMN simulated TEXT",
    "UPDATE ledger SET simulated = hash",
    "CREATE TABLE kept_meanwhile AS SELECT * FROM ledger",
    "DELETE FROM ledger",
    "INSERT INTO ledger SELECT * FROM kept_meanwhile",
    "DROP TABLE kept_meanwhile",
    "CREATE INDEX ix_ledger_simulated ON ledger (simulated)",
)
"""As on a laptop: the field is added, and what is most precious leaves its table and comes back."""


class Programs(Mapping[str, Kind]):
    """The kinds that the running machine's program knows, by name; and whose program is the older one."""

    def __init__(self) -> None:
        self.old: set[str] = set()
        """Machines that have not been updated. Central's console goes with central."""
        self._known_then = {name: _without_field(kind) for name, kind in KINDS.items() if name != NEWER_KIND}

    def of(self, machine: str) -> Mapping[str, Kind]:
        """The kinds that a machine's program knows."""
        return self._known_then if (CENTRAL if machine == CONSOLE else machine) in self.old else KINDS

    def _known(self) -> Mapping[str, Kind]:
        return self.of(MACHINE.get())

    def __getitem__(self, name: str) -> Kind:
        return self._known()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def steps(self) -> tuple[Migration, ...]:
        """The schema's steps that the running machine's program knows."""
        if MACHINE.get() in self.old:
            return _STEPS
        return (*_STEPS, *_NEWER_STEPS)

    def start_central(self, engine: Engine) -> None:
        """Bring central's schema up to its program, as every start does. The older one is there. Raises Transient."""
        forget_fields()
        if CENTRAL in self.old:
            return
        with engine.begin() as connection:
            step = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
            if step != CENTRALS_STEP:
                connection.execute(text(_AS_IT_WAS.replace("COLUMN", "COLUMN IF EXISTS")))
        database.migrate(engine)


_STEPS = migrate.migrations()
_NEWER_STEPS = tuple(
    Migration(_STEPS[-1].number + place, f"simulated_{place}", sql)
    for place, sql in enumerate((_AS_IT_WAS, _UPDATE), start=1)
)


def _without_field(kind: Kind) -> Kind:
    name, field = NEWER_FIELD
    if kind.name != name:
        return kind
    older = replace(kind)
    # A cached property's value: the columns that this program was written with.
    vars(older)["columns"] = {path: column for path, column in kind.columns.items() if path != field}
    return older


def forget_fields() -> None:
    """Central's program remembers which fields there are for as long as it runs."""
    vars(checks)["_belongs"].cache_clear()


def _steps_of_central() -> tuple[Path, ...]:
    return (*_STEP_FOLDERS, Path(__file__).with_name("newer"))


_STEP_FOLDERS = database.step_folders()


@contextmanager
def programs() -> Iterator[Programs]:
    """Let machines have programs of two ages for the length of a story."""
    known = Programs()
    modules = [kinds, *(module for name, module in sys.modules.items() if name.startswith(_OF_A_PROGRAM))]
    places = [module for module in modules if getattr(module, "KINDS", None) is KINDS]
    steps, folders = migrate.migrations, database.step_folders
    for module in places:
        vars(module)["KINDS"] = known
    migrate.migrations, database.step_folders = known.steps, _steps_of_central
    try:
        yield known
    finally:
        migrate.migrations, database.step_folders = steps, folders
        forget_fields()
        for module in places:
            vars(module)["KINDS"] = KINDS

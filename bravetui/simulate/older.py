"""Last year's program: on a laptop that has not been updated yet, one kind of record and one field are unknown.

Wherever a laptop's code looks a kind up, it finds what the program of the running machine knows; central, the office and
updated laptops know all. What is unknown must be kept, missed by nobody, and used after the update, which also brings the
database's schema one step further.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from bravetui.db import digest, kinds, migrate
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.migrate import Migration
from bravetui.simulate.crash import MACHINE
from bravetui.wire.lanes import Lane

NEWER_KIND = "delivery"
NEWER_FIELD = ("daily_log", "weather")

_OF_A_LAPTOP = ("bravetui.db.", "bravetui.sync.", "bravetui.actions.", "bravetui.views.", "bravetui.wiring.")

_AS_IT_WAS = f"ALTER TABLE {NEWER_FIELD[0]} DROP COLUMN {NEWER_FIELD[1]};"
"""The older program fills that column with nothing; only here does its table do without."""

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


class Programs(Mapping[str, Kind]):
    """The kinds that the running machine's program knows, by name; and whose program is the older one."""

    def __init__(self) -> None:
        self.old: set[str] = set()
        """Machines that have not been updated."""
        self._known_then = {name: _without_field(kind) for name, kind in KINDS.items() if name != NEWER_KIND}

    def _known(self) -> Mapping[str, Kind]:
        return self._known_then if MACHINE.get() in self.old else KINDS

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


@contextmanager
def programs() -> Iterator[Programs]:
    """Let laptops have programs of two ages for the length of a story."""
    for lane in Lane:
        digest.kinds_in_window(lane)  # kept for the whole process, so it has to know all
    known = Programs()
    modules = [kinds, *(module for name, module in sys.modules.items() if name.startswith(_OF_A_LAPTOP))]
    places = [module for module in modules if getattr(module, "KINDS", None) is KINDS]
    steps = migrate.migrations
    for module in places:
        vars(module)["KINDS"] = known
    migrate.migrations = known.steps
    try:
        yield known
    finally:
        migrate.migrations = steps
        for module in places:
            vars(module)["KINDS"] = KINDS

"""A machine with last year's program knows less than the others, for the length of a story and no longer."""

from __future__ import annotations

import pytest

from bravetui.central import feed
from bravetui.db import migrate
from bravetui.db.kinds import KINDS, kind_of, tables_in
from bravetui.simulate.crash import CENTRAL, running_on
from bravetui.simulate.older import NEWER_FIELD, NEWER_KIND, programs
from bravetui.sync import apply

KIND, FIELD = NEWER_FIELD


def test_only_the_machine_that_was_not_updated_knows_neither_the_newer_kind_nor_the_newer_field() -> None:
    with programs() as known:
        known.old.add("carlos")
        with running_on("carlos"):
            assert NEWER_KIND not in vars(apply)["KINDS"]
            assert FIELD not in kind_of(KIND).columns
            assert FIELD not in kind_of(KIND).rules
        with running_on("dana"):
            assert set(vars(apply)["KINDS"]) == set(KINDS)
            assert kind_of(KIND) is KINDS[KIND]
    assert vars(apply)["KINDS"] is KINDS


@pytest.mark.parametrize("first", [True, False], ids=["older first", "newer first"])
def test_a_statement_that_one_program_keeps_in_memory_is_not_the_others(first: bool) -> None:
    """Or a month would go as the months went that the same process lived before."""
    feed._older_in.cache_clear()
    with programs() as known:
        known.old.add(CENTRAL)
        for is_old in (first, not first):
            with running_on(CENTRAL if is_old else "dana"):
                statement = str(feed._older_in(tables_in(KINDS[NEWER_KIND].lane)))
            assert (f"FROM {NEWER_KIND}" in statement) is not is_old


def test_the_update_brings_steps_of_the_schema() -> None:
    shipped = migrate.migrations()
    with programs() as known:
        known.old.add("carlos")
        with running_on("carlos"):
            assert migrate.migrations() == shipped
        newer = migrate.migrations()[len(shipped) :]
        assert [step.number - shipped[-1].number for step in newer] == [1, 2]
    assert migrate.migrations() == shipped

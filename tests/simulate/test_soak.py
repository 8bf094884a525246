"""A soak goes on whatever one month does, and says how to live through that month again."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import select

from bravetui.base.errors import BadInput
from bravetui.central.database import open_central_engine
from bravetui.central.tables import LEDGER
from bravetui.simulate import main
from bravetui.simulate.central import found_site
from bravetui.simulate.database import Databases
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.main import Task
from bravetui.simulate.month import simulate
from bravetui.simulate.outcome import Outcome, Plan, unlived
from bravetui.simulate.people import People
from bravetui.simulate.tally import Record, Tally
from tests.simulate.conftest import Site

Soak = Callable[..., int]


@pytest.fixture
def soak(site: Site, monkeypatch: pytest.MonkeyPatch) -> Soak:
    """`bravetui simulate`, on the tests' own server and in this process."""

    def in_this_process(_server: str, tasks: list[Task], _jobs: int) -> Iterator[Outcome]:
        yield from map(main._work, tasks)

    monkeypatch.setattr(main, "_here", [(site.databases, site.template)])
    monkeypatch.setattr(main, "_outcomes", in_this_process)

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        main.options(parser)
        asked = parser.parse_args([*words, "--days", "3", "--laptops", "1"])
        seeds, plan = range(asked.first, asked.first + asked.months), main.plan_of(asked)
        record = Record(asked.record, plan, twice=not asked.once)
        return main._soak("", seeds, plan, asked.jobs, record, twice=not asked.once)

    return run


def test_every_process_begins_a_month_alike(site: Site) -> None:
    """Else the command that a month prints would live another one: a few bytes more, and a line is cut elsewhere."""
    again = found_site(site.databases)
    try:
        assert _told(site.databases, again) == _told(site.databases, site.template)
    finally:
        site.databases.drop(again)


def _told(databases: Databases, name: str) -> list[tuple[str, str, str]]:
    engine = open_central_engine(databases.url(name))
    query = select(LEDGER.c.body, LEDGER.c.verdict, LEDGER.c.chain).order_by(LEDGER.c.scope_id, LEDGER.c.seq)
    with engine.connect() as connection:
        found = [(row.body, row.verdict, row.chain) for row in connection.execute(query)]
    engine.dispose()
    return found


def test_an_error_that_is_not_ours_ends_its_month_and_not_the_soak(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The month says where it broke and how to see it again; the others are lived, summed up, and the exit code is 1."""
    lived = [0]

    def noted(databases: Databases, template: str, seed: int, plan: Plan) -> Outcome:
        lived.append(seed)
        return simulate(databases, template, seed, plan)

    def bug(_people: People, _laptop: SimulatedLaptop) -> None:
        if lived[-1] == 3:  # the first in which anybody does anything
            raise RuntimeError("not ours")

    monkeypatch.setattr(main, "simulate", noted)

    monkeypatch.setattr(People, "_act", bug)
    assert soak("--months", "2", "--first", "2") == 1
    said = capsys.readouterr().out
    assert "RuntimeError: not ours" in said
    assert "in bug" in said, "where it happened"
    assert "    ... " in said, "what came just before"
    assert "again: bravetui simulate --seed 3 --laptops 1 --days 3" in said
    assert "month 2: all held" in said
    assert "2 months in" in said
    assert "two runs differ" not in said, "it breaks at the same place again"


def test_a_month_in_which_nobody_would_ever_wake_is_a_complaint(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits for ever cannot hold up the soak."""

    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(People, "work", for_ever)
    monkeypatch.setattr("bravetui.sync.worker.Worker.watch", for_ever)
    assert soak("--months", "1", "--once") == 1
    assert "Stalled" in capsys.readouterr().out


def test_a_month_that_cannot_even_begin_is_a_complaint(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor can a server that lends no database."""
    monkeypatch.setattr(main, "_here", [])
    assert soak("--months", "1", "--once") == 1
    assert "could not be lived" in capsys.readouterr().out


def test_an_interrupted_soak_goes_on_where_it_was_and_adds_up_to_the_same(
    soak: Soak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of work end with one key, by a machine that goes down, or by a month that could not be lived."""
    whole, halves = tmp_path / "whole.json", tmp_path / "halves.json"
    assert soak("--months", "4", "--once", "--record", str(whole)) == 0
    keys = iter([None, KeyboardInterrupt, None, OSError])

    def interrupted(*asked: Any) -> Outcome:
        raised = next(keys, None)
        if raised is not None:
            raise raised
        return simulate(*asked)

    monkeypatch.setattr(main, "simulate", interrupted)
    asked = ("--months", "4", "--once", "--record", str(halves))
    with pytest.raises(KeyboardInterrupt):
        soak(*asked)
    assert "\n1 month in" in capsys.readouterr().out
    assert soak(*asked) == 1, "one could not be lived"
    assert soak(*asked) == 0
    assert "3 months in the record already; left: 1" in capsys.readouterr().out
    told, other = (json.loads(path.read_text()) for path in (whole, halves))
    assert told["tally"].pop("took_s") > 0 < other["tally"].pop("took_s")
    assert told == other
    assert told["tally"]["lived"] == [[1, 4]]


@pytest.mark.parametrize("spoil", ["another program", "months of another size", "no record"])
def test_a_record_of_anything_else_is_never_added_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    """What it adds up to would be nobody's."""
    path = tmp_path / "soak.json"
    Record(path, Plan(), twice=False).write(Tally({1, 2, 3, 7}))
    assert Record(path, Plan(), twice=False).read() == Tally({1, 2, 3, 7})
    if spoil == "another program":
        monkeypatch.setattr("bravetui.simulate.tally.program", lambda: "another")
    elif spoil == "no record":
        path.write_text("[1, 2]")
    plan = Plan(days=29) if spoil == "months of another size" else Plan()
    with pytest.raises(BadInput, match=r"another|not the record"):
        Record(path, plan, twice=False).read()


class DyingPool:
    """Its first process dies over its second month; a pool made anew lives on."""

    def __init__(self, _server: str, _jobs: int) -> None:
        self.asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, _work: object, task: Task) -> Future[Outcome]:
        future = Future[Outcome]()
        if task[0] == 2:
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(unlived(task[0], ""))
        return future


def test_a_process_that_dies_takes_only_its_own_months_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every month has an outcome, also after the process that lived through some of them was killed."""
    monkeypatch.setattr(main, "_pool", DyingPool)
    monkeypatch.setattr(main, "databases_on", lambda *_, **__: nullcontext())
    tasks: list[Task] = [(seed, Plan(), "", False) for seed in range(1, 7)]
    outcomes = {outcome.seed: outcome.complaints[0] for outcome in main._outcomes("", tasks, 1)}
    assert outcomes.keys() == set(range(1, 7))
    assert "the process died" in outcomes[2]

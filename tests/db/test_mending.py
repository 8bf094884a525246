"""One change in the place of several that central refused: what it says of a counter is what they counted, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bravetui.base.canonical import Json
from bravetui.db import meta
from bravetui.db.kinds import KINDS
from bravetui.db.quarantine import Made, Run, mended, outdone
from bravetui.db.records import Stored, load, save_many
from bravetui.db.unconfirmed import gather_journal
from bravetui.merge.hlc import Hlc, tick
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell, RecordState, edited
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change
from tests.support.laptop import KEY, PROJECT, open_store

AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def counted(counter: int, before: int | None, after: int) -> Change:
    """A step of a counter; the first one makes the record."""
    return make_change(
        dot=Dot(1, counter), target=("p", "usage_day", "u"), op=Op.CREATE if before is None else Op.EDIT,
        context=VersionVector({1: counter - 1}), before={} if before is None else {"count": before},
        after={"count": after}, hlc=Hlc(counter), author_id="carlos", at=AT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("refused", "handed_in", "changed", "told"),
    [
        ([(2, 3, 5)], [], {"note": "x"}, (3, 5)),
        ([(2, 3, 5)], [(3, 5, 9)], {"note": "x"}, (3, 5)),
        ([(2, 3, 5), (4, 9, 10)], [(3, 5, 9)], {"note": "x"}, (3, 6)),
        ([(2, 3, 5)], [(3, 5, 9)], {"count": 10}, (3, 6)),
        ([(1, None, 1)], [(2, 1, 4)], {"count": 5}, (None, 2)),
    ],
    ids=["alone", "before another", "around another", "counted on", "made"],
)
def test_what_was_counted_in_refused_changes_counts_once(
    refused: list[tuple[int, int | None, int]],
    handed_in: list[tuple[int, int | None, int]],
    changed: dict[str, Json],
    told: tuple[int | None, int],
) -> None:
    run = Run(tuple(counted(*one) for one in refused), tuple(counted(*one) for one in handed_in))
    last = max((*run.changes, *run.since), key=lambda change: change.dot)
    now = RecordState({"count": Cell(last.after["count"], (last.dot,), last.hlc)}, VersionVector({1: 9}))
    change = mended(run, changed, now, Made(Dot(1, 10), Hlc(10), AT), counted=["count"])
    assert (change.before.get("count"), change.after["count"]) == told


def test_of_a_group_nothing_is_said_anew_if_any_of_it_was_outdone() -> None:
    """Street and town of two authors would come to stand side by side."""
    rules = Rules({path: FieldRule(Rule.LAST_WRITE_WINS, group="address") for path in ("street", "town")})
    first = counted(2, 0, 0).model_copy(update={"after": {"street": "Main", "town": "Belen"}})
    theirs = {"street": "Elm", "town": "Belen"}
    now = RecordState(
        {path: Cell(value, (Dot(2, 1),), Hlc(9)) for path, value in theirs.items()}, VersionVector()
    )
    lost = outdone(Run((first,)), now, rules)
    assert lost == first.after
    made = mended(Run((first,)), {"note": "x"}, now, Made(Dot(1, 9), Hlc(10), AT), lost)
    assert made.after == {"note": "x"}


def test_a_refused_change_that_was_mended_under_another_number_does_not_come_back_at_the_next_start(
    tmp_path: Path,
) -> None:
    """Found by simulate in month 1599: the laptop, renumbered since, put it back from the journal over what he had typed."""
    store = open_store(tmp_path)
    with store.write() as writing:
        record = writing.create("violation", PROJECT, {"description": "fence", "severity": "minor"})
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'refused'")
    store.become(replace(store.identity, device=9))
    with store.write() as writing:
        writing.edit("violation", PROJECT, record, {"severity": "critical"})
    store.close()
    again = open_store(tmp_path, device=9)
    assert again.journal.damage == ()
    with again.read() as connection:
        stored = load(connection, KINDS["violation"], PROJECT, record)
        (body,) = connection.exec_driver_sql("SELECT body FROM outbox").scalars()
    assert stored is not None
    assert stored.state.values()["severity"] == "critical"
    assert Change.model_validate_json(body).after == {"description": "fence", "severity": "critical"}
    alone = gather_journal(tmp_path / "journal", KEY)
    assert [change.dot.device for change in alone.changes] == [9]


def test_what_was_outdone_does_not_come_back_from_the_journal_over_what_stands(tmp_path: Path) -> None:
    """It goes behind what was typed in its place, and a start puts changes back in the order of their numbers."""
    store = open_store(tmp_path)
    with store.write() as writing:
        record = writing.create("violation", PROJECT, {"description": "fence", "location": "lot 2"})
    kind = KINDS["violation"]
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'refused'")
        stored = load(connection, kind, PROJECT, record)
        assert stored is not None
        stamp = tick(meta.get_hlc(connection), 0)
        meta.put(connection, meta.HLC, str(stamp))
        theirs = edited(stored.state, {"location": "lot 3"}, Dot(7, 1), stamp)
        save_many(connection, kind, PROJECT, {record: Stored(theirs, 1)})
    store.close()
    before = (tmp_path / "site.db").read_bytes()
    again = open_store(tmp_path)
    with again.write() as writing:
        writing.edit("violation", PROJECT, record, {"location": "lot 4"})
    with again.read() as connection:
        held = connection.exec_driver_sql("SELECT body FROM outbox ORDER BY counter").scalars().all()
    assert [Change.model_validate_json(body).after.get("location") for body in held] == ["lot 4", "lot 2"]
    again.journal.rewrite([body.encode() for body in held])
    again.close()
    (tmp_path / "site.db").write_bytes(before)
    last = open_store(tmp_path)
    with last.read() as connection:
        stored = load(connection, kind, PROJECT, record)
    assert stored is not None
    assert stored.state.values()["location"] == "lot 4"

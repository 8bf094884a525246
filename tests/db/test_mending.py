"""How refused changes go again with what is typed now: as they are or corrected, and an edit behind them; each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bravetui.base.canonical import Json
from bravetui.db import meta
from bravetui.db.kinds import KINDS
from bravetui.db.quarantine import Again, Refusal, Run, again
from bravetui.db.records import Stored, load, save_many
from bravetui.db.unconfirmed import gather_journal
from bravetui.merge.hlc import Hlc, tick
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import RecordState, edited
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change
from tests.support.laptop import KEY, PROJECT, open_store

AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
NO_RIGHT, WRONG = Refusal("right_lost", None), Refusal("invalid_field", "count")


def said(counter: int, before: dict[str, Json], after: dict[str, Json], op: Op = Op.EDIT) -> Change:
    """One of a laptop's changes, made upon all before it."""
    return make_change(
        dot=Dot(1, counter), target=("p", "usage_day", "u"), op=op, context=VersionVector({1: counter - 1}),
        before=before, after=after, hlc=Hlc(counter), author_id="carlos", at=AT,
    )  # fmt: skip


def counted_to(counter: int, before: int | None, after: int) -> Change:
    """A step of a counter; the first one makes the record."""
    if before is None:
        return said(counter, {}, {"count": after}, Op.CREATE)
    return said(counter, {"count": before}, {"count": after})


def shown(changes: tuple[Change, ...]) -> RecordState:
    """The record once all are made."""
    state = RecordState({}, changes[0].context)
    for change in sorted(changes, key=lambda change: change.dot):
        state = edited(state, change.after, change.dot, change.hlc)
    return state


def planned(run: Run, typed: dict[str, Json], now: RecordState, rules: Rules) -> Again:
    def grown(change: Change) -> Change:
        return change.model_copy(update={"after": {**change.after, **typed}})

    return again(run, typed, now, rules, grown)


@pytest.mark.parametrize("why", [NO_RIGHT, WRONG])
@pytest.mark.parametrize(
    ("refused", "taken", "typed", "counted"),
    [
        ([(2, 3, 5)], [], {"note": "x"}, 2),
        ([(2, 3, 5)], [], {"count": 6}, 3),
        ([(2, 3, 5)], [(3, 5, 9)], {"note": "x"}, 2),
        ([(2, 3, 5), (4, 9, 10)], [(3, 5, 9)], {"note": "x"}, 3),
        ([(2, 3, 5), (4, 9, 10)], [(3, 5, 9)], {"count": 12}, 5),
        ([(1, None, 1)], [(2, 1, 4)], {"count": 5}, 2),
    ],
    ids=["alone", "counted on", "before another", "around another", "around, and on", "made"],
)
def test_what_was_counted_in_refused_changes_counts_once(
    why: Refusal,
    refused: list[tuple[int, int | None, int]],
    taken: list[tuple[int, int | None, int]],
    typed: dict[str, Json],
    counted: int,
) -> None:
    """Of a counter each change says how much came to it."""
    changes, since = (tuple(counted_to(*one) for one in some) for some in (refused, taken))
    now = shown((*changes, *since))
    rules = Rules({"count": FieldRule(Rule.SUM), "note": FieldRule(Rule.LAST_WRITE_WINS)})
    plan = planned(Run(changes, (why,) * len(changes), since), typed, now, rules)
    behind = (now.values(), plan.behind) if "count" in plan.behind else ({"count": 0}, {"count": 0})
    steps = [*((one.before, one.after) for one in (*plan.as_they_are, *plan.altered)), behind]
    total = sum(int(str(after["count"])) - int(str(before.get("count", 0))) for before, after in steps)
    assert total == counted


def test_only_what_central_would_not_have_is_corrected_and_all_behind_it_gets_new_numbers() -> None:
    changes = (said(2, {}, {"count": -1, "note": "x"}), said(4, {}, {"place": "lot 2"}))
    foreign = edited(shown(changes), {"place": "lot 3"}, Dot(2, 7), Hlc(9))
    rules = Rules({}, FieldRule(Rule.LAST_WRITE_WINS))
    plan = planned(Run(changes, (WRONG, NO_RIGHT)), {"count": 1, "note": "y"}, foreign, rules)
    assert plan.as_they_are == ()
    assert [change.after for change in plan.altered] == [{"count": 1, "note": "x"}, {"place": "lot 2"}]
    assert plan.behind == {"note": "y"}
    free = planned(Run(changes, (NO_RIGHT, NO_RIGHT)), {"count": 1}, foreign, rules)
    assert (free.as_they_are, free.altered, free.behind) == (changes, (), {"count": 1})


def test_of_a_group_all_is_said_behind_if_any_of_it_is() -> None:
    """Street and town of two authors would come to stand side by side."""
    rules = Rules({path: FieldRule(Rule.LAST_WRITE_WINS, group="address") for path in ("street", "town")})
    made = said(2, {}, {"street": "Main", "town": "?"})
    now = edited(shown((made,)), {"street": "Elm"}, Dot(2, 1), Hlc(9))
    typed: dict[str, Json] = {"street": "Elm", "town": "Belen"}
    plan = planned(Run((made,), (Refusal("invalid_field", "town"),)), typed, now, rules)
    assert plan.altered[0].after == {"street": "Main", "town": "Belen"}
    assert plan.behind == typed


def test_what_its_laptop_said_later_and_central_has_is_not_said_again_under_a_new_number() -> None:
    """Though it left the queue long ago."""
    made = said(2, {}, {"place": "lot 2", "count": -1})
    now = shown((made, said(3, {}, {"place": "lot 3"})))
    plan = planned(Run((made,), (WRONG,)), {"count": 1}, now, Rules())
    assert [change.after for change in plan.altered] == [{"count": 1}]
    assert plan.behind == {}


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


@pytest.mark.parametrize("rewritten", [False, True])
def test_a_database_from_before_what_was_typed_on_shows_it_again_and_not_what_it_stands_over(
    tmp_path: Path, rewritten: bool
) -> None:
    """Killed between journal and commit, or put back: somebody else's word, or an older one of his own, is no later."""
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
    store = open_store(tmp_path)
    with store.write() as writing:
        writing.edit("violation", PROJECT, record, {"location": "lot 4", "severity": "minor"})
    if rewritten:
        with store.read() as connection:
            held = connection.exec_driver_sql("SELECT body FROM outbox ORDER BY counter").scalars().all()
        store.journal.rewrite([body.encode() for body in held])
    store.close()
    (tmp_path / "site.db").write_bytes(before)
    store = open_store(tmp_path)
    with store.read() as connection:
        stored = load(connection, kind, PROJECT, record)
    assert stored is not None
    told = stored.state.values()
    assert (told["location"], told["severity"]) == ("lot 4", "minor")

"""After each sync both ends compare what they have; what differs is found, and only that travels."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.db.device import Cursor, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.forms.template import Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from bravetui.sync.agreement import TRIES_MAX, begin_anew, is_agreed
from bravetui.sync.progress import Exchanged
from bravetui.wire.lanes import Lane
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World, demote, forget_kinds

_cursor = Cursor.__table__  # type: ignore[attr-defined]
_violations = KINDS["violation"].table

RECORDS = 40
DAY = "answers/day"


async def settled(world: World) -> tuple[Here, list[str]]:
    """A laptop that has handed in some records and holds what central holds."""
    here = await world.laptop("a", "carlos")
    records = [here.create("violation", {"description": f"finding {number}"}) for number in range(RECORDS)]
    assert await here.sync()
    return here, records


def compare_all(here: Here) -> None:
    """What happens once a week, and when the doctor is asked."""
    with here.store.maintain() as connection:
        begin_anew(connection, here.store.clock.now())


def agreed(here: Here) -> bool:
    with here.store.read() as connection:
        return is_agreed(connection)


def rows_received(here: Here) -> int:
    return sum(sum(event.rows.values()) for event in here.events if isinstance(event, Exchanged))


async def test_both_ends_agree_after_a_sync_and_no_contact_more_is_made_for_it(world: World) -> None:
    here, _ = await settled(world)
    assert agreed(here)
    contacts = sum(isinstance(event, Exchanged) for event in here.events)
    assert contacts == 2, "one carries everything, one confirms"
    assert await here.sync()
    assert sum(isinstance(event, Exchanged) for event in here.events) == contacts + 1


async def test_a_value_that_changed_by_itself_is_found_and_only_its_record_travels(world: World) -> None:
    here, records = await settled(world)
    with here.store.maintain() as connection:
        connection.execute(
            update(_violations).where(_violations.c.id == records[7]).values(description="findung 7")
        )
    here.events.clear()
    compare_all(here)
    assert not agreed(here)
    assert await here.sync()
    assert here.value("violation", records[7], "description") == "finding 7"
    assert agreed(here)
    assert rows_received(here) == 0, "pages bring nothing again"
    assert here.outbox(OutboxState.PENDING, OutboxState.SENT) == []


async def test_a_record_that_is_gone_from_the_laptop_is_fetched(world: World) -> None:
    here, records = await settled(world)
    with here.store.maintain() as connection:
        connection.execute(delete(_violations).where(_violations.c.id.in_(records[3:6])))
    compare_all(here)
    assert await here.sync()
    assert here.value("violation", records[4], "description") == "finding 4"
    there = world.central_records()
    assert {key: there[key] for key in here.records()} == here.records()
    assert all((PROJECT, "violation", record) in here.records() for record in records)


async def test_a_record_that_central_has_lost_is_handed_in_again(world: World) -> None:
    """Absence at central is never deletion."""
    here, records = await settled(world)
    with world.engine.begin() as connection:
        connection.execute(delete(_violations).where(_violations.c.id == records[9]))
    compare_all(here)
    assert await here.sync()
    with world.engine.connect() as connection:
        query = select(_violations.c.description).where(_violations.c.id == records[9])
        assert connection.execute(query).scalar_one() == "finding 9"


async def test_a_confirmed_word_that_central_has_lost_of_a_record_is_handed_in_again(world: World) -> None:
    """As where a page of its database is from yesterday."""
    here, records = await settled(world)
    one = select(_violations).where(_violations.c.id == records[9])
    with world.engine.connect() as connection:
        yesterday = dict(connection.execute(one).mappings().one())
    here.edit("violation", records[9], location="lot 5")
    for _ in range(2):
        assert await here.sync()
    with world.engine.begin() as connection:
        earlier = {name: value for name, value in yesterday.items() if name != "seq"}
        connection.execute(update(_violations).where(_violations.c.id == records[9]).values(**earlier))
    compare_all(here)
    for _ in range(2):
        assert await here.sync()
    with world.engine.connect() as connection:
        assert connection.execute(one).one().location == "lot 5"
    assert agreed(here)


async def test_work_that_central_has_not_taken_is_left_out_and_left_alone(world: World) -> None:
    here, records = await settled(world)
    with here.store.maintain() as connection:
        connection.execute(
            update(_violations).where(_violations.c.id == records[7]).values(description="findung 7")
        )
    compare_all(here)
    here.line.cut()
    here.edit("violation", records[8], description="typed meanwhile")
    here.line.restore()
    assert await here.sync()
    assert here.value("violation", records[8], "description") == "typed meanwhile"
    assert here.value("violation", records[7], "description") == "finding 7"
    told = [change.after["description"] for change in world.ledger() if change.kind == "violation"]
    assert (len(told), told[-1]) == (RECORDS + 1, "typed meanwhile"), "nothing but his own work was handed in"


async def test_all_handed_in_is_not_said_while_the_two_differ(world: World) -> None:
    """A difference that cannot be mended keeps the word back, and does not make the laptop ask for ever."""
    here, records = await settled(world)
    strange = 1_000_000
    with here.store.maintain() as connection:
        # A number that central never gave: its row seems older than what is here.
        connection.execute(
            update(_violations)
            .where(_violations.c.id == records[7])
            .values(seq=strange, description="findung 7")
        )
        connection.execute(update(_cursor).values(agreed=0))
    assert not await here.sync()
    with here.store.read() as connection:
        assert not is_agreed(connection)


async def test_a_difference_that_was_given_up_is_looked_for_anew_once_news_have_come(world: World) -> None:
    """Found by simulate in month 1613: while others refilled a restored central, each contact brought news, so none came
    nearer to the difference, and the last of its tries was used up before they were done."""
    here, records = await settled(world)
    with here.store.maintain() as connection:
        connection.execute(
            update(_violations).where(_violations.c.id == records[7]).values(description="findung 7")
        )
        critical = (_cursor.c.scope_id == PROJECT, _cursor.c.lane == Lane.CRITICAL)
        given_up = {"tries": TRIES_MAX, "want": []}
        connection.execute(update(_cursor).where(*critical).values(agreed=0, differs=given_up))
    await here.sync()
    assert here.value("violation", records[7], "description") == "findung 7", "given up"
    world.site.central.publish(PROJECT, [Writing("violation", "news", {"description": "by the office"})])
    assert await here.sync()
    assert here.value("violation", records[7], "description") == "finding 7"


@pytest.mark.parametrize("unknown", [("delivery",), ("delivery", "inspector_visit", "safety_alert")])
async def test_kinds_that_only_a_newer_program_knows_keep_nobody_from_being_all_handed_in(
    world: World, monkeypatch: pytest.MonkeyPatch, unknown: tuple[str, ...]
) -> None:
    """They are kept and count on neither side, whoever writes in them later; all else is compared as ever."""
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    forget_kinds(monkeypatch, *unknown)
    note = carlos.create("daily_log", {"narrative": "good"})
    for day in range(3):
        for kind in unknown:
            world.site.central.publish(PROJECT, [Writing(kind, f"{kind}-{day}", {})], "olga")
        assert await carlos.sync()
        assert agreed(carlos)
        contacts = sum(isinstance(event, Exchanged) for event in carlos.events)
        assert await carlos.sync()
        assert sum(isinstance(event, Exchanged) for event in carlos.events) == contacts + 1
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE daily_log SET narrative = 'rotten'")
    compare_all(carlos)
    assert await carlos.sync()
    assert carlos.value("daily_log", note, "narrative") == "good"


@pytest.mark.parametrize("anew", [False, True], ids=["as it goes", "with all compared anew"])
async def test_what_only_an_older_laptop_kept_of_a_lost_central_is_handed_in_after_its_update(
    world: World, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    """Found by simulate: it came into the tables after its lane had been found equal, or in the very answer that found it
    so, and was not asked about."""
    olga, carlos = await world.laptop("o", "olga"), await world.laptop("a", "carlos")
    await carlos.sync()
    with world.backup_of_central() as backup:
        olga.create("delivery", {"supplier": "Acme"})
        await olga.sync()
        with monkeypatch.context() as before_the_update:
            forget_kinds(before_the_update, "delivery")
            await carlos.sync()
            with world.restored(backup):
                assert await carlos.sync()
                before_the_update.undo()
                if anew:
                    compare_all(carlos)
                for _ in range(3):
                    await carlos.sync()
                kept = [key for key in carlos.records() if key[1] == "delivery"]
                assert len(kept) == 1
                assert kept == [key for key in world.central_records() if key[1] == "delivery"]


async def test_what_was_refused_here_and_taken_from_a_copy_meanwhile_is_compared_with_central(
    world: World,
) -> None:
    """Found by simulate in month 57. The form was signed: central keeps what was signed, and asks. Here the earlier date had
    been laid upon it by the field's rule, in a record that was left out of what was found equal."""
    day = Question(path="day", ref="day", label="Day", kind=QuestionKind.DATE, rule=FieldRule(Rule.EARLIEST))
    form = Template("days", 1, "Days", "custom", "", (Section("s", "s", "S", (day,)),))
    body: dict[str, Json] = {"key": "days", "title": "Days", "body": form.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "form-days", body)])
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    assert await carlos.sync()
    record = carlos.create("submission", {"template_id": "form-days", DAY: "2026-08-03"})
    for here in (carlos, dana):
        assert await here.sync()
    dana.edit_paths("submission", record, {DAY: "2026-08-02", "status": "submitted"})
    carlos.edit_paths("submission", record, {DAY: "2026-08-01"})
    carlos, copy = world.copy(carlos, "c")
    demote(world, "carlos", "viewer")
    await carlos.sync()
    assert await dana.sync()
    await carlos.sync()
    assert carlos.value("submission", record, DAY) == "2026-08-01"
    demote(world, "carlos", "foreman")
    assert await copy.sync()
    for _ in range(2):
        await carlos.sync()
    assert {here.value("submission", record, DAY) for here in (carlos, copy)} == {"2026-08-02"}

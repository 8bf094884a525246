"""What is typed where central refused something: corrected, shortened, counted on, or removed."""

from __future__ import annotations

import pytest

from bravetui.actions.queue import send_again
from bravetui.base.canonical import Json
from bravetui.central import intake, taking
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.views import conflicts
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.refusing import refuse_bad, typed_meanwhile
from tests.support.world import World, demote
from tests.sync.test_quarantine import _breaks_at


async def test_a_restored_central_gets_back_a_value_of_a_record_of_which_a_change_was_refused(
    world: World,
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    demote(world, "carlos", "viewer")
    await carlos.sync()
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", record, {"location": "lot 9"})])
        await carlos.sync()
        carlos.edit("violation", record, rule_code="5.1")
        await carlos.sync()
        assert carlos.states()[-1] == OutboxState.REFUSED
        with world.restored(backup):
            for _ in range(3):
                await carlos.sync()
            demote(world, "carlos", "foreman")
            for _ in range(4):
                await carlos.sync()
            held = world.central_records()[PROJECT, "violation", record].state.values()
            assert held.get("rule_code") == "5.1"
            assert carlos.value("violation", record, "location") == "lot 9"
            assert held.get("location") == "lot 9", (carlos.states(), [one.after for one in carlos.outbox()])


async def test_a_restored_central_has_a_copy_again_of_what_it_had_refused(world: World) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    demote(world, "carlos", "viewer")
    await carlos.sync()
    with world.backup_of_central() as backup:
        carlos.edit("violation", record, rule_code="5.1")
        await carlos.sync()
        assert len(waiting(world.site.central)) == 1
        with world.restored(backup):
            for _ in range(4):
                await carlos.sync()
            assert len(waiting(world.site.central)) == 1, carlos.states()


async def test_what_was_refused_for_a_value_that_a_colleague_has_replaced_goes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on the screen is wrong any more, and what stands there cannot be typed: it says so already."""
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad", rule_code="5.1")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    await carlos.sync()
    assert carlos.value("violation", record, "location") == "lot 3"
    carlos.edit("violation", record, location="lot 3")
    carlos.edit("violation", record, description="Fence down. 20 ft.")
    await carlos.sync()
    await carlos.sync()
    held = world.central_records()[PROJECT, "violation", record].state.values()
    assert held.get("rule_code") == "5.1", carlos.states()


async def test_what_was_refused_for_what_a_row_said_goes_once_the_row_is_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"template_id": TEMPLATE, "title": "Daily"})
    assert await carlos.sync()
    row = "answers/controls/01989e2a-7c00-7a10-8b1e-3f60c4d2a9e1"
    refuse_bad(monkeypatch, f"{row}/need")
    carlos.edit_paths("submission", record, {row: 0, f"{row}/need": "bad", "answers/note": "mud"})
    await carlos.sync()
    assert carlos.states()[-1] == OutboxState.REFUSED
    carlos.edit_paths("submission", record, {row: None})
    await carlos.sync()
    await carlos.sync()
    held = world.central_records()[PROJECT, "submission", record].state.values()
    assert held.get("answers/note") == "mud", carlos.outbox(OutboxState.REFUSED)


async def test_what_was_too_large_goes_once_the_rows_that_made_it_so_are_removed(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"template_id": TEMPLATE, "title": "Daily"})
    assert await carlos.sync()
    rows = [f"answers/controls/01989e2a-7c00-7a10-8b1e-3f60c4d2a9{number:02x}" for number in range(24)]
    long = "word " * 9_900
    values: dict[str, Json] = {row: place for place, row in enumerate(rows)}
    values |= {f"{row}/need": long for row in rows}
    carlos.edit_paths("submission", record, values)
    await carlos.sync()
    assert carlos.states()[-1] == OutboxState.REFUSED
    carlos.edit_paths("submission", record, dict.fromkeys(rows[1:]))
    await carlos.sync()
    assert await carlos.sync(), carlos.states()


@pytest.mark.parametrize(
    ("kind", "path", "first", "then", "mend"),
    [
        ("corrective_action", "trigger", "5.1.1", "5.1.2", {"control": "fence"}),
        ("violation", "severity", "critical", "minor", {"rule_code": "5.2"}),
    ],
    ids=["asked", "outdone"],
)
async def test_his_own_correction_stands_over_his_older_word_though_the_office_mended_another_field_of_that(
    world: World, kind: str, path: str, first: str, then: str, mend: dict[str, Json]
) -> None:
    """As it does where the office releases it."""
    carlos, dana, record = await world.two_that_have({"identified_at": "2026-08-03T12:00:00Z"}, kind)
    demote(world, "carlos", "viewer")
    carlos.edit_paths(kind, record, {path: first, **dict.fromkeys(mend, "5.1")})
    await carlos.sync()
    world.clock.advance(hours=1)
    carlos.edit_paths(kind, record, {path: then})
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga", mend)
    demote(world, "carlos", "foreman")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value(kind, record, path) == then
    assert not [row for row in conflicts.conflicts(dana.store, PROJECT) if row.status == "open"]


async def test_a_colleague_s_word_is_shown_though_something_waits_behind_a_refused_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad")
    await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, rule_code="5.1"))
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    dana.edit("violation", record, description="Fence down. Called the office.")
    assert await dana.sync()
    await carlos.sync()
    assert carlos.value("violation", record, "description") == "Fence down. Called the office."


async def test_what_was_counted_after_a_refused_change_still_counts_once_that_is_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("usage_day", {"metric": "forms", "count": 3})
    assert await carlos.sync()
    refuse_bad(monkeypatch, "metric")
    carlos.edit("usage_day", record, count=5, metric="bad")
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    carlos.edit("usage_day", record, count=9)
    await carlos.sync()
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.CONFIRMED]
    carlos.edit("usage_day", record, metric="opened")
    assert await carlos.sync()
    table = "SELECT count FROM usage_day"
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql(table).scalar_one() == 9, [
            (str(one.dot), dict(one.before), dict(one.after))
            for one in world.ledger()
            if one.kind == "usage_day"
        ]


async def test_a_colleague_s_sentence_is_shown_once_in_a_text_that_was_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch, "description")
    carlos.edit("violation", record, description="bad Fence down. Lot 2.")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, description="Fence down. Called the office.")
    assert await dana.sync()
    await carlos.sync()
    shown = str(carlos.value("violation", record, "description"))
    assert shown.count("Called the office.") == 1
    dana.edit("violation", record, description="Fence down. Called the office. Nobody there.")
    assert await dana.sync()
    carlos.edit("violation", record, description=shown.removeprefix("bad ") + " Mended.")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        text = str(here.value("violation", record, "description"))
        assert text.count("Called the office.") == 1, text
        assert all(said in text for said in ("Lot 2.", "Nobody there.", "Mended.")), text
    assert not [row for row in conflicts.conflicts(dana.store, PROJECT) if row.status == "open"]


@pytest.mark.parametrize(
    ("path", "kind", "first", "then"),
    [
        ("trigger", "corrective_action", "5.1.1", "5.1.2"),
        ("severity", "violation", "critical", "minor"),
    ],
)
async def test_control_his_own_correction_stands_where_the_office_releases(
    world: World, kind: str, path: str, first: str, then: str
) -> None:
    carlos, dana, record = await world.two_that_have({"identified_at": "2026-08-03T12:00:00Z"}, kind)
    demote(world, "carlos", "viewer")
    carlos.edit_paths(kind, record, {path: first})
    await carlos.sync()
    world.clock.advance(hours=1)
    carlos.edit_paths(kind, record, {path: then})
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga")
    demote(world, "carlos", "foreman")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value(kind, record, path) == then
    assert not [row for row in conflicts.conflicts(dana.store, PROJECT) if row.status == "open"]


async def test_a_refused_change_can_be_mended_though_the_one_behind_it_was_sent_again_by_hand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad")
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    carlos.edit("violation", record, location="bad lot", rule_code="5.1")
    await carlos.sync()
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.REFUSED]
    send_again(carlos.store, carlos.outbox()[-1].dot)
    await carlos.sync()
    carlos.edit("violation", record, location="lot 5")
    await carlos.sync()
    assert await carlos.sync(), carlos.states()


async def test_what_waited_behind_one_on_hold_that_was_refused_goes_with_its_mending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dana, carlos = await world.laptop("dana-1", "dana"), await world.laptop("carlos-1", "carlos")
    inspection = "01989e2a-7c00-7a10-8b1e-3f60c4d2a9e1"
    record = carlos.create("violation", {"description": "fence down", "inspection_id": inspection})
    await carlos.sync()
    carlos.edit("violation", record, rule_code="5.1")
    await carlos.sync()
    assert carlos.states() == [OutboxState.PARKED] * 2
    with monkeypatch.context() as broken:
        broken.setattr(taking, "decide", _breaks_at("inspection_id", intake.decide))
        with dana.store.write() as writing:
            writing.create("inspection", PROJECT, {"note": "after rain"}, record_id=inspection)
        assert await dana.sync()
        await carlos.sync()
        await carlos.sync()
    carlos.edit("violation", record, location="lot 4")
    await carlos.sync()
    assert await carlos.sync(), carlos.states()
    held = world.central_records()[PROJECT, "violation", record].state.values()
    assert (held.get("location"), held.get("rule_code")) == ("lot 4", "5.1")


async def test_a_restored_central_gets_back_a_value_of_a_record_of_which_a_change_stays_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch, "rule_code")
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", record, {"location": "lot 9"})])
        await carlos.sync()
        carlos.edit("violation", record, rule_code="bad")
        await carlos.sync()
        assert carlos.states()[-1] == OutboxState.REFUSED
        with world.restored(backup):
            for _ in range(5):
                await carlos.sync()
            held = world.central_records()[PROJECT, "violation", record].state.values()
            assert held.get("location") == "lot 9"

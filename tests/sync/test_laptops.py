"""Laptops, the office and central: what must be true whatever the line does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from bravetui.actions import conflicts as deciding
from bravetui.actions import forms
from bravetui.actions.queue import send_again
from bravetui.base.errors import Transient
from bravetui.db.device import Outbox
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.sync.progress import AllHandedIn, ChangeRefused, Renumbered
from bravetui.views import conflicts, queue
from bravetui.views.forms import form
from tests.support.realm import Device, World, make_world

_outbox = Outbox.__table__  # type: ignore[attr-defined]


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with make_world(tmp_path, database_url) as made:
        yield made


async def two(world: World) -> tuple[Device, Device]:
    """A foreman's laptop and the office's."""
    return await world.enrol("foreman", world.site.foreman_id), await world.enrol(
        "office", world.site.office_id
    )


def start(world: World, device: Device) -> str:
    return forms.start_form(device.store, world.site.project_id, world.site.template_id).submission_id


def answer(world: World, device: Device, submission_id: str, **answers: str) -> None:
    forms.answer(device.store, world.site.project_id, submission_id, answers)


def answers(world: World, device: Device, submission_id: str) -> dict[str, object]:
    return dict(form(device.store, world.site.project_id, submission_id).answers)


def states(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.state for row in connection.execute(select(_outbox.c.state).order_by(_outbox.c.counter))]


def ledger(world: World) -> list[tuple[int, int]]:
    return [(d, c) for d, c in world.ask("SELECT device, counter FROM ledger WHERE device > 0")]


def equal_everywhere(world: World) -> bool:
    """Every record of the project has the same values on every laptop and at central."""
    central = world.cells(world.engine, world.site.project_id)
    return all(world.cells(device.store.engine, world.site.project_id) == central for device in world.devices)


async def test_a_first_sync_brings_the_whole_site(world: World) -> None:
    """News and history, until nothing is left; the laptop then equals central."""
    await world.enrol("foreman", world.site.foreman_id)
    assert equal_everywhere(world)
    assert len(world.cells(world.engine, world.site.project_id)) > 100


async def test_different_fields_of_one_form_merge_by_themselves(world: World) -> None:
    """Nobody is asked, both values stand, on both laptops."""
    here, office = await two(world)
    submission = start(world, here)
    await here.sync()
    await office.sync()
    answer(world, here, submission, phase="grading")
    answer(world, office, submission, weather_now="rain")
    await here.sync()
    await office.sync()
    await here.sync()
    assert equal_everywhere(world)
    told = answers(world, here, submission)
    assert (told["phase"], told["weather_now"]) == ("grading", "rain")
    assert conflicts.conflicts(here.store, world.site.project_id) == ()


async def test_one_field_set_twice_is_a_conflict_that_either_may_decide(world: World) -> None:
    """It blocks no upload, keeps both values, and closes everywhere once."""
    here, office = await two(world)
    submission = start(world, here)
    await here.sync()
    await office.sync()
    answer(world, here, submission, trigger="storm_rain")
    answer(world, office, submission, trigger="complaint")
    await office.sync()
    assert await here.sync()
    (row,) = conflicts.conflicts(here.store, world.site.project_id)
    seen = conflicts.conflict(here.store, world.site.project_id, row.id)
    assert {seen.fields[0].local.raw, seen.fields[0].remote.raw} == {"storm_rain", "complaint"}
    deciding.decide(here.store, world.site.project_id, row.id, {seen.fields[0].path: "storm_rain"})
    await here.sync()
    await office.sync()
    assert equal_everywhere(world)
    assert answers(world, office, submission)["trigger"] == "storm_rain"
    assert [row.status for row in conflicts.conflicts(office.store, world.site.project_id)] == ["resolved"]


async def test_critical_goes_first_even_when_it_was_queued_last(world: World) -> None:
    """Central's own numbers say in which order it took them."""
    here, _ = await two(world)
    start(world, here)
    with here.store.write() as writing:
        writing.create("photo", world.site.project_id, {"owner_id": "x", "caption": "before"})
    with here.store.write() as writing:
        writing.create("violation", world.site.project_id, {"description": "fence down"})
    await here.sync()
    lanes = [lane for (lane,) in world.ask("SELECT lane FROM ledger WHERE device > 0 ORDER BY seq")]
    assert lanes == ["critical", "forms", "photos"]


async def test_an_answer_lost_on_the_way_back_doubles_nothing(world: World) -> None:
    """Central has taken the batch, the laptop does not know: it sends the same bytes again."""
    here, _ = await two(world)
    submission = start(world, here)
    real = here.line._inner.handle_async_request

    async def cut_after(request: httpx.Request) -> httpx.Response:
        response = await real(request)
        await response.aread()
        here.line.cut()
        return response

    here.line._inner.handle_async_request = cut_after  # type: ignore[method-assign]
    with pytest.raises(Transient):
        await here.sync()
    assert states(here.store) == ["sent"]
    here.line._inner.handle_async_request = real  # type: ignore[method-assign]
    here.line.restore()
    answer(world, here, submission, weather_now="fog")
    assert await here.sync()
    assert ledger(world) == [(1, 1), (1, 2)]


async def test_confirmed_takes_a_later_request_than_applied(world: World) -> None:
    """A verdict alone is not yet a reason to forget."""
    here, _ = await two(world)
    start(world, here)
    from bravetui.sync.exchange import prepare, take
    from bravetui.wire.lanes import Lane

    prepared = prepare(here.store, list(Lane), 1 << 20)
    answered = await here.worker._client.sync(prepared.request)
    take(here.store, prepared, answered.answer)
    assert states(here.store) == ["applied"]
    assert await here.sync()
    assert states(here.store) == ["confirmed"]
    assert any(isinstance(event, AllHandedIn) for event in here.events)


async def test_a_forged_verdict_acknowledges_nothing(world: World) -> None:
    """Central's words under another's signature, about another hash, or about another number."""
    here, _ = await two(world)
    start(world, here)
    from bravetui.sync.exchange import prepare, take
    from bravetui.wire.lanes import Lane

    prepared = prepare(here.store, list(Lane), 1 << 20)
    genuine = (await here.worker._client.sync(prepared.request)).answer
    assert [verdict.hash for verdict in genuine.verdicts] == [""]  # the laptop puts in its own
    for lie in ({"signature": "A" * 86}, {"hash": "0" * 64}, {"seq": 99}):
        verdicts = tuple(verdict.model_copy(update=lie) for verdict in genuine.verdicts)
        taken = take(here.store, prepared, genuine.model_copy(update={"verdicts": verdicts}))
        assert (states(here.store), taken.forged) == (["sent"], 1)
    assert await here.sync()


async def test_a_refused_change_holds_back_only_its_own_record(world: World) -> None:
    """Quarantine: kept, shown with its reason, sent again once it is mended."""
    here, _ = await two(world)
    with here.store.write() as writing:
        sick = writing.create("violation", world.site.project_id, {"description": "one"})
    with here.store.maintain() as connection:
        row = connection.execute(select(_outbox.c.body)).scalar_one()
        body = json.loads(row)
        body["after"]["severity"] = "not a severity" * 10
        from bravetui.base.canonical import canonical_bytes, sha256_hex

        raw = canonical_bytes(body)
        connection.execute(update(_outbox).values(body=raw.decode(), hash=sha256_hex(raw)))
    with here.store.write() as writing:
        writing.create("violation", world.site.project_id, {"description": "two"})
    await here.sync()
    with here.store.write() as writing:
        writing.edit("violation", world.site.project_id, sick, {"location": "lot B"})
    assert not await here.sync()
    assert states(here.store) == ["confirmed", "refused"]
    assert any(isinstance(event, ChangeRefused) for event in here.events)
    item = queue.queue(here.store).items[0]
    assert item.state == "refused"
    assert "Severity" in (item.why or "")
    send_again(here.store, Dot.parse(item.dot))
    assert states(here.store) == ["confirmed", "sent"]


async def test_what_is_typed_during_an_exchange_is_not_overwritten(world: World) -> None:
    """Central's row for the record waits until the laptop's own change is in."""
    here, office = await two(world)
    submission = start(world, here)
    await here.sync()
    await office.sync()
    answer(world, office, submission, location="from the office")
    await office.sync()
    real = here.line._inner.handle_async_request

    async def type_meanwhile(request: httpx.Request) -> httpx.Response:
        answer(world, here, submission, summary="typed while the request was away")
        here.line._inner.handle_async_request = real  # type: ignore[method-assign]
        return await real(request)

    here.line._inner.handle_async_request = type_meanwhile  # type: ignore[method-assign]
    await here.sync()
    await office.sync()
    told = answers(world, here, submission)
    assert (told["summary"], told["location"]) == ("typed while the request was away", "from the office")
    assert equal_everywhere(world)


async def test_a_copied_laptop_is_named_and_loses_nothing(world: World) -> None:
    """Two laptops from one image: the second to come gets a number of its own, and both works are at central."""
    here = await world.enrol("foreman", world.site.foreman_id)
    here.laptop.close()
    world.devices.remove(here)
    shutil.copytree(world.folder / "foreman", world.folder / "copy")
    first, second = await world.open("foreman"), await world.open("copy")
    one, other = start(world, first), start(world, second)
    answer(world, second, other, summary="written on the copy, on no other laptop")
    await first.sync()
    await second.sync()
    await second.sync()
    await first.sync()
    assert any(isinstance(event, Renumbered) for event in second.events)
    assert second.store.identity.device != first.store.identity.device
    ids = {record_id for (record_id,) in world.ask("SELECT id FROM submission")}
    assert {one, other} <= ids
    assert equal_everywhere(world)


async def test_a_central_of_another_epoch_is_given_everything_again(world: World) -> None:
    """What was acknowledged but not confirmed is not taken for safe."""
    here, _ = await two(world)
    start(world, here)
    from bravetui.central.state import begin_epoch
    from bravetui.sync.exchange import prepare, take
    from bravetui.wire.lanes import Lane

    prepared = prepare(here.store, list(Lane), 1 << 20)
    take(here.store, prepared, (await here.worker._client.sync(prepared.request)).answer)
    assert states(here.store) == ["applied"]
    begin_epoch(world.engine, world.clock.now())
    assert await here.sync()
    assert states(here.store) == ["confirmed"]
    assert len(ledger(world)) == 1


async def test_typing_goes_on_folding_while_there_is_no_line(world: World) -> None:
    """A try on a dead line sends not one byte, so the change stays open and the outbox does not swell."""
    here, _ = await two(world)
    submission = start(world, here)
    here.line.cut()
    for word in ("one", "two", "three"):
        with pytest.raises(Transient):
            await here.sync()
        answer(world, here, submission, summary=f"a summary in {word} words, or so it says")
    assert states(here.store) == ["pending"]

"""A visit of support goes on for its hour and on its laptop alone, and what central cannot note is not done."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bravetui.actions.support import note_support
from bravetui.auth.support_pass import LIVES, SupportPass, sign_support_pass
from bravetui.base.errors import NeedsSignIn, Transient
from bravetui.base.files import storage_full
from bravetui.central.founding import add_person
from bravetui.central.tables import AUDIT
from bravetui.cli import support
from bravetui.cli.support_tasks import read_words
from bravetui.db.device import OutboxState
from bravetui.views.status import TOLD_FOR, log, sync_summary
from bravetui.wire.messages import SupportAct
from bravetui.wiring.supporting import Visit, thumbprint_of_laptop
from tests.support.central import KEYS, ORGANIZATION
from tests.support.world import Here, World


def visiting(world: World, here: Here, device: int | None = None, at: datetime | None = None) -> Visit:
    """Nina at that laptop, with a pass of central's."""
    now = (at or world.clock.now()).replace(microsecond=0)
    given = SupportPass(
        id="pass", organization_id=ORGANIZATION, user_id="nina", name="Nina Ortiz", played_by="",
        device=device or here.device, thumbprint=thumbprint_of_laptop(here.laptop), issued_at=now, expires_at=now + LIVES,
    )  # fmt: skip
    here.store.passed.told(now)
    return Visit(here.laptop, given, sign_support_pass(given, KEYS.private_key), here.line)


def acts_at_central(world: World) -> list[str]:
    with world.engine.connect() as connection:
        query = select(AUDIT.c.outcome).where(AUDIT.c.what == "support").order_by(AUDIT.c.id)
        return list(connection.execute(query).scalars())


async def at_work(world: World) -> Here:
    add_person(world.site.central, ORGANIZATION, "Nina Ortiz", "support", new_id="nina")
    here = await world.laptop("a", "carlos")
    here.create("submission", {"title": "names no form"})
    await here.sync()
    assert here.states() == [OutboxState.REFUSED]
    return here


async def test_an_hour_is_an_hour_though_the_clock_is_set_back(world: World) -> None:
    here = await at_work(world)
    visit = visiting(world, here)
    world.clock.advance(minutes=59)
    visit.check()
    world.clock.set(world.clock.now() - timedelta(minutes=30))
    visit.check()
    world.clock.advance(minutes=2)
    with pytest.raises(NeedsSignIn, match="run out"):
        visit.check()


async def test_an_hour_is_an_hour_on_a_laptop_whose_clock_is_a_year_ahead(world: World) -> None:
    """It is when the clock is wrong that support is called; central's own time counts."""
    here = await at_work(world)
    right = world.clock.now() + timedelta(minutes=5)
    world.clock.set(right + timedelta(days=365))
    visit = visiting(world, here, at=right)
    visit.check()
    world.clock.advance(minutes=61)
    with pytest.raises(NeedsSignIn):
        visit.check()


async def test_a_pass_of_another_laptop_opens_nothing(world: World) -> None:
    here, other = await at_work(world), await world.laptop("b", "dana")
    with pytest.raises(NeedsSignIn):
        visiting(world, here, device=other.device).check()
    visit = visiting(world, here)
    with pytest.raises(NeedsSignIn):
        replace(visit, laptop=other.laptop).check()


async def test_without_a_line_a_look_goes_on_and_an_act_is_not_done(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    here = await at_work(world)
    visit, dot = visiting(world, here), f"{here.device}.1"
    here.line.cut()
    asked = read_words(["queue", "--send-again", dot])
    with pytest.raises(Transient, match="so nothing was done"):
        await asyncio.to_thread(support._do, visit, asked)
    assert here.states() == [OutboxState.REFUSED]
    assert await asyncio.to_thread(support._do, visit, read_words(["queue"])) == 0
    assert dot in capsys.readouterr().out
    assert [line.words for line in log(here.store) if line.event == "support"] == [
        "Nina Ortiz read the queue"
    ]
    here.line.restore()
    assert await asyncio.to_thread(support._do, visit, asked) == 0
    assert here.states() == [OutboxState.SENT]
    assert acts_at_central(world) == ["send-again"]


async def test_central_is_told_before_and_not_after(world: World) -> None:
    """A refusal of central's stops the act: its person is support no more."""
    here = await at_work(world)
    visit = visiting(world, here)
    with pytest.raises(NeedsSignIn, match="not support"):
        await replace(visit, text=_of_another(visit)).report(SupportAct.SYNC)
    assert acts_at_central(world) == ["not_support"]


async def test_on_a_full_disk_a_look_goes_on_and_says_that_it_is_not_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = await at_work(world)

    def full(*_: object) -> None:
        raise storage_full()

    monkeypatch.setattr(support, "note_support", full)
    assert await asyncio.to_thread(support._do, visiting(world, here), read_words(["queue"])) == 0
    out, err = capsys.readouterr()
    assert f"{here.device}.1 " in out
    assert "not in the laptop's log" in err


def _of_another(visit: Visit) -> str:
    return sign_support_pass(replace(visit.given, user_id="carlos"), KEYS.private_key)


async def test_at_the_prompt_the_end_of_the_hour_ends_the_visit(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = await at_work(world)
    visit = visiting(world, here)
    lines = iter(["keys --all", "queue", "late"])

    def typed(_: str) -> str:
        line = next(lines)
        if line == "late":
            world.clock.advance(minutes=61)
            return "queue"
        return line

    monkeypatch.setattr("builtins.input", typed)
    assert await asyncio.to_thread(support._prompt, visit) == 1
    out, err = capsys.readouterr()
    assert out.count(f"{here.device}.1 ") == 1
    assert "Support cannot do that here" in err
    assert "run out" in err
    assert isinstance(read_words(["status"]), argparse.Namespace)


async def test_the_foreman_is_told_of_the_last_visit_for_a_month_and_by_the_log_longer(world: World) -> None:
    here = await at_work(world)
    assert sync_summary(here.store).support is None
    note_support(here.store, "Nina\nOrtiz\x1b[2J", "read the queue")
    told = sync_summary(here.store).support
    assert told is not None
    assert (told.who, told.did) == ("Nina Ortiz␛[2J", "read the queue")
    world.clock.advance(seconds=TOLD_FOR.total_seconds() + 1)
    assert sync_summary(here.store).support is None
    assert any(line.event == "support" for line in log(here.store))

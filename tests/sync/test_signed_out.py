"""The reading lock in a world with a central: revoked, signed out, and signed in again while the program runs."""

from __future__ import annotations

from datetime import timedelta

from bravetui import wiring
from bravetui.actions.session import sign_out
from bravetui.base.clock import ManualClock
from bravetui.central.enrolment import issue_code
from bravetui.central.service import revoke
from bravetui.db.kinds import KINDS
from bravetui.views.sign_in import sign_in
from tests.support.central import ORGANIZATION
from tests.support.world import ADDRESS, Here, World, ring_of


def shown(here: Here) -> int:
    """How many daily logs the laptop shows."""
    with here.store.look() as connection:
        return len(connection.execute(KINDS["daily_log"].table.select()).all())


async def begun(world: World) -> tuple[Here, Here]:
    """Dana has written in the log, and Carlos has read it."""
    carlos, dana = await world.laptop("carlos", "carlos"), await world.laptop("dana", "dana")
    await dana.sync()
    dana.create("daily_log", {"log_date": "2026-08-03", "weather": "dry"})
    await dana.sync()
    await carlos.sync()
    assert shown(carlos) == 1
    return carlos, dana


async def sign_in_elsewhere(world: World, here: Here) -> None:
    """As `bravetui enrol --again` does, in a shell beside the running program."""
    code = issue_code(world.engine, world.clock.now(), ORGANIZATION, "carlos")
    await wiring.enrol(
        here.folder,
        ring_of(here.folder),
        ADDRESS,
        code,
        "carlos",
        transport=world.app,
        again=True,
        clock=world.clock,
    )


async def test_a_month_away_locks_and_signing_in_beside_the_running_program_opens(world: World) -> None:
    """No new start: the gate finds the new grant beside the keys, and the next exchange reads."""
    carlos, dana = await begun(world)
    world.clock.advance(days=31)
    assert shown(carlos) == 0
    carlos.create("daily_log", {"log_date": "2026-09-03", "weather": "rain"})
    await carlos.sync()
    assert set(carlos.states()) <= {"applied", "confirmed"}, "what he made is handed in"
    assert shown(carlos) <= 1
    await sign_in_elsewhere(world, carlos)
    world.clock.advance(seconds=3)
    assert shown(carlos) == 2
    assert sign_in(carlos.store).reads
    dana = await world.sign_in(dana)
    dana.create("daily_log", {"log_date": "2026-09-04", "weather": "dry"})
    await dana.sync()
    carlos.worker.ask_now()
    await carlos.sync()
    assert shown(carlos) == 3


async def test_signing_out_is_seen_by_other_windows_and_by_an_old_key_file(world: World) -> None:
    carlos, _ = await begun(world)
    old = {path.name: path.read_bytes() for path in carlos.folder.glob("keys.*")}
    other = wiring.open_laptop(carlos.folder, ring_of(carlos.folder), world.clock)
    sign_out(carlos.store)
    assert shown(carlos) == 0
    assert not sign_in(other.store).reads
    other.close()
    carlos.create("daily_log", {"log_date": "2026-08-04", "weather": "rain"})
    await carlos.sync()
    assert shown(carlos) <= 1, "what is handed in brings nothing down"
    carlos.close()
    world.laptops.remove(carlos)
    for name, content in old.items():
        (carlos.folder / name).write_bytes(content)
    carlos = world.open(carlos.folder)
    assert not sign_in(carlos.store).reads
    await sign_in_elsewhere(world, carlos)
    world.clock.advance(seconds=3)
    assert shown(carlos) == 2


async def test_revoked_locks_at_the_next_contact_and_hands_in(world: World) -> None:
    carlos, _ = await begun(world)
    revoke(world.engine, carlos.device, world.clock.now())
    assert shown(carlos) == 1, "without a line nobody can tell it"
    await carlos.sync()
    assert (shown(carlos), sign_in(carlos.store).state) == (0, "revoked")


async def test_central_s_time_is_the_floor_s(world: World) -> None:
    """A clock that is set back to before the grant is not believed: central has signed what time it was."""
    carlos, _ = await begun(world)
    heard = carlos.store.passed.now()
    carlos.close()
    world.laptops.remove(carlos)
    laptop = wiring.open_laptop(
        carlos.folder, ring_of(carlos.folder), ManualClock(world.clock.now() - timedelta(days=40))
    )
    assert abs(laptop.store.passed.now() - heard) < timedelta(minutes=1)
    assert "behind" in sign_in(laptop.store).clock_words
    assert sign_in(laptop.store).reads
    laptop.close()

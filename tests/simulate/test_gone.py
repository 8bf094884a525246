"""What nobody holds any more is told apart from what somebody ought to have handed in."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bravetui import wiring
from bravetui.base.canonical import Json
from bravetui.base.errors import Corrupt
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.ending import End
from bravetui.simulate.gone import Key, gone
from bravetui.simulate.invariants import (
    every_clash_was_asked,
    everybody_hands_in_his_own,
    nothing_is_doubled,
    nothing_is_lost,
    the_clock_tells_order,
)
from bravetui.simulate.month import _Month
from bravetui.simulate.witness import Saved, Witness
from bravetui.wire.change import REFILLED, Change, Op
from tests.support.central import PROJECT
from tests.support.postgres import TestServer
from tests.support.world import Here, Records, World, a_world

LOST = "by-office"


def put_back(here: Here, image: Path) -> None:
    """An older database under the journal as it is."""
    for old in here.folder.glob(f"{wiring.DATABASE}*"):
        old.unlink()
    for kept in image.glob(f"{wiring.DATABASE}*"):
        shutil.copy2(kept, here.folder / kept.name)


def values_of(records: Records, record_id: str) -> dict[str, Json]:
    """A violation as these records have it."""
    return records[PROJECT, "violation", record_id].state.values()


def an_end(witness: Witness, **told: Any) -> End:
    """The end of a month in which nothing else was."""
    nothing: dict[str, Any] = {
        "central": {}, "ledger": [], "again": set(), "received_ms": [], "laptops": {}, "unsent": {}, "gone": {},
        "waiting": {}, "dropped": {}, "forged": {}, "chain": "", "aside": [], "parked": [],
    }  # fmt: skip
    return End(**nothing | told, witness=witness)


def an_edit(after: dict[str, Json], **told: Any) -> Change:
    """Dana's, of one violation."""
    usual: dict[str, Any] = {
        "dot": Dot(1, 1), "hlc": Hlc(1), "context": VersionVector(), "kind": "violation", "author_id": "dana",
    }  # fmt: skip
    return Change(
        scope_id=PROJECT, record_id="v1", op=Op.EDIT, at=datetime(2026, 3, 2, tzinfo=UTC), after=after, **usual | told,
    )  # fmt: skip


def gone_in(world: World) -> set[Key]:
    """What nobody in this world holds any more."""
    central = {(kind, key): one.state for (_, kind, key), one in world.central_records().items()}
    with ExitStack() as open_now:
        told = [
            (
                {(kind, key): one.state for (_, kind, key), one in here.records().items()},
                open_now.enter_context(here.store.read()),
            )
            for here in world.laptops
        ]
        return set(gone(central, told))


@pytest.mark.parametrize("deletes", [False, True], ids=["edited", "deleted"])
@pytest.mark.parametrize("neighbour", [False, True], ids=["nobody has it", "a neighbour has it"])
async def test_an_edit_waits_for_ever_only_for_a_record_that_nobody_holds(
    postgres: TestServer, tmp_path: Path, neighbour: bool, deletes: bool
) -> None:
    """Found by simulate in month 170: central and the editor's database were both put back to before the office made it."""
    with a_world(postgres, tmp_path) as world:
        carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
        for here in (carlos, dana):
            assert await here.sync()
        image, copy = world.copy(carlos, "image")
        copy.close()
        world.laptops.remove(copy)
        carlos = image
        with world.backup_of_central() as backup:
            writing = Writing("violation", LOST, {"description": "fence down", "severity": "minor"})
            world.site.central.publish(PROJECT, [writing], "olga")
            for here in (carlos, dana) if neighbour else (carlos,):
                await here.sync()
            if deletes:
                with carlos.store.write() as edit:
                    edit.delete("violation", PROJECT, LOST)
            else:
                carlos.edit("violation", LOST, severity="major")
            carlos.close()
            world.laptops.remove(carlos)
            put_back(carlos, copy.folder)
            with world.restored(backup):
                carlos = world.open(carlos.folder)
                for here in (carlos, dana, carlos):
                    await here.sync()
                waits = carlos.states() == [OutboxState.PARKED]
                assert (waits, gone_in(world)) == (
                    (False, set()) if neighbour else (True, {("violation", LOST)})
                )


@pytest.mark.parametrize(
    ("stood", "is_gone", "complains"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_only_a_value_that_stood_already_in_what_nobody_holds_is_nobodys_loss(
    stood: bool, is_gone: bool, complains: bool
) -> None:
    """Found by simulate in month 254: the office had set it, and the office's record went with every copy of it."""
    witness = Witness()
    witness.note("carlos", 1.0, "violation", LOST, {"severity": "major"}, {"severity"} if stood else ())
    end = an_end(witness, gone={("violation", LOST): []} if is_gone else {})
    assert bool(nothing_is_lost(end)) is complains


@pytest.mark.parametrize(
    ("stood", "went_back", "lost", "complains"),
    [
        (True, True, True, False),
        (False, True, True, True),
        (True, False, True, True),
        (True, True, False, True),
    ],
)
def test_a_confirmed_value_is_lost_with_the_office_s_only_where_its_own_laptop_went_back_too(
    stood: bool, went_back: bool, lost: bool, complains: bool
) -> None:
    """Found by simulate in month 273: central failed over to before the office's word, which a foreman had confirmed."""
    witness = Witness(gone_back={"dana"} if went_back else set())
    witness.note("office", 1.0, "violation", "v1", {"severity": "major"})
    witness.note("dana", 2.0, "violation", "v1", {"severity": "major"}, {"severity"} if stood else ())
    if lost:
        witness.disk_lost("office", 0.0)
    else:
        witness.saved.pop(0)
    assert bool(nothing_is_lost(an_end(witness))) is complains


@pytest.mark.parametrize("author", ["rosa", "dana"])
def test_what_somebody_wrote_over_is_superseded_also_in_a_ledger_that_central_has_lost(author: str) -> None:
    """Found by simulate in month 486; his own next save is no word of anybody's on it."""
    over = Change(
        scope_id=PROJECT, kind="violation", record_id="v1", op=Op.EDIT, author_id=author, dot=Dot(1, 3), hlc=Hlc(1),
        at=datetime(2026, 3, 2, tzinfo=UTC), context=VersionVector(), before={"location": "A"}, after={"location": "B"},
    )  # fmt: skip
    witness = Witness(forgotten=[over])
    witness.note("dana", 1.0, "violation", "v1", {"location": "A"})
    assert bool(nothing_is_lost(an_end(witness))) is (author == "dana")


@pytest.mark.parametrize(
    ("mended", "came_back", "stamp", "complains"),
    [("B", "B", 1, False), ("B", "C", 1, True), ("A", "B", 1, True), ("B", "B", 2, True)],
    ids=["mended", "the mend is lost, too", "left as it was", "another was mended"],
)
def test_what_the_office_mended_is_superseded_by_what_it_wrote_in_its_place_while_somebody_has_that(
    mended: str, came_back: str, stamp: int, complains: bool
) -> None:
    """Month 146: refused, removed by its author, mended, and central put back to before; a neighbour had the mend."""
    refused = an_edit({"location": "A"})
    mend = an_edit(
        {"location": mended}, dot=Dot(9, 1), hlc=Hlc(stamp), author_id="olga",
        reason="Mended at the office: change 1.1 of dana",
    )  # fmt: skip
    witness = Witness(forgotten=[mend, refused])
    witness.note("dana", 1.0, "violation", "v1", {"location": "A"})
    again = an_edit({"location": came_back}, dot=Dot(2, 1), author_id="rosa", reason=REFILLED)
    end = an_end(witness, ledger=[again])
    assert bool(nothing_is_lost(end)) is complains
    assert end.fates.superseded == (not complains)


@pytest.mark.parametrize(("kept", "complains"), [("A", False), ("B", True)])
def test_what_was_refused_and_then_removed_is_no_loss_while_its_journal_keeps_it(
    kept: str, complains: bool
) -> None:
    """Found by simulate in month 2."""
    witness = Witness()
    witness.note("dana", 1.0, "violation", "v1", {"location": "A"})
    made = Change(
        scope_id=PROJECT, kind="violation", record_id="v1", op=Op.CREATE, author_id="dana", dot=Dot(1, 3), hlc=Hlc(1),
        at=datetime(2026, 3, 2, tzinfo=UTC), context=VersionVector(), after={"location": kept},
    )  # fmt: skip
    end = an_end(witness, put_away=[made])
    assert bool(nothing_is_lost(end)) is complains
    assert end.fates.put_away == (not complains)


@pytest.mark.parametrize(
    ("disk_gone", "record_gone", "complains"),
    [(True, True, False), (True, False, True), (False, True, True)],
)
def test_what_waits_at_central_for_a_record_that_is_gone_is_lost_to_nobody_only_where_its_laptop_is_gone_too(
    disk_gone: bool, record_gone: bool, complains: bool
) -> None:
    """Found by simulate in month 1960: central had lost the office's record, and the only laptop that showed it its disk."""
    witness = Witness(dead={"dana": 1.0} if disk_gone else {})
    witness.note("dana", 1.0, "violation", "v1", {"location": "A"})
    central = {} if record_gone else {("violation", "v1"): RecordState()}
    end = an_end(witness, parked=[an_edit({"location": "A"})], central=central)
    assert bool(nothing_is_lost(end)) is complains


@pytest.mark.parametrize("seen", [False, True])
def test_what_its_author_wrote_over_while_it_was_refused_is_not_his_to_hand_in(seen: bool) -> None:
    """Found by simulate in month 1125: the office had released it, and then central was put back to before that."""
    first, others = an_edit({"location": "A"}), an_edit({"location": "A"}, dot=Dot(2, 1), reason=REFILLED)
    context = VersionVector({1: 1}) if seen else VersionVector()
    over = an_edit({"location": "B"}, dot=Dot(1, 2), hlc=Hlc(2), context=context)
    witness = Witness(forgotten=[first])
    for value in "AB":
        witness.note("dana", 1.0, "violation", "v1", {"location": value})
    end = an_end(witness, ledger=[others, over])
    assert bool(everybody_hands_in_his_own(end)) is seen


@pytest.mark.parametrize("cloned", [False, True])
def test_a_number_that_a_copy_used_again_tells_no_order(cloned: bool) -> None:
    """Found by simulate in month 407: a copy wrote its third change anew, under a central that had lost the first."""
    hour = 3_600_000

    def wrote(dot: Dot, hours: int, seen: VersionVector) -> Change:
        return Change(
            scope_id=PROJECT, kind="violation", record_id="v1", op=Op.EDIT, author_id="carlos", dot=dot,
            at=datetime(2026, 3, 2, tzinfo=UTC), hlc=Hlc(hours * hour, 0), context=seen, after={"location": str(dot)},
        )  # fmt: skip

    ledger = [wrote(Dot(1, 3), 26, VersionVector()), wrote(Dot(9, 343), 1, VersionVector({1: 3}))]
    witness = Witness(cloned={"carlos"} if cloned else set())
    end = an_end(witness, ledger=ledger, received_ms=[30 * hour] * 2)
    assert bool(the_clock_tells_order(end)) is not cloned


async def test_what_a_later_change_of_the_same_laptop_seems_to_cover_is_handed_in_by_whoever_shows_it(
    postgres: TestServer, tmp_path: Path
) -> None:
    """Found by simulate in month 308: the writer's database and central were put back to before it, and he wrote on. His
    counter had gone on, so that the record's vector covers what neither of them has any more."""
    with a_world(postgres, tmp_path) as world:
        carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
        record = carlos.create("violation", {"description": "fence down", "severity": "minor"})
        for here in (carlos, dana):
            assert await here.sync()
        image, copy = world.copy(carlos, "image")
        copy.close()
        world.laptops.remove(copy)
        with world.backup_of_central() as backup:
            carlos = image
            carlos.edit("violation", record, description="gate down too", location="lot B")
            for here in (carlos, dana, carlos):
                assert await here.sync()
            carlos.close()
            world.laptops.remove(carlos)
            put_back(carlos, copy.folder)
            for lost in carlos.folder.glob(f"{wiring.folder.JOURNAL}*"):
                lost.unlink()
            with world.restored(backup):
                carlos = world.open(carlos.folder)
                assert carlos.states() == [OutboxState.CONFIRMED], "of the edit nothing is here"
                carlos.edit("violation", record, severity="major")
                for here in (carlos, dana, carlos, dana):
                    await here.sync()
                central = values_of(world.central_records(), record)
                assert central == {"description": "gate down too", "severity": "major", "location": "lot B"}
                assert values_of(carlos.records(), record) == values_of(dana.records(), record) == central


def a_delivery(dot: Dot, condition: str, **told: Any) -> Change:
    """Of a kind of which a person has to be asked where two differ."""
    return an_edit({"condition": condition}, dot=dot, hlc=Hlc(dot.counter), kind="delivery", **told)


@pytest.mark.parametrize(("device", "complains"), [(1, False), (3, True)], ids=["own", "another's"])
def test_nobody_has_to_be_asked_about_what_its_own_laptop_had_set_anew_before_it_was_released(
    device: int, complains: bool
) -> None:
    """Month 1171: refused, corrected, corrected again by a copy; the office released both, the older one last."""
    ledger = [
        a_delivery(Dot(1, 2), "rejected"), a_delivery(Dot(device, 1), "accepted"), a_delivery(Dot(2, 5), "rejected"),
    ]  # fmt: skip
    assert bool(every_clash_was_asked(an_end(Witness(), ledger=ledger))) == complains


@pytest.mark.parametrize(
    ("reason", "complains"), [(REFILLED, False), (None, True)], ids=["said again", "an edit"]
)
def test_what_two_copies_say_again_at_one_stamp_is_no_edit_made_twice(
    reason: str | None, complains: bool
) -> None:
    """Month 1101: clones of one state minted the same stamp for the same offer."""
    twice = [an_edit({"location": "lot 3"}, dot=Dot(1, counter), reason=reason) for counter in (1, 2)]
    assert bool(nothing_is_doubled(an_end(Witness(), ledger=twice))) == complains


def test_a_card_that_does_not_read_is_excused_by_a_damaged_disk_alone(tmp_path: Path) -> None:
    """Found in month 109: what was typed there may be gone, as with two disks that fail at once."""

    def torn(_into: Path) -> Path:
        raise Corrupt("Neither reads.", "Keep it.")

    witness = Witness([Saved("carlos", "daily_log", "1", "narrative", "x", 1.0)])
    month: Any = SimpleNamespace(_folder=tmp_path, _chaos=Chaos(1), _witness=witness)
    laptop: Any = SimpleNamespace(name="carlos", is_damaged=False, bundle_of_card=torn)
    with pytest.raises(Corrupt):
        _Month._read_card_back(month, laptop)
    laptop.is_damaged = True
    _Month._read_card_back(month, laptop)
    assert witness.saved[0].gone_with_disk

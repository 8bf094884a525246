"""What a client may send as said before: nobody else is stopped by it, and what the office mends in it is the office's."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.quarantine import release, waiting
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Change, Op, Said
from bravetui.wire.messages import Outcome
from tests.support.central import TEMPLATE, Laptop, Site, only


def offered(
    laptop: Laptop, record_id: str, values: dict[str, Json], dots: dict[str, list[Dot]], **more: object
) -> Change:
    seen = VersionVector()
    for dot in {dot for some in dots.values() for dot in some}:
        if dot.counter > seen[dot.device]:
            seen = VersionVector({**{d.device: d.counter for d in seen}, dot.device: dot.counter})
    change = laptop.change(record_id, values, seen=seen, reason=REFILLED, **more)  # type: ignore[arg-type]
    said = {path: Said(dots=tuple(sorted(some)), hlc=Hlc(1)) for path, some in dots.items()}
    return change.model_copy(update={"said": said})


def test_a_forged_word_does_not_use_up_another_laptops_numbers(site: Site) -> None:
    """Every laptop passes what central's rows show as used under its number (`sync.credible`)."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    last = 10**18 - 1
    carlos.sync(offered(carlos, "i1", {"note": "x"}, {"note": [Dot(dana.device, last)]}))
    rows = dana.rows()
    told = rows[("inspection", "i1")].version[dana.device] if ("inspection", "i1") in rows else 0
    assert told < last


@pytest.mark.parametrize("counters", [(2, 1), (1, 1, 2)])
def test_dots_in_another_order_than_cells_keep_them_are_refused(
    site: Site, counters: tuple[int, ...]
) -> None:
    """Two cells that stand for the same would compare as two, for ever."""
    carlos = site.laptop("carlos")
    dots = tuple(Dot(7, counter) for counter in counters)
    change = offered(carlos, "i1", {"note": "x"}, {"note": [Dot(7, 2)]})
    said = {"note": change.said["note"].model_copy(update={"dots": dots})}
    verdict = only(carlos.sync(change.model_copy(update={"said": said})).verdicts)
    assert verdict.code == "invalid_context"


def test_a_forged_word_does_not_use_up_the_numbers_of_a_laptop_to_come(site: Site) -> None:
    carlos = site.laptop("carlos")
    number = carlos.device + 1
    told = carlos.sync(offered(carlos, "i1", {"note": "x"}, {"note": [Dot(number, 10**18 - 1)]}))
    assert only(told.verdicts).code == "invalid_context"
    assert site.laptop("dana").device == number


def many(laptop: Laptop, op: Op, count: int) -> Change:
    """A hundred kilobytes that stand for so many changes."""
    dots = [Dot(2, n) for n in range(1, count + 1)]
    paths = [f"answers/a{n}" for n in range(12)]
    values: dict[str, Json] = dict.fromkeys(paths, "x")
    if op is Op.CREATE:
        values["template_id"] = TEMPLATE
    by_path = {path: dots[n :: len(paths)] for n, path in enumerate(paths)}
    return offered(laptop, "s1", values, by_path, kind="submission", op=op)


def test_a_handed_in_change_that_names_very_many_dots_is_answered(site: Site) -> None:
    """It is no change that makes the database say so (`is_sick`): the whole request fails, for ever."""
    carlos = site.laptop("carlos")
    assert only(carlos.sync(many(carlos, Op.CREATE, 9_000)).verdicts).outcome is Outcome.APPLIED
    assert only(carlos.sync(many(carlos, Op.CREATE, 12_000)).verdicts).code == "too_large"


def test_a_handed_in_change_that_names_very_many_dots_stops_nobody_else(site: Site) -> None:
    """On hold for its record, it is looked at with every laptop's request once that has come."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    assert only(carlos.sync(many(carlos, Op.EDIT, 9_000)).verdicts).outcome is Outcome.PARKED
    made = carlos.change("s1", {"template_id": TEMPLATE}, kind="submission")
    assert next(verdict.outcome for verdict in carlos.sync(made).verdicts) is Outcome.APPLIED
    assert only(dana.sync(dana.change("i2", {"note": "y"})).verdicts).outcome is Outcome.APPLIED


def lost_word(site: Site) -> tuple[Laptop, Laptop, Laptop, Change, Change]:
    """Dana's second word on a violation, which central has lost; Vic, who may write nothing, hands it in: refused."""
    carlos, dana, vic = site.laptop("carlos"), site.laptop("dana"), site.laptop("vic")
    made = dana.change("v1", {"description": "fence down", "location": "lot 1"}, kind="violation")
    assert only(dana.sync(made).verdicts).outcome is Outcome.APPLIED
    lost = dana.change(
        "v1", {"location": "lot 3"}, kind="violation", op=Op.EDIT, seen=VersionVector({dana.device: 1}),
        before={"location": "lot 1"},
    )  # fmt: skip
    also = {"location": [lost.dot], "source": [Dot(carlos.device, 7)]}
    vics = offered(vic, "v1", {"location": "lot 3", "source": "own"}, also, kind="violation", op=Op.EDIT)
    vics = vics.model_copy(update={"context": vics.context.with_dot(made.dot)})
    assert only(vic.sync(vics).verdicts).outcome is Outcome.REFUSED
    assert [one.change.dot for one in waiting(site.central)] == [vics.dot]
    return carlos, dana, vic, lost, vics


def test_what_the_office_mends_in_a_handed_in_change_stands(site: Site) -> None:
    """The mended word passes for the one that central has heard from its author, and is dropped."""
    _, dana, _, lost, vics = lost_word(site)
    assert only(dana.sync(lost).verdicts).outcome is Outcome.APPLIED
    release(site.central, vics.dot, "olga", {"location": "lot 5"})
    assert dana.values("violation", "v1")["location"] == "lot 5"


def test_what_the_office_mends_in_a_handed_in_change_is_the_offices_word(site: Site) -> None:
    """It bears the dot of somebody who never said it: what he himself sends then takes its place unasked."""
    _, dana, _, lost, vics = lost_word(site)
    release(site.central, vics.dot, "olga", {"location": "lot 5"})
    dana.sync(lost)
    row = dana.row("violation", "v1")
    asked = [one for one in dana.rows().values() if one.kind == "conflict"]
    assert row.state().values()["location"] == "lot 5" or asked, (
        "the office's word is gone, and nobody is told"
    )


def test_a_refused_offer_is_not_settled_by_a_later_number_of_its_author(site: Site) -> None:
    """Dana's database has been put back to before the word, and she has written on: a vector covers it, no cell has it."""
    carlos, dana, _, lost, vics = lost_word(site)
    vics_only = vics.said["location"].dots
    assert vics_only == (lost.dot,)
    later = dana.change(
        "v1", {"severity": "minor"}, kind="violation", op=Op.EDIT, seen=VersionVector({dana.device: 1})
    )
    assert later.dot.counter == 3
    assert only(dana.sync(later).verdicts).outcome is Outcome.APPLIED
    source = offered(
        carlos,
        "v1",
        {"source": "own"},
        {"source": [Dot(carlos.device, 7)]},
        kind="violation",
        op=Op.EDIT,
        counter=8,
    )
    carlos.sync(source)
    assert dana.values("violation", "v1")["location"] == "lot 1"
    assert [one.change.dot for one in waiting(site.central)] == [vics.dot], (
        "the last copy of the word is put away"
    )

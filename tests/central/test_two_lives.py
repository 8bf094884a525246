"""A laptop that goes on from an older image counts behind the numbers that it is told; what those say it has not seen."""

from __future__ import annotations

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Change, Op, Said
from bravetui.wire.messages import Outcome
from tests.support.central import Laptop, Site, only

MADE: dict[str, Json] = {"condition": "silt", "trigger": "5.1.1"}


def edited(
    laptop: Laptop, counter: int, seen: VersionVector, after: dict[str, Json], **before: Json
) -> Change:
    return laptop.change(
        "c1", after, kind="corrective_action", op=Op.EDIT, seen=seen, before=before, counter=counter
    )


def two_lives(site: Site, laptop: Laptop) -> VersionVector:
    """A record in which the laptop said another trigger under number 5. An older image of it was told its last number, and
    not that row, and has said something under number 9. What it has seen, as it takes it to be."""
    laptop.sync(laptop.change("c1", MADE, kind="corrective_action", counter=1))
    made = VersionVector({laptop.device: 1})
    laptop.sync(edited(laptop, 5, made, {"trigger": "5.1.2"}, trigger="5.1.1"))
    laptop.sync(edited(laptop, 9, made, {"control": "fence"}))
    return VersionVector({laptop.device: 9})


def standing(laptop: Laptop) -> Json:
    return laptop.values("corrective_action", "c1")["trigger"]


def test_what_is_typed_on_an_older_image_over_an_older_word_is_asked_about(site: Site) -> None:
    carlos = site.laptop("carlos")
    seen = two_lives(site, carlos)
    verdict = only(carlos.sync(edited(carlos, 10, seen, {"trigger": "5.1.3"}, trigger="5.1.1")).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    assert standing(carlos) == "5.1.2"


def test_who_goes_on_from_what_stands_is_asked_nothing(site: Site) -> None:
    """He has read the row by now."""
    carlos = site.laptop("carlos")
    seen = two_lives(site, carlos)
    verdict = only(carlos.sync(edited(carlos, 10, seen, {"trigger": "5.1.3"}, trigger="5.1.2")).verdicts)
    assert verdict.outcome is not Outcome.CONFLICT
    assert standing(carlos) == "5.1.3"


def test_an_older_word_that_an_older_image_hands_in_does_not_stand_over_the_later_one(site: Site) -> None:
    """Found by simulate in month 1881: the word under number 5 had been said by who had seen the one that is handed in."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    lost = Dot(dana.device, 3)
    carlos.sync(carlos.change("c1", {"condition": "silt"}, kind="corrective_action", counter=1))
    upon = VersionVector({carlos.device: 1, dana.device: 3})
    carlos.sync(edited(carlos, 5, upon, {"trigger": "5.1.2"}, trigger="5.1.1"))
    carlos.sync(edited(carlos, 9, VersionVector({carlos.device: 1}), {"control": "fence"}))
    relayed = carlos.change(
        "c1", {"trigger": "5.1.1"}, kind="corrective_action", op=Op.EDIT, before={"trigger": "5.1.2"},
        seen=VersionVector({carlos.device: 9, dana.device: 3}), counter=10, reason=REFILLED,
    ).model_copy(update={"said": {"trigger": Said(dots=(lost,), hlc=Hlc(1))}})  # fmt: skip
    carlos.sync(relayed)
    assert standing(carlos) == "5.1.2"

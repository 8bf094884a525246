"""Why does it say this? Answered on the laptop, without a line: writers, both values, what each had seen, the rule."""

from __future__ import annotations

from datetime import UTC

import pytest

from bravetui.actions.conflicts import decide
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.views.conflicts import conflict, conflicts
from bravetui.views.why import lines_of, why
from tests.support.central import PROJECT
from tests.support.world import World
from tests.sync.test_set_aside import two_apart

EARLY, LATE = "2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"


async def test_a_value_is_told_with_its_author_on_a_laptop_that_never_saw_him_write(world: World) -> None:
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "lot 3"})
    dana.line.cut()
    told = why(dana.store, PROJECT, "violation", record, "location")
    assert [who for who, _ in told.writers] == ["Carlos"]
    assert (
        why(carlos.store, PROJECT, "violation", record, "location").writers[0][0] == "Carlos, on this laptop"
    )
    assert (told.text, told.rule_words, told.apart) == ("lot 3", "the later one stands", ())


async def test_both_values_what_each_had_seen_and_the_rule_are_told_on_every_laptop(world: World) -> None:
    carlos, dana, record = await two_apart(world, {"identified_at": LATE}, {"identified_at": EARLY})
    for here in (carlos, dana):
        told = why(here.store, PROJECT, "violation", record, "identified_at")
        (apart,) = told.apart
        assert {(side.who, side.text[:10]) for side in apart.sides} == {
            ("Carlos", "Sun 2 Aug "),
            ("Dana", "Sat 1 Aug "),
        }
        assert {side.had_seen[:10] for side in apart.sides} == {"Mon 3 Aug "}
        assert apart.rule_words == told.rule_words == "the earlier date stands"
        assert apart.outcome.startswith("the rule let Sat 1 Aug ")
        lines = "\n".join(lines_of(told, world.clock.now(), UTC))
        assert "Dana" in lines
        assert "In the end: the rule let Sat 1 Aug " in lines


async def test_only_a_field_that_is_in_dispute_is_said_to_be_to_be_decided(world: World) -> None:
    """One change sets two fields, and one of them meets another's; what was empty before is said to have been empty."""
    told: dict[str, Json] = {"status": "open"}
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    record = carlos.create("violation", told)
    for here in (carlos, dana):
        await here.sync()
    dana.edit("violation", record, severity="critical", response_due="2026-08-04")
    carlos.edit("violation", record, severity="minor", response_due="2026-08-20", location="lot 3")
    for here in (dana, carlos):
        await here.sync()
    states = {}
    for path in ("location", "response_due"):
        (one,) = why(carlos.store, PROJECT, "violation", record, path).made_here
        states[path] = one.state
    assert (states["location"], states["response_due"]) == (
        "at central, confirmed",
        "at central, to be decided",
    )
    lines = "\n".join(
        lines_of(why(carlos.store, PROJECT, "violation", record, "location"), world.clock.now(), UTC)
    )
    assert "(it was empty when this was written" in lines
    asked = next(one for one in conflicts(carlos.store, PROJECT) if one.status == "open")
    fields = conflict(carlos.store, PROJECT, asked.id).fields
    decide(carlos.store, PROJECT, asked.id, {one.path: one.local.raw for one in fields})
    left = {one.state for one in why(carlos.store, PROJECT, "violation", record, "response_due").made_here}
    assert "at central, decided" in left


async def test_a_field_that_nobody_wrote_is_answered_by_the_names_of_those_that_are(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("violation", {"location": "lot 3"})
    with pytest.raises(BadInput, match="Its fields: "):
        why(carlos.store, PROJECT, "violation", record, "colour")
    with pytest.raises(BadInput, match="no such record"):
        why(carlos.store, PROJECT, "nonsense", record, "colour")

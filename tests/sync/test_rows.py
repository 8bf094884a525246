"""Two people in the rows of a daily log, a delivery or an alert: each field of a row merges by its own rule. In fields that
make sense only together: no merge makes an entry that nobody made."""

from __future__ import annotations

from collections import Counter

import pytest

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS, Kind, rules_for
from bravetui.merge.rules import Rule
from bravetui.merge.state import ANSWERS
from bravetui.views.conflicts import conflict, conflicts
from tests.support.central import PROJECT
from tests.support.world import World

ROW = "01989e2a-7c00-7a10-8b1e-3f60c4d2a9e1"
BEGUN: dict[str, Json] = {"headcount": 4, "hours": 6, "work": "Graded lot 3.", "crew": "Red"}


@pytest.mark.parametrize(
    ("kind", "path", "rule"),
    [
        ("daily_log", "crews/r/headcount", Rule.LAST_WRITE_WINS),
        ("daily_log", "crews/r/work", Rule.TEXT),
        ("daily_log", "visitors/r/in", Rule.EARLIEST),
        ("daily_log", "visitors/r/out", Rule.REVIEW),
        ("delivery", "items/r/quantity", Rule.REVIEW),
        ("delivery", "items/r/material", Rule.LAST_WRITE_WINS),
        ("safety_alert", "seen_by/r/at", Rule.EARLIEST),
        ("crew", "members/r/role", Rule.SERVER_WINS),
        ("project", "controls/r/name", Rule.SERVER_WINS),
        ("daily_log", "crews/r/invented_by_a_newer_version", Rule.REVIEW),
    ],
)
def test_a_field_of_a_row_has_the_rule_that_its_column_declares(kind: str, path: str, rule: Rule) -> None:
    rules = rules_for(KINDS[kind])
    assert rules.of(path).rule is rule
    assert rules.of(path.rpartition("/")[0]).rule is Rule.UNION


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_document_of_rows_says_what_its_fields_are(kind: Kind) -> None:
    for name in kind.documents - {ANSWERS}:
        assert kind.columns[name].info["rows"]


def test_quantity_and_unit_of_a_delivery_belong_together() -> None:
    """12 loads here and 14 tons there never become 12 tons."""
    rules = rules_for(KINDS["delivery"])
    assert rules.unit_of("items/r/quantity") == rules.unit_of("items/r/unit") != rules.unit_of("items/s/unit")


async def test_two_people_in_one_row_of_a_daily_log_are_asked_nothing(world: World) -> None:
    carlos, dana, log = await world.two_that_have(
        {f"crews/{ROW}": 0, **{f"crews/{ROW}/{k}": v for k, v in BEGUN.items()}}, "daily_log"
    )
    carlos.edit_paths(
        "daily_log", log, {f"crews/{ROW}/headcount": 5, f"crews/{ROW}/work": "Graded lots 2 and 3."}
    )
    world.clock.advance(minutes=5)
    added = f"crews/{ROW}/work"
    dana.edit_paths("daily_log", log, {f"crews/{ROW}/headcount": 6, added: "Graded lot 3. Hauled 4 loads."})
    for here in (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("daily_log", log, f"crews/{ROW}/headcount") == 6
        assert here.value("daily_log", log, added) == "Graded lots 2 and 3. Hauled 4 loads."
        assert not [one for one in conflicts(here.store, PROJECT) if one.status == "open"]
    assert carlos.records() == dana.records()


async def test_two_quantities_of_one_item_are_for_a_person(world: World) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    item: dict[str, Json] = {"material": "gravel", "quantity": "12", "unit": "loads"}
    delivery = carlos.create(
        "delivery", {f"items/{ROW}": 0, **{f"items/{ROW}/{k}": v for k, v in item.items()}}
    )
    for here in (carlos, dana):
        await here.sync()
    carlos.edit_paths("delivery", delivery, {f"items/{ROW}/quantity": "14"})
    dana.edit_paths("delivery", delivery, {f"items/{ROW}/unit": "tons"})
    for here in (carlos, dana, carlos):
        await here.sync()
    (asked,) = conflicts(carlos.store, PROJECT)
    assert asked.status == "open"
    stands = [carlos.value("delivery", delivery, f"items/{ROW}/{name}") for name in ("quantity", "unit")]
    assert stands in (["14", "loads"], ["12", "tons"])
    assert carlos.records() == dana.records()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_no_group_is_of_one_field(kind: Kind) -> None:
    groups = Counter(rule.group for rule in kind.rules.values() if rule.group)
    assert all(members > 1 for members in groups.values()), groups


async def test_how_grave_a_finding_is_and_by_when_it_has_to_be_mended_are_never_from_two_people(
    world: World,
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    found: dict[str, Json] = {"severity": "minor", "response_due": "2026-08-20", "required_action": "Mend."}
    record = carlos.create("violation", found)
    for here in (carlos, dana):
        await here.sync()
    carlos.edit("violation", record, severity="critical", response_due="2026-08-04")
    dana.edit("violation", record, response_due="2026-09-01", required_action="Mend when dry.")
    for here in (carlos, dana, carlos):
        await here.sync()
    (asked,) = conflicts(carlos.store, PROJECT)
    assert asked.status == "open"
    stands = [carlos.value("violation", record, name) for name in found]
    assert stands == ["critical", "2026-08-04", "Mend."], "the safer of the two, as he entered it"
    assert carlos.records() == dana.records()


async def test_a_row_that_one_removed_and_another_wrote_in_is_asked_about_by_its_name(world: World) -> None:
    """Each side says what its author wants of the row: whoever wrote in it wants it to stay."""
    carlos, dana, log = await world.two_that_have(
        {f"crews/{ROW}": 3, **{f"crews/{ROW}/{k}": v for k, v in BEGUN.items()}}, "daily_log"
    )
    carlos.edit_paths("daily_log", log, {f"crews/{ROW}": None})
    dana.edit_paths("daily_log", log, {f"crews/{ROW}/work": "Graded lot 3. Hauled 4 loads."})
    for here in (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        (asked,) = conflicts(here.store, PROJECT)
        assert asked.what == "Row: Red"
        told = conflict(here.store, PROJECT, asked.id)
        (field,) = told.fields
        assert told.is_presence
        assert {side.who: side.text for side in (field.local, field.remote)} == {
            "Carlos": "removed", "Dana": "kept, with what is written in it",
        }  # fmt: skip
        assert ROW not in f"{field.label} {field.base_text} {field.local.text} {field.remote.text}"


async def test_a_row_outside_the_forms_is_named_by_the_first_of_its_fields_that_says_something(
    world: World,
) -> None:
    """In the order in which they stand in a row, and not in that of the alphabet: a material, and no lot."""
    row = f"items/{ROW}"
    told: dict[str, Json] = {row: 0, f"{row}/lot": "L-7", f"{row}/material": "Cement", f"{row}/quantity": "1"}
    carlos, dana, record = await world.two_that_have(told, "delivery")
    for here, quantity in ((carlos, "2"), (dana, "3")):
        here.edit_paths("delivery", record, {f"{row}/quantity": quantity})
        await here.sync()
    await carlos.sync()
    for here in (carlos, dana):
        (asked,) = conflicts(here.store, PROJECT)
        assert asked.what == "Cement: Quantity"

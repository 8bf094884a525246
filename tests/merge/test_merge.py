"""What random histories reach seldom: partial records, stamps that central clamped, joins from other bases."""

from __future__ import annotations

import doctest

from bravetui.base.canonical import Json
from bravetui.merge import record
from bravetui.merge.hlc import Hlc
from bravetui.merge.join import Side
from bravetui.merge.record import merge, newer
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector

A1, B1, C1 = Dot(1, 1), Dot(2, 1), Dot(3, 1)


def cell(value: Json, *dots: Dot, at: int = 1) -> Cell:
    """A cell that stands for `dots`."""
    return Cell(value, dots, Hlc(at))


def vector(*dots: Dot) -> VersionVector:
    """What one has seen who has seen `dots`."""
    return VersionVector({dot.device: dot.counter for dot in dots})


def test_two_ends_that_joined_the_same_changes_from_other_bases_agree_on_centrals_value() -> None:
    """A laptop may have joined from an older base than central did; nothing new would ever come to mend it."""
    local = RecordState({"loads": cell(29, A1, B1)}, vector(A1, B1))
    remote = RecordState({"loads": cell(24, A1, B1)}, vector(A1, B1))
    merged = merge({}, local, remote, Rules({"loads": FieldRule(Rule.SUM)}))
    assert merged.record == remote
    assert not merged.conflicts


def test_a_stamp_that_central_clamped_replaces_the_laptops_own() -> None:
    local = RecordState({"where": cell("gate", A1, at=10**12)}, vector(A1))
    remote = RecordState({"where": cell("gate", A1, at=5)}, vector(A1))
    assert merge({}, local, remote, Rules()).record == remote


def test_an_old_page_that_arrives_again_does_not_undo_what_was_merged_since() -> None:
    local = RecordState({"where": cell("joined", A1, B1)}, vector(A1, B1))
    remote = RecordState({"where": cell("old", A1)}, vector(A1))
    assert merge({}, local, remote, Rules()).record == local


def test_a_part_of_a_group_that_arrives_alone_is_no_clash_with_the_part_that_did_not_change() -> None:
    """A page may bring changed cells only: a member left out has not been touched, so nobody set it apart."""
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    local = RecordState({"start": cell("07:00", A1), "end": cell("15:00", A1)}, vector(A1))
    remote = RecordState({"start": cell("06:30", B1)}, vector(A1, B1))
    merged = merge({}, local, remote, rules)
    assert merged.record.values() == {"start": "06:30", "end": "15:00"}
    assert not merged.conflicts


def test_entering_the_same_group_again_marks_it_as_entered_again() -> None:
    """Else central would keep the older mark, and a third laptop's clash would be judged by it."""
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    remote = RecordState({"start": cell("07:00", A1), "end": cell("15:00", A1)}, vector(A1))
    local = RecordState({"start": cell("07:00", B1), "end": cell("15:00", B1)}, vector(A1, B1))
    assert merge({}, local, remote, rules).record == local
    assert merge({}, remote, local, rules).record == local


def test_a_group_that_stands_against_another_carries_the_changes_of_both() -> None:
    """Else central's cells would look untouched, a page of changed cells would leave them out, and the laptop whose
    entry was set aside would never hear of it."""
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    local = RecordState({"start": cell("06:30", B1), "end": cell("15:00", B1)}, vector(B1))
    remote = RecordState({"start": cell("07:00", A1), "end": cell("15:00", A1)}, vector(A1))
    merged = merge({}, local, remote, rules).record
    assert merged.values() == {"start": "07:00", "end": "15:00"}
    assert {c.dots for c in merged.cells.values()} == {(A1, B1)}


def test_what_comes_back_is_marked_by_the_latest_work_in_it() -> None:
    remover = RecordState({"deleted": cell(True, A1, at=3)}, vector(A1))
    worker = RecordState({"x": cell(1, B1, at=9), "y": cell(2, C1, at=5)}, vector(B1, C1))
    assert merge({}, remover, worker, Rules()).record.cells["deleted"] == cell(False, A1, B1, at=9)


def test_a_member_set_apart_from_the_winning_group_is_named_as_superseded() -> None:
    """Even where the member itself was newer on the side that lost."""
    rules = Rules(
        {"lat": FieldRule(Rule.LAST_WRITE_WINS, group="g"), "lon": FieldRule(Rule.LAST_WRITE_WINS, group="g")}
    )
    local = RecordState({"lat": cell("1", C1, at=9), "lon": cell("0", A1)}, vector(A1, C1))
    remote = RecordState({"lat": cell("0", A1), "lon": cell("2", B1, at=5)}, vector(A1, B1))
    merged = merge({}, local, remote, rules)
    assert merged.record.values() == {"lat": "1", "lon": "0"}
    assert [(s.path, s.loser, s.cell.value) for s in merged.superseded] == [("lon", Side.REMOTE, "2")]


def test_of_two_records_that_each_saw_something_else_the_joined_cell_is_right() -> None:
    joined, single = cell("joined", A1, B1), cell("single", A1, at=99)
    seen = vector(A1, B1, C1), vector(A1, B1, Dot(4, 1))
    assert newer(joined, single, seen) is Side.LOCAL
    assert newer(single, joined, seen) is Side.REMOTE


def test_a_field_that_central_does_not_hold_yet_is_kept_as_the_laptop_has_it() -> None:
    local = RecordState({"later_field": cell({"deep": [1]}, A1)}, vector(A1))
    assert merge({}, local, RecordState(), Rules()).record == local
    assert merge({}, RecordState(), local, Rules()).record == local


def test_merging_nothing_with_nothing_is_nothing() -> None:
    assert merge({}, RecordState(), RecordState(), Rules()).record == RecordState()


def test_the_example_in_the_docstring_of_merge_is_true() -> None:
    outcome = doctest.testmod(record)
    assert outcome.attempted > 0
    assert outcome.failed == 0

"""Paths and cells: where a cell lies, which rule governs it, when two values are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell, RecordState, alike, edited, is_row, row_of, rule_path
from bravetui.merge.version import Dot

PATHS = [
    # path, the path of its rule, the row it lies in, whether it is a row's own cell
    ("status", "status", None, False),
    ("deleted", "deleted", None, False),
    ("answers/rain_in", "answers/rain_in", None, False),
    ("answers/controls/r1", "answers/controls", None, True),
    ("answers/controls/r1/need", "answers/controls/need", "answers/controls/r1", False),
    ("answers/areas/r1/finds/f1", "answers/areas/finds", None, True),
    ("answers/areas/r1/finds/f1/what", "answers/areas/finds/what", "answers/areas/r1/finds/f1", False),
    ("crew_hours/r1", "crew_hours", None, True),
    ("crew_hours/r1/hours", "crew_hours/hours", "crew_hours/r1", False),
]


@pytest.mark.parametrize(("path", "rule", "row", "presence"), PATHS, ids=[path for path, *_ in PATHS])
def test_a_path_tells_its_rule_and_its_row(path: str, rule: str, row: str | None, presence: bool) -> None:
    assert rule_path(path) == rule
    assert row_of(path) == row
    assert is_row(path) is presence


_names = st.from_regex(r"[a-z_]{1,6}", fullmatch=True).filter(lambda name: name != "answers")


@given(st.booleans(), _names, st.lists(st.tuples(_names, _names), max_size=3))
def test_ids_of_rows_never_matter_to_the_rule(
    answer: bool, question: str, rows: list[tuple[str, str]]
) -> None:
    start = f"answers/{question}" if answer else question
    path = start + "".join(f"/{row}/{name}" for row, name in rows)
    other = start + "".join(f"/other_{row}/{name}" for row, name in rows)
    assert rule_path(path) == rule_path(other) == start + "".join(f"/{name}" for _, name in rows)
    row = row_of(path)
    assert (row is None) == (not rows)
    assert row is None or (is_row(row) and path.startswith(f"{row}/"))


def test_a_field_without_a_declaration_is_left_to_a_person() -> None:
    rules = Rules({"answers/controls/need": FieldRule(Rule.STRICTER)})
    assert rules.of("answers/controls/any row/need").rule is Rule.STRICTER
    assert rules.of("never heard of").rule is Rule.REVIEW


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1, True), (1, True, False), (0, False, False), (1, "1", False), (None, "", False), (None, None, True),
        ([1, "a"], [1, "a"], True), ([1], [True], False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ((1, 2), [1, 2], True), ([1, 2], [2, 1], False), ("\u00e9", "e\u0301", False), ([], {}, False),
        ([], None, False),
    ],
)  # fmt: skip
def test_two_values_are_alike_when_they_are_spelled_the_same(left: Json, right: Json, same: bool) -> None:
    assert alike(left, right) is same
    assert alike(right, left) is same


_dots = st.sets(st.builds(Dot, st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=3)


@given(_dots, _dots)
def test_a_joined_cell_is_later_than_either_half_of_the_same_moment(one: set[Dot], other: set[Dot]) -> None:
    """Else a third entry of that moment could win against the whole and lose against its half."""
    joined = Cell(None, tuple(sorted(one | other)), Hlc(1))
    for dots in (one, other):
        half = Cell(None, tuple(sorted(dots)), Hlc(1))
        assert half.rank < joined.rank or half == joined


def test_editing_stamps_the_touched_cells_only_and_leaves_the_old_state_as_it_was() -> None:
    before = edited(RecordState(), {"a": 1, "b": 2}, Dot(1, 1), Hlc(1))
    after = edited(before, {"b": 3}, Dot(2, 1), Hlc(2))
    assert after.cells == {"a": Cell(1, (Dot(1, 1),), Hlc(1)), "b": Cell(3, (Dot(2, 1),), Hlc(2))}
    assert before.values() == {"a": 1, "b": 2}
    assert after.version.covers([Dot(1, 1), Dot(2, 1)])

"""How much of a record goes into one change, whatever it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import canonical_bytes
from bravetui.merge.hlc import Hlc
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync import handing_in
from bravetui.sync.handing_in import OwnWords, in_parts, without_refused
from bravetui.wire.change import Op, make_change
from tests.support.seeded import NOON

GROUPED = Rules(
    {f"answers/g{number}": FieldRule(Rule.REVIEW, group=f"g{number // 2}") for number in range(6)}
)
PATHS = st.sampled_from(["template_id", "status", *(f"answers/{x}{n}" for x in "gt" for n in range(6))])
SIZES = st.integers(0, handing_in.PART_BYTES)


def cell(size: int) -> Cell:
    return Cell("x" * size, (Dot(1, 1),), Hlc(1))


@given(st.dictionaries(PATHS, SIZES, min_size=1), st.dictionaries(PATHS, SIZES))
def test_parts_are_the_whole_and_none_is_larger_than_its_largest_group_needs(
    sizes: dict[str, int], before: dict[str, int]
) -> None:
    cells, there = ({path: cell(size) for path, size in some.items()} for some in (sizes, before))
    parts = list(in_parts(cells, there, lambda: GROUPED))
    assert all(parts)
    assert sum(map(len, parts)) == len(cells)
    assert {path: one for part in parts for path, one in part.items()} == cells
    for part in parts:
        written = [canonical_bytes(one.value) for one in part.values()]
        written += [canonical_bytes(there[path].value) for path in part if path in there]
        units = {GROUPED.unit_of(path) for path in part}
        assert sum(map(len, written)) <= handing_in.PART_BYTES or len(units) == 1
    for unit in {GROUPED.unit_of(path) for path in cells}:
        assert sum(any(GROUPED.unit_of(path) == unit for path in part) for part in parts) == 1


def test_a_record_begins_with_its_fields() -> None:
    """What makes a form is refused where it does not name its template."""
    cells = {"answers/a": cell(handing_in.PART_BYTES), "template_id": cell(10), "answers/b": cell(10)}
    first, *_ = in_parts(cells, {}, Rules)
    assert "template_id" in first


def test_of_a_record_that_was_refused_from_its_beginning_nothing_is_handed_in() -> None:
    made = make_change(
        dot=Dot(1, 1), target=("site", "violation", "v"), op=Op.CREATE, context=VersionVector(), before={},
        after={"description": "by the gate"}, hlc=Hlc(1), author_id="carlos", at=NOON,
    )  # fmt: skip
    here = made.author_state()
    left = without_refused(here, OwnWords((), (made,)), {}, Rules())
    assert (left.cells, left.version) == ({}, VersionVector())
    assert list(in_parts(left.cells, {}, Rules)) == []

"""Rows of a page: a record's cells grouped by stamp, and back again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bravetui.merge.state import RecordState
from bravetui.wire.messages import Row, stamps_of
from tests.merge.histories import World, worlds


def sent(state: RecordState, only: frozenset[str] | None = None) -> RecordState:
    """The record as it arrives on the other end."""
    row = Row(
        kind="inspection",
        id="r",
        seq=1,
        whole=only is None,
        version=state.version,
        stamps=stamps_of(state, only),
    )
    return Row.model_validate_json(row.model_dump_json(exclude_defaults=True)).state()


@given(worlds)
def test_a_record_arrives_as_it_was_sent(world: World) -> None:
    for state in (world.central, *(laptop.state for laptop in world.laptops.values())):
        assert sent(state) == state


@given(worlds, st.data())
def test_a_part_of_a_record_arrives_with_just_the_cells_that_were_meant(
    world: World, data: st.DataObject
) -> None:
    paths = sorted(world.central.cells)
    only = frozenset(data.draw(st.lists(st.sampled_from(paths)))) if paths else frozenset[str]()
    expected = {path: cell for path, cell in world.central.cells.items() if path in only}
    assert sent(world.central, only) == RecordState(expected, world.central.version)

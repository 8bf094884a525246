"""The laws of merging, over random histories of three laptops and central."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.merge.hlc import Hlc
from bravetui.merge.join import Side
from bravetui.merge.record import Merged, merge
from bravetui.merge.rules import Rule
from bravetui.merge.state import DELETED, Cell, RecordState, alike, is_row, row_of
from bravetui.merge.version import Order
from tests.merge.histories import DEVICES, RULES, Edit, Moment, Pull, Push, World, words, worlds

thoroughly = settings(max_examples=500)
orders = st.permutations(DEVICES).map(tuple)


def moments(world: World) -> Iterator[Moment]:
    """Every merge of the history, then the one of each laptop's present state with central's."""
    yield from world.trace
    for laptop in world.laptops.values():
        merged = merge(laptop.base, laptop.state, world.central, RULES)
        yield Moment("laptop", laptop.base, laptop.state, world.central, merged)


def both_know(moment: Moment, path: str) -> bool:
    """Whether each side's record already holds the other's change of this cell: one has merged the two before."""
    local, remote = moment.local.cells.get(path), moment.remote.cells.get(path)
    if local is None or remote is None:
        return False
    return moment.remote.version.covers(local.dots) and moment.local.version.covers(remote.dots)


def asked(merged: Merged) -> set[str]:
    """All paths that some question is about."""
    return {path for conflict in merged.conflicts for path in conflict.paths}


@thoroughly
@given(worlds)
def test_the_same_arguments_give_the_same_result_however_the_cells_are_ordered(world: World) -> None:
    for moment in moments(world):
        local, remote = (
            RecordState(dict(reversed(list(side.cells.items()))), side.version)
            for side in (moment.local, moment.remote)
        )
        assert merge(moment.base, local, remote, RULES) == moment.merged


@thoroughly
@given(worlds)
def test_swapping_the_sides_changes_only_what_depends_on_who_is_central(world: World) -> None:
    for moment in moments(world):
        swapped = merge(moment.base, moment.remote, moment.local, RULES)
        assert asked(swapped) == asked(moment.merged)
        assert swapped.record.version == moment.merged.record.version
        for path, cell in moment.merged.record.cells.items():
            declared = RULES.of(path)
            if path in asked(moment.merged) or both_know(moment, path):
                continue
            if declared.rule in (Rule.SERVER_WINS, Rule.DERIVED):
                continue
            other = swapped.record.cells[path]
            assert alike(other.value, cell.value), path
            assert other == cell, path


@thoroughly
@given(worlds)
def test_merging_the_result_with_either_side_again_gives_nothing_new(world: World) -> None:
    for moment in moments(world):
        record = moment.merged.record
        for local, remote in (
            (record, moment.remote), (moment.local, record), (record, record), (moment.remote, record),
        ):  # fmt: skip
            again = merge(moment.base, local, remote, RULES)
            assert again == Merged(record)


@thoroughly
@given(worlds)
def test_the_vector_of_the_result_is_the_least_that_covers_both(world: World) -> None:
    for moment in moments(world):
        assert moment.merged.record.version == moment.local.version.joined(moment.remote.version)


@thoroughly
@given(worlds)
def test_no_change_is_minted_and_joined_values_carry_the_changes_of_both_sides(world: World) -> None:
    for moment in moments(world):
        known = {
            dot for side in (moment.local, moment.remote) for cell in side.cells.values() for dot in cell.dots
        }
        for path, cell in moment.merged.record.cells.items():
            assert set(cell.dots) <= known
            assert list(cell.dots) == sorted(set(cell.dots))
            assert moment.merged.record.version.covers(cell.dots)
            local, remote = moment.local.cells.get(path), moment.remote.cells.get(path)
            if local and remote and cell not in (local, remote):
                unseen = [
                    one
                    for one, other in ((local, moment.remote), (remote, moment.local))
                    if not other.version.covers(one.dots)
                ]
                assert unseen, path
                assert all(set(cell.dots) >= set(one.dots) for one in unseen), path


@thoroughly
@given(worlds)
def test_every_value_is_kept_or_asked_about_or_named_as_superseded_or_was_seen_and_replaced(
    world: World,
) -> None:
    for moment in moments(world):
        named = [(s.path, s.loser, s.cell) for s in moment.merged.superseded]
        for side, one, other in (
            (Side.LOCAL, moment.local, moment.remote),
            (Side.REMOTE, moment.remote, moment.local),
        ):
            for path, cell in one.cells.items():
                stands = moment.merged.record.cells[path].value
                assert (
                    alike(stands, cell.value)
                    or path in asked(moment.merged)
                    or (path, side, cell) in named
                    or other.version.covers(cell.dots)
                    or contained(path, cell.value, stands, words(moment.base.get(path)))
                ), path


def contained(path: str, value: Json, stands: Json, struck: set[str]) -> bool:
    """Whether a value lives on inside what stands (counters, choices, places of rows); a derived one is recomputed.

    Of a text every word does, but those that somebody may have `struck` out.
    """
    rule = RULES.of(path).rule
    if rule is Rule.TEXT:
        return words(value) - struck <= words(stands)
    if rule is Rule.UNION and not is_row(path):
        return isinstance(stands, list)
    return rule in (Rule.SUM, Rule.DERIVED) or (rule is Rule.UNION and stands is not None)


@thoroughly
@given(worlds)
def test_a_conflict_holds_both_values_as_they_were_entered_and_what_both_had_known(world: World) -> None:
    for moment in moments(world):
        for conflict in moment.merged.conflicts:
            for path in conflict.paths:
                assert (path in conflict.base) == (path in moment.base)
                assert conflict.base.get(path) == moment.base.get(path)
                assert conflict.local.get(path) == moment.local.cells.get(path)
                assert conflict.remote.get(path) == moment.remote.cells.get(path)


@thoroughly
@given(worlds)
def test_a_question_and_a_value_set_aside_name_the_rule_that_made_them(world: World) -> None:
    """A group that its rules cannot decide is left to a person; what comes back from a removal is a union of both."""
    for moment in moments(world):
        assert all(one.rule is RULES.of(one.path).rule for one in moment.merged.superseded)
        for conflict in moment.merged.conflicts:
            path = conflict.paths[0]
            expected = {RULES.of(path).rule} if len(conflict.paths) == 1 else {Rule.REVIEW}
            if path == DELETED or is_row(path):
                expected.add(Rule.UNION)
            assert conflict.rule in expected, path


@thoroughly
@given(worlds)
def test_no_question_is_asked_twice_in_one_merge(world: World) -> None:
    for moment in moments(world):
        paths = [path for conflict in moment.merged.conflicts for path in conflict.paths]
        assert len(paths) == len(set(paths))


@thoroughly
@given(worlds)
def test_a_change_that_saw_everything_is_taken_as_it_is_and_asks_nothing(world: World) -> None:
    for moment in moments(world):
        if moment.local.version.order(moment.remote.version) is Order.AFTER:
            assert moment.merged.record.cells == {**moment.remote.cells, **moment.local.cells}
            assert not moment.merged.conflicts
            assert not moment.merged.superseded


@thoroughly
@given(worlds)
def test_a_group_comes_out_as_one_of_the_two_had_it(world: World) -> None:
    for moment in moments(world):
        if moment.where == "central":
            continue
        for paths in groups(moment.merged.record):
            rows = {
                canonical_bytes([value_of(side, path) for path in paths])
                for side in (moment.local, moment.remote)
            }
            full = all(path in moment.remote.cells for path in paths if path in moment.local.cells)
            if full and all("/" in path for path in paths):
                result = canonical_bytes([value_of(moment.merged.record, path) for path in paths])
                assert result in rows, paths


def groups(record: RecordState) -> list[list[str]]:
    """The paths of every group of the record, row by row."""
    found: dict[tuple[str | None, str], list[str]] = {}
    for path in sorted(record.cells):
        group = RULES.of(path).group
        if group:
            found.setdefault((row_of(path), group), []).append(path)
    return list(found.values())


def value_of(state: RecordState, path: str) -> Json:
    """The value at `path`, None where there is no cell."""
    cell = state.cells.get(path)
    return cell.value if cell else None


@thoroughly
@given(worlds)
def test_a_removal_never_buries_work_that_the_remover_had_not_seen(world: World) -> None:
    for moment in moments(world):
        sides = (moment.local, moment.remote)
        for path, cell in moment.merged.record.cells.items():
            inside = "" if path == DELETED else f"{path}/"
            removed = cell.value is True if path == DELETED else is_row(path) and cell.value is None
            if not removed:
                continue
            for remover, worker in (sides, sides[::-1]):
                mark = remover.cells.get(path)
                if mark != cell or worker.version.covers(cell.dots) or value_of(worker, path) == cell.value:
                    continue
                unseen = [
                    other
                    for other, work in worker.cells.items()
                    if other.startswith(inside) and other != path and not remover.version.covers(work.dots)
                ]
                assert not unseen, path


@thoroughly
@given(worlds, st.integers(0, 2**32))
def test_wall_time_never_breaks_a_tie_only_the_order_of_stamps_counts(world: World, seed: int) -> None:
    stamps = sorted(
        {cell.hlc for m in moments(world) for s in (m.local, m.remote) for cell in s.cells.values()}
    )
    walls = sorted(Random(seed).sample(range(10_000), len(stamps)))
    moved = {stamp: Hlc(wall) for stamp, wall in zip(stamps, walls, strict=True)}

    def shifted(cells: Mapping[str, Cell]) -> dict[str, Cell]:
        return {path: cell._replace(hlc=moved[cell.hlc]) for path, cell in cells.items()}

    for moment in moments(world):
        local, remote = (
            RecordState(shifted(side.cells), side.version) for side in (moment.local, moment.remote)
        )
        merged = merge(moment.base, local, remote, RULES)
        assert merged.record.cells == shifted(moment.merged.record.cells)
        assert asked(merged) == asked(moment.merged)


@thoroughly
@given(worlds, orders, orders)
def test_three_laptops_and_central_end_equal_in_whatever_order_changes_arrive(
    world: World, order: tuple[int, ...], last: tuple[int, ...]
) -> None:
    """In every value at once; what came back from a removal may bear another mark until the record is fetched whole."""
    world.settle(order)
    for device in last:
        shown = world.laptops[device].state
        assert shown.version == world.central.version
        for path, cell in world.central.cells.items():
            assert alike(shown.cells[path].value, cell.value), path
            assert shown.cells[path] == cell or path == DELETED or is_row(path), path
        world.pull(Pull(device, whole=True))
        assert world.laptops[device].state == world.central
    before = world.central
    world.settle(last)
    assert world.central == before


@thoroughly
@given(worlds, orders)
def test_no_value_ever_entered_is_lost_over_a_whole_history(world: World, order: tuple[int, ...]) -> None:
    """Each stands at the end, or a later author saw and replaced it, or a question or a note at central names it."""
    world.settle(order)
    at_central = [moment for moment in world.trace if moment.where == "central"]
    named = {
        (path, dot)
        for moment in at_central
        for conflict in moment.merged.conflicts
        for path in conflict.paths
        for side in (conflict.local, conflict.remote)
        if path in side
        for dot in side[path].dots
    }
    named |= {(s.path, dot) for moment in at_central for s in moment.merged.superseded for dot in s.cell.dots}
    asked = {
        path: {word for m in at_central for c in m.merged.conflicts for s in (c.local, c.remote) if path in s
               for word in words(s[path].value)}
        for path, _ in world.entered
    }  # fmt: skip
    for (path, dot), value in world.entered.items():
        stands = world.central.cells[path].value
        replaced = any(
            path in moment.local.cells
            and dot not in moment.local.cells[path].dots
            and moment.local.version.covers([dot])
            for moment in at_central
        )
        # Of a text that its author wrote on in while somebody was asked about it, the question has the words of before.
        kept = alike(stands, value) or contained(path, value, stands, world.struck | asked[path])
        assert kept or replaced or (path, dot) in named, (path, dot)


@thoroughly
@given(worlds, st.sampled_from(DEVICES))
def test_a_laptop_that_replays_its_unsent_changes_shows_what_central_is_going_to_hold(
    world: World, device: int
) -> None:
    world.pull(Pull(device, replay=True))
    shown = world.laptops[device].state
    while world.laptops[device].unsent:
        world.push(device)
    assert world.central == shown


counting = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.integers(-5, 9))
    | st.builds(Push, st.sampled_from(DEVICES))
    | st.builds(Pull, st.sampled_from(DEVICES), replay=st.just(True)),
    max_size=20,
)


@given(counting, orders)
def test_counters_counted_apart_add_up_to_every_single_count(
    story: list[tuple[int, int] | Push | Pull], order: tuple[int, ...]
) -> None:
    world, total = World(), 0
    for step in story:
        if isinstance(step, tuple):
            device, count = step
            loads = world.laptops[device].state.values().get("answers/loads", 0)
            assert isinstance(loads, int)
            world.edit(Edit(device, {"answers/loads": loads + count}, 0))
            total += count
        else:
            world.run([step])
    world.settle(order)
    assert world.central.values().get("answers/loads", 0) == total

"""What those who wrote central's cells had seen, where its vector does not say so: words that come again, later than the
answers to them (`central.past`)."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc
from bravetui.merge.record import Merged, merge
from bravetui.merge.rules import FieldRule, Rules
from bravetui.merge.state import DELETED, Cell, RecordState, covering, laid
from bravetui.merge.version import Dot, VersionVector

WORD, ANSWER, OTHER = Dot(1, 1), Dot(2, 1), Dot(3, 1)
START, END = "answers/start", "answers/end"
SHIFT = Rules({START: FieldRule(group="shift"), END: FieldRule(group="shift")})
ROW, NEED = "answers/controls/r1", "answers/controls/r1/need"


def cell(value: Json, *dots: Dot) -> Cell:
    return Cell(value, dots, Hlc(1))


def record(*dots: Dot, **cells: Cell) -> RecordState:
    """A record whose vector covers `dots`; a path's slashes are spelled `__`."""
    seen = VersionVector().with_dots(dots)
    return RecordState({path.replace("__", "/"): one for path, one in cells.items()}, seen)


def comes_again(
    word: RecordState, there: RecordState, *known: str, rules: Rules | None = None, of: Dot = WORD
) -> Merged:
    """`word` merged into what is `there`, whose writers at the paths `known` had seen `of`."""
    return merge({}, word, there, rules or Rules(), dict.fromkeys(known, VersionVector().with_dot(of)))


def test_the_answer_to_a_word_that_comes_again_stands_unasked() -> None:
    word, answer = record(WORD, note=cell("torn", WORD)), record(ANSWER, note=cell("mended", ANSWER))
    merged = comes_again(word, answer, "note")
    assert merged.record.cells == answer.cells
    assert not merged.conflicts
    assert comes_again(word, answer).conflicts, "nobody is known to have seen it"


@pytest.mark.parametrize(("path", "of"), [("where", WORD), ("note", OTHER)])
def test_who_had_seen_something_else_or_wrote_elsewhere_is_asked_about(path: str, of: Dot) -> None:
    word, answer = record(WORD, note=cell("torn", WORD)), record(ANSWER, note=cell("mended", ANSWER))
    assert comes_again(word, answer, path, of=of).conflicts


def test_a_group_is_answered_as_one_whichever_of_its_fields_says_what_was_seen() -> None:
    word = record(WORD, answers__start=cell("07:00", WORD), answers__end=cell("15:00", WORD))
    answer = record(ANSWER, answers__start=cell("06:30", ANSWER), answers__end=cell("14:30", ANSWER))
    for known in ((START,), (END,), (START, END)):
        merged = comes_again(word, answer, *known, rules=SHIFT)
        assert merged.record.cells == answer.cells
        assert not merged.conflicts
    assert comes_again(word, answer, rules=SHIFT).conflicts


def test_a_field_after_a_group_is_asked_about_for_itself() -> None:
    """What was seen of one is nothing that was seen of the next."""
    word = record(WORD, answers__end=cell("15:00", WORD), note=cell("torn", WORD))
    answer = record(ANSWER, answers__end=cell("14:30", ANSWER), note=cell("mended", ANSWER))
    assert [one.paths for one in comes_again(word, answer, END, rules=SHIFT).conflicts] == [("note",)]


@pytest.mark.parametrize(("gone", "inside"), [(ROW, NEED), (DELETED, "note")])
def test_work_that_its_remover_had_seen_comes_again_and_stays_removed(gone: str, inside: str) -> None:
    word = RecordState({inside: cell("clean", WORD)}, VersionVector().with_dot(WORD))
    removal = cell(True if gone == DELETED else None, ANSWER)
    there = RecordState({gone: removal}, VersionVector().with_dot(ANSWER))
    merged = comes_again(word, there, gone)
    assert merged.record.cells[gone] == removal
    assert not merged.conflicts
    asked = comes_again(word, there)
    assert [one.paths for one in asked.conflicts] == [(gone,)]
    assert set(asked.record.cells[gone].dots) == {WORD, ANSWER}


@pytest.mark.parametrize(("gone", "inside"), [(ROW, NEED), (DELETED, "note")])
def test_a_removal_that_comes_again_buries_no_work_whose_author_had_seen_it(gone: str, inside: str) -> None:
    """He went on where somebody had taken the removal back: that will come again too."""
    removal = RecordState(
        {gone: cell(True if gone == DELETED else None, WORD)}, VersionVector().with_dot(WORD)
    )
    there = RecordState({inside: cell("clean", ANSWER)}, VersionVector().with_dot(ANSWER))
    merged = comes_again(removal, there, inside)
    assert merged.record.cells == {**removal.cells, **there.cells}
    assert not merged.conflicts
    assert [one.paths for one in comes_again(removal, there).conflicts] == [(gone,)]


def test_of_two_who_worked_in_what_is_removed_again_the_one_who_had_not_seen_it_is_kept() -> None:
    removal = RecordState({ROW: cell(None, WORD)}, VersionVector().with_dot(WORD))
    there = record(
        ANSWER,
        OTHER,
        answers__controls__r1__need=cell("a", ANSWER),
        answers__controls__r1__by=cell("b", OTHER),
    )
    merged = comes_again(removal, there, NEED)
    assert [one.paths for one in merged.conflicts] == [(ROW,)]
    assert set(merged.record.cells[ROW].dots) == {WORD, OTHER}


def test_cells_that_are_laid_down_keep_their_dots_and_the_vector_covers_them_and_the_change() -> None:
    """Of dots that the holder had not seen as well."""
    before = record(WORD, note=cell("torn", WORD), where=cell("gate", WORD))
    after = laid(before, {"note": cell("mended", ANSWER, OTHER)}, Dot(1, 2))
    assert after.cells == {"note": cell("mended", ANSWER, OTHER), "where": cell("gate", WORD)}
    assert after.version == VersionVector({1: 2, 2: 1, 3: 1})


def test_the_least_vector_that_covers_cells_and_all_before() -> None:
    assert covering(VersionVector({1: 5}), [cell("x", Dot(1, 3), Dot(2, 4))]) == VersionVector({1: 5, 2: 4})

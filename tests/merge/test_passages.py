"""Words, and what becomes of two people's edits of one text: kept, or asked about, and never torn apart."""

from __future__ import annotations

import doctest
import re
import time
import unicodedata
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.merge import passages
from bravetui.merge.passages import LENGTH_MAX, spliced, woven
from bravetui.merge.text import Edit, apply, compose, edits
from bravetui.merge.words import DISTANCE_IN_ALL, DISTANCE_MAX, diff, joins, tokens

PIECES = [
    "fence", "torn", "a", "b", " ", " ", " ", "  ", "\n", "\n\n", "\r\n", ". ", ".", ", ", "0.42", "don't", "follow-up", "é",
    "e\u0301s", "👩‍🚀", "👷🏽", "🇲🇽", "🇺🇸", "☀️", "1️⃣", "שלום", "مرحبا", "\u200f", "कि", "¿", "(", "\u0301", "\u200d", "各位",
]  # fmt: skip

texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=12)
typed = st.text("ab .é\N{COMBINING ACUTE ACCENT}\U0001f9ba", max_size=12)


def a_long_text(seed: int, words: int) -> str:
    """A daily log of many words, the same for the same seed."""
    chance = Random(seed)
    ends = [" ", " ", " ", " ", ". ", ".\n"]
    return "".join(f"word{chance.randint(0, 400)}{chance.choice(ends)}" for _ in range(words))


def reworded(text: str, seed: int, count: int) -> str:
    """The text with so many words exchanged."""
    chance, pieces = Random(seed), tokens(text)
    for _ in range(count):
        pieces[chance.randrange(len(pieces))] = f"new{chance.randint(0, 99)}"
    return "".join(pieces)


def words(text: str) -> set[str]:
    """The words of a text."""
    return set(re.findall(r"\w+", text))


@given(texts, texts)
def test_the_difference_makes_the_one_text_from_the_other(before: str, after: str) -> None:
    done = diff(before, after)
    assert apply(done, before) == after
    assert list(edits(diff(before, before))) == []


@given(texts, texts, texts)
def test_two_differences_in_a_row_are_one(first: str, then: str, last: str) -> None:
    assert apply(compose(diff(first, then), diff(then, last)), first) == last


@given(texts)
def test_pieces_put_together_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text
    assert all(tokens(text))


@given(texts, texts)
def test_no_edit_begins_or_ends_inside_a_word_or_a_sign(before: str, after: str) -> None:
    for edit in edits(diff(before, after)):
        for at in (edit.start, edit.end):
            if 0 < at < len(before):
                left, right = before[at - 1], before[at]
                assert not joins(left, right)
                assert not (left.isalnum() and right.isalnum())
                assert right == "\u200d" or unicodedata.category(right) != "Mn" or left in "\r\n"
        assert not (edit.text and edit.start and joins(before[edit.start - 1], edit.text[0]))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Gauge 0.42 in.", ["Gauge", " ", "0.42", " ", "in", "."]),
        ("don't, follow-up", ["don't", ",", " ", "follow-up"]),
        ("a\r\nb\n\nc", ["a", "\r\n", "b", "\n", "\n", "c"]),
        ("👩‍🚀👷🏽 🇲🇽🇺🇸", ["👩‍🚀", "👷🏽", " ", "🇲🇽🇺🇸"]),
        ("re\u0301sume\u0301s ok", ["re\u0301sume\u0301s", " ", "ok"]),
        ("1️⃣ x", ["1️⃣", " ", "x"]),
        ("¿Qué?", ["¿", "Qué", "?"]),
        ("X\u0304 = 2", ["X\u0304", " ", "=", " ", "2"]),
        ("«¡Qué!»", ["«", "¡", "Qué", "!", "»"]),
        ("👷🏻👷🏿", ["👷🏻", "👷🏿"]),
        ("🇿🇦 🇦🇿", ["🇿🇦", " ", "🇦🇿"]),
        ("किताब ठीक", ["किताब", " ", "ठीक"]),
        ("a\n\u0301b", ["a", "\n", "\u0301b"]),
        ("2025/06/01 7:30", ["2025/06/01", " ", "7:30"]),
    ],
)
def test_a_text_falls_into_words_blanks_and_signs(text: str, pieces: list[str]) -> None:
    assert tokens(text) == pieces


@pytest.mark.parametrize(
    ("before", "after", "edit"),
    [
        ("Fence torn.", "Fence badly torn.", Edit(5, 5, " badly")),
        ("Fence torn.", "Silt Fence torn.", Edit(0, 0, "Silt ")),
        ("a. The b.", "a. The x. The b.", Edit(2, 2, " The x.")),
        ("The b.", "The x. The b.", Edit(0, 0, "The x. ")),
        ("The b", "The x. The b", Edit(0, 0, "The x. ")),
        ("Hm. So. b.", "Hm. So. So. b.", Edit(7, 7, " So.")),
        ("Go. Hm. The b", "Go. Hm. The Hm. The b", Edit(7, 7, " The Hm.")),
        ("The x. The b.", "The b.", Edit(0, 7)),
        ("one two three", "1 2 3", Edit(0, 13, "1 2 3")),
        ("a  b", "a b", Edit(1, 3, " ")),
        ("aaaa in bbbb.", "cccc in dddd.", Edit(0, 12, "cccc in dddd")),
        ("a\nb\n", "a\nx\nb\n", Edit(2, 2, "x\n")),
        ("Fence torn at the gate. Crew called.", "Crew called at 9:00.", None),
    ],
)  # fmt: skip
def test_the_difference_is_what_a_person_would_call_it(before: str, after: str, edit: Edit | None) -> None:
    found = list(edits(diff(before, after)))
    assert found == ([edit] if edit else [Edit(0, 24), Edit(35, 35, " at 9:00")])


@pytest.mark.parametrize("before", ["b\nq\nc\n", "Y\nb\nc\n"])
def test_what_two_texts_end_with_alike_is_counted_from_the_end_of_each(before: str) -> None:
    """Here the last but one line of the one is the first, or the second, of the other."""
    after = "Y\nb\nc\n" if before[0] == "b" else "b\nq\nc\n"
    assert apply(diff(before, after), before) == after


def test_a_line_s_end_that_stayed_between_what_went_before_it_and_behind_it_stays() -> None:
    assert list(edits(diff("torn.\nfence", "\nwall"))) == [Edit(0, 5), Edit(6, 11, "wall")]


def test_what_went_is_not_moved_back_past_the_change_in_front_of_it() -> None:
    assert list(edits(diff("----c a", "--,-c b"))) == [Edit(2, 2, ","), Edit(3, 4), Edit(6, 7, "b")]


def test_a_word_that_stayed_between_two_rewritten_ones_is_chance_if_it_is_no_longer_than_they() -> None:
    assert len(list(edits(diff("aaa in bbb.", "ccc in ddd.")))) == 2
    assert len(list(edits(diff("aaaa in bbb.", "cccc in ddd.")))) == 2
    assert len(list(edits(diff("a word.", "now a word more.")))) == 2
    assert len(list(edits(diff("one of three of five", "one instead three instead five")))) == 2


@given(texts, texts, texts, st.booleans())
def test_swapping_the_sides_gives_the_same_text(base: str, local: str, remote: str, first: bool) -> None:
    assert woven(base, local, remote, local_first=first) == woven(base, remote, local, local_first=not first)


@given(texts, texts, st.booleans())
def test_where_one_side_or_both_did_the_same_that_is_the_text(base: str, after: str, first: bool) -> None:
    assert woven(base, base, after, local_first=first) == after
    assert woven(base, after, base, local_first=first) == after
    assert woven(base, after, after, local_first=first) == after


@given(texts, texts, texts, st.booleans())
def test_every_word_written_and_not_struck_out_is_in_the_text(
    base: str, local: str, remote: str, first: bool
) -> None:
    text = woven(base, local, remote, local_first=first)
    if text is not None:
        struck = (words(base) - words(local)) | (words(base) - words(remote))
        assert (words(local) | words(remote)) - struck <= words(text) | words(base)
        for side in (local, remote):
            for edit in edits(diff(base, side)):
                assert edit.text in text


@pytest.mark.parametrize("first", [True, False])
def test_edits_of_three_in_different_places_come_out_the_same_in_whatever_order(first: bool) -> None:
    base = a_long_text(1, 400)
    lines = base.splitlines(keepends=True)
    sides = []
    for who in range(3):
        mine = [
            reworded(line, 7 * at + who, 2) if at % 6 == 2 * who else line for at, line in enumerate(lines)
        ]
        sides.append("".join(mine))
    outcomes = set()
    for order in permutations(sides):
        text: str | None = base
        for side in order:
            assert text is not None
            text = woven(base, text, side, local_first=first)
        outcomes.add(text)
    assert len(outcomes) == 1
    assert None not in outcomes


def test_a_second_edit_of_an_author_lands_where_the_first_was_merged() -> None:
    """As central does: the base is what the author replaced, his own first edit included."""
    base, other = "Fence torn. Crew called.", "Fence torn at gate 2. Crew called."
    mine, then = "Fence torn. Crew called. Mended.", "Fence torn. Crew called. Mended at 15:00."
    merged = woven(base, mine, other, local_first=True)
    assert merged == "Fence torn at gate 2. Crew called. Mended."
    assert (
        woven(mine, then, merged, local_first=True) == "Fence torn at gate 2. Crew called. Mended at 15:00."
    )


@pytest.mark.parametrize(
    ("base", "local", "remote", "result"),
    [
        ("", "one", "two", "one\ntwo"),
        ("ok", "ok👍", "ok🎉", "ok👍 🎉"),
        ("ok\nb", "ok👍\nb", "ok🎉\nb", "ok👍 🎉\nb"),
        ("ok\n- b", "ok\n👍- b", "ok\n🎉- b", "ok\n👍 🎉- b"),
        ("ok", "ok👍\nb", "ok🎉", "ok👍\nb\n🎉"),
        ("a", "a one", "a two", "a one two"),
        ("a.", "a (one.", "a).", "a (one)."),
        ("x", "x,", "x!", "x,!"),
        ("a\n", "a\n- one\n", "a\n- two\n", "a\n- one\n- two\n"),
        ("a\n\nz", "a\none\nz", "a\ntwo\nz", "a\none\ntwo\nz"),
        ("a b", "a one b", "a two b", "a one two b"),
        ("", "one", "one two", "one two"),
        ("", "one two", "two", "one two"),
        ("", "one", "once more", "one\nonce more"),
        ("a b", "a", "a b c", None),
        ("a b", "x b", "a c", None),
        ("a b", "x b", "a b c", "x b c"),
        ("a b", "a x", "a b c", None),
        ("a b", "a x", "a b. c", "a x. c"),
        ("a b", "x b", "one. a b", None),
        ("a. b.", "a.", "a. x. b.", "a. x."),
        ("a b c d", "a c d", "a b c", "a c"),
        ("a b c", "a c", "a b", None),
        ("a\nb\nc", "a\nc", "a\nx\nb\nc", "a\nx\nc"),
        ("a b c", "a x b c", "a b y c", "a x b y c"),
        ("a b c d e", "a b X d e", "a b c d e", "a b X d e"),
        ("a b c d e", "a X Y Z e", "a b W d e", None),
        ("a b c d e", "X b c d e", "a b c d Y", "X b c d Y"),
    ],
)  # fmt: skip
def test_two_small_edits_meet(base: str, local: str, remote: str, result: str | None) -> None:
    assert woven(base, local, remote, local_first=True) == result


@settings(max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from([1, 20, 200, 3000]))
def test_fifty_thousand_letters_are_merged_or_asked_about(seed: int, count: int) -> None:
    base = a_long_text(seed, 6_000)
    local, remote = reworded(base, seed + 1, count), reworded(base, seed + 2, count) + "Left at 17:00."
    text = woven(base, local, remote, local_first=True)
    assert text is None or text.endswith("Left at 17:00.")
    assert apply(diff(base, local), base) == local


@settings(max_examples=4)
@given(st.integers(0, 2**32), st.booleans())
def test_fifty_thousand_letters_from_right_to_left_come_out_the_same_whoever_is_asked_first(
    seed: int, first: bool
) -> None:
    """Sentences of Hebrew and Arabic with marks of direction; each side writes on in lines of its own."""
    chance = Random(seed)
    said = [
        "שלום הגדר קרועה",
        "السَّلام عليكم",
        "\u2067גדר 0.42\u2069",
        "ארכ\u05b7ה",
        "المطر ٤٢ مم",
        "\u202bשער 2\u202c",
    ]
    lines = [" ".join(chance.choices(said, k=6)) + ".\n" for _ in range(760)]
    sides = []
    for who in range(2):
        own = [
            f"{line[:-1]} {chance.choice(said)}\n" if at % 8 == 4 * who else line
            for at, line in enumerate(lines)
        ]
        sides.append("".join(own))
    base, (local, remote) = "".join(lines), sides
    assert len(base) > 50_000
    text = woven(base, local, remote, local_first=first)
    assert text == woven(base, remote, local, local_first=not first)
    assert text is not None
    assert len(text) - len(base) == len(local) - len(base) + len(remote) - len(base)


def test_twice_the_text_takes_about_twice_the_time() -> None:
    """With a month of edits. CPU of the quickest of three; a quadratic one would take 16 times as long."""

    def cpu_s(lines: int) -> float:
        base = "".join(f"line {at}: fence {at} seen at gate {at % 7}.\n" for at in range(lines))
        local, remote = base, base
        for day in range(22):
            at = day * (lines // 22)
            local = local.replace(f"line {at}:", f"line {at}, torn:")
            remote = remote.replace(f"line {at + 2}:", f"line {at + 2}, mended:")
        taken = []
        for _ in range(3):
            began = time.process_time()
            assert woven(base, local, remote, local_first=True) is not None
            taken.append(time.process_time() - began)
        return min(taken)

    assert cpu_s(4000) < 9 * cpu_s(1000)


def test_a_text_past_the_cap_is_asked_about_and_one_at_the_cap_is_not() -> None:
    base = "a\n" * (LENGTH_MAX // 2)
    assert woven(base[:-4], base[:-4], base, local_first=True) == base
    assert woven(base, base, base + "x", local_first=True) is None


def test_past_so_many_differences_a_stretch_counts_as_rewritten() -> None:
    """Which bounds the time: with no bound these would take hours."""
    chance = Random(3)
    before, after = (" ".join(chance.choices(signs, k=20_000)) for signs in ("abc", "abd"))
    assert len(list(edits(diff(before, after)))) == 1
    lines = [before.replace(" ", "\n"), after.replace(" ", "\n")]
    assert len(list(edits(diff(*lines)))) <= 1 + DISTANCE_IN_ALL


def a_line(changed: int, word: str) -> str:
    """A line of so many words, all of them `word`, with two between that stay."""
    return " ".join([word, "stayed", "there"] * changed)


def test_three_hundred_words_that_differ_are_compared_and_one_more_counts_as_rewritten() -> None:
    """A word put in the place of another counts twice: one went, one came."""
    changed = DISTANCE_MAX // 2
    before, after = a_line(changed, "a"), a_line(changed, "b")
    assert len(list(edits(diff(before, after)))) == changed
    assert len(list(edits(diff(before, f"{after} c")))) == 1


def test_past_so_many_words_in_all_lines_together_a_line_counts_as_rewritten() -> None:
    each = 100
    lines = DISTANCE_IN_ALL // (2 * each)
    before, after = (
        "\n".join([a_line(each, w), "same"][at % 2] for at in range(2 * lines + 1)) for w in "ab"
    )
    assert len(list(edits(diff(before, after)))) == lines * each + 1


def test_whole_lines_that_were_added_leave_the_others_to_be_compared_by_words() -> None:
    kept = [f"line {at}\n" for at in range(6)]
    added = "new " * DISTANCE_MAX + "\n"
    before, after = (
        "".join(kept) + "Gate 1 shut at noon by crew 2.",
        added.join(kept) + "Gate 3 shut at noon by crew 4.",
    )
    assert [edit.text for edit in edits(diff(before, after))] == [added] * 5 + ["3", "4"]


def test_a_sentence_put_at_the_beginning_of_a_line_stands_there() -> None:
    found = list(edits(diff("1 in\nThe b", "2 in\nThe x. The b")))
    assert found == [Edit(0, 1, "2"), Edit(5, 5, "The x. ")]


def test_many_lines_with_many_differences_each_are_compared_by_lines_in_the_end() -> None:
    chance = Random(4)
    before = "\n".join(" ".join(chance.choices("abc", k=400)) if at % 2 else "same" for at in range(60))
    after = "\n".join(" ".join(chance.choices("abc", k=400)) if at % 2 else "same" for at in range(60))
    assert apply(diff(before, after), before) == after
    assert list(edits(diff(before, after)))[-1].end == len(before)


@pytest.mark.parametrize(
    ("base", "local", "remote", "both"),
    [
        ("Dry.", "Dry. Windy.", "Dry. Hank called.", "Dry. Windy. Hank called."),
        ("at ga", "at gate 2", "Rain. at ga", "Rain. at gate 2"),
        ("", "Dry.", "Windy.", "Dry.Windy."),
        ("3 of 4", "2 of 4", "3 of 5", "2 of 5"),
        ("3 of 4", "2 of 4", "3 or 4", "2 or 4"),
        ("34", "24", "35", "25"),
        ("34", "35", "24", "25"),
        ("3 loads", "2 loads", "2 trucks", None),
        ("3 loads", "2 trucks", "3 lands", None),
    ],
)
def test_the_passage_that_each_side_changed_is_put_in_unless_they_lie_in_each_other(
    base: str, local: str, remote: str, both: str | None
) -> None:
    assert spliced(base, local, remote) == both


@given(typed, typed, typed, typed)
def test_who_goes_on_typing_while_another_saves_loses_no_letter(
    before: str, after: str, going_on: str, added: str
) -> None:
    """Each has inserted one passage, at any places."""
    base = before + after
    for local, remote in (
        (going_on + base, base + added),
        (before + going_on + after, base + added),
        (base + going_on, added + base),
    ):
        both = spliced(base, local, remote)
        assert both is not None
        assert sorted(both) == sorted(base + going_on + added)


@given(typed, typed, typed)
def test_of_two_passages_changed_both_are_there_or_neither_is_touched(
    base: str, local: str, remote: str
) -> None:
    both = spliced(base, local, remote)
    assert both is None or len(both) == len(local) + len(remote) - len(base)
    assert spliced(base, local, base) == local
    assert spliced(base, base, remote) == remote


def test_the_examples_in_the_docstring_are_true() -> None:
    outcome = doctest.testmod(passages)
    assert outcome.attempted > 0
    assert outcome.failed == 0

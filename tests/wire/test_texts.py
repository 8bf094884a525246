"""Long texts as edits: shorter on the way, the very same change at the other end, and asked for in full where it is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import PROTOCOL_EDITS, PROTOCOL_PLAIN, Batch, SyncRequest
from bravetui.wire.texts import UnknownText, folded, folded_request, name_of, unfolded
from tests.wire.messages import changes

NOW = datetime(2026, 8, 3, tzinfo=UTC)
LOG = "Silt fence along the arroyo is sound. Inlets are clean. Two loads of rock arrived at gate 2. " * 3

words = st.sampled_from(["silt", "fence", "gate 2", "0.42", "né", "ʼ", "שער", "🚧", "\n", ". "])
long_texts = st.lists(words, min_size=20, max_size=60).map(" ".join)


def edit(before: str, after: str, **more: str) -> Change:
    return make_change(
        dot=Dot(1, 2), target=("s", "submission", "r"), op=Op.EDIT, context=VersionVector({1: 1}),
        before={"answers/log": before}, after={"answers/log": after, **more}, hlc=Hlc(1), author_id="c", at=NOW,
    )  # fmt: skip


@given(long_texts, long_texts, st.integers(0, 30))
def test_an_edited_text_comes_out_as_it_was_written(before: str, inserted: str, place: int) -> None:
    change = edit(before, before[:place] + inserted + before[place:], note="short")
    sent = Change.model_validate_json(folded(change).model_dump_json(exclude_defaults=True))
    assert unfolded(sent, lambda path, name: before if name == name_of(before) else None) == change


@given(changes)
def test_a_change_without_a_long_text_travels_as_it_is(change: Change) -> None:
    assert folded(change) is change
    assert unfolded(change, lambda path, name: None) is change


def test_a_sentence_added_to_a_long_text_costs_about_a_sentence() -> None:
    change = edit(LOG, LOG + "Crew left at noon.")
    assert len(folded(change).model_dump_json()) < len(change.model_dump_json()) - 2 * len(LOG) + 150


def test_a_text_written_anew_travels_whole() -> None:
    change = edit(LOG, "".join(reversed(LOG)))
    assert folded(change) is change


def test_an_edit_of_a_text_that_is_not_here_is_asked_for_in_full() -> None:
    sent = folded(edit(LOG, LOG + "Crew left at noon."))
    for known in (None, LOG + "?"):
        with pytest.raises(UnknownText, match=r"in full|is not here"):
            unfolded(sent, lambda path, name: known)  # noqa: B023


def test_an_edit_that_was_altered_on_its_way_is_noticed() -> None:
    sent = folded(edit(LOG, LOG + "Crew left at noon."))
    altered = sent.model_dump(mode="json")
    altered["edits"]["answers/log"]["steps"][-1] = "Crew left at nine."
    with pytest.raises(UnknownText, match="as it was written"):
        unfolded(Change.model_validate(altered), lambda path, name: LOG)


def test_steps_that_do_not_fit_the_text_are_bad_input() -> None:
    sent = folded(edit(LOG, LOG + "Crew left at noon.")).model_dump(mode="json")
    for steps in ([10**9], [], ["x"], [-5, 3]):
        sent["edits"]["answers/log"]["steps"] = steps
        with pytest.raises(BadInput):
            unfolded(Change.model_validate(sent), lambda path, name: LOG)


def test_a_request_with_edits_bears_a_number_that_an_older_central_refuses() -> None:
    def request(change: Change) -> SyncRequest:
        return SyncRequest(device=1, sent_at=NOW, push=(Batch(lane=Lane.FORMS, changes=(change,)),))

    assert folded_request(request(edit(LOG, LOG + "Crew left at noon."))).protocol == PROTOCOL_EDITS
    plain = request(edit("a", "b"))
    assert folded_request(plain) is plain
    assert plain.protocol == PROTOCOL_PLAIN

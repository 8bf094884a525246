"""Which refused changes wait for the office no more, since their laptop has put others in their place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bravetui.central.refusals import written_again
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change


def said(counter: int, stamp: int, fields: str, seen: int = 0) -> Change:
    """A change of these fields, a letter each, by somebody who had seen his own up to `seen`."""
    return make_change(
        dot=Dot(1, counter), target=("p", "violation", "v"), op=Op.EDIT, context=VersionVector({1: seen, 2: 5}),
        before={}, after=dict.fromkeys(fields, counter), hlc=Hlc(stamp), author_id="carlos",
        at=datetime(2026, 11, 26, 9, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ([said(1, 1, "ab"), said(2, 2, "abc")], [1]),
        ([said(1, 1, "ab"), said(2, 2, "a")], []),
        ([said(1, 1, "ab"), said(2, 2, "a"), said(3, 1, "b")], [1]),
        ([said(1, 1, "a"), said(2, 2, "ab", seen=1)], []),
        ([said(2, 2, "a"), said(3, 1, "a")], []),
    ],
    ids=[
        "all of it",
        "a part",
        "a part, and what was outdone",
        "an edit that had seen it",
        "outdone, behind",
    ],
)
def test_what_was_written_again_is_all_said_later_by_what_goes_in_its_place(
    changes: list[Change], settled: list[int]
) -> None:
    assert [dot.counter for dot in written_again(changes)] == settled

"""What shows a laptop by itself that central lacks something, in an epoch that goes on: and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bravetui.merge.version import Dot
from bravetui.sync.lacking import AGAIN_AFTER, is_lacking
from bravetui.sync.taken import Prepared
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Checkpoint, Page, PullAsk, SyncAnswer, SyncRequest

NOW = datetime(2026, 8, 3, tzinfo=UTC)


def word(*held: tuple[int, int], device: int = 1, epoch: str = "e") -> Checkpoint:
    return Checkpoint(device=device, epoch=epoch, held=held, at=NOW)


def asked(after: int = 0, last: Checkpoint | None = None) -> Prepared:
    ask = PullAsk(scope_id="site", lane=Lane.CRITICAL, after=after)
    request = SyncRequest(device=1, epoch="e", sent_at=NOW, pull=(ask,))
    return Prepared(request, {}, frozenset(), frozenset(), checkpoint=last)


def answered(checkpoint: Checkpoint, after: int = 9, *earlier: Checkpoint) -> SyncAnswer:
    page = Page(scope_id="site", lane=Lane.CRITICAL, rows=(), after=after, before=None, more=False)
    return SyncAnswer(epoch=checkpoint.epoch, now=NOW, pages=(page,), checkpoint=checkpoint, earlier=earlier)


@pytest.mark.parametrize(
    ("why", "prepared", "acknowledged", "answer", "lacks"),
    [
        ("all is there", asked(9, word((1, 4))), [Dot(1, 4)], answered(word((1, 7))), False),
        ("a first contact", asked(), [], answered(word()), False),
        ("an acknowledged change is not held", asked(), [Dot(1, 5)], answered(word((1, 4), (6, 7))), True),
        ("one under the number of before is", asked(), [Dot(2, 1)], answered(word(), 9, word((1, 1), device=2)), False),
        ("nobody speaks of that number", asked(), [Dot(2, 1)], answered(word((1, 1))), True),
        ("what was vouched for is not", asked(0, word((1, 4))), [], answered(word((1, 3))), True),
        ("a gap in it", asked(0, word((1, 4))), [], answered(word((1, 2), (4, 9))), True),
        ("it was of another number", asked(0, word((1, 4), device=2)), [], answered(word()), False),
        ("it was of another epoch", asked(0, word((1, 4), epoch="d")), [], answered(word()), False),
        ("the page ends before the cursor", asked(10), [], answered(word()), True),
        ("another epoch says so by itself", asked(10), [Dot(1, 5)], answered(word(epoch="f")), False),
    ],
)  # fmt: skip
def test_what_shows_that_central_lacks_something(
    why: str, prepared: Prepared, acknowledged: list[Dot], answer: SyncAnswer, lacks: bool
) -> None:
    genuine = [answer.checkpoint, *answer.earlier]
    assert (
        is_lacking(replace(prepared, held_before=frozenset(acknowledged)), answer, genuine, None) is lacks
    ), why


def test_an_answer_that_is_not_centrals_shows_nothing() -> None:
    assert not is_lacking(asked(10, word((1, 4))), answered(word()), [], None)


def test_a_central_that_takes_and_never_vouches_is_not_refilled_without_end() -> None:
    """What cannot come again by itself is seen at once all the same."""
    answer, taken = answered(word()), replace(asked(9), held_before=frozenset([Dot(1, 5)]))
    genuine = [answer.checkpoint]
    assert not is_lacking(taken, answer, genuine, NOW - timedelta(hours=1))
    assert is_lacking(taken, answer, genuine, NOW - AGAIN_AFTER)
    assert is_lacking(taken, answer, genuine, NOW + timedelta(days=400)), (
        "a time that is still to come says nothing"
    )
    assert is_lacking(asked(9, word((1, 4))), answer, genuine, NOW)
    assert is_lacking(asked(10), answer, genuine, NOW)

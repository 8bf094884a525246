"""Strategies for messages as both ends make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Batch, Checkpoint, Outcome, PullAsk, SyncAnswer, SyncRequest, Verdict

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | texts
json_values: st.SearchStrategy[Json] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
_paths = st.from_regex(r"[a-z]{1,5}(/[a-z0-9]{1,4}/[a-z]{1,4})?", fullmatch=True)
_values = st.dictionaries(_paths, json_values, max_size=4)
_names = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
dots = st.builds(Dot, st.integers(0, 10**6), st.integers(1, 10**18 - 1))
vectors = st.dictionaries(st.integers(0, 9), st.integers(1, 99), max_size=3).map(VersionVector)
stamps = st.builds(Hlc, st.integers(0, (1 << 44) - 1), st.integers(0, 0xFFFF))
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.builds(
    lambda since, zone: (datetime(2000, 1, 1, tzinfo=UTC) + since).astimezone(zone),
    st.timedeltas(timedelta(0), timedelta(days=36_500)),
    st.just(UTC) | _offsets,
)

changes: st.SearchStrategy[Change] = st.builds(
    make_change,
    dot=dots, target=st.tuples(_names, _names, _names), op=st.sampled_from(Op), context=vectors, before=_values,
    after=_values, hlc=stamps, author_id=texts, at=moments, reason=st.none() | texts,
    conflict_id=st.none() | _names,
)  # fmt: skip

verdicts: st.SearchStrategy[Verdict] = st.builds(
    Verdict,
    dot=dots, hash=_names, outcome=st.sampled_from(Outcome), seq=st.integers(0, 9), at=moments, code=st.none() | _names,
    superseded=st.lists(_paths, max_size=2).map(tuple), conflicts=st.lists(_names, max_size=2).map(tuple),
    reason=st.none() | texts, epoch=_names,
)  # fmt: skip

checkpoints: st.SearchStrategy[Checkpoint] = st.builds(
    Checkpoint,
    device=st.integers(1, 9), epoch=_names, at=moments,
    held=st.lists(st.tuples(st.integers(1, 9), st.integers(10, 19)), max_size=2).map(tuple),
    standing=st.just("") | _names,
)  # fmt: skip

requests: st.SearchStrategy[SyncRequest] = st.builds(
    SyncRequest,
    device=st.integers(1, 9), epoch=_names, sent_at=moments,
    push=st.lists(
        st.builds(Batch, lane=st.sampled_from(Lane), changes=st.lists(changes, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    pull=st.lists(st.builds(PullAsk, scope_id=_names, lane=st.sampled_from(Lane)), max_size=2).map(tuple),
    standing=st.just("") | _names,
)  # fmt: skip

answers: st.SearchStrategy[SyncAnswer] = st.builds(
    SyncAnswer,
    epoch=_names, now=moments, checkpoint=checkpoints, verdicts=st.lists(verdicts, max_size=2).map(tuple),
)  # fmt: skip

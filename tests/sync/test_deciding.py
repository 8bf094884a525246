"""The deciding half of sync, pure: what next, which changes travel, how long to wait, what the events add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bravetui.sync.batch import (
    BUDGET_BYTES_MAX,
    BUDGET_BYTES_MIN,
    BUDGET_BYTES_THIN,
    Entry,
    count_by_lane,
    next_batches,
    next_budget,
    shrunk,
)
from bravetui.sync.policy import ASKED_WAIT_S_MAX, WAIT_S_MIN, wait_s
from bravetui.sync.progress import (
    AllHandedIn,
    ChangeRefused,
    ConflictOpened,
    Exchanged,
    Renumbered,
    Sending,
    SyncEvent,
    SyncProgress,
    Waiting,
    fold,
)
from bravetui.sync.step import (
    URGENT_APART,
    Carry,
    Exchange,
    LaneSituation,
    Situation,
    Wait,
    next_step,
)
from bravetui.wire.lanes import LANES, PAUSE_MAX, POLICY, PRIORITY, Lane, LanePolicy

NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
Record = tuple[str, str, str]

moments = st.none() | st.integers(-4000, 4000).map(lambda s: NOW + timedelta(seconds=s))
situations = st.builds(
    Situation,
    lanes=st.fixed_dictionaries(
        {
            lane: st.builds(LaneSituation, waiting=st.sampled_from([0, 0, 0, 3]), next_attempt_at=moments)
            for lane in Lane
        }
    ),
    unfinished=st.booleans(),
    unconfirmed=st.integers(0, 3),
    next_poll_at=moments,
    pull_not_before=moments,
    bytes_at=moments,
)
urgent_situations = st.builds(replace, situations, urgent_at=moments, attempted_at=moments)


def entry(counter: int, lane: Lane = Lane.FORMS, record: str = "", size_bytes: int = 100) -> Entry:
    return Entry(3, counter, lane, ("site", "submission", record or str(counter)), size_bytes)


@st.composite
def outboxes(draw: st.DrawFn) -> tuple[list[Entry], list[tuple[Record, int]]]:
    """Changes of a few records (a record has one lane), some of them refused."""
    entries, refused = [], []
    for counter in range(1, draw(st.integers(0, 40)) + 1):
        number = draw(st.integers(0, 9))
        lane = LANES[number % len(LANES)].lane
        one = entry(counter, lane, f"r{number}", draw(st.integers(1, 5000)))
        if draw(st.booleans()) and draw(st.booleans()):
            refused.append((one.record, counter))
        else:
            entries.append(one)
    return draw(st.permutations(entries)), refused


def sendable(entries: list[Entry], refused: list[tuple[Record, int]]) -> set[int]:
    """What nothing holds back."""
    return {e.counter for e in entries if not any(r == e.record and n < e.counter for r, n in refused)}


@given(situations)
def test_work_that_may_go_goes_now_or_at_a_moment_that_is_known(situation: Situation) -> None:
    """Liveness: never later than the first waiting lane's next attempt, or than the poll once its pause is over."""
    step = next_step(situation, NOW)
    waiting = [state.next_attempt_at for state in situation.lanes.values() if state.waiting]
    if not isinstance(step, Wait):
        assert isinstance(step, Exchange) or not any(moment is None or moment <= NOW for moment in waiting)
        return
    assert all(moment is not None and moment > NOW for moment in waiting)
    assert step.until > NOW
    soon = NOW + timedelta(milliseconds=1)
    assert all(step.until <= max(moment, soon) for moment in waiting if moment)
    if situation.pull_not_before is not None:
        due = NOW if situation.unfinished else situation.next_poll_at or NOW
        assert step.until <= max(due, situation.pull_not_before, soon)


@given(situations)
def test_a_lane_in_its_pause_neither_goes_nor_holds_another_back(situation: Situation) -> None:
    step = next_step(situation, NOW)
    ready = {
        lane
        for lane, state in situation.lanes.items()
        if state.waiting and (state.next_attempt_at is None or state.next_attempt_at <= NOW)
    }
    went = step.lanes if isinstance(step, Exchange) else ()
    assert set(went) == ready
    assert list(went) == sorted(went, key=PRIORITY.__getitem__)


@given(situations)
def test_pages_left_at_central_are_fetched_without_waiting_for_the_next_poll(situation: Situation) -> None:
    step = next_step(replace(situation, unfinished=True, pull_not_before=None), NOW)
    assert isinstance(step, Exchange)


def test_after_a_broken_fetch_the_rest_is_fetched_when_its_pause_ends_and_not_at_the_next_poll() -> None:
    nothing = {lane: LaneSituation(0, None) for lane in Lane}
    second, poll = NOW + timedelta(seconds=1), NOW + timedelta(seconds=30)
    assert next_step(Situation(nothing, True, 0, poll, second), NOW) == Wait(second)


paused = {lane: LaneSituation(1, NOW + timedelta(hours=1)) for lane in Lane}
PAUSED = Situation(paused, False, 0, NOW + timedelta(hours=1), NOW + timedelta(hours=1))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_something_urgent_that_was_saved_since_the_last_try_goes_now_whatever_the_pause() -> None:
    assert isinstance(next_step(PAUSED, NOW), Wait)
    urgent = replace(PAUSED, urgent_at=ago(1), attempted_at=ago(60))
    assert next_step(urgent, NOW) == Exchange((Lane.CRITICAL,))


def test_something_urgent_that_has_been_tried_keeps_the_pause() -> None:
    tried = replace(PAUSED, urgent_at=ago(60), attempted_at=ago(59))
    assert next_step(tried, NOW) == next_step(PAUSED, NOW)


def test_urgent_saves_in_a_row_are_tried_a_few_seconds_apart() -> None:
    just_tried = replace(PAUSED, urgent_at=ago(0), attempted_at=ago(1))
    assert next_step(just_tried, NOW) == Wait(ago(1) + URGENT_APART)


def test_a_pause_that_a_wrong_clock_wrote_down_is_not_kept() -> None:
    """A clock that was a year ahead and has been set right must not stop sync for a year."""
    far = NOW + PAUSE_MAX + timedelta(seconds=1)
    lanes = {lane: LaneSituation(0, None) for lane in Lane} | {Lane.FORMS: LaneSituation(1, far)}
    poll = NOW + timedelta(seconds=30)
    assert next_step(Situation(lanes, False, 0, poll, poll), NOW) == Exchange((Lane.FORMS,))
    idle = {lane: LaneSituation(0, None) for lane in Lane}
    assert next_step(Situation(idle, False, 0, far, far), NOW) == Exchange(())
    assert next_step(Situation(idle, False, 0, far, poll), NOW) == Wait(poll)


@given(situations)
def test_no_wait_is_longer_than_any_pause_can_be(situation: Situation) -> None:
    step = next_step(situation, NOW)
    assert not isinstance(step, Wait) or step.until <= NOW + PAUSE_MAX


@given(situations)
def test_photo_bytes_go_only_while_nothing_else_is_due_and_hold_up_nothing(situation: Situation) -> None:
    without = next_step(replace(situation, bytes_at=None), NOW)
    step = next_step(situation, NOW)
    if isinstance(without, Exchange):
        assert step == without
    if isinstance(step, Carry):
        assert situation.bytes_at is not None
    if isinstance(step, Wait) and isinstance(without, Wait):
        assert step.until <= without.until


@given(situations)
def test_photo_bytes_that_are_due_on_a_line_that_is_up_are_not_left_lying(situation: Situation) -> None:
    up = replace(situation, bytes_at=NOW, pull_not_before=None)
    assert not isinstance(next_step(up, NOW), Wait)


@given(urgent_situations)
def test_something_urgent_never_makes_anything_else_wait_longer(situation: Situation) -> None:
    calm = next_step(replace(situation, urgent_at=None), NOW)
    step = next_step(situation, NOW)
    if isinstance(calm, Exchange):
        assert isinstance(step, Exchange)
        assert set(calm.lanes) <= set(step.lanes)
    elif isinstance(step, Wait) and isinstance(calm, Wait):
        assert step.until <= calm.until


def test_nothing_to_do_waits_for_the_poll_and_says_until_when() -> None:
    quiet = Situation({lane: LaneSituation(0, None) for lane in Lane}, False, 0, NOW + timedelta(seconds=30))
    assert next_step(quiet, NOW) == Wait(NOW + timedelta(seconds=30))


@given(outboxes(), st.integers(1, 20_000))
def test_a_record_s_changes_keep_their_order_and_nothing_passes_a_refused_one(
    outbox: tuple[list[Entry], list[tuple[Record, int]]], budget_bytes: int
) -> None:
    entries, refused = outbox
    sent = [e for _, batch in next_batches(entries, refused, list(Lane), budget_bytes) for e in batch]
    for record in {e.record for e in entries}:
        every = sorted(
            e.counter for e in entries if e.record == record and e.counter in sendable(entries, refused)
        )
        own = [e.counter for e in sent if e.record == record]
        assert own == every[: len(own)]
    assert {e.counter for e in sent} <= sendable(entries, refused)


@given(outboxes(), st.integers(1, 20_000))
def test_whatever_is_critical_goes_before_anything_else(
    outbox: tuple[list[Entry], list[tuple[Record, int]]], budget_bytes: int
) -> None:
    entries, refused = outbox
    batches = next_batches(entries, refused, list(Lane), budget_bytes)
    lanes = [lane for lane, _ in batches]
    assert lanes == sorted(lanes, key=PRIORITY.__getitem__)
    sent = {e.counter for _, batch in batches for e in batch}
    left = {e.lane for e in entries if e.counter in sendable(entries, refused) - sent}
    if left and lanes:
        assert PRIORITY[max(lanes, key=PRIORITY.__getitem__)] <= min(PRIORITY[lane] for lane in left)


@given(outboxes(), st.integers(1, 20_000))
def test_a_request_stays_within_its_budget_but_for_a_single_large_change(
    outbox: tuple[list[Entry], list[tuple[Record, int]]], budget_bytes: int
) -> None:
    entries, refused = outbox
    batches = next_batches(entries, refused, list(Lane), budget_bytes)
    sent = [e for _, batch in batches for e in batch]
    assert bool(sent) == bool(sendable(entries, refused))
    assert len({e.counter for e in sent}) == len(sent)
    for lane, batch in batches:
        assert 0 < len(batch) <= POLICY[lane].batch_changes_max
        assert all(e.lane is lane for e in batch)
    # The last change of a batch may be the first of its lane, which goes whatever its size.
    assert sum(e.size_bytes for e in sent) <= budget_bytes + max((e.size_bytes for e in sent), default=0)


@given(outboxes(), st.integers(1, 20_000))
def test_sending_again_and_again_sends_everything_that_nothing_holds_back(
    outbox: tuple[list[Entry], list[tuple[Record, int]]], budget_bytes: int
) -> None:
    entries, refused = outbox
    left, went = list(entries), set()
    while batches := next_batches(left, refused, list(Lane), budget_bytes):
        sent = {e.counter for _, batch in batches for e in batch}
        went |= sent
        left = [e for e in left if e.counter not in sent]
    assert went == sendable(entries, refused)


def test_a_refused_change_holds_back_only_later_changes_of_its_own_record() -> None:
    entries = [entry(1, record="a"), entry(3, record="a"), entry(4, record="b")]
    batches = next_batches(entries, [(("site", "submission", "a"), 2)], list(Lane), 10_000)
    assert [e.counter for _, batch in batches for e in batch] == [1, 4]
    assert count_by_lane(batches) == {Lane.FORMS: 2}


@given(outboxes(), st.sets(st.integers(0, 9)), st.integers(BUDGET_BYTES_MIN, 200_000))
def test_what_jumps_goes_before_all_else_of_its_lane_in_its_record_s_own_order(
    outbox: tuple[list[Entry], list[tuple[Record, int]]], jumping: set[int], budget_bytes: int
) -> None:
    entries, refused = outbox
    marked = [replace(one, jumps=int(one.record[2][1:]) in jumping) for one in entries]
    for lane in Lane:
        batches = next_batches(marked, refused, [lane], budget_bytes)
        order = [(not one.jumps, one.counter) for _, batch in batches for one in batch]
        assert order == sorted(order)


def test_on_a_thin_line_what_may_wait_does_until_nothing_else_travels() -> None:
    entries = [entry(1, Lane.PHOTOS), entry(2, Lane.ANALYTICS), entry(3, Lane.FORMS)]
    thin = [lane for lane, _ in next_batches(entries, [], list(Lane), BUDGET_BYTES_THIN)]
    assert thin == [Lane.FORMS]
    assert [lane for lane, _ in next_batches(entries[:2], [], list(Lane), BUDGET_BYTES_THIN)] == [Lane.PHOTOS]
    wide = [lane for lane, _ in next_batches(entries, [], list(Lane), BUDGET_BYTES_THIN + 1)]
    assert wide == [Lane.FORMS, Lane.PHOTOS, Lane.ANALYTICS]


@given(
    st.integers(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX),
    st.lists(st.tuples(st.integers(500, 10_000_000), st.floats(0.01, 1.0)), min_size=1, max_size=4),
)
def test_batches_follow_a_line_that_changes_within_a_dozen_exchanges(
    budget: int, lines: list[tuple[int, float]]
) -> None:
    """A line is bytes a second and a round trip in seconds: an exchange settles at a few seconds, or at a bound."""
    for bytes_per_s, trip_s in lines:
        for _ in range(12):
            took_s = budget / bytes_per_s + trip_s
            budget = next_budget(budget, budget, took_s)
        took_s = budget / bytes_per_s + trip_s
        assert took_s <= 6.0 or budget == BUDGET_BYTES_MIN
        assert took_s >= 2.0 or budget == BUDGET_BYTES_MAX


def test_a_lane_that_is_not_asked_for_stays_here() -> None:
    entries = [entry(1, Lane.PHOTOS), entry(2, Lane.CRITICAL)]
    batches = next_batches(entries, [], [Lane.CRITICAL], 10_000)
    assert [lane for lane, _ in batches] == [Lane.CRITICAL]


@given(
    st.integers(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX),
    st.integers(0, 10**8),
    st.just(0.0) | st.floats(1e-9, 1000),
)
def test_the_budget_stays_in_bounds_and_at_most_doubles(budget: int, moved: int, took_s: float) -> None:
    after = next_budget(budget, moved, took_s)
    assert BUDGET_BYTES_MIN <= after <= BUDGET_BYTES_MAX
    assert after <= max(BUDGET_BYTES_MIN, budget * 2)
    assert BUDGET_BYTES_MIN <= shrunk(budget) <= max(BUDGET_BYTES_MIN, budget)


def test_a_slow_line_shrinks_the_budget_and_a_fast_one_lets_it_grow() -> None:
    assert next_budget(1_000_000, 1_000_000, took_s=40) == 100_000
    assert next_budget(100_000, 100_000, took_s=0.1) == 200_000


asked = st.none() | st.floats(0, 10**6)


@given(st.sampled_from(LANES), st.integers(0, 5000), asked)
def test_a_pause_is_bounded_honours_what_was_asked_and_never_ends_the_trying(
    lane: LanePolicy, failures: int, asked_s: float | None
) -> None:
    pause_s = wait_s(lane, failures, asked_s)
    assert WAIT_S_MIN <= pause_s <= max(lane.wait_max_s, ASKED_WAIT_S_MAX)
    assert pause_s >= min(asked_s or 0, ASKED_WAIT_S_MAX)
    if asked_s is None:
        assert pause_s <= max(WAIT_S_MIN, min(lane.wait_max_s, lane.wait_first_s * 2 ** min(failures, 60)))


counts = st.dictionaries(st.sampled_from(Lane), st.integers(0, 50))
at = st.just(NOW)
events: st.SearchStrategy[SyncEvent] = st.one_of(
    st.builds(Sending, at=at, changes=counts, bytes_up=st.integers(0, 9)),
    st.builds(
        Exchanged, at=at, bytes_up=st.integers(0, 999), bytes_down=st.integers(0, 999), took_s=st.floats(0, 9),
        acknowledged=counts, rows=counts, rows_left=st.integers(0, 99), waiting=st.integers(0, 99),
    ),
    st.builds(ConflictOpened, at=at, count=st.integers(1, 3)),
    st.builds(ChangeRefused, at=at, lane=st.sampled_from(Lane), reason=st.just("no")),
    st.builds(Waiting, at=at, until=at, why=st.just("No line."), lanes=st.just((Lane.FORMS,))),
    st.builds(AllHandedIn, at=at),
    st.builds(Renumbered, at=at, device=st.integers(1, 9)),
)  # fmt: skip


def picture(told: list[SyncEvent]) -> SyncProgress:
    progress = SyncProgress()
    for event in told:
        progress = fold(progress, event)
    return progress


@given(st.lists(events, max_size=20))
def test_whoever_holds_the_same_events_holds_the_same_picture(told: list[SyncEvent]) -> None:
    assert picture(told) == picture(told)
    exchanges = [event for event in told if isinstance(event, Exchanged)]
    progress = picture(told)
    assert progress.bytes_up == sum(event.bytes_up for event in exchanges)
    assert progress.changes_done == sum(sum(event.acknowledged.values()) for event in exchanges)
    assert progress.rows_done == sum(sum(event.rows.values()) for event in exchanges)
    assert sum(progress.by_lane.values()) == progress.changes_done + progress.rows_done
    assert progress.refused == sum(isinstance(event, ChangeRefused) for event in told)


@given(st.lists(events, max_size=20))
def test_the_time_left_is_known_only_from_a_rate_and_is_never_negative(told: list[SyncEvent]) -> None:
    progress = picture(told)
    if progress.eta_s is None:
        assert progress.busy_s == 0 or progress.changes_done + progress.rows_done == 0
    else:
        assert progress.eta_s >= 0


def test_a_pause_is_shown_with_its_end_and_gone_with_the_next_try() -> None:
    later = NOW + timedelta(seconds=9)
    paused = picture([Waiting(NOW, later, "No line.", (Lane.FORMS,))])
    assert (paused.wait_until, paused.why) == (later, "No line.")
    again = fold(paused, Sending(later, {}, 0))
    assert (again.wait_until, again.why) == (None, "")

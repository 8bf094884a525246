"""`bravetui status`: what waits here, since when, why, and when it is tried next."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime, timedelta

from bravetui.base.text import counted, shortened
from bravetui.cli.common import laptop_of, print_json
from bravetui.cli.mirror import report_json, report_words
from bravetui.views.sign_in import sign_in
from bravetui.views.status import LaneRow, SyncSummary, sync_summary
from bravetui.views.words import age_words, left_for_words, photos_words, set_aside_words, span_words

EPILOG = (
    "JSON: {now, waiting, unconfirmed, refused, conflicts_open, set_aside, oldest_only_here, all_handed_in_at, "
    "last_contact_at, next_attempt_at, why, line, lanes: [...], "
    "photos: {photos, size_bytes, oldest_at, sick, next_attempt_at, why, eta_s}, support: {at, who, did} or null, "
    "room_kept, sign_in: {state, until, clock}, black_box: {folder, state, why} or null}. "
    "Times are ISO 8601 in UTC, or null."
)


WAITING_MANY, WAITING_LONG = 200, timedelta(days=7)
"""From here on status says how work travels without a line."""

NO_ROOM = "Disk          full, or nearly so: free 150 MB on it. What was saved is still here."


def options(parser: argparse.ArgumentParser) -> None:
    """Text or JSON."""
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Print how sync stands; reads the tables, so it may run beside the app."""
    with laptop_of(arguments, only_looks=True) as laptop:
        summary, signed_in = sync_summary(laptop.store), sign_in(laptop.store)
        black_box = laptop.mirror.report if laptop.mirror else None
        room_kept = laptop.store.ballast.is_reserved
    if arguments.json:
        told = {"state": signed_in.state, "until": signed_in.until, "clock": signed_in.clock_words or None}
        print_json(
            {**asdict(summary), "room_kept": room_kept, "sign_in": told, "black_box": report_json(black_box)}
        )
    else:
        lines = [
            f"Signed in     {signed_in.words}",
            *([f"              {signed_in.todo}"] * bool(signed_in.todo)),
            *([f"Clock         {signed_in.clock_words}"] * bool(signed_in.clock_words)),
        ]
        lines += [NO_ROOM] * (not room_kept)
        lines += [f"Black box     {report_words(black_box)}"] * bool(black_box)
        print("\n".join(lines + lines_of(summary)))
    return 0


def lines_of(summary: SyncSummary) -> list[str]:
    """The same in words, fit for 80 columns."""
    now = summary.now
    lines = [f"Line          {summary.line}", f"Last contact  {_ago(summary.last_contact_at, now)}"]
    lines += _only_here(summary)
    if summary.refused:
        lines.append(f"Refused       {summary.refused}, kept here: bravetui queue")
    if summary.set_aside:
        lines.append(f"By a rule     {set_aside_words(summary.set_aside)} bravetui conflicts")
    if summary.conflicts_open:
        lines.append(f"Conflicts     {summary.conflicts_open} to decide: bravetui conflicts")
    lines += _photos(summary)
    if summary.next_attempt_at and summary.waiting:
        wait = "now" if summary.next_attempt_at <= now else f"in {span_words(summary.next_attempt_at - now)}"
        lines.append(f"Next attempt  {wait}{f': {summary.why}' if summary.why else ''}")
    if summary.support:
        who, did = summary.support.who, summary.support.did
        lines.append(f"Support       {shortened(who, 40)} {did}, {age_words(summary.support.at, now)}")
    lines.append("")
    lines.append(f"{'Lane':<10}{'Waiting':>8}{'Refused':>9}{'To come':>9}  {'Oldest':<12}Why it waits")
    return lines + [_lane(lane, now) for lane in summary.lanes]


def _only_here(summary: SyncSummary) -> list[str]:
    """What exists on this laptop alone, and what central has and has not vouched for."""
    if summary.waiting:
        return _waits(summary)
    if summary.all_handed_in_at and not summary.photos.photos:
        return [f"All handed in {age_words(summary.all_handed_in_at, summary.now)}"]
    if summary.unconfirmed or not summary.refused:
        return [f"Only here     nothing{_unconfirmed(summary.unconfirmed)}"]
    return []


def _photos(summary: SyncSummary) -> list[str]:
    """Photos that central has not signed for, and what holds them."""
    left, now = summary.photos, summary.now
    if not left.photos:
        return []
    since = f", the oldest {age_words(left.oldest_at, now)}" if left.oldest_at else ""
    time_left = f", {left_for_words(left.eta_s)}" if left.eta_s is not None else ""
    lines = [f"Photos        {photos_words(left.photos, left.size_bytes)} not handed in{since}{time_left}"]
    if left.why:
        which = f"{counted(left.sick, 'photo')}: " if left.sick else ""
        lines.append(f"              {which}{shortened(left.why, 60)}")
    return lines


def _waits(summary: SyncSummary) -> list[str]:
    now, since = summary.now, summary.oldest_only_here
    oldest = age_words(since, now) if since else ""
    lines = [f"Only here     {counted(summary.waiting, 'change')}, the oldest made {oldest}"]
    if summary.waiting > WAITING_MANY or now - (since or now) > WAITING_LONG:
        lines.append("No line?      Carry it by hand: bravetui rescue export DIR")
    if count := summary.unconfirmed:
        lines.append(f"At central    {counted(count, 'change')} {_confirmation(count)}")
    return lines


def _lane(lane: LaneRow, now: datetime) -> str:
    oldest = span_words(now - lane.oldest_at) if lane.oldest_at else ""
    left = "" if lane.eta_s is None else left_for_words(lane.eta_s)
    why = lane.why or left if lane.waiting else left
    return (
        f"{lane.label:<10}{lane.waiting:>8}{lane.refused:>9}{lane.rows_left:>9}  {oldest:<12}{why}".rstrip()
    )


def _unconfirmed(count: int) -> str:
    """What is at central and not vouched for; nothing is said of none."""
    return f"; {count:,} at central {_confirmation(count)}" if count else ""


def _confirmation(count: int) -> str:
    return f"{'waits' if count == 1 else 'wait'} for its confirmation"


def _ago(moment: datetime | None, now: datetime) -> str:
    return age_words(moment, now) if moment else "never"

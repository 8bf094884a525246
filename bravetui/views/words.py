"""How things are said: states, ages, deadlines and records in a foreman's words. One phrase a thing, on every screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection, select

from bravetui.base.clock import local_time
from bravetui.base.text import counted, safe_line, shortened
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS, Kind
from bravetui.merge.state import ANSWERS, DELETED
from bravetui.wire.receipt import MENDED

STATE_WORDS: Mapping[OutboxState, str] = {
    OutboxState.PENDING: "on this laptop",
    OutboxState.SENT: "gone out, no answer yet",
    OutboxState.PARKED: "at central, on hold",
    OutboxState.APPLIED: "at central",
    OutboxState.CONFIRMED: "at central, confirmed",
    OutboxState.REFUSED: "refused, kept here",
    OutboxState.PUT_AWAY: "put away",
}

MERGED_WORDS: Mapping[str, str] = {
    "merged": "at central, merged",
    "conflict": "at central, to be decided",
}
"""By a verdict's outcome, for changes that are at central and did not stay as they came."""

DECIDED_WORDS = "at central, decided"
"""For a change about which there was a conflict, once there is none any more."""

RULE_WORDS: Mapping[str, str] = {
    "server_wins": "what central has stands",
    "last_write_wins": "the later one stands",
    "earliest": "the earlier date stands",
    "latest": "the later date stands",
    "stricter": "the stricter one stands",
    "max": "the larger one stands",
    "min": "the smaller one stands",
    "union": "both are kept",
    "sum": "both are added up",
    "text": "both texts become one; where both changed the same words, a person decides",
    "derived": "worked out again",
    "review": "a person decides",
    "duplicate": "perhaps the same thing, logged twice",
    "signed": "it was signed meanwhile and stands as signed until a person decides",
}

_TITLES: Mapping[str, tuple[str, ...]] = {
    "submission": ("title",),
    "inspection": ("kind",),
    "signature": ("signer_name",),
    "violation": ("description",),
    "corrective_action": ("condition",),
    "delivery": ("supplier", "ticket_number"),
    "daily_log": ("log_date",),
    "safety_alert": ("title",),
    "weather_event": ("kind",),
    "photo": ("caption",),
    "inspector_visit": ("agency", "inspector_name"),
    "crew_assignment": ("task",),
    "usage_day": ("metric", "day"),
}
"""The fields that tell one record of a kind from another."""


def state_words(state: OutboxState, verdict: Mapping[str, object] | None) -> str:
    """Where a change stands, honestly."""
    if verdict and state in (OutboxState.APPLIED, OutboxState.CONFIRMED):
        if verdict.get("code") == MENDED:
            return "at central, mended"
        return MERGED_WORDS.get(str(verdict.get("outcome")), STATE_WORDS[state])
    return STATE_WORDS[state]


def span_words(span: timedelta) -> str:
    """A length of time in its two largest units, rounded down: `3 d 4 h`, `25 min`, `under 1 min`."""
    minutes = int(abs(span).total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [
        f"{days} d" * bool(days),
        f"{hours} h" * bool(hours),
        f"{minutes} min" * bool(minutes and not days),
    ]
    return " ".join(part for part in parts if part) or "under 1 min"


def age_words(then: datetime, now: datetime) -> str:
    """How long ago; a clock that went back is not called the future."""
    return f"{span_words(max(now - then, timedelta(0)))} ago"


def left_words(deadline: datetime, now: datetime) -> str:
    """`4 h 10 min left`, or `2 h late`."""
    return f"{span_words(deadline - now)} left" if deadline >= now else f"{span_words(now - deadline)} late"


def left_for_words(seconds: float) -> str:
    """How long what is under way will still take: `about 40 s left`, `about 3 min left`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    return f"about {span_words(timedelta(seconds=seconds))} left"


def bytes_words(size_bytes: int) -> str:
    """How much that is, as a disk's label would say it.

    >>> bytes_words(340_000), bytes_words(3_700_000), bytes_words(0)
    ('340 kB', '3.7 MB', '0 kB')
    """
    kilobytes = -(-size_bytes // 1000)
    return f"{kilobytes} kB" if kilobytes < 1000 else f"{size_bytes / 1_000_000:.1f} MB"


def photos_words(photos: int, size_bytes: int) -> str:
    """`1 photo (3.7 MB)`."""
    return f"{counted(photos, 'photo')} ({bytes_words(size_bytes)})"


def clock_words(when: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment as people say it: `2:32 pm`, `tomorrow 9:00 am`, `Fri 7:00 am`, `3 Dec 7:00 am`."""
    local, today = local_time(when, zone), local_time(now, zone).date()
    time = f"{local:%I:%M %p}".lstrip("0").lower()
    days = (local.date() - today).days
    if days in (0, 1, -1):
        return f"{('', 'tomorrow ', 'yesterday ')[days]}{time}"
    if abs(days) < 7:
        return f"{local:%a} {time}"
    return f"{local.day} {local:%b} {time}"


def day_words(when: datetime, zone: tzinfo) -> str:
    """Today and the time of day: `Mon 3 Aug, 10:37 am`."""
    local = local_time(when, zone)
    return f"{local:%a} {local.day} {local:%b}, {clock_words(when, when, zone)}"


def record_title(connection: Connection, kind: Kind, scope_id: str, record_id: str, limit: int = 80) -> str:
    """The record in words, safe to show: `EPA site inspection report`, `Inspection: storm`."""
    names = [name for name in _TITLES.get(kind.name, ("name", "title")) if name in kind.columns]
    columns = [kind.table.c[name] for name in names]
    where = (kind.table.c.scope_id == scope_id, kind.table.c.id == record_id)
    row = connection.execute(select(*columns).where(*where)).one_or_none() if columns else None
    said = [str(value) for value in row or () if value]
    named = ", ".join(said)
    words = (
        named
        if named and kind.name == "submission"
        else f"{kind.label.capitalize()}: {named}".removesuffix(": ")
    )
    return shortened(words, limit)


def to_do_words(missing: int, wrong: int) -> str:
    """What a form still needs: `6 to answer`, `1 to correct`, or both."""
    parts = [f"{missing} to answer"] * bool(missing) + [f"{wrong} to correct"] * bool(wrong)
    return ", ".join(parts)


def short_title(title: str) -> str:
    """A form's title as people call it: `EPA site inspection report (CGP 2022)` is an EPA site inspection report."""
    return title.partition(" (")[0].strip() or title


def paths_words(paths: Iterable[str]) -> str:
    """How much a change touches: `new answers`, `3 answers`, `status`."""
    listed = list(paths)
    if DELETED in listed:
        return "removed"
    if listed and all(path.startswith("seen_by/") for path in listed):
        return "seen"
    answers = sum(path.startswith(f"{ANSWERS}/") for path in listed)
    others = (path for path in listed if not path.startswith(f"{ANSWERS}/"))
    fields = list(dict.fromkeys(path.split("/")[0].replace("_", " ") for path in others))
    said = [f"{answers} answer{'s' * (answers != 1)}"] * bool(answers)
    if not said:
        said = fields if len(fields) <= 2 else [f"{len(fields)} fields"]
    return ", ".join(said)


def set_aside_words(count: int) -> str:
    """What a rule did to this person's values, in a line."""
    return f"{count} value{'s' * (count != 1)} of yours set aside by a rule."


def kind_label(name: str) -> str:
    """What a foreman calls a record of this kind, which a newer version may have made; safe to show."""
    return KINDS[name].label if name in KINDS else safe_line(name.replace("_", " "), 40)


def named_by(
    title_of: Callable[[Connection, Kind, str, str], str],
    connection: Connection, kind_name: str, scope_id: str, record_id: str,
) -> str:  # fmt: skip
    """A record in the words of `title_of`; one that only a newer version knows by its kind alone."""
    kind = KINDS.get(kind_name)
    return title_of(connection, kind, scope_id, record_id) if kind else kind_label(kind_name)

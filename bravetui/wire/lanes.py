"""The four lanes, as one table: what goes first, how much at a time, how it is retried, who may wait.

Change a lane here and nowhere else. Which kind of record rides which lane stands beside the kind (`db/kinds`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bravetui.merge.rules import Rule


class Lane(StrEnum):
    """Priority classes of traffic, most urgent first."""

    CRITICAL = "critical"
    FORMS = "forms"
    PHOTOS = "photos"
    ANALYTICS = "analytics"


class Direction(StrEnum):
    """Which way a lane's records travel, and which way first."""

    BOTH = "both ways"
    UPLOAD_FIRST = "upload first"
    """Nothing comes down while more of the lane waits to go up than one request can carry."""
    UPLOAD = "upload only"
    """Central gives none of it out."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How one lane travels."""

    lane: Lane
    label: str
    """The lane's name on screen."""
    carries: str
    """What rides in it, in a foreman's words."""
    direction: Direction
    batch_changes_max: int
    """Changes in one push."""
    page_rows: int
    """Rows asked for in one pull, 0 where nothing comes down; mostly the bytes that suit the line end a page sooner."""
    concurrency: int
    """Transfers of this lane under way at a time: from two on, the next page is asked for while the last is taken."""
    wait_first_s: float
    """First pause after a failure; doubles from there, with full jitter."""
    wait_max_s: float
    """Longest pause. No lane ever gives up: after the longest pause it goes on trying at that interval."""
    conflict_default: Rule
    """For fields of this lane's kinds that declare no rule of their own."""
    may_wait: bool
    """Whether it holds back: on a slow line while anything else travels, on battery until the next contact."""
    compress: bool
    """Whether a request that hands in nothing but this lane's records is compressed."""
    by_day: bool = False
    """Whether what happens in a day is added up in one record a day (`actions/usage`)."""

    @property
    def comes_down(self) -> bool:
        """Whether laptops get this lane's records from central."""
        return self.direction is not Direction.UPLOAD


LANES: tuple[LanePolicy, ...] = (
    LanePolicy(
        Lane.CRITICAL, "Critical", "inspections, violations, weather, alerts",
        Direction.BOTH, 100, 2000, 2, 1.0, 60.0, Rule.REVIEW, may_wait=False, compress=True,
    ),
    LanePolicy(
        Lane.FORMS, "Forms", "submissions, signatures, daily logs",
        Direction.UPLOAD_FIRST, 50, 2000, 2, 2.0, 300.0, Rule.REVIEW, may_wait=False, compress=True,
    ),
    LanePolicy(
        Lane.PHOTOS, "Photos", "photo details, thumbnails, images",
        Direction.UPLOAD_FIRST, 10, 2000, 3, 5.0, 900.0, Rule.LAST_WRITE_WINS, may_wait=True, compress=True,
    ),
    LanePolicy(
        Lane.ANALYTICS, "Usage", "daily counts of use and speed",
        Direction.UPLOAD, 50, 0, 1, 30.0, 3600.0, Rule.SUM, may_wait=True, compress=True, by_day=True,
    ),
)  # fmt: skip
"""In the order in which they are served: whatever is critical goes first, even when it was queued last."""

POLICY: dict[Lane, LanePolicy] = {policy.lane: policy for policy in LANES}

PRIORITY: dict[Lane, int] = {policy.lane: place for place, policy in enumerate(LANES)}
"""0 is the most urgent."""

PAUSE_MAX = timedelta(hours=2)
"""Longer than any pause that was ever drawn or asked for: one that ends later was written down by a clock that was ahead,
and has been set right since. It is not kept, or a clock that is put back a year would stop sync for a year."""

"""The messages of the central API: enrolment, and the one exchange that carries pushes, verdicts and news.

`POST /v1/enrol` trades a one-time code for a device number. `POST /v1/sync` is everything else: batches up, verdicts
and pages down, in one round trip. docs/protocol.md tells it to someone who would write another client.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, FailFast, Field, model_validator

from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Message, WireDot, WireHlc, WireJson, WireVector
from bravetui.wire.lanes import Lane

PROTOCOL_PLAIN = 1
"""What a message speaks unless it says otherwise."""

PROTOCOL_EDITS = 2
"""A request whose changes carry long texts as edits."""

PROTOCOL = PROTOCOL_EDITS
"""The highest that this program understands. Raised when an older peer would misunderstand; unknown fields alone never
need it."""

BODY_BYTES_MAX = 16 * 1024 * 1024
"""Largest body, uncompressed, that either end reads."""


NUMBER_MAX = 2**63 - 1
"""Largest number that either end's database holds."""

_Number = Annotated[int, Field(ge=0, le=NUMBER_MAX)]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]
"""A time by central's clock: so far from the ends of the calendar that any offset and any span may be added."""

BATCHES_MAX = 1_000
ASKS_MAX = 10_000
"""Batches and pages of one exchange: one a lane, and one a scope and lane, are more than any laptop has to say."""

TAKEN_BEFORE_MAX = 20_000
"""As many as there may be changes in one exchange."""

LOST_MAX = 100_000
"""Changes of one laptop that a restored central, or a restored laptop, may have lost: years of them. Nobody is believed
who tells of a number further past the last that is known to be used: the laptop would have to go on behind it."""

_T = TypeVar("_T")
_Many = Annotated[tuple[_T, ...], FailFast()]
"""Of many that are wrong one is told: a list of all faults takes kilobytes for each two bytes that were sent (CWE-400)."""

KNOWN_MAX = 100
"""Kinds and fields asked about in one exchange; the rest are asked about once these have been answered."""

CODE_LENGTH_MIN = 4
BUNDLE_BYTES_MAX = 64 * 1024 * 1024
"""Largest rescue bundle that travels over a line; a larger one is imported on central's machine."""


class Enrol(Message):
    """A laptop asks to be known: `POST /v1/enrol`, with a proof of its key (RFC 9449) and without a grant.

    Who works on it is said by a one-time code of the office's, or by what the identity provider issued; by one of them.
    """

    code: str = Field(default="", max_length=64)
    """The one-time code that central printed."""
    token: str = Field(default="", max_length=8192)
    """The provider's access token, or a session token of Clerk's (RFC 7519)."""
    device_name: str = Field(min_length=1, max_length=100)
    device: int | None = Field(default=None, ge=1, le=NUMBER_MAX)
    """Asked by a laptop that central let in once and does no more: the number it had, to go on under it."""

    @model_validator(mode="after")
    def _one_way(self) -> Enrol:
        if bool(self.code) == bool(self.token) or 0 < len(self.code) < CODE_LENGTH_MIN:
            raise ValueError("either a code or a token")
        return self


class SignInOffer(Message):
    """Where people of this central's sign in: `GET /v1/sign-in`."""

    issuer: str = Field(max_length=2048)
    """The OpenID provider's address (OpenID Connect Discovery 1.0)."""
    client_id: str = Field(max_length=255)
    """Of a public client, with PKCE (RFC 7636)."""


class SupportAct(StrEnum):
    """What support may do on a laptop beyond looking; central is told before it is done."""

    SYNC = "sync"
    SEND_AGAIN = "send-again"


class SupportAsk(Message):
    """Somebody at a laptop says that he is support: `POST /v1/support`, with a proof of the laptop's key."""

    device: int = Field(ge=1, le=NUMBER_MAX)
    """The laptop's number."""
    token: str = Field(min_length=1, max_length=8192)
    """What the identity provider issued to him, as in `Enrol`."""


class SupportGiven(Message):
    """Central's answer to `SupportAsk`."""

    support_pass: str
    """A JSON Web Token of type `bravetui-support+jwt`, for an hour and for this laptop (docs/protocol.md)."""


class SupportReport(Message):
    """What support is about to do: `POST /v1/support/acts`, with a proof of the laptop's key."""

    device: int = Field(ge=1, le=NUMBER_MAX)
    support_pass: str = Field(min_length=1, max_length=4000)
    act: SupportAct


class SupportNoted(Message):
    """Central has noted it: it may be done."""

    at: AwareDatetime


class ScopeGrant(Message):
    """One scope that the device may sync."""

    scope_id: str
    name: str
    kind: str
    """`organization` or `project`."""
    permissions: tuple[str, ...] = ()
    reads_only: bool = False
    """Whether nothing may be written in it: what is handed in for it is refused, until this is said no more."""


class SealingKey(Message):
    """The key to which a laptop seals a rescue bundle, so that only central can read it."""

    key: str
    """Public X25519 key (RFC 7748), base64url."""
    signature: str = ""
    """Ed25519 by central over the canonical bytes of all other fields, base64url."""


class Enrolled(Message):
    """Central's answer to `Enrol`."""

    device: int
    """The device number: first half of every dot this laptop will make."""
    grant: str
    """Who works on the laptop, and what he may do there (docs/protocol.md): every request carries the one that counts."""
    user_id: str
    user_name: str
    organization_id: str
    scopes: tuple[ScopeGrant, ...]
    central_key: str
    """Central's public Ed25519 key, base64url: checks every receipt and checkpoint."""
    epoch: str
    sealing_key: SealingKey | None = None
    """None from a central that takes no rescue bundles."""


class Outcome(StrEnum):
    """What became of a change at central."""

    APPLIED = "applied"
    MERGED = "merged"
    CONFLICT = "conflict"
    PARKED = "parked"
    """Kept until the record it belongs to has arrived."""
    REFUSED = "refused"
    TWIN = "twin"
    """Another change already bears this dot: this laptop is a copy, and is given a new device number."""


class Verdict(Message):
    """Central's signed word on one change: the receipt."""

    dot: WireDot
    hash: str = ""
    """Hash of the change it speaks of. A verdict whose hash is not ours acknowledges nothing. Empty on its way to a laptop
    that `spares_hashes`: it is that of the change sent under this dot, or the signature, which covers it, does not fit."""
    outcome: Outcome
    seq: _Number = 0
    """Central's number for the change inside its scope; 0 while parked or refused."""
    superseded: tuple[str, ...] = ()
    """Paths where a rule let another's value stand."""
    conflicts: tuple[str, ...] = ()
    """Ids of the conflicts it opened."""
    code: str | None = None
    field: str | None = None
    reason: str | None = None
    """Why it was refused, for a person."""
    epoch: str = ""
    at: Moment
    signature: str = ""
    """Ed25519 by central over the canonical bytes of all other fields, base64url."""


class Batch(Message):
    """Changes of one lane, oldest first."""

    lane: Lane
    changes: _Many[Change]


class PullAsk(Message):
    """Which rows of one scope and lane a laptop wants next."""

    scope_id: str
    lane: Lane
    after: int = Field(default=0, ge=0, le=NUMBER_MAX)
    """News: rows whose seq is greater, oldest first. 0 with `before` None starts at the newest."""
    before: int | None = Field(default=None, ge=0, le=NUMBER_MAX)
    """History: rows whose seq is smaller, newest first; None once the beginning has been reached."""
    rows_max: int = Field(default=500, ge=1, le=5000)
    agreed: int | None = Field(default=None, ge=0, le=NUMBER_MAX)
    """Asks for a sum over the rows above this seq, once all others are here; None asks for none."""
    without: _Many[str] = ()
    """Records (`kind/id`) to leave out of the sum: this laptop holds work on them that central has not taken. `kind/` leaves
    out all of a kind: its version does not know it."""
    sums: str = Field(default="", max_length=256 * 16)
    """After a sum that differed: the laptop's own by bucket. Answered with the digests of rows in those that differ."""
    want: _Many[str] = Field(default=(), max_length=500)
    """Records to send whole, wherever the cursor stands: those whose digests differed."""


class Stamped(Message):
    """Cells that share their dots and stamp."""

    dots: tuple[WireDot, ...]
    hlc: WireHlc
    cells: dict[str, WireJson]


class Row(Message):
    """A record as central has it, or what changed of it."""

    kind: str
    id: str
    seq: _Number
    whole: bool
    """Whether all cells are here, or only those changed since the laptop's cursor."""
    version: WireVector
    stamps: tuple[Stamped, ...]

    def state(self) -> RecordState:
        """The cells as merging sees them."""
        cells = {
            path: Cell(value, group.dots, group.hlc)
            for group in self.stamps
            for path, value in group.cells.items()
        }
        return RecordState(cells, self.version)


def stamps_of(state: RecordState, only: frozenset[str] | None = None) -> tuple[Stamped, ...]:
    """Group a state's cells by stamp; `only` keeps the paths that changed."""
    groups: dict[tuple[tuple[Dot, ...], Hlc], dict[str, WireJson]] = {}
    for path, cell in state.cells.items():
        if only is None or path in only:
            groups.setdefault((cell.dots, cell.hlc), {})[path] = cell.value
    # Cells of a state were looked at when they came in: to validate them again would cost as much as reading them.
    return tuple(
        Stamped.model_construct(dots=dots, hlc=hlc, cells=cells) for (dots, hlc), cells in groups.items()
    )


class Page(Message):
    """One scope's and lane's rows, and where to go on from."""

    scope_id: str
    lane: Lane
    rows: tuple[Row, ...]
    after: _Number
    """Cursor for the next ask: everything up to here, and from `before` on, has now been sent."""
    before: _Number | None
    """None: the beginning has been reached."""
    more: bool
    """Whether asking again at once would bring more."""
    rows_left: _Number = 0
    """Central's count of rows still to come in this lane, for the progress shown."""
    sum: str = ""
    """Over the rows with `agreed < seq <= after`, 16 hexadecimal digits; empty while not all of them have been sent."""
    strange: tuple[int, ...] = ()
    """For a laptop that sent its sums: the buckets that differ."""
    digests: dict[str, str] = Field(default_factory=dict)
    """By record (`kind/id`): what central has in those buckets."""
    mended: tuple[Row, ...] = ()
    """The records that the laptop wanted."""


class Checkpoint(Message):
    """Central's signed word that it holds these of a device's changes."""

    device: _Number
    epoch: str
    held: tuple[tuple[_Number, _Number], ...]
    """Ranges of counters, first and last inclusive, in order."""
    at: Moment
    standing: str = ""
    """Where central's ledger stood when the answer's rows were read, for central to know again. Opaque to all others."""
    signature: str = ""

    def covers(self, counter: int) -> bool:
        """Whether central vouches for the change with this counter."""
        return any(first <= counter <= last for first, last in self.held)


class SyncRequest(Message):
    """One exchange: `POST /v1/sync`."""

    protocol: int = Field(default=PROTOCOL_PLAIN, ge=0, le=NUMBER_MAX)
    device: int = Field(ge=0, le=NUMBER_MAX)
    epoch: str = ""
    """The epoch this laptop last saw; empty before the first contact."""
    sent_at: AwareDatetime
    push: _Many[Batch] = Field(default=(), max_length=BATCHES_MAX)
    pull: _Many[PullAsk] = Field(default=(), max_length=ASKS_MAX)
    """One ask at most of each scope and lane."""
    answer_bytes_max: int | None = Field(default=None, ge=1, le=NUMBER_MAX)
    """About how many bytes of rows, as plain JSON, suit the laptop's line at a time; central may send fewer."""
    wants_sealing_key: bool = False
    """Asked by a laptop that enrolled before central gave one."""
    spares_hashes: bool = False
    """Whether verdicts may come without the hash of what this request sent."""
    knows_devices: int | None = Field(default=None, ge=0, le=NUMBER_MAX)
    """The highest device number whose owner this laptop knows; None does not ask whose they are."""
    asks_known: _Many[str] = Field(default=(), max_length=KNOWN_MAX)
    """Kinds (`kind`) and fields (`kind/field`) for which central refused changes since it did not know them: does it now?"""
    standing: str = ""
    """From the last genuine checkpoint, as it was: it shows a central on a stale copy that it is on one."""
    taken_before: _Many[WireDot] = Field(default=(), max_length=TAKEN_BEFORE_MAX)
    """Of what is pushed, that which central had taken before it was restored, by the receipts that this laptop keeps."""


class SyncAnswer(Message):
    """Central's answer: verdicts for what was pushed, pages for what was asked."""

    protocol: int = PROTOCOL_PLAIN
    epoch: str
    now: Moment
    verdicts: tuple[Verdict, ...] = ()
    pages: tuple[Page, ...] = ()
    checkpoint: Checkpoint
    earlier: tuple[Checkpoint, ...] = ()
    """The same for other numbers under the same key: a copy that got a number of its own had work under the old one."""
    new_device: _Number | None = None
    """Given to a twin: re-dot what is unsent under this device number."""
    scopes: tuple[ScopeGrant, ...] = ()
    """What this device may sync now, so that a permission change is noticed at the next contact."""
    sealing_key: SealingKey | None = None
    """For a laptop that asked."""
    devices: dict[_Number, str] = Field(default_factory=dict)
    """Whose laptops the organization's later device numbers are, for one that asked: the author of each change."""
    grant: str = ""
    """A newer grant, to be kept before it is first shown; from then on no other of this laptop's counts."""
    closed: str = ""
    """Why nothing was read: the grant is `superseded` (the newer one comes with this), `expired` or `revoked`, or the person
    has `left` the organization. What was handed in was taken all the same, or kept for the office."""
    known: tuple[str, ...] = ()
    """Of the kinds and fields asked about, those that this central knows: what was refused for them may go again."""


class Delivered(Message):
    """Central's signed word on a rescue bundle: `POST /v1/bundles`. Tells its carrier how it went, never what is in it."""

    bundle: str
    """SHA-256 of the file."""
    device: _Number
    """The laptop whose work it is."""
    outcomes: dict[str, int] = Field(default_factory=dict)
    """Changes by outcome of their verdict; empty if none was tried."""
    photos: dict[str, int] = Field(default_factory=dict)
    """Of a bundle that holds photos: how many central has now of them, by size (`wire.blobs.Rendition`)."""
    kept: bool = False
    """Whether central keeps the file for a manager, since not all of it could be taken."""
    why: str = ""
    """Why it is kept, for a person."""
    epoch: str = ""
    """Of a bundle with others in its file, the life of central's that took it: one that was restored may lack it. Empty
    where nothing was taken."""
    at: Moment
    signature: str = ""


class Problem(Message):
    """An error of the API (RFC 9457), in words for a person."""

    type: str
    title: str
    detail: str = ""
    status: int
    retry_after_s: float | None = None

"""The only HTTP of the laptop: one long-lived client, the URLs, and foreign failures as ours.

Whatever is not a genuine answer of central's acknowledges nothing: a captive portal's friendly 200, half a body, another
protocol, rubbish. All of these are `Transient`, since the next network may be a better one.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from bravetui import __version__
from bravetui.auth.proof import Prover
from bravetui.base.clock import SystemClock
from bravetui.base.errors import BadInput, BravetuiError, NeedsSignIn, Refused, Transient
from bravetui.base.text import safe_line
from bravetui.base.trust import Untrusted, unreadable_authorities, untrusted
from bravetui.sync.news import Events, News
from bravetui.wire.change import Message
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, decode, encode, encode_as, media_type_of
from bravetui.wire.dictionary import current
from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import (
    BODY_BYTES_MAX,
    PROTOCOL,
    Delivered,
    Enrol,
    Enrolled,
    Problem,
    SignInOffer,
    SupportAsk,
    SupportGiven,
    SupportNoted,
    SupportReport,
    SyncAnswer,
    SyncRequest,
)
from bravetui.wire.texts import folded_request

ACCEPTED_TYPES = f"{COLUMNS_TYPE}, {JSON_TYPE}"
BUNDLE_TYPE = "application/octet-stream"
_UNREADABLE = frozenset({"400", "415"})
"""Codes of `Refused` that a form or a packing which central does not know brings about."""
_UNKNOWN_TEXT = "422"
STREAM_TYPE = "text/event-stream"
_STREAM_TIMEOUT = httpx.Timeout(connect=10, read=50, write=10, pool=10)
"""Central shows a sign of life every 20 seconds: two may be lost."""
_TIMEOUT = httpx.Timeout(connect=10, read=60, write=60, pool=10)
_NONCE = "DPoP-Nonce"
_M = TypeVar("_M", bound=Message)


class TooLarge(Refused):
    """Central takes only smaller requests (413)."""


class NoLine(Transient):
    """No connection came about: not one byte has left this laptop."""


UNSENT = (NoLine, Untrusted)
"""After these no byte of what was asked has left this laptop."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Central's answer and what it cost on the wire."""

    answer: SyncAnswer
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, as it came."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes
    failure: BravetuiError | None
    """What the status stands for, where that is no success."""


class CentralClient:
    """Speaks to one central as one device."""

    def __init__(
        self, address: str, prover: Prover, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        url = _url(address)
        headers = {
            "User-Agent": f"bravetui/{__version__}", "Accept": ACCEPTED_TYPES,
            "Accept-Encoding": "dcz, zstd", "Available-Dictionary": current().name,
        }  # fmt: skip
        self._prover = prover
        self._nonce = ""
        """Central's, for proofs of a laptop whose clock differs; it is told when one is wanted."""
        self._packing = "zstd"
        """Of request bodies: `dcz` once an answer came so, since central then has the dictionary."""
        self._form = JSON_TYPE
        """Of sync requests: columns once an answer came so, since central then reads them."""
        self._may_share = self._may_fold = True
        self._answered = 0
        """How many requests have been answered, by whomever."""
        # The system's certificates are read once here: a client costs 35 ms to make, so there is one.
        try:
            self._http = httpx.AsyncClient(
                base_url=url, headers=headers, timeout=_TIMEOUT, transport=transport, follow_redirects=False
            )
        except OSError as error:
            raise unreadable_authorities(error) from error

    async def sign_in_offer(self) -> SignInOffer:
        """Where people of this central's sign in. Raises Refused (`no_issuer`) by one that enrols by codes alone."""
        try:
            async with self._http.stream("GET", "/v1/sign-in") as response:
                raw = await _read(response)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            raise _no_line(error) from error
        said = _problem(response, raw)
        if response.status_code == httpx.codes.NOT_FOUND and said:
            raise Refused(*said, code="no_issuer")
        if response.status_code != httpx.codes.OK:
            raise error_of(response, raw)
        try:
            return decode(SignInOffer, raw, response.headers.get("content-encoding", ""))
        except BadInput as error:
            raise _not_central() from error

    async def enrol(self, asked: Enrol) -> Enrolled:
        """Trade a one-time code for a device number and a grant. Raises NeedsSignIn for a wrong code."""
        return (await self._post("/v1/enrol", asked, Enrolled))[0]

    async def support(self, asked: SupportAsk) -> SupportGiven:
        """Trade a support person's token for a pass to this laptop. Raises NeedsSignIn for who holds no such role."""
        return (await self._post("/v1/support", asked, SupportGiven))[0]

    async def report_act(self, told: SupportReport) -> SupportNoted:
        """Say what support is about to do. Raises NeedsSignIn where he may not."""
        return (await self._post("/v1/support/acts", told, SupportNoted))[0]

    async def sync(self, request: SyncRequest) -> Answered:
        """One exchange. Raises Transient (NoLine or Untrusted only if not one byte of it has left), NeedsSignIn, TooLarge or
        Refused."""
        answered = self._answered
        try:
            answer, up, down = await self._exchange(request)
        except UNSENT as error:
            if self._answered == answered:
                raise
            # Asked again, in another form or with a nonce: a proxy may have handed over twice what was answered once.
            raise Transient(error.what, error.todo) from error
        if answer.protocol > PROTOCOL:
            raise Transient(
                "Central speaks a newer protocol than this program.", "Update the program; nothing is lost."
            )
        return Answered(answer, up, down)

    async def _exchange(self, request: SyncRequest) -> tuple[SyncAnswer, int, int]:
        """Long texts go as edits; in full to a central that knows no edits, or lacks the text that one was made on."""
        shorter = folded_request(request) if self._may_fold else request
        if shorter is not request:
            try:
                return await self._post("/v1/sync", shorter, SyncAnswer)
            except Refused as error:
                if error.code not in ("400", _UNKNOWN_TEXT):
                    raise
                self._may_fold = error.code == _UNKNOWN_TEXT
        return await self._post("/v1/sync", request, SyncAnswer)

    async def deliver(self, bundle: bytes) -> Delivered:
        """Carry a rescue bundle to central. Raises Transient, NeedsSignIn, TooLarge or Refused."""
        return (await self._send("/v1/bundles", bundle, {"Content-Type": BUNDLE_TYPE}, Delivered))[0]

    async def news(self) -> AsyncIterator[News | None]:
        """Central's stream of news, None for a sign of life. Ends when central ends it; raises Transient or NeedsSignIn."""
        events, headers = Events(), {"Accept": STREAM_TYPE, "Accept-Encoding": "identity"}
        try:
            async with self._shown("GET", "/v1/news", None, headers, _STREAM_TIMEOUT) as response:
                if response.status_code != httpx.codes.OK:
                    self._nonce = response.headers.get(_NONCE, self._nonce)
                    raise error_of(response, await _read(response))
                if not response.headers.get("content-type", "").startswith(STREAM_TYPE):
                    raise Transient("What answered is not central's stream of news.")
                async for part in response.aiter_raw():
                    for event in events.feed(part):
                        yield event
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            raise _no_line(error) from error

    async def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        """Any request that shows whose it is. Raises Transient where no whole answer came."""
        response, raw = await self._proven(method, path, body, headers)
        failure = None if response.is_success else error_of(response, raw)
        return Reply(response.status_code, response.headers, raw, failure)

    async def _proven(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[httpx.Response, bytes]:
        response, raw = await self._asked(method, path, body, headers)
        if _wants_proof(response):
            self._nonce = response.headers[_NONCE]
            response, raw = await self._asked(method, path, body, headers)
        return response, raw

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()

    async def _post(self, path: str, message: Message, kind: type[_M]) -> tuple[_M, int, int]:
        packing = self._packing if _pays_to_compress(message) else "identity"
        form = self._form if kind is SyncAnswer else JSON_TYPE
        body, form = encode_as(message, form, packing)
        try:
            return await self._send(path, body, {"Content-Type": form, "Content-Encoding": packing}, kind)
        except Refused as error:
            if (packing, form) == ("zstd", JSON_TYPE) or error.code not in _UNREADABLE:
                raise
        # Another process behind the same address may be older. Plain from here on; the same changes are taken once.
        self._packing, self._form, self._may_share = "zstd", JSON_TYPE, False
        headers = {"Content-Type": JSON_TYPE, "Content-Encoding": "zstd"}
        return await self._send(path, encode(message), headers, kind)

    async def _send(
        self, path: str, body: bytes, headers: dict[str, str], kind: type[_M]
    ) -> tuple[_M, int, int]:
        response, raw = await self._proven("POST", path, body, headers)
        if response.status_code != httpx.codes.OK:
            raise error_of(response, raw)
        packing = response.headers.get("content-encoding", "")
        form = media_type_of(response.headers.get("content-type", ""))
        try:
            answer = decode(kind, raw, packing, form)
        except BadInput as error:
            raise _not_central() from error
        if self._may_share and packing == "dcz":
            self._packing = "dcz"
        if self._may_share and form == COLUMNS_TYPE:
            self._form = COLUMNS_TYPE
        return answer, len(body), len(raw)

    async def _asked(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[httpx.Response, bytes]:
        try:
            async with self._shown(method, path, body, headers, _TIMEOUT) as response:
                self._answered += 1
                return response, await _read(response)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            raise _no_line(error) from error

    def _shown(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: httpx.Timeout
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """A request that shows whose it is. Each has a proof of its own, so none is ever sent twice."""
        url = str(self._http.build_request(method, path).url)
        proof = self._prover.headers(method, url, self._nonce)
        return self._http.stream(method, path, content=body, headers={**headers, **proof}, timeout=timeout)


def _wants_proof(response: httpx.Response) -> bool:
    """Whether central asks for the same once more with its nonce in the proof (RFC 9449 section 8)."""
    return response.status_code == httpx.codes.UNAUTHORIZED and _NONCE in response.headers


def _pays_to_compress(message: Message) -> bool:
    """As the lanes say whose changes a request hands in; a request that hands in none is compressed."""
    lanes = [batch.lane for batch in message.push] if isinstance(message, SyncRequest) else []
    return not lanes or any(POLICY[lane].compress for lane in lanes)


async def _read(response: httpx.Response) -> bytes:
    """The body as it came, still compressed: `decode` unpacks it within its limit."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Transient("Central's answer is too large to be one.")
        parts.append(part)
    expected = response.headers.get("content-length")
    if expected and expected.isdecimal() and int(expected) != size:
        raise Transient("The answer was cut short.")
    return b"".join(parts)


def error_of(response: httpx.Response, raw: bytes) -> BravetuiError:
    """Our error for a status that is not 200."""
    status, asked_s = response.status_code, retry_after_s(response.headers.get("retry-after"))
    said = _problem(response, raw)
    if status in (401, 403):
        # Networks that want to be paid, and proxies, answer so too: only central's own word counts.
        return NeedsSignIn(*said) if said else _not_central()
    if status == 413:
        return TooLarge("Central takes only smaller batches.", code="too_large")
    if status == 429:
        return Transient("Central is busy and asks for a pause.", wait_s=asked_s)
    if status >= 500:
        return Transient(f"Central is unwell (it answered {status}).", wait_s=asked_s)
    if status in (400, 409, 415, 422) and said:
        return Refused(" ".join(said), "Send a diagnosis to support; nothing is lost.", code=str(status))
    return Transient(f"What answered ({status}) is not central.", wait_s=asked_s)


def _problem(response: httpx.Response, raw: bytes) -> tuple[str, ...]:
    """What central says happened, and what to do about it; nothing where it was not central that answered."""
    if "problem+json" not in response.headers.get("content-type", ""):
        return ()
    try:
        problem = decode(Problem, raw, response.headers.get("content-encoding", ""))
    except BadInput:
        return ()
    return tuple(safe_line(words, 300) for words in (problem.title, problem.detail) if words.strip())


def _not_central() -> Transient:
    return Transient(
        "What answered is not central: a sign-in page of this network, or a broken proxy.",
        "Open a web page to sign in to the network, or wait for a better one. Nothing is lost.",
    )


def _url(address: str) -> httpx.URL:
    """The address as one that can be asked. Raises BadInput."""
    try:
        url = httpx.URL(address)
        good = url.scheme in ("http", "https") and url.host and 0 < (url.port or 80) <= 65535
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        good = False
    if not good:
        raise BadInput(
            f"{safe_line(address, 80)!r} is not an address of central.",
            "Give it like https://central.example.",
        )
    return url


def retry_after_s(header: str | None) -> float | None:
    """Seconds that Retry-After asks for, given as a number or as a date (RFC 9110 section 10.2.3); None if neither."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - SystemClock().now()).total_seconds())


def _no_line(error: Exception) -> Transient:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return untrusted(error, "central's address") or NoLine("No line to central.")
    if isinstance(error, httpx.TimeoutException):
        return Transient("The line is too slow, or central does not answer.")
    return Transient("The line broke while data moved.")

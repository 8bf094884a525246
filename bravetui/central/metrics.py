"""`GET /metrics` in Prometheus' text format, for whoever shows the operator's token: counts of nobody in particular.

Labels come from short lists that are written here: no ids, names, addresses or keys (CWE-532). Without a token there is no
such place (404). prometheus_client is read only then.
"""

from __future__ import annotations

import hmac
import os
from collections import Counter as Counts
from collections.abc import Callable, Iterable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from sqlalchemy import Engine, text

from bravetui.base.errors import BadInput, Transient
from bravetui.base.runner import Runner
from bravetui.central.database import foreign_errors
from bravetui.central.tenants import stranger
from bravetui.wire.messages import Outcome, Verdict

PATH = "/metrics"
TOKEN_VARIABLE = "BRAVETUI_CENTRAL_METRICS_TOKEN"
TOKEN_LENGTH_MIN = 16
ROUTES = (
    "/v1/enrol",
    "/v1/sign-in",
    "/v1/sync",
    "/v1/bundles",
    "/v1/support",
    "/v1/support/acts",
    "/v1/news",
    "/v1/dictionary",
    "/v1/health",
    "/openapi.json",
    PATH,
)
OTHER = "other"
"""Any other place: whoever asks for made-up ones makes no label."""

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAITING = text("SELECT parked, refused FROM central_waiting()")


class Metrics:
    """What this process has counted. Safe to use from several threads."""

    def __init__(self, engine: Engine, streams: Callable[[], int], token: str) -> None:
        """`streams` says how many are open. Raises BadInput for a token that could be guessed."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        if len(token) < TOKEN_LENGTH_MIN:
            raise BadInput(
                f"The token for {PATH} is shorter than {TOKEN_LENGTH_MIN} characters.",
                f"Put a long random one into {TOKEN_VARIABLE}.",
            )
        self._engine, self._token = engine, token
        self._registry = at = CollectorRegistry()
        self._requests = Counter("bravetui_requests", "Requests answered.", ["route", "status"], registry=at)
        self._seconds = Histogram(
            "bravetui_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            buckets=SECONDS,
            registry=at,
        )
        self._changes = Counter(
            "bravetui_changes", "Changes that were pushed, by verdict.", ["outcome"], registry=at
        )
        for outcome in Outcome:
            self._changes.labels(outcome.value)
        Gauge("bravetui_news_streams", "Open streams of news.", registry=at).set_function(streams)
        self._parked = Gauge("bravetui_parked_changes", "Changes that wait for their parent.", registry=at)
        self._refused = Gauge(
            "bravetui_refused_changes", "Refused changes that wait for the office.", registry=at
        )
        self._up = Gauge("bravetui_database_up", "Whether the database answers.", registry=at)

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered. A stream of news is as long as it is open."""
        route = path if path in ROUTES else OTHER
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """These were given on what was pushed."""
        for outcome, count in Counts(verdict.outcome for verdict in verdicts).items():
            self._changes.labels(outcome.value).inc(count)

    def may_read(self, authorization: str) -> bool:
        """Whether the header shows the token (RFC 6750 section 2.1)."""
        return hmac.compare_digest(authorization.encode("utf-8", "replace"), f"Bearer {self._token}".encode())

    def page(self) -> bytes:
        """All of it. Blocking; asks the database once, and says so where it does not answer."""
        from prometheus_client import generate_latest

        try:
            with foreign_errors(), self._engine.connect() as connection:
                stranger(connection)
                waiting = connection.execute(_WAITING).one()
            self._up.set(1)
            self._parked.set(waiting.parked)
            self._refused.set(waiting.refused)
        except Transient:
            self._up.set(0)
        return generate_latest(self._registry)


def add_route(app: FastAPI, metrics: Metrics, run: Runner) -> None:
    """Serve the page."""
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

    async def page(request: Request) -> Response:
        if not metrics.may_read(request.headers.get("authorization", "")):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        body = await run(metrics.page)
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    app.add_api_route(PATH, page, methods=["GET"], include_in_schema=False)


def token_of(file: Path | None) -> str:
    """The token from a file, or from the environment; empty where there is none. Raises BadInput."""
    if file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The file with the token for /metrics cannot be read.", "Name another.") from error

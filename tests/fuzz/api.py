"""Central's routes, asked whatever their page allows and does not: by a stranger, and by a laptop that signs each request.

Held after every answer: what the page says of it, no status of 500 and above, and not one byte of another organization.
"""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS as KNOWN_CHECKS
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from sqlalchemy import select

from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.tables import LEDGER
from bravetui.wire.blobs import PART_TYPE
from tests.support.central import PROJECT, STRANGE_PROJECT, Site

load_all_checks()
schemathesis.serializer.alias(PART_TYPE, "application/octet-stream")
CHECKS = tuple(check for check in KNOWN_CHECKS.get_all() if check.__name__ != "positive_data_acceptance")
"""All but that whatever fits the page is taken: a message has rules across its fields, and a bundle a signature."""
_REJECTED = (
    "400", "401", "403", "404", "405", "408", "409", "412", "413", "415", "416", "422", "429", "460", "5xx",
)  # fmt: skip
_CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": [*_REJECTED]}}}
)
"""What tus 1.0 says to what is wrong counts as well as what everybody says."""
ADDRESS = "http://central"
SECRET = "what only the other company may read"
ENDLESS = "/v1/news"
"""A laptop's stream of news does not end: only strangers are sent there."""

PHOTO = {"scope": PROJECT, "photo": sha256(b"picture").hexdigest()}

Headers = Callable[[str, str], Mapping[str, str]]
"""A method and a path to the headers that show who asks."""


@dataclass
class Asked:
    """How many requests were made, by route and status."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())


def ask_everything(site: Site, examples: int, seed: int) -> Asked:
    """So many examples of each route, kind of data and asker. Raises AssertionError at the first answer that is wrong."""
    sam, carlos = site.laptop("sam", "strangers"), site.laptop("carlos")
    sam.sync(sam.change("theirs", {"note": SECRET}, scope_id=STRANGE_PROJECT))
    carlos.sync(carlos.change("photo-1", {"sha256": PHOTO["photo"]}, kind="photo"))
    central, asked = site.central, Asked()
    app = make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=_CONFIG)
    before = _theirs(site)
    askers: dict[str, Headers] = {
        "stranger": lambda method, path: {},
        "laptop": lambda method, path: carlos.headers(path, method, ADDRESS),
    }
    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    runs = itertools.product(operations, askers.items(), (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    for operation, (name, headers), mode in runs:
        if name == "laptop" and operation.path == ENDLESS:
            continue
        _ask(site, operation, headers, mode, asked, laptop=carlos.device, examples=examples, seed=seed)
    assert _theirs(site) == before, "something was written for another organization"
    return asked


def _ask(
    site: Site,
    operation: Any,
    headers: Headers,
    mode: GenerationMode,
    asked: Asked,
    *,
    laptop: int,
    examples: int,
    seed: int,
) -> None:
    cases = operation.as_strategy(generation_mode=mode)

    @seeded(seed)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def run(case: Any) -> None:
        site.clock.advance(seconds=1)
        if isinstance(case.body, dict) and "device" in case.body and mode is GenerationMode.POSITIVE:
            # The number of a laptop that there is, and a protocol that central speaks: else nothing more is looked at.
            case.body = {**case.body, "device": laptop, "protocol": case.body.get("protocol", 0) % 3}
        if case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters = {**case.path_parameters, **PHOTO}  # of which central has the record
        shown = headers(case.method, unquote(case.formatted_path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response = case.call(base_url=ADDRESS, headers=shown)
        asked.statuses[operation.path, response.status_code] += 1
        assert SECRET.encode() not in response.content
        assert response.status_code < 500, (response.status_code, case.as_curl_command())
        case.validate_response(response, checks=list(CHECKS))

    with suppress(Unsatisfiable):  # of a route that takes nothing, nothing can be wrong
        run()


def _theirs(site: Site) -> list[Any]:
    with site.engine.connect() as connection:
        return list(connection.execute(select(LEDGER).where(LEDGER.c.scope_id == STRANGE_PROJECT)))

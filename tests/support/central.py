"""A real central for tests: PostgreSQL, two organizations, people with laptops that speak the protocol by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select, update

from bravetui.auth import signing
from bravetui.auth.proof import Prover
from bravetui.base.canonical import Json
from bravetui.base.clock import ManualClock, SeededIds, SystemIds
from bravetui.base.errors import BadInput
from bravetui.central.callers import Shown, shown_by
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.founding import add_person, found_organization, open_project
from bravetui.central.incoming import read
from bravetui.central.keys import CentralKeys
from bravetui.central.service import Central, Writing
from bravetui.central.state import SERVER
from bravetui.central.tables import LEDGER, STATE
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, make_change
from bravetui.wire.codec import encode
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Batch, Enrol, PullAsk, Row, SyncAnswer, SyncRequest, Verdict

if TYPE_CHECKING:
    from tests.support.postgres import TestServer

ADDRESS = "http://central"
MORNING = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
KEYS = CentralKeys(bytes(range(32)))
ORGANIZATION, PROJECT, OTHER_PROJECT = "org", "site", "other-site"
STRANGERS, STRANGE_PROJECT = "strangers", "strange-site"
TEMPLATE = "form-1"


def founded(url: str) -> None:
    """Prepare a database for `TestServer.template`: the schema, and two organizations in it."""
    engine = open_central_engine(url)
    migrate(engine)
    clock = ManualClock(MORNING)
    found_site(Central(engine, KEYS, clock, SeededIds(clock)))
    engine.dispose()


@contextmanager
def central_site(postgres: TestServer) -> Iterator[Site]:
    """A central with a project of two foremen and an office, and another company beside it."""
    with postgres.database(postgres.template("central", founded)) as url:
        engine = open_central_engine(url)
        clock = ManualClock(MORNING)
        with engine.begin() as connection:  # a copy of the template is no copy that has taken over
            connection.execute(update(STATE).values(server=SERVER))
        try:
            yield Site(Central(engine, KEYS, clock, SeededIds(clock, seed=1)), clock, url)
        finally:
            engine.dispose()


def found_site(central: Central) -> None:
    """Found the organizations."""
    found_organization(central, "Acme Earthworks", new_id=ORGANIZATION)
    for user_id, role in (("carlos", "foreman"), ("dana", "foreman"), ("olga", "office"), ("vic", "viewer")):
        add_person(central, ORGANIZATION, user_id.capitalize(), role, new_id=user_id)
    template: dict[str, Json] = {
        "key": "daily",
        "title": "Daily",
        "body": '{"key":"daily","version":1,"title":"Daily","category":"custom","statement":"","sections":[]}',
    }
    central.publish(ORGANIZATION, [Writing("form_template", TEMPLATE, template)])
    members = {"carlos": "foreman", "dana": "foreman", "vic": "viewer"}
    open_project(
        central, ORGANIZATION, {"name": "Mill Creek", "starts_on": "2026-01-05"}, members, new_id=PROJECT
    )
    open_project(central, ORGANIZATION, {"name": "Far away"}, {}, new_id=OTHER_PROJECT)
    found_organization(central, "Strangers", new_id=STRANGERS)
    add_person(central, STRANGERS, "Sam", "foreman", new_id="sam")
    open_project(central, STRANGERS, {"name": "Strange"}, {"sam": "foreman"}, new_id=STRANGE_PROJECT)


@dataclass
class Site:
    """Central and its clock."""

    central: Central
    clock: ManualClock
    url: str
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.central.engine

    def laptop(self, user_id: str, organization_id: str = ORGANIZATION) -> Laptop:
        """Enrol a new laptop for a person."""
        code = issue_code(self.engine, self.clock.now(), organization_id, user_id)
        key = signing.new_private_key()
        asked = Enrol(code=code, device_name=f"{user_id}'s laptop")
        told = self.central.enrol(asked, shown(self, "/v1/enrol", key))
        return Laptop(self, told.device, key, told.grant, user_id)


@dataclass
class Laptop:
    """A client that keeps nothing but its counter: the tests say what it has seen."""

    site: Site
    device: int
    key: bytes
    """Its private key."""
    grant: str
    user_id: str
    counters: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def change(
        self,
        record_id: str,
        after: Mapping[str, Json],
        *,
        kind: str = "inspection",
        op: Op = Op.CREATE,
        seen: VersionVector | None = None,
        before: Mapping[str, Json] | None = None,
        scope_id: str = PROJECT,
        counter: int | None = None,
        hlc: Hlc | None = None,
        author_id: str | None = None,
        conflict_id: str | None = None,
        reason: str | None = None,
    ) -> Change:
        """A change under this laptop's next dot."""
        now = self.site.clock.now()
        return make_change(
            dot=Dot(self.device, counter or next(self.counters)),
            target=(scope_id, kind, record_id),
            op=op,
            context=seen or VersionVector(),
            before=before or {},
            after=after,
            hlc=hlc or Hlc(int(now.timestamp() * 1000)),
            author_id=author_id or self.user_id,
            at=now,
            conflict_id=conflict_id,
            reason=reason,
        )

    def request(
        self, *changes: Change, pull: tuple[PullAsk, ...] = (), device: int | None = None
    ) -> SyncRequest:
        """One request that pushes the changes in one batch."""
        push = (Batch(lane=Lane.CRITICAL, changes=changes),) if changes else ()
        number = self.device if device is None else device
        return SyncRequest(device=number, sent_at=self.site.clock.now(), push=push, pull=pull)

    def sync(
        self,
        *changes: Change,
        pull: tuple[PullAsk, ...] = (),
        device: int | None = None,
        answer_bytes_max: int | None = None,
        taken_before: tuple[Dot, ...] = (),
    ) -> SyncAnswer:
        """One exchange, through the bytes of the wire."""
        request = self.request(*changes, pull=pull, device=device)
        told = {"answer_bytes_max": answer_bytes_max, "taken_before": taken_before}
        body = encode(request.model_copy(update=told))
        answer = self.site.central.exchange(self.shown(), read(body, "zstd"))
        return SyncAnswer.model_validate_json(answer.model_dump_json(exclude_defaults=True))

    def shown(self, path: str = "/v1/sync") -> Shown:
        """What central reads from a request of this laptop's, each with a proof of its own."""
        return shown(self.site, path, self.key, self.grant)

    def prover(self) -> Prover:
        """What makes its proofs."""
        return Prover(self.key, lambda: self.grant, self.site.clock, SystemIds(self.site.clock))

    def headers(self, path: str = "/v1/sync", method: str = "POST", address: str = ADDRESS) -> dict[str, str]:
        """The headers of such a request."""
        return headers(self.site, path, self.key, self.grant, method, address)

    def rows(self, lane: Lane = Lane.CRITICAL, scope_id: str = PROJECT) -> dict[tuple[str, str], Row]:
        """Everything of a scope and lane, as a new laptop fetches it."""
        found: dict[tuple[str, str], Row] = {}
        ask = PullAsk(scope_id=scope_id, lane=lane, after=0, before=0, rows_max=100)
        while True:
            (page,) = self.sync(pull=(ask,)).pages
            found |= {(row.kind, row.id): row for row in page.rows}
            ask = ask.model_copy(update={"after": page.after, "before": page.before})
            if not page.more:
                return found

    def row(self, kind: str, record_id: str, lane: Lane = Lane.CRITICAL, scope_id: str = PROJECT) -> Row:
        """One record as a new laptop fetches it."""
        return self.rows(lane, scope_id)[(kind, record_id)]

    def values(self, kind: str, record_id: str, lane: Lane = Lane.CRITICAL) -> dict[str, Json]:
        """The record's values."""
        return self.row(kind, record_id, lane).state().values()


def headers(
    site: Site, path: str, key: bytes, grant: str = "", method: str = "POST", address: str = ADDRESS
) -> dict[str, str]:
    """The headers by which a laptop with this private key shows itself."""
    prover = Prover(key, lambda: grant, site.clock, SystemIds(site.clock))
    return prover.headers(method, f"{address}{path}")


def shown(site: Site, path: str, key: bytes, grant: str = "") -> Shown:
    """What central reads from them."""
    told = {name.lower(): value for name, value in headers(site, path, key, grant).items()}
    place = f"{ADDRESS.partition('://')[2]}{path}"
    return shown_by("POST", place, told, site.clock.now(), site.central.keys)


def only(verdicts: tuple[Verdict, ...]) -> Verdict:
    """The one verdict there is."""
    (verdict,) = verdicts
    return verdict


def genuine(data: bytes, signature: str) -> bool:
    """Whether central signed the bytes."""
    try:
        signing.verify(KEYS.public, data, signature)
    except BadInput:
        return False
    return True


def ledger_size(site: Site, laptop: Laptop) -> int:
    """How many changes of the laptop have been taken."""
    with site.engine.connect() as connection:
        query = select(func.count()).select_from(LEDGER).where(LEDGER.c.device == laptop.device)
        return int(connection.execute(query).scalar_one())

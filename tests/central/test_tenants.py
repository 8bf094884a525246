"""Organizations are kept apart by PostgreSQL itself, table by table and route by route, whatever the code would let by."""

from __future__ import annotations

import ast
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine, Table, event, func, select, text
from sqlalchemy.exc import ProgrammingError

import bravetui.central
from bravetui.base.runner import InlineRunner
from bravetui.central import command, service
from bravetui.central.access import Access, access_of
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.keys import KEY_VARIABLE
from bravetui.central.privileges import Login, give_rights, login_of
from bravetui.central.service import Central
from bravetui.central.tables import CENTRAL, DEVICES, LEDGER
from bravetui.central.tenants import ROLE, operator, stranger, tenant
from bravetui.db.kinds import KINDS
from bravetui.db.tables import SITE
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Op
from bravetui.wire.codec import encode
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk, SyncAnswer, SyncRequest
from tests.support.central import KEYS, ORGANIZATION, PROJECT, STRANGE_PROJECT, STRANGERS, Laptop, Site, only
from tests.support.postgres import TestServer

NOBODYS = {"central_state", "shown_proof", "alembic_version"}
"""Tables without rows of any tenant: one row about the database itself, ids of proofs by key, the schema's step."""

NOW = datetime(2026, 8, 3, tzinfo=UTC)

assert KINDS, "their tables are in SITE once they have been read"
TENANTS_TABLES = [
    table for table in (*SITE.sorted_tables, *CENTRAL.sorted_tables) if table.name not in NOBODYS
]


def test_every_table_is_forced_under_a_policy_or_is_nobodys(site: Site) -> None:
    """A new table fails here until its step gives it a policy."""
    query = text(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS bound,"
        " (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid) AS policies"
        " FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    )
    with site.engine.connect() as connection:
        found = {row.relname: row.bound and row.policies == 2 for row in connection.execute(query)}
    assert {name for name, bound in found.items() if not bound} == NOBODYS
    assert set(found) >= {table.name for table in TENANTS_TABLES}


def test_requests_work_as_a_role_that_owns_nothing_and_passes_by_nothing(site: Site) -> None:
    with site.engine.connect() as connection:
        query = text(
            "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = :name"
        )
        assert not any(connection.execute(query, {"name": ROLE}).one())
        owned = text("SELECT count(*) FROM pg_class WHERE relowner = CAST(:name AS regrole)")
        assert connection.execute(owned, {"name": ROLE}).scalar_one() == 0
        tenant(connection, ORGANIZATION)
        assert connection.execute(text("SELECT current_user")).scalar_one() == ROLE
        operator(connection)  # means nothing to who is not the owner
        assert connection.execute(select(func.count()).select_from(DEVICES)).scalar_one() == 0
    with site.engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() != ROLE
        left = text("SELECT current_setting('bravetui.organization', true)")
        assert not connection.execute(left).scalar_one(), (
            "nothing is left for the next user of the connection"
        )


def test_a_temporary_table_of_a_request_never_passes_for_central_s_own(site: Site) -> None:
    """PostgreSQL looks among those first unless a function says otherwise."""
    carlos = site.laptop("carlos")
    asked = text("SELECT central_key_of(:number)").bindparams(number=carlos.device)
    with site.engine.connect() as connection:
        tenant(connection, ORGANIZATION)
        real = connection.execute(asked).scalar_one()
        connection.execute(text("CREATE TEMP TABLE device (public_key text, number bigint)"))
        connection.execute(
            text("INSERT INTO pg_temp.device VALUES ('forged', :number)").bindparams(number=carlos.device)
        )
        assert connection.execute(asked).scalar_one() == real


# --- table by table ---------------------------------------------------------------------------------


def a_row(table: Table, organization_id: str, scope_id: str, device: int) -> dict[str, Any]:
    """Some row of an organization's."""
    known = {
        "organization_id": organization_id, "scope_id": scope_id, "device": device, "number": device + 5000,
        "carried_by": device, "public_key": organization_id, "id": f"row-of-{organization_id}",
    }  # fmt: skip
    if table.name in ("audit_event", "unlock"):
        known["id"] = device + 5000
    row = {}
    for column in table.columns:
        if column.name in known:
            row[column.name] = known[column.name]
        elif not column.nullable:
            kind = datetime if column.name.split("_")[-1] == "at" else column.type.python_type
            value = _some(kind, organization_id)
            row[column.name] = (
                value[: getattr(column.type, "length", None)] if isinstance(value, str) else value
            )
    return row


def _some(kind: type, name: str) -> Any:
    made: dict[type, Any] = {
        int: 7, str: name, bool: False, bytes: b"x", datetime: NOW, date: NOW.date(), float: 1.0, dict: {}, list: [],
        object: [],
    }  # fmt: skip
    return made[kind]


def of(row: dict[str, Any], table: Table) -> Any:
    """The row's own key."""
    return table.c[next(iter(table.primary_key)).name] == row[next(iter(table.primary_key)).name]


@pytest.fixture
def two(site: Site) -> tuple[Site, Laptop, Laptop]:
    """A laptop of each of two organizations."""
    return site, site.laptop("carlos"), site.laptop("sam", STRANGERS)


@pytest.mark.parametrize("table", TENANTS_TABLES, ids=lambda table: table.name)
def test_no_statement_of_one_organization_touches_anothers_row(
    two: tuple[Site, Laptop, Laptop], table: Table
) -> None:
    """Read, change, remove, add and take over, with nothing between the statement and the table but row security."""
    site, carlos, sam = two
    theirs = a_row(table, STRANGERS, STRANGE_PROJECT, sam.device)
    if table.name == "scope":
        theirs["scope_id"] = "another-of-theirs"
    if table.name == "scope_head":
        theirs["scope_id"] = "another-of-theirs"
        with site.engine.begin() as connection:
            connection.execute(CENTRAL.tables["scope"].insert().values(
                scope_id="another-of-theirs", organization_id=STRANGERS, kind="project", name=""))  # fmt: skip
    mine = {**a_row(table, ORGANIZATION, PROJECT, carlos.device)}
    with site.engine.begin() as connection:
        connection.execute(table.insert().values(theirs))
        connection.execute(text(f'GRANT ALL ON "{table.name}" TO {ROLE}'))

    def nobody_may(begin: Callable[[Connection], None]) -> None:
        with site.engine.connect() as connection:
            begin(connection)
            whole = [dict(row) for row in connection.execute(select(table)).mappings()]
            assert theirs.items() not in [row.items() for row in whole]
            assert connection.execute(select(table).where(of(theirs, table))).all() == []
            assert connection.execute(table.update().where(of(theirs, table)).values(mine)).rowcount == 0
            assert connection.execute(table.delete().where(of(theirs, table))).rowcount == 0
            connection.rollback()
            begin(connection)
            with pytest.raises(ProgrammingError, match="row-level security"):
                connection.execute(table.insert().values({**theirs, _first(table): _other(theirs, table)}))
            connection.rollback()

    nobody_may(lambda connection: tenant(connection, ORGANIZATION))
    nobody_may(stranger)
    with site.engine.connect() as connection:
        tenant(connection, STRANGERS)
        if table.name == "key_grant":
            stranger(connection, key=STRANGERS)
        assert connection.execute(select(table).where(of(theirs, table))).all(), "its owner sees it"


def _first(table: Table) -> str:
    """A column of the key that is free to be another: what would collide is not what is tried here."""
    names = [column.name for column in table.primary_key]
    return next((name for name in names if name not in ("scope_id", "device")), names[0])


def _other(row: dict[str, Any], table: Table) -> Any:
    value = row[_first(table)]
    if _first(table) == "scope_id":
        return STRANGE_PROJECT if table.name == "scope_head" else "a-third-of-theirs"
    if _first(table) == "public_key":
        return "another key"
    return value + 1 if isinstance(value, int) else f"{value}-2"


# --- route by route ---------------------------------------------------------------------------------


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    """Central with its checks in code gone: everybody may do everything in every scope there is."""
    with site.engine.connect() as connection:
        theirs = access_of(connection, 0, STRANGERS, "sam", site.clock.now()).scopes

    def everything(*arguments: Any) -> Access:
        real = access_of(*arguments)
        scopes = {**real.scopes, **theirs}
        return Access(real.device, real.organization_id, real.user_id, real.user_name, "admin", scopes)

    monkeypatch.setattr(service, "access_of", everything)


SECRET = "what only Sam's company may read"


async def ask(site: Site, laptop: Laptop, request: SyncRequest) -> tuple[bytes, SyncAnswer]:
    central = site.central
    app = make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://central") as client:
        answer = await client.post("/v1/sync", content=encode(request, "identity"), headers=laptop.headers())
        assert answer.status_code == 200, answer.text
        return answer.content, SyncAnswer.model_validate_json(answer.content)


@pytest.mark.usefixtures("blind")
async def test_without_any_check_in_code_an_exchange_reads_and_writes_nothing_of_anothers(
    two: tuple[Site, Laptop, Laptop],
) -> None:
    site, carlos, sam = two
    sam.sync(sam.change("theirs", {"note": SECRET}, scope_id=STRANGE_PROJECT))
    with site.engine.connect() as connection:
        before = connection.execute(select(LEDGER).where(LEDGER.c.scope_id == STRANGE_PROJECT)).all()
    asks = tuple(
        PullAsk(scope_id=scope, lane=lane) for scope in (STRANGE_PROJECT, STRANGERS) for lane in Lane
    )
    changes = (
        carlos.change("theirs", {"note": "mine now"}, op=Op.EDIT, scope_id=STRANGE_PROJECT,
                      seen=VersionVector({sam.device: 1})),
        carlos.change("new", {"note": "in the wrong place"}, scope_id=STRANGE_PROJECT),
        carlos.change("lost", {"note": "x"}, op=Op.EDIT, scope_id=STRANGE_PROJECT),
    )  # fmt: skip
    for change in changes:
        raw, answer = await ask(site, carlos, carlos.request(change, pull=asks))
        assert only(answer.verdicts).outcome is Outcome.REFUSED
        assert SECRET.encode() not in raw
        assert [page.rows for page in answer.pages if page.rows] == []
    with site.engine.connect() as connection:
        after = connection.execute(select(LEDGER).where(LEDGER.c.scope_id == STRANGE_PROJECT)).all()
    assert after == before
    assert only(carlos.sync(carlos.change("own", {"note": "x"})).verdicts).outcome is Outcome.APPLIED


@pytest.mark.usefixtures("blind")
async def test_without_any_check_in_code_news_name_no_scope_of_anothers(
    two: tuple[Site, Laptop, Laptop],
) -> None:
    from bravetui.central.news import _seen

    site, carlos, _ = two
    assert STRANGE_PROJECT not in _seen(site.central, carlos.shown(), carlos.device, None)


# --- one place --------------------------------------------------------------------------------------

BEFORE_ANYBODY = {"database.py", "place.py", "command.py", "rights.py"}
"""Where the schema is looked at and made; what they ask of rows, they ask as the operator."""


def test_every_transaction_of_central_begins_by_saying_for_whom() -> None:
    """An engine's connection that is opened has `tenant`, `stranger` or `operator` as its first word."""
    lacking, found = [], 0
    for path in Path(bravetui.central.__file__).parent.glob("*.py"):
        if path.name in BEFORE_ANYBODY:
            continue
        for block in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(block, ast.With) and any(map(_opens, block.items)):
                found += 1
                if not _says_for_whom(block.body[0]):
                    lacking.append(f"{path.name}:{block.lineno}")
    assert found > 15
    assert lacking == []


def _opens(item: ast.withitem) -> bool:
    """The one that listens for news asks of no table."""
    named = isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == "connection"
    return named and "psycopg" not in ast.unparse(item.context_expr)


def _says_for_whom(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return all(_says_for_whom(branch[0]) for branch in (statement.body, statement.orelse))
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
        and statement.value.func.id in ("tenant", "stranger", "operator")
    )


# --- an operator's own server -----------------------------------------------------------------------


@contextmanager
def own_server(postgres: TestServer) -> Iterator[Callable[[str], str]]:
    """A database whose owner is no superuser, and a login that owns nothing: by docs/security.md."""
    with postgres.database() as url:
        admin = open_central_engine(url)
        with admin.begin() as connection:
            name = connection.engine.url.database
            for statement in (
                f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
                f"CREATE ROLE central_owner LOGIN IN ROLE {ROLE}",
                f"CREATE ROLE central LOGIN IN ROLE {ROLE}",
                f"ALTER DATABASE {name} OWNER TO central_owner",
                "ALTER SCHEMA public OWNER TO central_owner",
            ):
                connection.exec_driver_sql(statement)
        try:
            yield lambda user: str(
                admin.url.set(drivername="postgresql", username=user).render_as_string(hide_password=False)
            )
        finally:
            with admin.begin() as connection:
                connection.exec_driver_sql("REASSIGN OWNED BY central_owner TO CURRENT_USER")
                for user in ("central_owner", "central"):
                    connection.exec_driver_sql(f"DROP OWNED BY {user}")
                    connection.exec_driver_sql(f"DROP ROLE {user}")
            admin.dispose()


def test_on_an_operators_own_server_the_owner_founds_and_an_ordinary_login_serves(
    postgres: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    site: Site,
) -> None:  # fmt: skip
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())
    with own_server(postgres) as url:

        def central(user: str, *arguments: str) -> tuple[int, str, str]:
            monkeypatch.setenv("BRAVETUI_CENTRAL_DATABASE_URL", url(user))
            status = command.main([*arguments, "--folder", str(tmp_path)])
            told = capsys.readouterr()
            return status, told.out, told.err

        status, out, err = central("central_owner", "found", "--organization", "Own Co", "--name", "Nia")
        assert (status, err) == (0, "")
        assert "Nia" in central("central_owner", "people")[1]
        assert "in order" in central("central_owner", "audit")[1]
        assert central("central", "people")[1] == "", "the login that serves sees nothing unasked"
        engine = open_central_engine(url("central"))
        serving = Site(Central(engine, KEYS, site.clock, site.central.ids), site.clock, url("central"))
        with engine.connect() as connection:
            assert login_of(connection) == Login("central", passes=False, owns=False)
        owner = open_central_engine(url("central_owner"))
        with owner.connect() as connection:
            assert login_of(connection) == Login("central_owner", passes=False, owns=True)
            assert connection.execute(select(func.count()).select_from(DEVICES)).scalar_one() == 0
            assert connection.execute(text("SELECT count(*) FROM scope")).scalar_one() == 0, (
                "forced on the owner too"
            )
        code = out.rsplit(": ", 1)[1].strip()
        laptop = enrolled_with(serving, code)
        assert laptop.sync().scopes
        migrate(engine)
        for made in (engine, owner):
            made.dispose()


def enrolled_with(site: Site, code: str) -> Laptop:
    from bravetui.auth import signing
    from bravetui.wire.messages import Enrol
    from tests.support.central import shown

    key = signing.new_private_key()
    told = site.central.enrol(Enrol(code=code, device_name="first"), shown(site, "/v1/enrol", key))
    return Laptop(site, told.device, key, told.grant, told.user_id)


def test_a_login_that_may_not_make_tables_is_told_who_may(
    postgres: TestServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with own_server(postgres) as url:
        monkeypatch.setenv("BRAVETUI_CENTRAL_DATABASE_URL", url("central"))
        assert command.main(["found", "--organization", "A", "--name", "B", "--folder", str(tmp_path)]) == 2
        assert "may not bring central's tables up to date" in capsys.readouterr().err


def test_a_login_that_passes_by_row_security_is_said_loudly(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    from bravetui.central.place import _warn_of_bypass

    with caplog.at_level(logging.WARNING):
        _warn_of_bypass(site.engine)
    assert "PASSES BY ROW SECURITY" in caplog.text


# --- what it costs ----------------------------------------------------------------------------------


def statements(engine: Engine) -> list[str]:
    """Every statement from here on."""
    told: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *said: told.append(said[2]))
    return told


def test_what_row_security_costs_an_exchange(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few words more to the database, and not twice the time, as one ratio of one run."""
    carlos = site.laptop("carlos")
    told = statements(site.engine)
    ask = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=1)

    def measured(rounds: int = 40) -> tuple[float, float]:
        began, counted = time.perf_counter(), len(told)
        for _ in range(rounds):
            carlos.sync(carlos.change(site.central.ids.new_id(), {"note": "x"}), pull=(ask,))
        return (time.perf_counter() - began) / rounds, (len(told) - counted) / rounds

    measured(10)
    with_it = measured()
    for place in ("service.tenant", "service.stranger", "push.tenant", "callers.tenant"):
        monkeypatch.setattr(f"bravetui.central.{place}", lambda *_: None)
    without = measured()
    assert with_it[1] - without[1] <= 8
    assert with_it[0] / without[0] < 2, "a machine that is busy doubles either"


def test_the_role_is_made_once_where_two_databases_of_one_server_miss_it_at_the_same_moment() -> None:
    """Found by simulate: whoever came second ended, since roles belong to the server and locks to a database."""
    both = Barrier(2, timeout=60)

    def wait_for_the_other(_c: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "CREATE ROLE" in statement:
            both.wait()

    with TestServer.running() as server, ExitStack() as opened:
        engines = []
        for _ in range(2):
            engine = open_central_engine(opened.enter_context(server.database()))
            opened.callback(engine.dispose)
            migrate(engine)
            with engine.begin() as connection:
                connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
            engines.append(engine)
        with engines[0].begin() as connection:
            connection.exec_driver_sql(f"DROP ROLE {ROLE}")
        for engine in engines:
            event.listen(engine, "before_cursor_execute", wait_for_the_other)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(_rights_given, engines))
        for engine in engines:
            with engine.connect() as connection:
                tenant(connection, ORGANIZATION)
                assert connection.execute(select(func.count()).select_from(LEDGER)).scalar_one() == 0


def _rights_given(engine: Engine) -> None:
    with engine.begin() as connection:
        give_rights(connection)

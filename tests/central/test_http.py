"""The API over HTTP: what strangers, bad lines and forgers get, and that the OpenAPI page tells the truth."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from bravetui.auth import signing
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.body import accepted
from bravetui.central.enrolment import ATTEMPTS_MAX, issue_code
from bravetui.central.serve import serving
from bravetui.sync.client import CentralClient
from bravetui.wire.codec import COLUMNS_TYPE, DCZ_MAGIC, JSON_TYPE, decode, encode, unpack
from bravetui.wire.columns import pack
from bravetui.wire.dictionary import current
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import BODY_BYTES_MAX, PROTOCOL, Outcome, PullAsk, SyncAnswer
from tests.support import schema as schemas
from tests.support.central import ADDRESS, ORGANIZATION, PROJECT, Laptop, Site
from tests.support.central import headers as headers_of

Client = httpx.AsyncClient


def app_of(site: Site) -> ASGIApp:
    central = site.central
    return make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    transport = httpx.ASGITransport(app=app_of(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://central") as made:
        yield made


def showing(laptop: Laptop, **more: str) -> dict[str, str]:
    return {**laptop.headers(), **more}


KEY = signing.new_private_key()


def enrolling(site: Site, key: bytes, address: str = ADDRESS) -> dict[str, str]:
    """The headers of a laptop that has no grant yet."""
    return headers_of(site, "/v1/enrol", key, address=address)


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """A problem document (RFC 9457) in words, and no traceback."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["title"].endswith((".", "?"))
    assert "Traceback" not in response.text
    return told


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity"])
async def test_an_exchange_travels_in_every_encoding(site: Site, client: Client, encoding: str) -> None:
    carlos = site.laptop("carlos")
    request = carlos.request(
        carlos.change("i1", {"note": "x"}), pull=(PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)
    )
    headers = showing(carlos, **{"Content-Encoding": encoding, "Accept-Encoding": encoding})
    async with client.stream(
        "POST", "/v1/sync", content=encode(request, encoding), headers=headers
    ) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding", "identity") == encoding
    answer = SyncAnswer.model_validate_json(unpack(raw, encoding))
    assert answer.verdicts[0].outcome is Outcome.APPLIED
    assert {row.kind for row in answer.pages[0].rows} == {"inspection", "project", "project_member"}


async def test_who_shows_the_dictionary_gets_its_answer_packed_with_it(site: Site, client: Client) -> None:
    carlos = site.laptop("carlos")
    shows = {"Accept-Encoding": "dcz, zstd", "Available-Dictionary": current().name}
    body = encode(carlos.request(), "dcz")
    headers = showing(carlos, **{"Content-Encoding": "dcz"}, **shows)
    async with client.stream("POST", "/v1/sync", content=body, headers=headers) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == "dcz"
    assert {"Accept", "Accept-Encoding", "Available-Dictionary"} == set(response.headers["vary"].split(", "))
    assert decode(SyncAnswer, raw, "dcz").scopes


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "dcz, zstd"},
        {"Accept-Encoding": "dcz, zstd", "Available-Dictionary": f":{'A' * 43}=:"},
        {"Accept-Encoding": "dcz;q=0, zstd", "Available-Dictionary": current().name},
        {"Accept-Encoding": "zstd", "Available-Dictionary": current().name},
    ],
    ids=["shows none", "shows another", "does not want it", "does not accept it"],
)
async def test_a_stranger_gets_plain_zstd_and_hears_where_the_dictionary_is(
    site: Site, client: Client, headers: dict[str, str]
) -> None:
    carlos = site.laptop("carlos")
    body = carlos.request().model_dump_json()
    async with client.stream(
        "POST", "/v1/sync", content=body, headers=showing(carlos, **headers)
    ) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == "zstd"
    assert decode(SyncAnswer, raw, "zstd").scopes
    assert response.headers["link"] == '</v1/dictionary>; rel="compression-dictionary"'


@pytest.mark.parametrize(
    ("accepts", "form"),
    [
        (f"{COLUMNS_TYPE}, {JSON_TYPE}", COLUMNS_TYPE),
        (COLUMNS_TYPE.upper(), COLUMNS_TYPE),
        (f"{COLUMNS_TYPE};q=0.5, {JSON_TYPE};q=0.9", JSON_TYPE),
        (f"{COLUMNS_TYPE};q=0", JSON_TYPE),
        ("application/*, */*", JSON_TYPE),
        (JSON_TYPE, JSON_TYPE),
        ("", JSON_TYPE),
    ],
)
async def test_who_asks_for_columns_gets_them_and_a_stranger_gets_json(
    site: Site, client: Client, accepts: str, form: str
) -> None:
    carlos = site.laptop("carlos")
    headers = showing(carlos, Accept=accepts, **{"Accept-Encoding": "identity"})
    response = await client.post("/v1/sync", content=carlos.request().model_dump_json(), headers=headers)
    assert response.headers["content-type"] == form
    assert decode(SyncAnswer, response.content, "", form).scopes


@pytest.mark.parametrize("encoding", ["dcz", "zstd", "gzip", "identity"])
async def test_a_request_in_columns_is_taken(site: Site, client: Client, encoding: str) -> None:
    carlos = site.laptop("carlos")
    body = encode(carlos.request(carlos.change("i1", {"note": "x"})), encoding, media_type=COLUMNS_TYPE)
    headers = showing(carlos, **{"Content-Type": COLUMNS_TYPE, "Content-Encoding": encoding})
    response = await client.post("/v1/sync", content=body, headers=headers)
    answer = SyncAnswer.model_validate_json(response.content)
    assert [verdict.outcome for verdict in answer.verdicts] == [Outcome.APPLIED]


async def test_a_real_client_and_central_speak_columns_from_the_first_answer_on(site: Site) -> None:
    forms: list[tuple[str, str]] = []

    class Listening(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            forms.append((request.headers["content-type"], response.headers["content-type"]))
            return response

    carlos = site.laptop("carlos")
    line = CentralClient("http://central", carlos.prover(), transport=Listening(app=app_of(site)))
    asks = (PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)
    for note in ("x", "y"):
        answered = await line.sync(carlos.request(carlos.change(f"i-{note}", {"note": note}), pull=asks))
        assert [verdict.outcome for verdict in answered.answer.verdicts] == [Outcome.APPLIED]
        assert answered.answer.pages[0].rows
    await line.close()
    assert forms == [(JSON_TYPE, COLUMNS_TYPE), (COLUMNS_TYPE, COLUMNS_TYPE)]


async def test_what_is_no_columns_gets_a_sentence(site: Site, client: Client) -> None:
    carlos = site.laptop("carlos")
    headers = showing(carlos, **{"Content-Type": COLUMNS_TYPE})
    whole = encode(carlos.request(), "identity", media_type=COLUMNS_TYPE)
    for body in (b"", b"{}", whole[:-1], whole + b"x", b"\x02" + whole[1:], pack([]), pack({"push": [7]})):
        problem(await client.post("/v1/sync", content=body, headers=headers), 400)


async def test_anybody_may_fetch_the_dictionary(client: Client) -> None:
    response = await client.get("/v1/dictionary")
    assert response.content == current().data
    assert response.headers["use-as-dictionary"].startswith('match="/v1/*"')


async def test_a_body_with_an_unknown_dictionary_is_told_what_is_understood(
    site: Site, client: Client
) -> None:
    body = DCZ_MAGIC + bytes(32) + b"rubbish"
    headers = showing(site.laptop("carlos"), **{"Content-Encoding": "dcz"})
    response = await client.post("/v1/sync", content=body, headers=headers)
    problem(response, 415)
    assert response.headers["accept-encoding"] == "dcz, zstd, gzip"
    assert response.headers["accept"] == f"{COLUMNS_TYPE}, {JSON_TYPE}"


async def test_nothing_but_health_and_the_page_answers_without_a_proof(site: Site, client: Client) -> None:
    assert (await client.get("/v1/health")).json() == {"status": "ok"}
    page = (await client.get("/openapi.json")).json()
    for path, methods in page["paths"].items():
        for method, told in methods.items():
            if told.get("security") != [] and method == "head":  # an answer without a body
                assert (await client.head(path)).status_code == 401
            elif told.get("security") != []:
                problem(await client.request(method, path), 401)
    carlos = site.laptop("carlos")
    for header in ("DPoP", "DPoP wrong", f"Bearer {carlos.grant}", f"DPoP {carlos.grant}x", carlos.grant):
        response = await client.post(
            "/v1/sync",
            content=carlos.request().model_dump_json(),
            headers=showing(carlos, Authorization=header),
        )
        problem(response, 401)
        assert response.headers["www-authenticate"].startswith("DPoP")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"device":1}', b"[" * 100_000, b'{"push":[{"changes":[{}]}]}',
        b'{"device":1,"sent_at":"2026-08-03T00:00:00Z","push":[{"lane":"critical","changes":[{"dot":"x"}]}]}',
        b'{"device":1,"sent_at":"2026-08-03T00:00:00Z","push":[7]}', b'{"device":1,"sent_at":NaN}',
    ],
)  # fmt: skip
async def test_rubbish_gets_a_sentence(site: Site, client: Client, body: bytes) -> None:
    problem(await client.post("/v1/sync", content=body, headers=showing(site.laptop("carlos"))), 400)


@pytest.mark.parametrize("encoding", ["dcz", "zstd", "gzip", "br", "zstd, gzip"])
async def test_half_a_body_and_a_wrong_encoding_get_a_sentence(
    site: Site, client: Client, encoding: str
) -> None:
    carlos = site.laptop("carlos")
    whole = encode(
        carlos.request(carlos.change("i1", {"note": "x" * 500})),
        encoding if encoding in ("dcz", "zstd", "gzip") else "zstd",
    )
    headers = showing(carlos, **{"Content-Encoding": encoding})
    known = encoding in ("dcz", "zstd", "gzip")
    response = await client.post("/v1/sync", content=whole[: len(whole) // 2], headers=headers)
    problem(response, 400 if known else 415)
    assert ("accept-encoding" in response.headers) is not known
    assert carlos.sync().checkpoint.held == ()


async def test_a_bomb_and_a_giant_are_turned_away_as_too_large(site: Site, client: Client) -> None:
    bomb = zlib.compress(b" " * (BODY_BYTES_MAX + 1), 9, 31)
    headers = showing(site.laptop("carlos"))
    problem(await client.post("/v1/sync", content=bomb, headers={**headers, "Content-Encoding": "gzip"}), 413)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000_000

    problem(await client.post("/v1/sync", content=endless(), headers=headers), 413)


@pytest.mark.parametrize("form", [JSON_TYPE, COLUMNS_TYPE])
async def test_one_unreadable_change_is_refused_and_its_neighbours_are_taken(
    site: Site, client: Client, form: str
) -> None:
    carlos = site.laptop("carlos")
    told = json.loads(
        encode(carlos.request(*(carlos.change(f"i{n}", {"note": "x"}) for n in range(5))), "identity")
    )
    changes = told["push"][0]["changes"]
    changes[1]["hlc"] = "noon"
    changes[2]["after"] = {"rain": 0.42}
    # Columns cannot even spell half a surrogate pair.
    changes[3]["after"] = {"note": "\ud800"} if form == JSON_TYPE else ["note"]
    body = json.dumps(told).encode() if form == JSON_TYPE else pack(told)
    response = await client.post("/v1/sync", content=body, headers=showing(carlos, **{"Content-Type": form}))
    answer = SyncAnswer.model_validate_json(response.content)
    outcomes = {str(verdict.dot): (verdict.outcome.value, verdict.code) for verdict in answer.verdicts}
    number = carlos.device
    assert outcomes == {
        f"{number}.1": ("applied", None),
        f"{number}.2": ("refused", "invalid_change"),
        f"{number}.3": ("refused", "invalid_change"),
        f"{number}.4": ("refused", "invalid_change"),
        f"{number}.5": ("applied", None),
    }


async def test_a_newer_protocol_is_told_so_and_unknown_fields_are_not_minded(
    site: Site, client: Client
) -> None:
    carlos = site.laptop("carlos")
    newer = carlos.request().model_copy(update={"protocol": PROTOCOL + 1})
    assert (
        "protocol"
        in problem(
            await client.post("/v1/sync", content=encode(newer, "identity"), headers=showing(carlos)), 400
        )["title"]
    )
    told = {**json.loads(encode(carlos.request(), "identity")), "hologram": True}
    assert (
        await client.post("/v1/sync", content=json.dumps(told), headers=showing(carlos))
    ).status_code == 200


async def test_a_code_enrols_one_laptop_once(site: Site, client: Client) -> None:
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    asked = {"code": code.lower(), "device_name": "truck"}
    enrolled = (await client.post("/v1/enrol", json=asked, headers=enrolling(site, KEY))).json()
    assert (enrolled["user_id"], enrolled["central_key"]) == ("carlos", site.central.keys.public)
    assert {scope["scope_id"] for scope in enrolled["scopes"]} == {ORGANIZATION, PROJECT}
    assert (
        Laptop(site, enrolled["device"], KEY, enrolled["grant"], "carlos").sync().epoch == enrolled["epoch"]
    )
    other = enrolling(site, signing.new_private_key())
    assert "new one" in problem(await client.post("/v1/enrol", json=asked, headers=other), 403)["detail"]


async def test_of_many_who_use_one_code_at_once_one_gets_in(site: Site) -> None:
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    asked = {"code": code, "device_name": "truck"}
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        async with httpx.AsyncClient(base_url=address) as http:
            keys = [signing.new_private_key() for _ in range(8)]
            answers = await asyncio.gather(
                *(http.post("/v1/enrol", json=asked, headers=enrolling(site, key, address)) for key in keys)
            )
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7


async def test_codes_die_after_a_day_and_a_broken_proof_does_not_spend_one(
    site: Site, client: Client
) -> None:
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    asked = {"code": code, "device_name": "truck"}
    good = enrolling(site, KEY)
    for headers in ({}, {"DPoP": "no proof"}, {"DPoP": good["DPoP"][:-4] + "AAAA"}):
        problem(await client.post("/v1/enrol", json=asked, headers=headers), 401)
    site.clock.advance(hours=25)
    problem(await client.post("/v1/enrol", json=asked, headers=enrolling(site, KEY)), 403)


async def test_guessing_codes_is_slowed_down_and_says_for_how_long(site: Site, client: Client) -> None:
    guess = {"code": "AAAAA-AAAAA", "device_name": "thief"}
    for _ in range(ATTEMPTS_MAX):
        problem(await client.post("/v1/enrol", json=guess, headers=enrolling(site, KEY)), 403)
    told = await client.post("/v1/enrol", json=guess, headers=enrolling(site, KEY))
    assert problem(told, 429)["retry_after_s"] == 60
    assert told.headers["retry-after"] == "60"
    good = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    asked = {**guess, "code": good}
    problem(await client.post("/v1/enrol", json=asked, headers=enrolling(site, KEY)), 429)
    site.clock.advance(seconds=61)
    assert (await client.post("/v1/enrol", json=asked, headers=enrolling(site, KEY))).status_code == 200


async def test_only_hashes_of_codes_and_no_private_key_are_kept(site: Site) -> None:
    from sqlalchemy import text

    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    carlos = site.laptop("carlos")
    with site.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM device")).all())
        kept += str(connection.execute(text("SELECT * FROM enrolment_code")).all())
    assert carlos.key.hex() not in kept
    assert signing.encode(carlos.key) not in kept
    assert code not in kept
    assert code.replace("-", "") not in kept


async def test_a_database_that_is_away_is_a_503_with_a_time_to_come_back(site: Site, client: Client) -> None:
    from sqlalchemy import text

    carlos = site.laptop("carlos")
    body = encode(carlos.request(), "identity")
    with site.engine.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
    site.engine.dispose()
    from bravetui.central.database import open_central_engine

    gone = open_central_engine(site.url.replace(name, f"{name}_gone"))
    central = site.central
    app = make_app(gone, central.keys, central.clock, central.ids, run=InlineRunner())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://central") as http:
        told = await http.post("/v1/sync", content=body, headers=showing(carlos))
        assert problem(told, 503)["retry_after_s"] == 5
        assert told.headers["retry-after"] == "5"
        problem(await http.get("/v1/health"), 503)
    gone.dispose()


async def test_unknown_places_and_methods_are_problems_too(client: Client) -> None:
    problem(await client.get("/nowhere"), 404)
    assert problem(await client.get("/v1/sync"), 405)["type"].startswith("urn:bravetui:problem:")


async def test_what_is_sent_and_answered_is_what_the_page_describes(site: Site, client: Client) -> None:
    page = (await client.get("/openapi.json")).json()

    def check(value: Any, schema: dict[str, Any]) -> None:
        schemas.check(value, schema, page)

    def described(
        path: str, method: str, status: int, media_type: str = "application/json"
    ) -> dict[str, Any]:
        schema: dict[str, Any] = page["paths"][path][method]["responses"][str(status)]["content"][media_type][
            "schema"
        ]
        return schema

    def body_of(path: str) -> dict[str, Any]:
        schema: dict[str, Any] = page["paths"][path]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ]
        return schema

    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    asked = {"code": code, "device_name": "truck"}
    check(asked, body_of("/v1/enrol"))
    told = await client.post("/v1/enrol", json=asked, headers=enrolling(site, KEY))
    check(told.json(), described("/v1/enrol", "post", 200))
    other = enrolling(site, signing.new_private_key())
    refused = (await client.post("/v1/enrol", json=asked, headers=other)).json()
    check(refused, described("/v1/enrol", "post", 403, "application/problem+json"))

    carlos = site.laptop("carlos")
    changes = (
        carlos.change("i1", {"note": "x"}),
        carlos.change("i2", {"note": 5}),
        carlos.change("p", {}, kind="project"),
    )
    request = carlos.request(
        *changes, pull=(PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=0, before=0),)
    )
    sent = json.loads(encode(request, "identity"))
    check(sent, body_of("/v1/sync"))
    answer = await client.post("/v1/sync", json=sent, headers=showing(carlos))
    check(answer.json(), described("/v1/sync", "post", 200))
    assert described("/v1/sync", "post", 200, COLUMNS_TYPE)["format"] == "binary"
    assert COLUMNS_TYPE in page["paths"]["/v1/sync"]["post"]["requestBody"]["content"]
    check(
        (await client.post("/v1/sync", json=sent)).json(),
        described("/v1/sync", "post", 401, "application/problem+json"),
    )
    check((await client.get("/v1/health")).json(), described("/v1/health", "get", 200))
    with pytest.raises(AssertionError, match="device"):
        check({"push": []}, body_of("/v1/sync"))


def test_the_encoding_of_the_answer_is_one_that_the_client_takes() -> None:
    cases = {
        "zstd, gzip": "zstd", "gzip, deflate": "gzip", "gzip;q=0.5, zstd;q=0": "gzip", "*": "zstd", "": "identity",
        "br": "identity", "gzip;q=rubbish": "identity", "*;q=0": "identity", "identity": "identity", "GZIP": "gzip",
    }  # fmt: skip
    assert {header: accepted(header) for header in cases} == cases

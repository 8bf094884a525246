"""What somebody with a key of his own making, whom central does not know, costs it: no rows and no room."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from bravetui.auth import signing
from bravetui.auth.proof import TYPE, jwk_of
from bravetui.base.errors import Refused
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.rates import Buckets, Rate
from bravetui.central.tables import AUDIT, SHOWN
from bravetui.wire.codec import encode
from bravetui.wire.messages import Enrol
from tests.support.central import Site, headers, shown

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def client_of(site: Site) -> httpx.AsyncClient:
    central = site.central
    app = make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://central")


def rows(site: Site, table: object) -> int:
    with site.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/v1/sync", "/v1/bundles", "/v1/news", "/v1/enrol"])
async def test_a_key_that_is_nobody_s_leaves_no_row_behind(site: Site, path: str) -> None:
    """A proof is remembered for twenty minutes: by the hundred a second, that would be a table for anybody to fill."""
    carlos = site.laptop("carlos")
    before = rows(site, SHOWN)
    method = "GET" if path == "/v1/news" else "POST"
    body = encode(carlos.request())
    if path == "/v1/enrol":
        body = encode(Enrol(code="00000-00000", device_name="x"))
    async with client_of(site) as client:
        for _ in range(3):
            signed = headers(site, path, signing.new_private_key(), "", method)
            told = await client.request(
                method, path, content=body, headers={**signed, "Content-Encoding": "zstd"}
            )
            assert told.status_code == (403 if path == "/v1/enrol" else 401)
            assert "dpop-nonce" not in told.headers
    assert rows(site, SHOWN) == before


@pytest.mark.parametrize("path", ["/v1/sync", "/v1/bundles"])
async def test_a_stranger_s_body_is_not_read(site: Site, path: str) -> None:
    """Else sixteen half bodies would keep everybody else out."""
    read_bytes = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        for _ in range(64):
            read_bytes += 65_536
            yield b" " * 65_536

    signed = headers(site, path, signing.new_private_key(), "")
    async with client_of(site) as client:
        told = await client.post(path, content=endless(), headers=signed)
    assert (told.status_code, read_bytes) == (401, 0)


@pytest.mark.parametrize("path", ["/v1/enrol", "/v1/support", "/v1/support/acts"])
@pytest.mark.parametrize("packed", [False, True])
async def test_what_a_stranger_may_say_is_short(site: Site, path: str, packed: bool) -> None:
    raw = json.dumps({"x": [0] * 100_000}).encode()
    signed = headers(site, path, signing.new_private_key(), "")
    told = {**signed, "Content-Encoding": "zstd"} if packed else signed
    async with client_of(site) as client:
        answer = await client.post(path, content=zstd.compress(raw) if packed else raw, headers=told)
    assert answer.status_code == 413


def test_wrong_codes_from_everywhere_do_not_fill_the_log(site: Site) -> None:
    """What is shown of it is the newest thousand entries: nobody may push the others out."""
    site.central.enrolling.nameless = Buckets(Rate(burst=5, per_s=1.0))
    for _ in range(20):
        with suppress(Refused):
            site.central.enrol(
                Enrol(code="00000-00000", device_name="x"),
                shown(site, "/v1/enrol", signing.new_private_key()),
            )
    assert rows(site, AUDIT) == 5


@pytest.mark.parametrize(
    "claims", [{"jti": "\ud800" * 8}, {"jti": "\0" * 8}, {"nonce": "\xe9"}, {"jti": "\xe9" * 8}]
)
async def test_a_proof_of_signs_that_nobody_stores_is_none(site: Site, claims: dict[str, str]) -> None:
    """Signed well, and a 500 all the same: anybody could fill central's own log with tracebacks."""
    key = signing.new_private_key()
    told = {
        "htm": "POST",
        "htu": "http://central/v1/enrol",
        "iat": int(site.clock.now().timestamp()),
        "jti": "x" * 8,
    }
    head = {"typ": TYPE, "jwk": jwk_of(signing.public_key_of(key))}
    signer = Ed25519PrivateKey.from_private_bytes(key)
    proof = jwt.encode({**told, **claims}, signer, algorithm="EdDSA", headers=head)
    body = json.dumps({"code": "00000-00000", "device_name": "x"}).encode()
    async with client_of(site) as client:
        answer = await client.post("/v1/enrol", content=body, headers={"DPoP": proof})
    assert (answer.status_code, answer.headers.get("dpop-nonce")) == (401, None)

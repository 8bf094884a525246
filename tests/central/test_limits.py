"""The limits of central, one by one, as the table in docs/security.md lists them."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bravetui.auth import signing
from bravetui.auth.bundle import seal_bundle
from bravetui.base.errors import BadInput
from bravetui.base.runner import InlineRunner
from bravetui.central import app as app_module
from bravetui.central import body, gate, incoming, serve
from bravetui.central.app import Settings, make_app
from bravetui.central.enrolment import ADDRESSES_MAX, Attempts
from bravetui.central.incoming import read
from bravetui.central.rates import Buckets, Rate, TooOften, asker_at
from bravetui.central.rescue import take_bundle
from bravetui.central.serve import serving
from bravetui.wire.codec import DCZ_MAGIC, TooLarge, encode, unpack
from bravetui.wire.columns import DEPTH_MAX, pack
from bravetui.wire.dictionary import current
from bravetui.wire.messages import BODY_BYTES_MAX, BUNDLE_BYTES_MAX
from tests.support.central import Laptop, Site, headers

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Client = httpx.AsyncClient


def client_of(site: Site, address: str = "192.0.2.1", beside: Client | None = None) -> Client:
    """Somebody at an address, of the same central as `beside`."""
    central = site.central
    app = (
        make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())
        if beside is None
        else beside._transport.app  # type: ignore[attr-defined]
    )
    transport = httpx.ASGITransport(app=app, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://central")


# --- how often --------------------------------------------------------------------------------------


def test_a_bucket_empties_fills_with_time_and_says_when() -> None:
    buckets = Buckets(Rate(burst=3, per_s=0.5))
    for _ in range(3):
        buckets.take("a", 100.0)
    with pytest.raises(TooOften) as told:
        buckets.take("a", 100.0)
    assert told.value.wait_s == 2.0
    buckets.take("b", 100.0)
    buckets.take("a", 102.0)
    with pytest.raises(TooOften):
        buckets.take("a", 101.0)  # a clock that steps back gives nothing


def test_of_more_askers_than_are_remembered_the_longest_quiet_is_forgotten() -> None:
    buckets = Buckets(Rate(burst=1, per_s=0.001), askers_max=100)
    for number in range(1000):
        buckets.take(f"asker {number}", 0.0)
    assert len(buckets) == 100
    with pytest.raises(TooOften):
        buckets.take("asker 999", 0.0)


def test_a_host_with_a_network_of_its_own_is_one_asker() -> None:
    assert len({asker_at(f"2001:db8::{number:x}") for number in range(50)}) == 1
    assert asker_at("x" * 10_000) == "x" * 64


def test_wrong_codes_from_ever_new_addresses_fill_no_memory() -> None:
    attempts = Attempts()
    for number in range(ADDRESSES_MAX + 500):
        attempts.failed(f"address {number}", 1.0)
    assert len(attempts._failed) == ADDRESSES_MAX


@pytest.mark.parametrize("limit", ["BY_ADDRESS", "BY_KEY"])
async def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_served(
    site: Site, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """By address whoever asks, by key from wherever."""
    monkeypatch.setattr(app_module, limit, Rate(burst=5, per_s=0.1))
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    async with client_of(site) as client:

        async def ask(laptop: Laptop) -> httpx.Response:
            return await client.post("/v1/sync", content=encode(laptop.request()), headers=packed(laptop))

        for _ in range(5):
            assert (await ask(carlos)).status_code == 200
        refused = await ask(carlos)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        assert refused.json()["type"] == "urn:bravetui:problem:too-many-requests"
        assert (await ask(dana)).status_code == (429 if limit == "BY_ADDRESS" else 200)
        site.clock.advance(seconds=10)
        assert (await ask(carlos)).status_code == 200


async def test_an_address_that_a_stranger_names_himself_is_not_his(site: Site) -> None:
    """Proxies put the address they saw behind what came, in the same line or in one of its own."""
    central = site.central
    app = make_app(
        central.engine, central.keys, central.clock, central.ids, Settings(trust_proxy=True), InlineRunner()
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://central") as client:
        for number in range(11):
            key = signing.new_private_key()
            told = [
                *headers(site, "/v1/enrol", key, "").items(),
                ("X-Forwarded-For", f"198.51.100.{number}"),
                ("X-Forwarded-For", "203.0.113.9"),
            ]
            body = json.dumps({"code": "00000-00000", "device_name": "x"}).encode()
            answer = await client.post("/v1/enrol", content=body, headers=told)
            assert answer.status_code == (429 if number == 10 else 403)


def packed(laptop: Laptop) -> dict[str, str]:
    return {**laptop.headers(), "Content-Encoding": "zstd"}


# --- how much ---------------------------------------------------------------------------------------


def bombs() -> dict[str, bytes]:
    """Kilobytes that would be gigabytes, or ask for the memory of them."""
    blank = b" " * (BODY_BYTES_MAX + 1)
    packer = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): 27})
    wide = packer.compress(b" " * 1000) + packer.flush()
    return {
        "gzip": zlib.compress(blank, 9, 31),
        "zstd": zstd.compress(blank),
        "dcz": DCZ_MAGIC + current().digest + zstd.compress(blank, zstd_dict=current().raw.as_digested_dict),
        "zstd window": wide,
    }


@pytest.mark.parametrize("name", ["gzip", "zstd", "dcz", "zstd window"])
def test_a_bomb_is_refused_and_never_unpacked(name: str) -> None:
    import tracemalloc

    bomb = bombs()[name]
    assert len(bomb) < 20_000
    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            unpack(bomb, name.partition(" ")[0])
        assert tracemalloc.get_traced_memory()[1] < 3 * BODY_BYTES_MAX
    finally:
        tracemalloc.stop()


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all(site: Site) -> None:
    carlos = site.laptop("carlos")

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    for path, most in (("/v1/sync", BODY_BYTES_MAX), ("/v1/bundles", BUNDLE_BYTES_MAX)):
        headers = {**carlos.headers(path), "Content-Length": str(most + 1)}
        async with client_of(site) as client:
            refused = await client.post(path, content=never(), headers=headers)
        assert refused.status_code == 413


@pytest.mark.parametrize("depth", [200, 5_000, 200_000])
def test_json_that_is_nested_without_end_gets_a_sentence(depth: int) -> None:
    nested = '{"device":1,"sent_at":"2026-08-03T13:30:00Z","x":' + "[" * depth + "]" * depth + "}"
    told = json.loads('{"device":1,"sent_at":"2026-08-03T13:30:00Z"}')
    if depth == 200:
        assert read(nested.encode(), "").request.device == 1  # an unknown field of a stranger's is not minded
    else:
        with pytest.raises(BadInput):
            read(nested.encode(), "")
    value: Any = 1
    for _ in range(DEPTH_MAX + 1):
        value = [value]
    with pytest.raises(BadInput):
        pack({**told, "x": value})


def test_more_changes_than_any_laptop_sends_are_to_be_sent_in_parts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "CHANGES_MAX", 3)
    carlos = site.laptop("carlos")
    changes = [carlos.change(f"i{number}", {"note": "x"}) for number in range(4)]
    assert len(read(encode(carlos.request(*changes[:3])), "zstd").batches()[0]) == 3
    with pytest.raises(TooLarge, match="4 changes"):
        read(encode(carlos.request(*changes)), "zstd")


async def test_all_bodies_together_have_a_limit_that_ends_with_each(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODIES_BYTES_MAX", 1000)
    carlos = site.laptop("carlos")
    async with client_of(site) as client:
        for _ in range(3):
            refused = await client.post("/v1/sync", content=b" " * 1001, headers=carlos.headers())
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        for _ in range(3):
            taken = await client.post("/v1/sync", content=encode(carlos.request()), headers=packed(carlos))
            assert taken.status_code == 200


async def test_bodies_that_drip_in_from_one_address_leave_room_for_all_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, half_way, go_on = site.laptop("carlos"), asyncio.Event(), asyncio.Event()
    body = encode(carlos.request())
    monkeypatch.setattr(gate, "ADDRESS_BYTES_MAX", 899 + len(body))

    async def dripping() -> AsyncIterator[bytes]:
        yield b" " * 900
        half_way.set()
        await go_on.wait()

    async with client_of(site, "192.0.2.1") as slow, client_of(site, "192.0.2.2", slow) as other:
        dripped = asyncio.create_task(slow.post("/v1/sync", content=dripping(), headers=carlos.headers()))
        await half_way.wait()
        told = [
            await client.post("/v1/sync", content=body, headers=packed(carlos)) for client in (slow, other)
        ]
        assert [answer.status_code for answer in told] == [503, 200]
        go_on.set()
        await dripped
        assert (await slow.post("/v1/sync", content=body, headers=packed(carlos))).status_code == 200


async def test_a_bundle_of_a_few_kilobytes_does_not_take_gigabytes(site: Site) -> None:
    carlos = site.laptop("carlos")
    piece = b'{"device":1,"sent_at":"2026-08-03T13:30:00Z","more":[' + b"[]," * 400_000 + b"0]}"
    packed_piece, lock = zstd.compress(piece), site.central.keys.recovery
    file = seal_bundle([packed_piece] * 12, carlos.device, carlos.key, site.clock.now(), (lock,))
    assert len(file) < 10_000
    async with client_of(site) as client:
        told = await client.post("/v1/bundles", content=file, headers=carlos.headers("/v1/bundles"))
    assert told.status_code == 413
    assert "office" in told.json()["detail"]
    assert not take_bundle(site.central, file).delivered.kept, "on central's machine it is taken"


# --- how slowly -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent_s", "free_s", "at_once"),
    [(0.2, 60.0, 0), (60.0, 0.2, 0), (60.0, 0.2, 9000)],
    ids=["a pause", "a drip", "a drip after most of it"],
)
def test_a_slow_body_is_cut_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, silent_s: float, free_s: float, at_once: int
) -> None:
    """Over a real line: a byte now and then, for ever."""
    monkeypatch.setattr(body, "SILENT_S", silent_s)
    monkeypatch.setattr(body, "SLOW_FREE_S", free_s)
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        host = address.partition("://")[2]
        headers = site.laptop("carlos").headers(address=address)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = ["POST /v1/sync HTTP/1.1", f"Host: {host}", "Content-Length: 10000", *lines, "", ""]
        with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2]))) as line:
            line.sendall("\r\n".join(head).encode() + b" " * at_once)
            line.settimeout(0.1)
            answer, ends = b"", time.monotonic() + 20
            while b"\r\n\r\n" not in answer and time.monotonic() < ends:
                try:
                    answer += line.recv(4096)
                except TimeoutError:
                    if free_s < 1:
                        line.sendall(b" ")
        assert b" 408 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize("sent", [b"", b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_that_asks_for_nothing_is_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(serve, "SILENT_S", 0.5)
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        host, _, port = address.partition("://")[2].partition(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(sent)
            line.settimeout(20)
            with suppress(ConnectionResetError):
                assert line.recv(100) == b""
        assert httpx.get(f"{address}/v1/health").status_code == 200


def test_more_connections_than_there_may_be_are_answered_503(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS_MAX", 3)
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        host, _, port = address.partition("://")[2].partition(":")
        held = [socket.create_connection((host, int(port))) for _ in range(4)]
        deadline = time.monotonic() + 10
        while (status := httpx.get(f"{address}/v1/health").status_code) != 503:
            assert time.monotonic() < deadline
        assert status == 503
        for line in held:
            line.close()
        while httpx.get(f"{address}/v1/health").status_code != 200:
            assert time.monotonic() < deadline


def test_headers_without_end_are_refused(site: Site) -> None:
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        refused = httpx.get(f"{address}/v1/health", headers={"X-Long": "x" * (gate.HEADERS_BYTES_MAX + 1)})
        assert refused.status_code == 431


# --- the table --------------------------------------------------------------------------------------


def test_the_table_in_the_docs_says_what_the_code_says() -> None:
    """Every limit is named as `module.NAME`, with the value it has."""
    import importlib

    told = Path("docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .+ \| ([\d,.]+)[^|]* \| `([a-z_.]+)\.([A-Z_]+)` \|", told, re.MULTILINE)
    assert len(rows) > 15
    for value, module, name in rows:
        real = getattr(importlib.import_module(f"bravetui.{module}"), name)
        real = getattr(real, "burst", real)
        assert float(value.replace(",", "")) in (real, real / 2**20, real / 1024), name

"""`/metrics`: off unless there is a token, right in what it counts, and silent about everybody."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bravetui.base.errors import BadInput
from bravetui.base.runner import InlineRunner
from bravetui.central.app import Settings, make_app
from bravetui.central.metrics import OTHER, TOKEN_VARIABLE, token_of
from bravetui.wire.change import Op
from bravetui.wire.codec import encode
from tests.support.central import Site

TOKEN = "a long random token"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


def client_of(site: Site, token: str = TOKEN) -> httpx.AsyncClient:
    central = site.central
    settings = Settings(metrics_token=token)
    app = make_app(central.engine, central.keys, central.clock, central.ids, settings, InlineRunner())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://central")


def values(page: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def test_without_a_token_there_is_no_such_place_and_a_wrong_one_opens_nothing(site: Site) -> None:
    async with client_of(site, "") as client:
        assert (await client.get("/metrics", headers=SHOWN)).status_code == 404
    async with client_of(site) as client:
        for wrong in ({}, {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": "Bearer ä"}):
            refused = await client.get("/metrics", headers=httpx.Headers(wrong, encoding="utf-8"))
            assert (refused.status_code, refused.content) == (401, b"")
        assert "/metrics" not in (await client.get("/openapi.json")).text
    with pytest.raises(BadInput, match="16 characters"):
        client_of(site, "short")
    assert TOKEN not in repr(Settings(metrics_token=TOKEN))


async def test_what_is_counted_is_right_and_names_nobody(site: Site) -> None:
    carlos = site.laptop("carlos")
    good = carlos.change("i1", {"note": "a very private note"})
    parked = carlos.change("nobody-made-it", {"description": "x"}, kind="violation", counter=2, op=Op.EDIT)
    refused = carlos.change("s1", {"title": "Daily"}, kind="submission", counter=3)
    async with client_of(site) as client:
        for _ in range(2):  # what is sent again is counted again: it was pushed
            body = encode(carlos.request(good, parked, refused))
            headers = {**carlos.headers(), "Content-Encoding": "zstd"}
            assert (await client.post("/v1/sync", content=body, headers=headers)).status_code == 200
        await client.get("/v1/health")
        await client.get("/made/up/carlos")
        answer = await client.get("/metrics", headers=SHOWN)
    found = values(answer.text)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert found["bravetui_requests_total", "/v1/sync", "200"] == 2
    assert found["bravetui_requests_total", OTHER, "404"] == 1
    assert found["bravetui_request_seconds_count", "/v1/health"] == 1
    assert found["bravetui_changes_total", "applied"] == 2
    assert found["bravetui_changes_total", "refused"] == 2
    assert found["bravetui_changes_total", "twin"] == 0
    assert (found["bravetui_parked_changes",], found["bravetui_refused_changes",]) == (1, 1)
    assert (found["bravetui_database_up",], found["bravetui_news_streams",]) == (1, 0)
    for private in ("carlos", "Carlos", "private", "site", carlos.grant, TOKEN, "/made/up"):
        assert private not in answer.text


async def test_a_database_that_is_away_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def away() -> None:
        raise OperationalError("", {}, Exception())

    async with client_of(site) as client:
        monkeypatch.setattr(site.engine, "connect", away)
        assert values((await client.get("/metrics", headers=SHOWN)).text)["bravetui_database_up",] == 0


def test_the_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert token_of(None) == ""
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert token_of(None) == TOKEN
    (tmp_path / "token").write_text("of a file\n", encoding="utf-8")
    assert token_of(tmp_path / "token") == "of a file"
    with pytest.raises(BadInput):
        token_of(tmp_path / "none")

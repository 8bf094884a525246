"""A certificate that is not trusted is no line that is down: it is said what is wrong with it, and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from bravetui.base.errors import Transient, Unusable
from bravetui.base.runner import InlineRunner
from bravetui.base.trust import Untrusted
from bravetui.central.serve import serving
from bravetui.signin.line import Line
from bravetui.sync.client import CentralClient, NoLine
from bravetui.sync.worker import Worker
from tests.cli.terminal import Terminal
from tests.support.certificates import certificate
from tests.support.laptop import PROJECT, any_prover, open_store


def _deaf() -> FastAPI:
    """An application that knows no path: nobody gets as far."""
    app = FastAPI()
    app.state.newsroom = SimpleNamespace(close=lambda: None)
    return app


@contextmanager
def shown(folder: Path, **how: Any) -> Iterator[str]:
    """The address of a server that shows a certificate which nobody trusts."""
    with serving(_deaf(), tls=certificate(folder, **how)) as address:
        yield address


async def asked(address: str) -> Transient:
    client = CentralClient(address, any_prover())
    try:
        with pytest.raises(Transient) as raised:
            await client.sign_in_offer()
    finally:
        await client.close()
    return raised.value


async def test_an_issuer_nobody_knows_is_said(tmp_path: Path) -> None:
    with shown(tmp_path) as address:
        said = await asked(address)
    assert isinstance(said, Untrusted)
    assert "no certificate that this machine trusts (it vouches for itself), so nothing was sent" in said.what
    assert "SSL_CERT_FILE" in said.todo


@pytest.mark.parametrize(("days_left", "reason"), [(-3, "it has expired"), (9, "it is not valid yet")])
async def test_a_certificate_of_another_time_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days_left: int, reason: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "chain.pem"))
    with shown(tmp_path, days_left=days_left) as address:
        assert reason in (await asked(address)).what


async def test_another_names_certificate_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its issuer is known here, so only the name is wrong."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "chain.pem"))
    with shown(tmp_path, address="192.0.2.7") as address:
        assert "another address's" in (await asked(address)).what
        assert "another name's" in (await asked(address.replace("127.0.0.1", "localhost"))).what


async def test_a_certificate_of_ones_own_is_trusted_once_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "chain.pem"))
    with shown(tmp_path) as address:
        assert not isinstance(await asked(address), Untrusted | NoLine)


async def test_https_to_a_plain_port_is_said() -> None:
    with serving(_deaf()) as address:
        said = await asked(address.replace("http://", "https://"))
    assert isinstance(said, Untrusted)
    assert "does not speak https" in said.what


async def test_certificates_that_cannot_be_read_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(Unusable, match="SSL_CERT_FILE"):
        CentralClient("https://127.0.0.1:9", any_prover())
    with pytest.raises(Unusable, match="SSL_CERT_FILE"):
        Line()


async def test_the_sign_in_service_is_told_of_in_the_same_way(tmp_path: Path) -> None:
    with shown(tmp_path) as address:
        async with Line() as line:
            with pytest.raises(Untrusted, match="sign-in service's address shows no certificate"):
                await line.get(f"{address}/.well-known/openid-configuration")


async def test_the_log_says_so_and_the_work_counts_as_unsent(tmp_path: Path) -> None:
    """Whoever reads the log, or looks over SSH, is not told of a line that is down."""
    store = open_store(tmp_path / "laptop")
    with store.write() as writing:
        writing.create("violation", PROJECT, {"description": "fence down"})
    with shown(tmp_path) as address:
        worker = Worker(store, CentralClient(address, any_prover()), lambda _: None, InlineRunner())
        with pytest.raises(Untrusted):
            await worker.run_once()
        await worker.close()
    with store.read() as connection:
        said = connection.exec_driver_sql("SELECT words FROM sync_log ORDER BY id DESC LIMIT 1").scalar_one()
        why = connection.exec_driver_sql("SELECT why FROM lane_state WHERE failures > 0").scalar_one()
        states = connection.exec_driver_sql("SELECT DISTINCT state FROM outbox").scalars().all()
    assert "no certificate that is trusted here" in said
    assert "vouches for itself" in why
    assert states == ["pending"]
    store.close()


def test_enrolment_says_so(tmp_path: Path) -> None:
    with shown(tmp_path) as address:
        said = Terminal(tmp_path / "laptop").run("enrol", address, "ABCDE-FGHJK", code=75)
    assert "vouches for itself" in said
    assert "SSL_CERT_FILE" in said
    assert "No line" not in said

"""TLS by files, plain HTTP on loopback alone, and no secret on the command line."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from bravetui.base.errors import BadInput
from bravetui.central.app import make_app
from bravetui.central.command import main
from bravetui.central.keys import KEY_VARIABLE
from bravetui.central.serve import Tls, listen, serving
from tests.support.central import Site
from tests.support.certificates import certificate


def test_with_a_certificate_central_speaks_tls_and_no_older_one(site: Site, tmp_path: Path) -> None:
    tls, central = certificate(tmp_path), site.central
    tls.check()
    app = make_app(central.engine, central.keys, central.clock, central.ids)
    with serving(app, tls=tls) as address:
        assert address.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(tls.certificate))
        assert httpx.get(f"{address}/v1/health", verify=trusting).json() == {"status": "ok"}
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{address}/v1/health")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{address.replace('https', 'http')}/v1/health")
        trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        trusting.maximum_version = ssl.TLSVersion.TLSv1_2
        assert httpx.get(f"{address}/v1/health", verify=trusting).status_code == 200


def test_files_that_are_no_certificate_are_sentences(tmp_path: Path) -> None:
    good = certificate(tmp_path)
    (tmp_path / "rubbish").write_text("x", encoding="utf-8")
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", password=b"secret")
    for certificate_file, key in (
        (tmp_path / "missing", good.key),
        (tmp_path / "rubbish", good.key),
        (good.certificate, tmp_path / "rubbish"),
        (good.certificate, other.key),
        (other.certificate, other.key),
    ):
        with pytest.raises(BadInput, match="cannot be used"):
            Tls(certificate_file, key).check()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "central.example"])
def test_plain_http_beyond_this_machine_is_refused(host: str) -> None:
    with pytest.raises(BadInput, match=r"plain HTTP.*--tls-cert.*--behind-proxy"):
        listen(host, 0)


def test_half_a_certificate_and_a_password_in_sight_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--tls-cert", "x.pem", "--folder", str(tmp_path)]) == 2
    assert "go together" in capsys.readouterr().err
    for url in ("postgresql://u:hunter2@h/d", "postgresql://u@h/d?password=hunter2"):
        assert main(["people", "--database-url", url, "--folder", str(tmp_path)]) == 2
        told = capsys.readouterr().err
        assert "can be read by everybody" in told
        assert "hunter2" not in told


def test_an_address_is_read_from_a_file(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, site.central.keys.private.hex())
    file = tmp_path / "database"
    file.write_text(f"{site.url}\n", encoding="utf-8")
    assert main(["people", "--database-url-file", str(file), "--folder", str(tmp_path)]) == 0
    assert "Carlos" in capsys.readouterr().out
    assert main(["people", "--database-url-file", str(tmp_path / "no"), "--folder", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err

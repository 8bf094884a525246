"""The look for faulty packages and for secrets: what is found fails, what cannot be asked is said."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tools.audit import judged, secrets_in


def told(*dependencies: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_known_fault_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    faulty = {"name": "x", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
    assert judged(told(faulty, {"name": "y", "version": "2", "vulns": []}), "") == 1
    assert "x 1: PYSEC-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    ["", "no json", "{}", told({"name": "x", "skip_reason": "not found"})],
    ids=["nothing", "words", "empty", "unknown"],
)
def test_a_registry_out_of_reach_is_said_and_not_failed(
    answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(answer, "ConnectionError: no route") == 0
    assert "Not checked" in capsys.readouterr().out


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B",
        "AKIA" + "A" * 16,
        "ghp_" + "a" * 36,
        "sk_live_" + "a" * 24,
        "xoxb-" + "1" * 24,
        "pypi-" + "A" * 60,
        "eyJ" + "a" * 30 + ".eyJ" + "b" * 30 + "." + "c" * 50,
        "postgresql://central:" + "s3cr3t-enough@db.example/central",
    ],
)
def test_a_secret_is_found_by_its_line_and_not_repeated(secret: str) -> None:
    ((line, what),) = secrets_in(f"first\n{secret}\n")
    assert line == 2
    assert secret not in what


@pytest.mark.parametrize(
    "text", ["sk_live_...", "postgresql://user@host/name", "AKIA", "-----BEGIN PUBLIC KEY-----"]
)
def test_what_only_speaks_of_secrets_is_none(text: str) -> None:
    assert list(secrets_in(text)) == []

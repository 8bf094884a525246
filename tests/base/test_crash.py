"""A fault of the program is written down where nobody else reads, and said even where nothing can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from bravetui.base.crash import crash_words, write_crash_report


def _fault() -> ValueError:
    try:
        raise ValueError("secret answer")
    except ValueError as error:
        return error


def test_the_report_is_private_new_each_time_and_holds_no_values(tmp_path: Path) -> None:
    """A name that another account could have laid there is never opened."""
    first, second = (write_crash_report(_fault(), tmp_path) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.parent == tmp_path
    assert first != second
    assert "secret" not in first.read_text(encoding="utf-8")
    if os.name != "nt":
        assert first.stat().st_mode & 0o777 == 0o600


def test_where_nothing_can_be_written_a_sentence_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the laptop's folder nor among the temporary files."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    said = crash_words(_fault(), tmp_path / "file", tmp_path / "none")
    assert "ValueError at test_crash.py:" in said

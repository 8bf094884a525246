"""A fault of the program is written down where nobody else reads, and said even where nothing can be written."""

from __future__ import annotations

import io
import logging
import os
import tempfile
from pathlib import Path

import pytest

from bravetui.base.crash import WithoutValues, crash_text, crash_words, write_crash_report


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


def _caused() -> KeyError:
    try:
        try:
            raise _fault()
        except ValueError as error:
            raise KeyError("secret name") from error
    except KeyError as error:
        return error


def test_what_led_to_it_is_told_without_its_words_too() -> None:
    """Also where two errors are each other's cause."""
    told = crash_text(_caused())
    assert "builtins.KeyError" in told
    assert "came of builtins.ValueError" in told
    assert "secret" not in told
    one, other = ValueError("secret"), ValueError("secret")
    one.__cause__, other.__cause__ = other, one
    assert crash_text(one).count("ValueError") == 2


def test_a_line_of_a_log_says_where_it_failed_and_quotes_nothing() -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(WithoutValues("%(levelname)s %(message)s"))
    log = logging.getLogger("a log without values")
    log.propagate = False
    log.addHandler(handler)
    try:
        raise _caused()
    except KeyError:
        log.exception("it failed")
    assert heard.getvalue().startswith("ERROR it failed\nbuiltins.KeyError\n")
    assert "secret" not in heard.getvalue()


def test_where_nothing_can_be_written_a_sentence_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the laptop's folder nor among the temporary files."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    said = crash_words(_fault(), tmp_path / "file", tmp_path / "none")
    assert "ValueError at test_crash.py:" in said

"""`bravetui photo` as a foreman types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.views.forms import templates
from tests.cli.terminal import Terminal
from tests.cli.test_support import opened
from tests.support.pictures import jpeg


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """Two pictures from a phone."""
    for number in (1, 2):
        (tmp_path / f"IMG_{number}.jpg").write_bytes(jpeg(600 + number, 400, taken="2026:08:03 09:30:00"))
    return tmp_path / "IMG_1.jpg", tmp_path / "IMG_2.jpg"


def test_photos_are_added_listed_handed_in_saved_and_removed(
    enrolled: Terminal, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    enrolled.run("sync", "--once")
    assert "You have no form under way" in enrolled.run("photo", "add", str(pictures[0]), code=2)
    with opened(enrolled) as (store, project_id):
        form = forms.start_form(store, project_id, templates(store)[0].id).submission_id
    said = enrolled.run("photo", "add", *map(str, pictures), "--caption", "Undercut at SF-2")
    assert said.count("saved on this laptop with") == 2
    own = [row for row in json.loads(enrolled.run("photo", "list", "--json")) if row["owner_id"] == form]
    assert [(row["caption"], row["here"]) for row in own] == [
        ("Undercut at SF-2", ["original", "preview", "thumbnail"])
    ] * 2
    assert "Photos        2 photos (" in enrolled.run("status")
    assert json.loads(enrolled.run("status", "--json"))["photos"]["photos"] == 2
    assert "All handed in" in enrolled.run("sync", "--once")
    assert "Photos  " not in enrolled.run("status").split("Lane")[0]
    assert "at central" in enrolled.run("photo", "list")
    out = tmp_path / "out.jpg"
    enrolled.run("photo", "save", own[0]["id"], str(out))
    assert out.read_bytes() in [path.read_bytes() for path in pictures]
    assert "nothing is overwritten" in enrolled.run("photo", "save", own[0]["id"], str(out), code=2)
    assert "Taken off" in enrolled.run("photo", "remove", own[0]["id"][:18])
    assert own[0]["id"] not in enrolled.run("photo", "list", "--json")
    assert "All handed in" in enrolled.run("sync", "--once")


def test_what_cannot_be_taken_in_is_said_in_words(enrolled: Terminal, tmp_path: Path) -> None:
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        forms.start_form(store, project_id, templates(store)[0].id)
    (tmp_path / "notes.jpg").write_text("no picture")
    for path in (tmp_path / "notes.jpg", tmp_path / "absent.jpg", tmp_path):
        said = enrolled.run("photo", "add", str(path), code=2)
        assert "Traceback" not in said
        assert said.strip()
    assert "no one record" in enrolled.run(
        "photo", "add", str(tmp_path / "notes.jpg"), "--for", "zzz", code=2
    )
    assert "no one photo" in enrolled.run("photo", "save", "zzz", str(tmp_path / "x"), code=2)
    assert "that a photo can be added to" not in enrolled.run("photo", "list", "--records")

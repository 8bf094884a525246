"""What the pages name exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"`(test_\w+)`")


def test_every_test_that_a_page_names_exists() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    named = {
        name
        for page in (ROOT / "docs").rglob("*.md")
        for name in NAME.findall(page.read_text(encoding="utf-8"))
    }
    assert named <= there, sorted(named - there)
    assert len(named) > 30


def test_the_42_failures_are_all_there() -> None:
    rows = re.findall(
        r"^\| (\d+) \|", (ROOT / "docs" / "lived-through.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [int(number) for number in rows] == list(range(1, 43))

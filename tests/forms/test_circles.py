"""A form whose questions are computed from each other in a circle is refused where it is published, and they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.base.errors import BadInput
from bravetui.forms.circles import circular
from bravetui.forms.library import shipped
from bravetui.forms.publish import compile_form


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "form.md"
    head = ("| survey |", "| | type | name | label | calculation |", "| | begin group | p | Page | |")
    path.write_text("\n".join([*head, *rows, "| | end group | | | |", ""]), encoding="utf-8")
    return path


def test_a_circle_is_refused_and_its_questions_named(tmp_path: Path) -> None:
    path = table(tmp_path, "| | calculate | a | A | ${b} + 1 |", "| | calculate | b | B | ${a} + 1 |")
    with pytest.raises(BadInput, match=r"in a circle: a, b, a|in a circle: b, a, b"):
        compile_form(path)


def test_a_question_computed_from_itself_is_a_circle_of_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="in a circle: a, a"):
        compile_form(table(tmp_path, "| | calculate | a | A | ${a} + 1 |"))


def test_a_chain_is_no_circle_nor_is_a_name_in_quotes(tmp_path: Path) -> None:
    rows = ("| | calculate | a | A | 1 + 1 |", "| | calculate | ab | AB | concat(${a}, '/form/p/ab') |")
    assert circular(compile_form(table(tmp_path, *rows))) == ()


def test_the_forms_that_are_shipped_have_none() -> None:
    assert circular(shipped("cgp_site_inspection")) == ()

"""Compiles an XLSForm (a Markdown table here; .xlsx or .csv from others) into a template, where forms are published.

Needs `pyxform` (extra `forms`), which a laptop does not have: laptops receive the compiled form.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bravetui.base.errors import BadInput
from bravetui.forms.engine import broken_formulas
from bravetui.forms.template import Template
from bravetui.forms.xform import XML_BYTES_MAX, read_xform

_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
"""Whether a formula runs does not depend on when."""

SUFFIXES = (".md", ".xlsx", ".xls", ".csv")


def compile_form(path: Path, category: str = "custom") -> Template:
    """The template that the table in `path` describes. Raises BadInput that says what to mend."""
    from pyxform.errors import PyXFormError
    from pyxform.xls2xform import convert

    if path.suffix not in SUFFIXES:
        raise BadInput(
            f"{path.name} is not a form table.", f"Give a file of one of the types {', '.join(SUFFIXES)}."
        )
    if not path.is_file() or path.stat().st_size > XML_BYTES_MAX:
        raise BadInput(f"{path.name} is not there, or too large for a form.", "Check the path.")
    try:
        xml = convert(path, validate=False).xform
    except PyXFormError as error:
        raise BadInput(
            f"{path.name} does not compile: {error}", "Mend the table and compile it again."
        ) from error
    template = read_xform(xml.encode(), category)
    for fault in broken_formulas(template, _ANY_MOMENT):
        raise BadInput(
            f"In {path.name} the formula of {fault.label!r} is broken: {fault.words}",
            "Mend the table and compile it again.",
        )
    return template

"""Compiles an XLSForm (a Markdown table here; .xlsx or .csv from others) into a template, where forms are published.

Needs `pyxform` (extra `forms`), which a laptop does not have: laptops receive the compiled form.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from bravetui.base.errors import BadInput
from bravetui.base.text import clean_text, counted, safe_line
from bravetui.forms.circles import circular
from bravetui.forms.engine import broken_formulas
from bravetui.forms.template import Template
from bravetui.forms.xform import XML_BYTES_MAX, read_xform
from bravetui.merge.state import PATH_LENGTH_MAX

_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
"""Whether a formula runs does not depend on when."""

_NO_TABLE = "was not recognized as a supported type"
"""What pyxform says of a Markdown file without a table."""

SUFFIXES = (".md", ".xlsx", ".xls", ".csv")


def compile_form(path: Path, category: str = "custom") -> Template:
    """The template that the table in `path` describes. Raises BadInput that says what to mend."""
    from pyxform.errors import PyXFormError
    from pyxform.xls2xform import convert

    name = safe_line(path.name, 100)
    if path.suffix not in SUFFIXES:
        raise BadInput(
            f"{name} is not a form table.", f"Give a file of one of the types {', '.join(SUFFIXES)}."
        )
    if not path.is_file() or path.stat().st_size > XML_BYTES_MAX:
        raise BadInput(f"{name} is not there, or too large for a form.", "Check the path.")
    try:
        xml = clean_text(
            convert(path, validate=False).xform
        )  # answers are kept in this spelling of their letters
    except (UnicodeError, csv.Error) as error:
        raise BadInput(
            f"{name} is not a table in UTF-8.", "Save it as UTF-8 and compile it again."
        ) from error
    except PyXFormError as error:
        said = safe_line(str(error), 400).rstrip(".")
        if _NO_TABLE in said:
            said = "there is no table in it that begins with | survey |"
        raise BadInput(f"{name} does not compile: {said}.", "Mend the table and compile it again.") from error
    template = read_xform(xml.encode(), category)
    for fault in broken_formulas(template, _ANY_MOMENT):
        words = safe_line(fault.words, 400).rstrip(".")
        raise BadInput(
            f"In {name} the formula of {fault.label!r} is broken: {words}.",
            "Mend the table and compile it again.",
        )
    if len(longest := template.longest_path()) > PATH_LENGTH_MAX:
        last = safe_line(longest.rpartition("/")[2], 80)
        raise BadInput(
            f"In {name} the name {last!r} is {counted(len(longest) - PATH_LENGTH_MAX, 'character')} too long, together with "
            "the repeat that it stands in: its answers could not be handed in.",
            "Shorten it, or the name of the repeat, and compile it again.",
        )
    if circle := circular(template):
        raise BadInput(
            f"In {name} these are computed from each other in a circle: {', '.join(circle)}.",
            "Mend the table and compile it again.",
        )
    return template

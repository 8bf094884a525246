"""`bravetui form compile FILE`: compile an XLSForm table into the template that laptops receive."""

from __future__ import annotations

import argparse
from pathlib import Path

from bravetui.base.files import replace_file
from bravetui.forms.publish import compile_form


def options(parser: argparse.ArgumentParser) -> None:
    """What to compile, and where to."""
    parser.add_argument("task", choices=("compile",), help="what to do with the form")
    parser.add_argument("file", type=Path, help="a form as a table: .md, .xlsx or .csv")
    parser.add_argument("--category", default="custom", help="heading that the form is listed under")
    parser.add_argument("--out", type=Path, help="file to write (default: beside the table, .json)")


def run(arguments: argparse.Namespace) -> int:
    """Compile; every fault of the form is a sentence."""
    template = compile_form(arguments.file, arguments.category)
    out: Path = arguments.out or arguments.file.with_suffix(".json")
    replace_file(out, (template.to_json() + "\n").encode())
    questions = sum(1 for _ in template.questions())
    print(f"{template.title}, version {template.version}: {questions} questions, written to {out}")
    return 0

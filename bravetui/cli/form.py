"""`bravetui form compile FILE`: compile an XLSForm table into the template that laptops receive."""

from __future__ import annotations

import argparse
from pathlib import Path

from bravetui.base.errors import BadInput
from bravetui.base.files import replace_file
from bravetui.base.text import safe_line
from bravetui.forms.publish import compile_form


def options(parser: argparse.ArgumentParser) -> None:
    """What to compile, and where to."""
    parser.add_argument("task", choices=("compile",), help="what to do with the form")
    parser.add_argument("file", type=Path, help="a form as a table: .md, .xlsx or .csv")
    parser.add_argument("--category", default="custom", help="heading that the form is listed under")
    parser.add_argument("--out", type=Path, help="file to write (default: beside the table, .json)")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there already")


def run(arguments: argparse.Namespace) -> int:
    """Compile; every fault of the form is a sentence."""
    out: Path = arguments.out or arguments.file.with_suffix(".json")
    _refuse_taken(out, force=arguments.force)
    template = compile_form(arguments.file, arguments.category)
    replace_file(out, (template.to_json() + "\n").encode())
    questions = sum(1 for _ in template.questions())
    where = safe_line(str(out), 400)
    print(
        f"{safe_line(template.title, 80)}, version {template.version}: {questions} questions, written to {where}"
    )
    return 0


def _refuse_taken(out: Path, *, force: bool) -> None:
    """Raises BadInput: nothing is overwritten unasked, and nothing but a plain file ever."""
    name = safe_line(str(out), 100)
    if not out.parent.is_dir():
        raise BadInput(
            f"There is no folder to write {name} to.", "Make it first, or name another with --out."
        )
    if out.is_symlink() or (out.exists() and not out.is_file()):
        raise BadInput(f"{name} is no plain file.", "Name a file with --out.")
    if out.exists() and not force:
        raise BadInput(f"{name} is there already.", "Add --force to replace it, or name another with --out.")

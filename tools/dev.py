"""Sets up `.venv` and runs the project in it: `python tools/dev.py demo | test | bench | durability | fuzz | setup | lock`.

Needs Python 3.11 and nothing else: no uv, no compiler, no installed package. A set-up is whole or is made again, and
once whole it is remembered by a stamp, so that the next run starts at once and reaches no registry. Started by an older
Python it looks for a newer one, so every line of it must be readable to Python 3.8.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, NoReturn, Sequence  # noqa: UP035 - read by older Pythons too

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")

MEMORY = Path("/dev/shm")
TESTS_WRITE_BYTES = 4 * 2**30

# What each lock file serves. The second holds all of the first in the same versions.
DEMO, DEV = "demo", "dev"
LOCK_CONTENTS = {DEMO: ["--extra=demo", "--group=build"], DEV: ["--extra=demo", "--group=dev"]}
# Nothing of the machine that locks goes into the file: no header, no index.
LOCK_COMMAND = (
    "uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes"
    " --no-header --no-annotate --no-emit-index-url --no-emit-find-links"
)

# One line a check, in the order in which a failure is cheapest to learn of.
CHECKS = (
    ("format", ["-m", "ruff", "format", "--check", "--quiet", "."]),
    ("lint", ["-m", "ruff", "check", "--quiet", "--output-format", "concise", "."]),
    ("layers", ["-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo"]),
    ("types", ["-m", "mypy"]),
    ("secrets", ["tools/audit.py", "secrets"]),
    ("packages", ["tools/audit.py", "packages"]),
)


class Unable(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command of this file and return its exit code."""
    parser = argparse.ArgumentParser(prog="python tools/dev.py", description="Set up and run bravetui.")
    parser.add_argument("command", choices=["demo", "test", "bench", "durability", "fuzz", "setup", "lock"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to what is run")
    chosen = parser.parse_args(words)
    if sys.version_info < OLDEST:
        return _again_with_newer_python()
    try:
        return _run(chosen.command, chosen.arguments)
    except Unable as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndev.py: stopped. Run the same command to go on.", file=sys.stderr)
        return 130


def _run(command: str, arguments: list[str]) -> int:
    if command == "lock":
        return _lock()
    if command in ("demo", "bench"):
        _set_up(DEMO)
        _become([str(PYTHON), "-m", "bravetui", command, *arguments])
    _set_up(DEV)
    if command == "test":
        return _test(arguments)
    if command in ("durability", "fuzz"):
        os.chdir(ROOT)
        _become([str(PYTHON), "-m", f"tests.{command}", *arguments])
    print(f"Ready: {VENV}")
    return 0


# --- running --------------------------------------------------------------------------------------


def _test(arguments: list[str]) -> int:
    workers = str(min(4, os.cpu_count() or 1))
    # A simulated month is as long as a hundred other tests: whoever is done takes from the other's pile.
    spread = ["-n", workers, "--dist", "worksteal"]
    os.environ.update(_scratch())
    tests = ("tests", ["-m", "pytest", *spread, *arguments])
    results = [_check(name, command) for name, command in (*CHECKS, tests)]
    print()
    for name, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} {name:<8} {seconds:6.1f} s")
    return 0 if all(passed for _, passed, _ in results) else 1


def _scratch() -> dict[str, str]:
    """Where the tests write: into memory where there is room. On a slow disk their thousands of flushes take an hour."""
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
        available = int(told.partition("MemAvailable:")[2].split()[0]) * 1024
        room = min(available // 2, shutil.disk_usage(MEMORY).free)
    except (OSError, ValueError, IndexError):
        return {}
    return {"TMPDIR": str(MEMORY)} if room >= TESTS_WRITE_BYTES and "TMPDIR" not in os.environ else {}


def _check(name: str, command: list[str]) -> tuple[str, bool, float]:
    print(f"--- {name}", flush=True)
    started = time.monotonic()
    code = _wait(subprocess.Popen([str(PYTHON), *command], cwd=ROOT, env=_environment()))
    if code in (130, -2):
        raise KeyboardInterrupt
    return name, code == 0, time.monotonic() - started


def _become(command: list[str]) -> NoReturn:
    """Give this process, its terminal and its signals to the command; Windows can only wait for it."""
    sys.stdout.flush()
    if WINDOWS:
        sys.exit(_wait(subprocess.Popen(command, env=_environment())))
    os.execve(command[0], command, _environment())


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C reaches the child by itself, which may take its time to end cleanly."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _environment() -> dict[str, str]:
    """Without what would bend the environment's Python. Bytecode is written, or every start takes a second longer."""
    foreign = (
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHOME",
        "PYTHONPATH",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
    )
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "VIRTUAL_ENV": str(VENV)}


# --- setting up -----------------------------------------------------------------------------------


def _set_up(name: str) -> None:
    """Make `.venv` hold what `requirements/<name>.txt` says, and this tree as it stands."""
    if _is_ready(name):
        return
    with _alone():
        if _is_ready(name):
            return
        print(f"Setting up {VENV.name} (once, a minute or so) ...", flush=True)
        for stamp in (_stamp(DEMO), _stamp(DEV)):
            if stamp.exists():
                stamp.unlink()
        pip = _pip_of_venv()
        _install(pip, "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements" / f"{name}.txt"))
        _install(pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
        _call([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "bravetui")])
        _stamp(name).write_text(_wanted(name), encoding="utf-8")


def _is_ready(name: str) -> bool:
    """Set up for `name`, or for all that developers need, from these very files at this very place."""
    if not PYTHON.exists():
        return False
    return any(
        _stamp(each).exists() and _stamp(each).read_text(encoding="utf-8") == _wanted(each)
        for each in (name, DEV)
    )


def _stamp(name: str) -> Path:
    return VENV / f".set-up-{name}"


def _wanted(name: str) -> str:
    summed = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "pyproject.toml", ROOT / "requirements" / f"{name}.txt"):
        summed.update(path.read_bytes())
    return summed.hexdigest()


def _pip_of_venv() -> list[str]:
    """The command that installs into `.venv`, which is made, or made again when it is only half there."""
    if not _answers([str(PYTHON), "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"]):
        _make_venv()
    own = [str(PYTHON), "-m", "pip"]
    if _answers([*own, "--version"]):
        return own
    for command in ([_base_python(), "-m", "pip"], ["pip3"], ["pip"]):
        if _answers([*command, "--python", str(PYTHON), "--version"]):
            return [*command, "--python", str(PYTHON)]
    raise Unable(
        "this Python comes without pip. Install it and run the same command again;\n"
        "  on Debian and Ubuntu: sudo apt install python3-venv python3-pip; on Fedora: sudo dnf install python3-pip."
    )


def _make_venv() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    command = [_base_python(), "-m", "venv", str(VENV)]
    if _answers(command):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if not _answers([*command, "--without-pip"]):
        raise Unable(
            "this Python cannot make a virtual environment. Install its module `venv` and run the same command again;\n"
            "  on Debian and Ubuntu: sudo apt install python3-venv."
        )


def _base_python() -> str:
    """The Python outside any virtual environment, since one inside `.venv` would not outlive its removal."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _install(pip: list[str], *what: str) -> None:
    if _call([*pip, "install", "-qq", "--no-input", *what]) != 0:
        raise Unable(
            "could not install the packages; pip says why above. The first run needs a package index that can be\n"
            "  reached. Nothing is lost: run the same command again."
        )


def _call(command: list[str]) -> int:
    return subprocess.run(
        command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, check=False
    ).returncode


def _answers(command: list[str]) -> bool:
    """Whether a command can be run here and succeeds; what it says does not matter."""
    try:
        ran = subprocess.run(
            command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError:
        return False
    return ran.returncode == 0


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time: a second `make` in another terminal waits for the first. The lock ends with its process."""
    with (ROOT / ".venv.lock").open("a") as file:
        _lock_file(file)
        yield


def _lock_file(file: IO[str]) -> None:
    if WINDOWS:
        import msvcrt

        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
            except OSError:  # still held after ten seconds
                continue
            return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


def _again_with_newer_python() -> int:
    for name in NEWER_PYTHONS:
        found = shutil.which(name)
        if found and _answers([found, "-c", ""]):
            return _wait(subprocess.Popen([found, str(Path(__file__).resolve()), *sys.argv[1:]]))
    have = "{}.{}".format(*sys.version_info)
    print(
        f"dev.py: bravetui needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is {have}. Install one from"
        " python.org or your system's packages,\n  then run the same command with it: python3.13 tools/dev.py ...",
        file=sys.stderr,
    )
    return 1


# --- locking --------------------------------------------------------------------------------------


def _lock() -> int:
    """Write both lock files anew, for every system and Python at once. Needs `uv` on the path, as nothing else does."""
    if not shutil.which("uv"):
        raise Unable("locking needs the program `uv`: pipx install uv, then run the same command again.")
    for name in (DEV, DEMO):
        out = f"requirements/{name}.txt"
        same = [] if name == DEV else ["--constraints", "requirements/dev.txt"]
        if (
            _call(
                [*LOCK_COMMAND.split(), *same, *LOCK_CONTENTS[name], "pyproject.toml", "--output-file", out]
            )
            != 0
        ):
            raise Unable(f"uv did not write {out}; it says why above.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

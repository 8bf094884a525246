"""Where trials are made: a scratch folder, one template laptop, children forked from a process that is already warm.

A trial is named by its sort, a seed and a number, and from these everything random in it is drawn.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from tests.durability import foreman
from tests.durability.checking import Told, check

_PIPE_BYTES = 1 << 20
_T = TypeVar("_T")


@dataclass(frozen=True)
class Child:
    """How a forked child ended, and what it had said."""

    lines: tuple[str, ...]
    signal: int
    """The one that ended it; 0 for none."""
    code: int


class Lab:
    """One process's place for trials."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.template = folder / "template"
        self.told = Told()
        """What the template holds: its foreman was told too."""
        self._kept: dict[object, object] = {}
        self.until_the_end = contextlib.ExitStack()

    def chance(self, sort: str, case: int) -> random.Random:
        """The one source of chance of one trial."""
        return random.Random(f"{sort}/{self.seed}/{case}")

    @contextlib.contextmanager
    def laptop(self) -> Iterator[Path]:
        """A laptop's folder for one trial, gone after it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            yield foreman.copy_template(self.template, Path(name) / "laptop")

    def kept(self, make: Callable[[Path], contextlib.AbstractContextManager[_T]]) -> _T:
        """Something that all trials of this process share: made for the first, ended after the last."""
        if make not in self._kept:
            self._kept[make] = self.until_the_end.enter_context(make(self.folder / "kept"))
        return cast("_T", self._kept[make])

    def told_before(self) -> Told:
        """A copy of what the template's foreman was told, to add to."""
        return self.told.copy()


@contextlib.contextmanager
def lab(seed: int) -> Iterator[Lab]:
    """A lab in memory where there is such a place, with everything imported, compiled and used once."""
    shared = Path("/dev/shm")
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(
            tempfile.TemporaryDirectory(
                prefix="bravetui-durability-", dir=shared if shared.is_dir() else None
            )
        )
        foreman.shrink()
        made = Lab(Path(name), seed)
        stack.enter_context(made.until_the_end)
        foreman.make_template(made.template, made.told.hear)
        for _ in range(2):
            with made.laptop() as folder:
                told = made.told_before()
                foreman.work_and_say(folder, "warm", 30, told.hear, 1000).close()
                check(folder, told, deep=True)
        yield made


def in_child(work: Callable[[Callable[[str], None]], None], kill_after_s: float | None = None) -> Child:
    """Run `work` in a fork, which is killed after so long; it is given what its lines are said with."""
    reading, writing = os.pipe()
    if hasattr(select, "epoll"):
        import fcntl

        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    process = os.fork()
    if process == 0:
        os.close(reading)
        _be_child(work, writing)
    os.close(writing)
    if kill_after_s is not None:
        time.sleep(kill_after_s)  # its lines wait in the pipe, which is large enough for all of them
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reading, "rb") as said:
        lines = said.read().decode().splitlines(keepends=True)
    _, status = os.waitpid(process, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    whole = tuple(line.rstrip("\n") for line in lines if line.endswith("\n"))
    return Child(whole, ended, os.waitstatus_to_exitcode(status))


def _be_child(work: Callable[[Callable[[str], None]], None], writing: int) -> None:
    code = 1
    try:
        work(lambda words: _say(writing, words))
        code = 0
    except BaseException:  # noqa: BLE001 -- a child has no caller to raise to
        _say(writing, "traceback " + traceback.format_exc().replace("\n", "\\n"))
    finally:
        os._exit(code)


def _say(writing: int, words: str) -> None:
    os.write(writing, words.encode() + b"\n")


def put_away(folder: Path, name: str) -> Path:
    """Keep what a failed trial left, for a look at it."""
    kept = Path(tempfile.gettempdir()) / "bravetui-durability-failed" / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    return kept

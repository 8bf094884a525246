"""Fails a whole run in which a picture under `snapshots/` was taken by no test, on one process or several.

Without it a removed test leaves its pictures behind for good. A run of chosen tests, or one that failed, says nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2] / "snapshots"
_taken = pytest.StashKey[set[str]]()


def note_taken(config: pytest.Config, stem: str) -> None:
    """Remember that a test took the picture whose files are `stem` + `.txt` and `.svg`, relative to the root."""
    config.stash.setdefault(_taken, set()).add(stem)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker process ended: take over what its tests took. Called only where tests are spread over processes."""
    node.config.stash.setdefault(_taken, set()).update(getattr(node, "workeroutput", {}).get("pictures", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker reports; the main process compares."""
    taken = session.config.stash.get(_taken, set())
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["pictures"] = sorted(taken)
    elif session.exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        unused = [path for path in _pictures() if path.with_suffix("").as_posix() not in taken]
        if unused:
            _say(session.config, unused)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(config: pytest.Config) -> bool:
    option = config.option
    chosen = (
        option.file_or_dir,
        option.keyword,
        option.markexpr,
        option.deselect,
        option.ignore,
        option.collectonly,
    )
    return not any(chosen) and not getattr(option, "lf", False)


def _pictures() -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in ROOT.rglob("*") if path.suffix in (".txt", ".svg"))


def _say(config: pytest.Config, unused: list[Path]) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        reporter.section("pictures that no test takes: remove them", red=True)
        for path in unused:
            reporter.line(f"snapshots/{path.as_posix()}")

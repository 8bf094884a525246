"""Set-up: whole or made again, remembered, and never a traceback for a newcomer."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools import dev


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with its lock files and nothing set up."""
    (tmp_path / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/dev.txt", "requirements/demo.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    venv = tmp_path / ".venv"
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "VENV", venv)
    monkeypatch.setattr(dev, "PYTHON", venv / dev.PYTHON.relative_to(dev.PYTHON.parents[1]))
    return tmp_path


def _pretend_ready(name: str) -> None:
    dev.PYTHON.parent.mkdir(parents=True)
    dev.PYTHON.touch()
    dev._stamp(name).write_text(dev._wanted(name), encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_a_new_clone_is_not_ready() -> None:
    """Nothing set up, nothing assumed."""
    assert not dev._is_ready("demo")


@pytest.mark.usefixtures("project")
def test_what_developers_have_serves_the_demo_but_not_the_other_way() -> None:
    """`make test` and then `make demo` sets up once."""
    _pretend_ready("dev")
    assert dev._is_ready("demo")
    dev._stamp("dev").rename(dev._stamp("demo"))
    assert not dev._is_ready("dev")


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements/dev.txt"])
def test_other_versions_are_set_up_anew(project: Path, changed: str) -> None:
    """A pull that brings other versions does not run on the old ones."""
    _pretend_ready("dev")
    (project / changed).write_text("other", encoding="utf-8")
    assert not dev._is_ready("dev")


@pytest.mark.usefixtures("project")
def test_an_environment_whose_python_is_gone_is_not_ready() -> None:
    """An upgrade of the system removed the Python that `.venv` points to."""
    _pretend_ready("dev")
    dev.PYTHON.unlink()
    assert not dev._is_ready("dev")


@pytest.mark.usefixtures("project")
def test_a_half_made_environment_is_made_again() -> None:
    """Somebody pulled the plug while `.venv` was being made."""
    dev.PYTHON.parent.mkdir(parents=True)
    dev.PYTHON.write_text("half")
    pip = dev._pip_of_venv()
    assert subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0
    assert dev._answers([str(dev.PYTHON), "-c", ""])


@pytest.mark.usefixtures("project")
def test_packages_that_cannot_be_had_end_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No network on the first run: what happened, and what to do."""
    monkeypatch.setattr(dev, "_pip_of_venv", lambda: [sys.executable, "-c", "raise SystemExit(1)"])
    dev.VENV.mkdir()
    assert dev.main(["demo"]) == 1
    assert "run the same command again" in capsys.readouterr().err
    assert not dev._is_ready("demo")


@pytest.mark.usefixtures("project")
def test_an_old_python_without_a_newer_one_is_told_which_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python 3.10 on the path and nothing else."""
    monkeypatch.setattr(dev, "OLDEST", (99, 0))
    monkeypatch.setenv("PATH", "")
    assert dev.main(["test"]) == 1
    assert "needs Python 99.0 or newer" in capsys.readouterr().err


def test_an_old_python_can_read_the_file() -> None:
    """It has to get as far as saying that it is too old."""
    ast.parse(Path(dev.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_nothing_bends_the_python_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode is written whatever the machine says, or every start of the app would take a second longer."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert not {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"} & dev._environment().keys()


@pytest.mark.parametrize("name", ["dev", "demo"])
def test_locked_versions_come_with_hashes_and_without_places(name: str) -> None:
    """Nothing of the machine that locked them, and nothing that a mirror could swap."""
    lines = (dev.ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if not line.startswith(" ")]
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert all(line.strip().startswith("--hash=sha256:") for line in lines if line.startswith(" "))


def test_the_demo_runs_on_the_versions_that_were_tested() -> None:
    """All of the smaller lock file is in the larger one, word for word."""
    small, large = (
        {
            line
            for line in (dev.ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
            if "==" in line
        }
        for name in ("demo", "dev")
    )
    assert small <= large

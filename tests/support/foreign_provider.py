"""Somebody else's OpenID provider (npm's `oidc-provider`, certified), run for a test session where node is.

It is installed once, by its lock file, into pytest's cache folder; later sessions need no registry. Without node, or
without both registry and an earlier installation, the tests that want it are skipped, and say why.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from bravetui.base.clock import SystemClock

SOURCE = Path(__file__).parents[1] / "signin" / "provider"
LAPTOP_CLIENT = "bravetui-laptop"
CLIENT_WITHOUT_DEVICES = "bravetui-no-devices"
CENTRAL_LOGIN = ("central", "only-for-tests")
AUDIENCE = "https://central.example.com"
ORGANIZATION = "org_hill"
NODE_OLDEST = 20
_FILES = ("package.json", "package-lock.json", "provider.mjs")
_INSTALL_S = 300
_FAILED_S = 600.0


@dataclass(frozen=True)
class ForeignProvider:
    """A running one."""

    issuer: str


def installed(config: pytest.Config) -> Path:
    """The folder where the provider is installed. Skips the test where it cannot be."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here to run somebody else's provider with")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_OLDEST:
        pytest.skip(f"somebody else's provider needs node {NODE_OLDEST}, and this is {version}")
    assert config.cache is not None
    state = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in _FILES)).hexdigest()[:12]
    folder = Path(str(config.cache.mkdir(f"foreign-provider-{state}")))
    with FileLock(folder / "lock", timeout=2 * _INSTALL_S):
        if not (folder / "whole").exists():
            _skip_if_failed_lately(folder / "failed")
            failure = _install(folder)
            if failure:
                (folder / "failed").write_text(failure, encoding="utf-8")
                pytest.skip(failure)
            (folder / "whole").touch()
    return folder


def _skip_if_failed_lately(failed: Path) -> None:
    """What one process of a test run has waited for in vain, the others need not wait for."""
    if failed.exists() and SystemClock().now().timestamp() - failed.stat().st_mtime < _FAILED_S:
        pytest.skip(failed.read_text(encoding="utf-8"))


def _install(folder: Path) -> str:
    """Install by the lock file; gives why it could not be done, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm here to install somebody else's provider with"
    for name in _FILES:
        shutil.copy(SOURCE / name, folder)
    # No script of a package runs, and npm's own files stay in the folder.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(folder / "npm"),
        "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "npm's registry does not answer, and somebody else's provider is not installed"
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or ["npm said nothing"]
    return f"somebody else's provider could not be installed: {said[0]}"


@contextmanager
def running(config: pytest.Config, *, opaque: bool = False) -> Iterator[ForeignProvider]:
    """The provider as a process, for the length of the block."""
    folder = installed(config)
    environment = {**os.environ, "OPAQUE": "1" if opaque else "0", "CENTRAL_SECRET": CENTRAL_LOGIN[1]}
    with subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), "somebody else's provider did not start"
        try:
            yield ForeignProvider(issuer)
        finally:
            process.kill()

"""What `make test` looks for beside the code: known faults of the locked packages, and secrets in what is committed.

A registry that cannot be reached, or knows of no faults, is said and fails nothing: `python tools/audit.py packages`, or
`secrets`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKED = "requirements/dev.txt"  # holds all of the other
ASKING_S = 120
FILE_BYTES_MAX = 2_000_000

_SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*\n[A-Za-z0-9+/=]{16}"),
    "an Amazon key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})"),
    "a Clerk or Stripe secret": re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "a package index token": re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}"),
    "a database's password": re.compile(
        r"\bpostgres(?:ql)?://[^\s:/@'\"{]+:(?!hunter2@)[^\s@'\"{]{6,}@(?!localhost)"
    ),
}


def main(words: Sequence[str]) -> int:
    """Run one of the two; 1 where something was found."""
    return {"packages": packages, "secrets": secrets}[words[0]]()


def packages() -> int:
    """Ask the registry which of the locked versions have known faults."""
    command = [
        "-m",
        "pip_audit",
        "-r",
        LOCKED,
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    try:
        ran = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=ASKING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _say(f"Not checked: the registry did not answer within {ASKING_S} s.")
    return judged(ran.stdout, ran.stderr)


def judged(told: str, errors: str) -> int:
    """What pip-audit's JSON comes to; where there is none, it reached nobody."""
    try:
        found = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return _say(f"Not checked: the registry cannot be asked ({why[:200]}).")
    faulty = [one for one in found if one.get("vulns")]
    for one in faulty:
        names = ", ".join(fault["id"] for fault in one["vulns"])
        _say(f"{one['name']} {one['version']}: {names}")
    asked = sum("skip_reason" not in one for one in found)
    if not faulty:
        _say(f"{asked} of {len(found)} packages asked about, none with a known fault.")
    if asked < len(found):
        _say(f"Not checked: {len(found) - asked} packages, of which this registry knows no faults.")
    return 1 if faulty else 0


def secrets() -> int:
    """Look through every file that git has."""
    found = [f"{name}:{line}: {what}" for name, text in _committed() for line, what in secrets_in(text)]
    for one in found:
        _say(one)
    return 1 if found else 0


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """Line and kind of each secret in a text; what it is is not repeated."""
    for what, pattern in _SECRETS.items():
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, what


def _committed() -> Iterator[tuple[str, str]]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        _say("Not checked: this is no git repository, or there is no git.")
        return
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size <= FILE_BYTES_MAX:
            yield name, path.read_text(encoding="utf-8", errors="replace")


def _say(line: str) -> int:
    print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

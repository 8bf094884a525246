"""Central as a process of its own, whose program has a fault: it stumbles, and quotes what it stumbled over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bravetui.issuer.provider import DevelopmentIssuer
from tests.cli.terminal import ROOT
from tests.leaks.hearing import BREAKS

_PROGRAM = f"""
import sys
from bravetui.central.service import Central
from bravetui.central.taking import Taking
from bravetui.cli.main import main

taking, enrolling = Taking.take, Central.enrol

def take(self, sent, told):
    if {BREAKS!r} in repr(sent.change.after):
        raise ValueError(f"cannot take {{sent.change.to_json()}}")
    return taking(self, sent, told)

def enrol(self, asked, shown):
    if asked.device_name == "broken":
        raise ValueError(f"cannot enrol {{asked!r}}")
    return enrolling(self, asked, shown)

Taking.take, Central.enrol = take, enrol
raise SystemExit(main(sys.argv[1:]))
"""
_START_S = 60.0


class CentralProcess:
    """`bravetui central`, as a service of the system starts it: its output goes into files."""

    @staticmethod
    @contextmanager
    def serving(place: Path, issuer: DevelopmentIssuer) -> Iterator[str]:
        """Serve from `place`/central for the length of the block; gives the address."""
        words = ["--folder", str(place / "central"), "central", "serve", "--port", "0", "--development"]
        words += ["--issuer", issuer.issuer, "--client-id", issuer.client_id]
        out, err = place / "central.out", place / "central.err"
        with out.open("wb") as to, err.open("wb") as wrong:
            process = subprocess.Popen(
                [sys.executable, "-u", "-c", _PROGRAM, *words],
                cwd=ROOT, env={**os.environ}, stdin=subprocess.DEVNULL, stdout=to, stderr=wrong,
            )  # fmt: skip
            try:
                yield _address(process, out, err)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def _address(process: subprocess.Popen[bytes], out: Path, err: Path) -> str:
    """What it says once it serves."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        if (said := out.read_text(encoding="utf-8")) and "Central is at " in said:
            return said.split("Central is at ")[1].split(";")[0]
        time.sleep(0.05)
    raise AssertionError(out.read_text(encoding="utf-8") + err.read_text(encoding="utf-8"))

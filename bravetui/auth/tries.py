"""How often a PIN was typed wrong, kept on the disk, and how long the next try has to wait.

Counted before it is tried, so that killing the program gives no free try. Nothing is ever wiped: a forgotten PIN costs time,
and the passphrase and the office open without waiting. Knows no key. A person with this account's rights can delete the
file; against whoever tries PINs outside this program stands Argon2id alone (docs/security.md).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError, StorageFull, WrongKey
from bravetui.base.files import flush_file, foreign_file_errors, make_private_folder, replace_file, write_all

FREE = 5
"""Wrong tries before the first wait."""
FIRST_WAIT_S = 30.0
WAIT_S_MAX = 15 * 60.0
_FILE_BYTES = 160
"""Always the same, so that a full disk cannot keep a try from being counted."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the file says."""

    failed: int
    """Tries since the last right one."""
    at: datetime
    """Wall time of the last."""
    monotonic_s: float
    """The machine's own time of the last; begins anew at every start of it."""


class Tries:
    """The count of one laptop."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def take(self) -> None:
        """Count a try that is about to be made. Raises WrongKey while one has to wait, and where it cannot be counted."""
        try:
            self._take()
        except (BravetuiError, OSError) as error:
            if isinstance(error, WrongKey):
                raise
            raise WrongKey(
                "The PIN cannot be tried: this disk does not let the try be counted.",
                "The passphrase opens this laptop. Nothing is lost.",
            ) from error

    def _take(self) -> None:
        make_private_folder(self._path.parent)
        lock = FileLock(self._path.with_name(f"{self._path.name}.lock"), timeout=10, mode=0o600)
        with foreign_file_errors(), lock:
            noted = self._read()
            if noted is None:  # damaged, or written by hand: no free tries for that
                self._write(FREE)
                noted = self._fresh(FREE)
            if (wait_s := self._left_s(noted)) > 0:
                if self._clock.now() < noted.at:
                    self._write(noted.failed)  # the clock went back: the wait begins anew, and ends in time
                raise WrongKey(
                    f"Too many wrong PINs: the next try is possible in {_span(wait_s)}.",
                    "The passphrase opens this laptop without waiting. Nothing is lost or wiped.",
                )
            self._write(noted.failed + 1)

    def forgive(self) -> None:
        """The right one was typed. The file stays, so that the next wrong one finds room on a full disk."""
        with contextlib.suppress(BravetuiError):
            self._write(0)

    def words(self) -> str:
        """What the next wrong try leads to, for whoever has just typed one."""
        noted = self._read() or self._fresh(FREE)
        if (wait_s := self._left_s(noted)) > 0:
            return f"The next try is possible in {_span(wait_s)}."
        left = FREE - noted.failed
        return f"{left} more {'try' if left == 1 else 'tries'} before a wait."

    def _left_s(self, noted: _Noted) -> float:
        if noted.failed < FREE:
            return 0.0
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(noted.failed - FREE, 20), WAIT_S_MAX)
        since_start_s = self._clock.monotonic_s()
        # Both clocks must say so: the wall may be set forward by hand, and the machine's own begins anew at its start.
        own_s = since_start_s - noted.monotonic_s if since_start_s >= noted.monotonic_s else since_start_s
        wall_s = (self._clock.now() - noted.at).total_seconds()
        return wait_s - max(0.0, min(own_s, wall_s))

    def _read(self) -> _Noted | None:
        """What is noted; None for what no version of this program wrote."""
        try:
            told = json.loads(self._path.read_bytes())
            at = datetime.fromisoformat(told["at"])
            noted = _Noted(int(told["failed"]), at, float(told["monotonic_s"]))
        except FileNotFoundError:
            return self._fresh(0)
        except (ValueError, KeyError, TypeError):
            return None
        return noted if noted.failed >= 0 and at.tzinfo is not None else None

    def _write(self, failed: int) -> None:
        told = asdict(self._fresh(failed))
        data = json.dumps({**told, "at": told["at"].isoformat()}).encode().ljust(_FILE_BYTES)
        try:
            replace_file(self._path, data)
        except StorageFull:
            with foreign_file_errors(), self._path.open("r+b", buffering=0) as file:
                write_all(file.fileno(), data)
                flush_file(file.fileno())

    def _fresh(self, failed: int) -> _Noted:
        return _Noted(failed, self._clock.now(), self._clock.monotonic_s())


def _span(wait_s: float) -> str:
    seconds = max(1, round(wait_s))
    return f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"

"""What a diagnosis tells of a laptop without its keys: program, machine, terminal, disk, files, locks, crash reports.

No name of a person, of the machine or of a file that is none of the program's own; places are for the caller to redact.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import sqlcipher3.dbapi2 as sqlcipher  # type: ignore[import-untyped]

from bravetui import __version__
from bravetui.auth.tries import Tries
from bravetui.base.canonical import Json
from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError
from bravetui.db.lease import read_holder
from bravetui.wiring.folder import (
    FOLDER_VARIABLE,
    LEASE,
    PASSPHRASE_FILE_VARIABLE,
    TRIES,
    mirror_of,
)
from bravetui.wiring.locking import PIN, standing

FILES_MAX, CRASHES_MAX, CRASH_LINES_MAX = 100, 10, 60
CRASH_BYTES_MAX = 64 * 1024
_PACKAGES = (
    "textual", "rich", "sqlmodel", "sqlalchemy", "pydantic", "httpx", "keyring", "pyjwt", "tenacity", "cryptography",
    "sqlcipher3", "lxml",
)  # fmt: skip
_ENDING = r"(?:[.-](?:a|b|new|lock|wal|shm|holder|schema-\d+|damaged-[0-9TZ]+(?:-\d+)?))*"
_OURS = re.compile(
    rf"(?:site\.db|journal|keys|mark|time|reserve|sync\.lease|pin\.tries|mirror|carried){_ENDING}"
)
_CRASH = re.compile(r"bravetui-crash-\w{1,20}\.txt")
_FRAME = re.compile(r"  (?P<file>.+):(?P<line>\d+) (?P<name>[\w.<>]+)")
_TYPE = re.compile(r"[\w.]+")
_KEPT_OF_PATH = re.compile(r"(?:site-packages|lib/python[\d.]+|bravetui)/.*$")


def outside(folder: Path, clock: Clock) -> dict[str, Json]:
    """Everything, part by part; one that cannot be looked at says so, and the others are told."""
    parts: dict[str, Callable[[], Json]] = {
        "program": _program, "machine": lambda: _machine(clock), "terminal": _terminal, "disk": lambda: _disk(folder),
        "files": lambda: _files(folder), "locks": lambda: _locks(folder, clock),
        "sync_runs": lambda: _sync_runs(folder), "crashes": lambda: list(_crashes(folder)),
    }  # fmt: skip
    return {name: looked_at(part) for name, part in parts.items()}


def looked_at(part: Callable[[], Json]) -> Json:
    """What a part tells, or why it could not be looked at."""
    try:
        return part()
    except BravetuiError as error:
        return {"not_looked_at": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a broken machine does, the other parts are told
        return {"not_looked_at": type(error).__name__}


def _program() -> Json:
    versions: dict[str, Json] = {}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "version": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "sqlite": sqlcipher.sqlite_version,
        "packages": versions,
        "folder_named_by_variable": bool(os.environ.get(FOLDER_VARIABLE)),
        "passphrase_from_file": bool(os.environ.get(PASSPHRASE_FILE_VARIABLE)),
    }


def _machine(clock: Clock) -> Json:
    now = clock.now()
    return {
        "system": platform.system(), "release": platform.release(), "architecture": platform.machine(),
        "processors": os.cpu_count(), "clock": now.isoformat(), "utc_offset": f"{now.astimezone():%z}",
        "running_for_s": round(clock.monotonic_s()),
    }  # fmt: skip


def _terminal() -> Json:
    size = shutil.get_terminal_size((0, 0))
    names = ("TERM", "COLORTERM", "TERM_PROGRAM", "LANG", "LC_ALL", "LC_CTYPE")
    named: dict[str, Json] = {name: value[:60] for name in names if (value := os.environ.get(name))}
    streams: dict[str, Json] = {
        name: bool((stream := getattr(sys, name)) and stream.isatty())
        for name in ("stdin", "stdout", "stderr")
    }
    return {
        "columns": size.columns, "lines": size.lines, "encoding": getattr(sys.stdout, "encoding", None),
        "is_terminal": streams, "over_ssh": "SSH_CONNECTION" in os.environ, **named,
    }  # fmt: skip


def _disk(folder: Path) -> Json:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    usage = shutil.disk_usage(there)
    told: dict[str, Json] = {"bytes_free": usage.free, "bytes_total": usage.total}
    if hasattr(os, "statvfs"):
        of_disk = os.statvfs(there)
        told |= {"files_free": of_disk.f_favail, "read_only": bool(of_disk.f_flag & os.ST_RDONLY)}
    return told


def _files(folder: Path) -> Json:
    """The program's own by name; of others only how many there are, since people name files as they like."""
    if not folder.is_dir():
        return {"not_looked_at": "The folder is not there."}
    named: list[Json] = []
    others, bytes_of_others = 0, 0
    for path, found in sorted(_entries(folder)):
        if _OURS.fullmatch(path.name) and len(named) < FILES_MAX:
            named.append(
                {
                    "name": path.name, "bytes": found.st_size, "mode": stat.filemode(found.st_mode),
                    "changed_at": datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds"),
                }
            )  # fmt: skip
        else:
            others, bytes_of_others = others + 1, bytes_of_others + found.st_size
    aside = folder / "set-aside"
    return {
        "own": named, "others": others, "bytes_of_others": bytes_of_others, "black_box": mirror_of(folder) is not None,
        "records_set_aside": len(list(aside.iterdir())) if aside.is_dir() else 0,
    }  # fmt: skip


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """What lies there; the open app writes beside and renames, so a name may be gone before it is looked at."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            yield path, path.lstat()


def _locks(folder: Path, clock: Clock) -> Json:
    locks = standing(folder)
    told: dict[str, Json] = {
        "locks": [{"name": lock.name, "words": lock.words, "trouble": lock.trouble} for lock in locks]
    }
    if any(lock.name == PIN for lock in locks):
        told["pin"] = Tries(folder / TRIES, clock).words()
    return told


def _sync_runs(folder: Path) -> Json:
    """Who noted that he syncs; the note may outlive its process."""
    holder = read_holder(folder / LEASE)
    return {"process": holder.process, "since": holder.since.isoformat()} if holder else None


def _crashes(folder: Path) -> Iterator[Json]:
    """The newest reports of this account's: types and places, as `base.crash` writes them, and no other line."""
    found: list[tuple[float, Path]] = []
    for place in (folder, Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            found += [(at.st_mtime, path) for path, at in _entries(place) if _CRASH.fullmatch(path.name)]
    for at, path in sorted(found, reverse=True)[:CRASHES_MAX]:
        with contextlib.suppress(OSError):
            if _is_own(path.lstat()):
                lines = path.read_text("utf-8", "replace").splitlines()[:CRASH_LINES_MAX]
                told = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
                yield {"at": told, "lines": [line for line in map(_crash_line, lines) if line]}


def _is_own(found: os.stat_result) -> bool:
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return own and stat.S_ISREG(found.st_mode) and found.st_size <= CRASH_BYTES_MAX


def _crash_line(line: str) -> str:
    if frame := _FRAME.fullmatch(line):
        file = frame["file"].replace("\\", "/")
        kept = _KEPT_OF_PATH.search(file)
        return f"{kept[0] if kept else file.rpartition('/')[2]}:{frame['line']} {frame['name']}"
    return line if _TYPE.fullmatch(line) else ""

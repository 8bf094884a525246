"""`bravetui service`: background sync, also while the app is closed, as a systemd user unit or a Windows scheduled task.

Needs no rights beyond the person's own, and changes nothing but one file (and what systemd or the task scheduler keeps of
it). `show` prints what `install` would write, to be read or adapted first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import escape

from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput
from bravetui.cli.common import folder_of
from bravetui.wiring import KEYS, PASSPHRASE_FILE_VARIABLE
from bravetui.wiring.locking import KEYRING, PIN, standing

UNIT, TASK = "bravetui-sync.service", "bravetui-sync.xml"
TASK_NAME = "bravetui sync"

EPILOG = (
    "One process of a laptop syncs: while the app is open and syncs, the service waits for its turn. On Linux without a "
    "login session, `loginctl enable-linger` lets it run from the start of the machine."
)


@dataclass(frozen=True, slots=True)
class Service:
    """What is written where, and the commands that make the system know of it."""

    path: Path
    text: str
    start: tuple[tuple[str, ...], ...]
    stop: tuple[tuple[str, ...], ...]


def options(parser: argparse.ArgumentParser) -> None:
    """What to do with it."""
    parser.epilog = EPILOG
    parser.add_argument("task", choices=["show", "install", "remove"])
    parser.add_argument(
        "--windows", action="store_true", help="show the Windows task (also on another system)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show, install or remove it, and say so."""
    windows = arguments.windows or sys.platform == "win32"
    service = service_for(folder_of(arguments).resolve(), windows=windows)
    if arguments.task == "show":
        print(service.text)
        return 0
    if arguments.windows and sys.platform != "win32":
        raise BadInput(
            "A Windows task cannot be installed on this system.", "Use: bravetui service show --windows"
        )
    if not windows and shutil.which("systemctl") is None:
        raise BadInput(
            "This system has no systemd to run a service.",
            "Start it in your own way: bravetui sync --watch. `bravetui service show` shows how systemd would.",
        )
    if arguments.task == "install":
        _refuse_unless_it_opens_by_itself(folder_of(arguments))
        _install(service)
    else:
        _remove(service)
    return 0


def service_for(folder: Path, *, windows: bool, program: Sequence[str] | None = None) -> Service:
    """The service for the laptop in `folder`; `program` is how this program is started."""
    words = [*(program or (sys.executable, "-m", "bravetui")), "--folder", str(folder), "sync", "--watch"]
    if windows:
        path = folder / TASK
        text = _template(TASK).format(
            command=escape(words[0]),
            arguments=escape(subprocess.list2cmdline(words[1:])),
            folder=escape(str(folder)),
        )
        create = ("schtasks", "/Create", "/F", "/TN", TASK_NAME, "/XML", str(path))
        return Service(path, text, (create, ("schtasks", "/Run", "/TN", TASK_NAME)), _TASK_STOP)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    environment = ""
    if passphrase := os.environ.get(PASSPHRASE_FILE_VARIABLE):
        # The service starts in another folder than the person who names the file.
        environment = f"Environment={_quoted(f'{PASSPHRASE_FILE_VARIABLE}={Path(passphrase).absolute()}')}\n"
    text = _template(UNIT).format(command=" ".join(map(_quoted, words)), environment=environment)
    return Service(config / "systemd" / "user" / UNIT, text, _UNIT_START, _UNIT_STOP)


def _refuse_unless_it_opens_by_itself(folder: Path) -> None:
    """Raises BadInput for a laptop that only opens by something typed, where no file has the passphrase: what runs in the
    background would wait for ever for nobody. A laptop that is not enrolled yet may get any lock."""
    if os.environ.get(PASSPHRASE_FILE_VARIABLE) or not TwoCopies(folder / KEYS).exist():
        return
    names = {lock.name for lock in standing(folder)}
    if KEYRING in names:
        return
    what = "a PIN" if PIN in names else "a passphrase"
    raise BadInput(
        f"This laptop opens by {what}, which background sync cannot type.",
        "Put the passphrase into a file that only you can read, name that in "
        f"{PASSPHRASE_FILE_VARIABLE}, and install it again.",
    )


_UNIT_START = (("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "enable", "--now", UNIT))
_UNIT_STOP = (("systemctl", "--user", "disable", "--now", UNIT),)
_TASK_STOP = (("schtasks", "/End", "/TN", TASK_NAME), ("schtasks", "/Delete", "/F", "/TN", TASK_NAME))


def _template(name: str) -> str:
    return (resources.files("bravetui.cli") / "services" / name).read_text(encoding="utf-8")


def _quoted(word: str) -> str:
    """A word as systemd reads it (systemd.syntax(7), systemd.unit(5)): quoted, `%` and `$` meaning themselves."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"'


def _install(service: Service) -> None:
    try:
        service.path.parent.mkdir(parents=True, exist_ok=True)
        # The task scheduler reads UTF-16, which is also what the file says of itself.
        encoding = "utf-16" if service.path.name == TASK else "utf-8"
        service.path.write_text(service.text, encoding=encoding)
    except OSError as error:
        raise BadInput(
            f"{service.path} cannot be written: {error.strerror}.", "Free it, or run as yourself."
        ) from error
    print(f"Written: {service.path}")
    for command in service.start:
        _tell_system(command)
    print("Background sync is on. `bravetui status` shows how it stands, `bravetui service remove` ends it.")


def _remove(service: Service) -> None:
    if not service.path.exists():
        print("Background sync was not installed.")
        return
    for command in service.stop:
        _tell_system(command)
    service.path.unlink()
    print(f"Background sync is off; {service.path} is gone. Nothing else was changed.")


def _tell_system(command: tuple[str, ...]) -> None:
    print(f"> {' '.join(command)}")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BadInput(
            f"{command[0]} said no: {said[-1][:200] if said else 'nothing'}",
            "The file is written; run the command above yourself, or start `bravetui sync --watch` in your own way.",
        )

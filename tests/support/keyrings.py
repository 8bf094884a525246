"""Keyrings for tests: one in memory with the four ways to fail, and a real one of the desktop on a bus of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bravetui.auth.os_keyring import KeyringState, OsKeyring, unusable

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""A session bus that starts nothing by itself, so that a keyring is there when a test has started one."""

PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")


@dataclass
class Held:
    """What a keyring in memory holds, shared by all who use the machine's."""

    values: dict[str, str] = field(default_factory=dict)
    state: KeyringState | None = None
    """How it fails; None: it works."""


class MemoryKeyring(OsKeyring):
    """The machine's keyring without the machine."""

    def __init__(self, held: Held, user: str = "nobody") -> None:
        super().__init__("bravetui-test", user)
        self._held = held

    def _call(self, do: str, entry: str, value: str | None = None) -> str | None:
        if self._held.state is not None:
            raise unusable(self._held.state)
        if do == "set":
            assert value is not None
            self._held.values[entry] = value
        if do == "delete":
            self._held.values.pop(entry, None)
        return self._held.values.get(entry)


def missing_programs() -> str:
    """Why there can be no real keyring here; empty when there can."""
    if gone := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"not installed: {', '.join(gone)}"
    return ""


@dataclass
class Desktop:
    """A session bus and the desktop's keyring on it, in a home of their own."""

    home: Path
    address: str
    daemon: int = 0

    def start(self, *, unlocked: bool = True) -> None:
        """Start the keyring, with its login collection open or still locked."""
        started = subprocess.run(
            ["gnome-keyring-daemon", "--components=secrets", "--daemonize", *(["--unlock"] if unlocked else [])],
            input=b"login password" if unlocked else b"",
            env=self.environment(), capture_output=True, timeout=20, check=True,
        )  # fmt: skip
        told = dict(line.split("=", 1) for line in started.stdout.decode().split() if "=" in line)
        self.daemon = int(told.get("GNOME_KEYRING_PID", 0)) or self._find()

    def stop(self) -> None:
        """End the keyring; what it keeps on the disk stays."""
        if self.daemon:
            _end(self.daemon, signal.SIGKILL)
        self.daemon = 0

    def hang(self) -> None:
        """Let it be there and answer nothing."""
        os.kill(self.daemon, signal.SIGSTOP)

    def environment(self) -> dict[str, str]:
        """For processes that are to find this keyring and no display to ask on."""
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        return {
            **kept, "HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data"), "XDG_RUNTIME_DIR": str(self.home),
            "DBUS_SESSION_BUS_ADDRESS": self.address,
        }  # fmt: skip

    def files(self) -> list[Path]:
        """Where it keeps what it was given."""
        return sorted((self.home / "data" / "keyrings").glob("*.keyring"))

    def _find(self) -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes()
                    told = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if b"gnome-keyring" in words and str(self.home).encode() in told:
                    return int(entry.name)
        raise AssertionError("the keyring did not start")


@contextmanager
def desktop() -> Iterator[Desktop]:
    """A desktop without a desktop: its bus, its keyring, no window to ask in."""
    # A socket's path may be a hundred bytes long at most, and temporary folders of tests are longer.
    with tempfile.TemporaryDirectory(prefix="brv-") as name:
        home = Path(name)
        (home / "data" / "keyrings").mkdir(parents=True)
        settings = home / "bus.conf"
        settings.write_text(_BUS.format(socket=home / "bus"), encoding="utf-8")
        bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={settings}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": name},
        )  # fmt: skip
        assert bus.stdout is not None
        made = Desktop(home, bus.stdout.readline().decode().strip())
        try:
            yield made
        finally:
            made.stop()
            bus.kill()
            bus.wait()
            bus.stdout.close()


def _end(process: int, how: signal.Signals) -> None:
    try:
        os.kill(process, how)
    except ProcessLookupError:
        return

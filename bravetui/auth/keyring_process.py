"""One call to the operating system's keyring, in a process of its own that can be killed.

A keyring may ask for a password in a window nobody sees, and then never answers. Reads one JSON object from
standard input, writes one to standard output; secrets travel in neither arguments nor environment. Only the
keyrings of the operating systems themselves are used: a plain-text, null or unknown one is refused.

    {"do": "get" | "set" | "delete", "service": ..., "user": ..., "value": ...}
    {"value": ...} or {"failed": "absent" | "locked" | "corrupt"}
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError

TRUSTED = frozenset(
    f"keyring.backends.{name}" for name in ("SecretService", "libsecret", "kwallet", "Windows", "macOS")
)

_NOBODY_THERE = "SecretServiceNotAvailableException"
"""What lies behind the error on Linux when a bus is there and no keyring on it; by name, since only Linux has the class."""


def trusted_backend() -> KeyringBackend:
    """The first keyring in use that is the operating system's own. Raises NoKeyringError."""
    chosen = keyring.get_keyring()
    for backend in getattr(chosen, "backends", [chosen]):
        if type(backend).__module__ in TRUSTED:
            found: KeyringBackend = backend
            return found
    raise NoKeyringError


def perform(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; failures are states and not exceptions: `absent`, `locked` or `corrupt`."""
    service, user = request["service"], request["user"]
    try:
        backend = trusted_backend()
        if request["do"] == "set":
            backend.set_password(service, user, request["value"])
            return {"value": None}
        if request["do"] == "delete":
            with contextlib.suppress(PasswordDeleteError):
                backend.delete_password(service, user)
            return {"value": None}
        return {"value": backend.get_password(service, user)}
    except NoKeyringError:
        return {"failed": "absent"}
    except (KeyringLocked, InitError) as error:
        return {"failed": "absent" if type(error.__cause__).__name__ == _NOBODY_THERE else "locked"}
    except Exception:  # noqa: BLE001 - each backend lets errors of its own library through
        return {"failed": "corrupt"}


def main() -> None:
    """Answer one request."""
    json.dump(perform(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()

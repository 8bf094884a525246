"""Takes a person's name and where his files lie out of text that leaves the laptop for support.

What must not leave is best never put in; this is for sentences of the program and of the system, which name paths. Places
become signs (`[home]`, `[folder]`), and the account's name `[user]` wherever it stands as a word.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path

from bravetui.base.canonical import Json
from bravetui.base.text import safe_line

TEXT_MAX = 500
"""Characters of one text."""
_HOME_VARIABLES = ("HOME", "USERPROFILE")
_ACCOUNT_VARIABLES = ("LOGNAME", "USER", "USERNAME", "LNAME", "SUDO_USER")
_ACCOUNT_MIN = 2
"""An account called by one letter cannot be told from the letter."""


class Redaction:
    """Knows this account and its places; `places` are further ones, by the sign that takes their place."""

    def __init__(self, places: Mapping[str, Path | None]) -> None:
        signs: dict[str, str] = {}
        for sign, place in [*places.items(), *(("[home]", home) for home in _homes())]:
            for form in _forms(place) if place is not None else ():
                signs.setdefault(form, sign)
        self._places = sorted(signs.items(), key=lambda pair: len(pair[0]), reverse=True)
        names = "|".join(re.escape(name) for name in sorted(_accounts(), key=len, reverse=True))
        self._account = re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])", re.IGNORECASE) if names else None

    def text(self, text: str) -> str:
        """One line, safe to show, without the account and its places."""
        for place, sign in self._places:
            text = text.replace(place, sign)
        if self._account is not None:
            text = self._account.sub("[user]", text)
        return safe_line(text, TEXT_MAX)

    def value(self, value: Json) -> Json:
        """The same for every text inside a JSON value; names of entries are the program's own and stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value


def _homes() -> set[Path]:
    homes = {Path(named) for name in _HOME_VARIABLES if (named := os.environ.get(name))}
    with contextlib.suppress(RuntimeError):  # an account without a home
        homes.add(Path.home())
    return homes


def _accounts() -> set[str]:
    names = {os.environ.get(name, "") for name in _ACCOUNT_VARIABLES} | {home.name for home in _homes()}
    with contextlib.suppress(Exception):  # no account by that number, on Windows no such module
        names.add(getpass.getuser())
    return {name for name in names if len(name) >= _ACCOUNT_MIN}


def _forms(place: Path) -> set[str]:
    """A place as it may be written: as given, from the root, without links, with either slash."""
    forms = {place, place.absolute()}
    with contextlib.suppress(OSError, RuntimeError):
        forms.add(place.resolve())
    written = {text for form in forms for text in (str(form), form.as_posix())}
    return {text for text in written if len(text.strip("./\\")) > 1}

"""Answers of a form that are typed and not in the tables yet: those on their way, those that wait, those held back.

Values only. The form screen asks what is to be saved, saves it, and tells what became of it; an answer that the store
would refuse stays here, so that it keeps no other from being saved.
"""

from __future__ import annotations

from bravetui.base.canonical import Json
from bravetui.forms.fitting import too_long


class Unsaved:
    """What is only on screen."""

    def __init__(self) -> None:
        self._typed: dict[str, Json] = {}
        self._going: dict[str, Json] = {}
        """Handed to the store, which has not answered yet."""
        self._over: dict[str, Json] = {}
        """What stood there before the first key that is not handed over, by path."""
        self._going_over: dict[str, Json] = {}

    def __bool__(self) -> bool:
        return bool(self._typed or self._going)

    def put(self, path: str, value: Json, over: Json) -> None:
        """Something was typed over what stood there."""
        self._typed[path] = value
        self._over.setdefault(path, over)

    def values(self) -> dict[str, Json]:
        """All of it, by path."""
        return {**self._going, **self._typed}

    def held_back(self) -> list[str]:
        """Where the answers are that wait until they are changed."""
        return [path for path, value in self._typed.items() if too_long(value)]

    def hand_over(self) -> dict[str, Json]:
        """What can be saved now; it is on its way until `stored` or `failed`."""
        self._going = {path: value for path, value in self._typed.items() if not too_long(value)}
        self._typed = {path: self._typed[path] for path in self.held_back()}
        self._going_over = {path: self._over.pop(path) for path in self._going}
        return self._going

    def typed_over(self) -> dict[str, Json]:
        """What stood, where the answers are that were handed over, when they were begun."""
        return self._going_over

    def forget(self, row: str) -> None:
        """The row is gone, and what was held back in it."""
        self._typed = {path: value for path, value in self._typed.items() if not path.startswith(f"{row}/")}
        self._over = {path: self._over[path] for path in self._typed}

    def stored(self) -> None:
        """What was handed over is in the tables."""
        self._going, self._going_over = {}, {}

    def failed(self) -> None:
        """What was handed over waits again, behind what was typed since."""
        self._typed, self._going = self.values(), {}
        self._over, self._going_over = {**self._over, **self._going_over}, {}

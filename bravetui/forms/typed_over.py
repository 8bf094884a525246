"""What is typed over an answer that somebody has changed since it was shown: another window, or a colleague. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bravetui.base.canonical import Json
from bravetui.base.text import clean
from bravetui.merge.passages import spliced, woven
from bravetui.merge.rules import Rule, Rules
from bravetui.merge.state import ANSWERS, alike


def upon(
    now: Mapping[str, Json], typed: Mapping[str, Json], over: Mapping[str, Json], rules: Rules
) -> tuple[dict[str, Json], bool]:
    """The answers to save by path, and whether any goes over what its author has not seen.

    `now` is what is stored, `over` what stood on the screen when typing began. A long text is typed into what stands there
    now, all else takes its place.
    """
    values, outdone = dict[str, Json](), False
    for path, entered in typed.items():
        there, value = now.get(path), clean(entered)
        values[path], was = value, clean(over.get(path, there))
        if alike(there, was) or alike(there, value):
            continue
        is_text = rules.of(f"{ANSWERS}/{path}").rule is Rule.TEXT
        both = _both(was, value, there) if is_text else None
        values[path] = value if both is None else both
        outdone |= both is None
    return values, outdone


def _both(was: Json, typed: Json, there: Json) -> str | None:
    """Both texts in one; None where they changed the same words."""
    before, ours, others = ("" if text is None else text for text in (was, typed, there))
    if not (isinstance(before, str) and isinstance(ours, str) and isinstance(others, str)):
        return None
    both = woven(before, ours, others, local_first=True)
    return spliced(before, ours, others) if both is None else both

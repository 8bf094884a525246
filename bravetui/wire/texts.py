"""Long texts travel as what was done to them, against a text that the other end has already.

A month of writing in a log is a few sentences at a time, and the text before them is at both ends. So a change carries the
operation (`merge.text`) and the name of the text before, and is made whole again before anything is hashed, merged or
stored. An end that lacks that text says so, and gets the same change in full. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bravetui.base.canonical import Json, sha256_hex
from bravetui.base.errors import BadInput
from bravetui.merge.text import apply, operation
from bravetui.merge.words import diff
from bravetui.wire.change import Change, TextEdit
from bravetui.wire.messages import PROTOCOL_EDITS, SyncRequest

FOLDED_FROM = 60
"""Code points from which a text is worth it: the name of the text before costs sixteen."""

NAME_DIGITS = 16

TextOf = Callable[[str, str], str | None]
"""The text at a path that bears a name; None for one that is not here."""


class UnknownText(BadInput):
    """The text that an edit was made on is not here: the same in full may pass."""


def name_of(text: str) -> str:
    """How a text is called: the first digits of its SHA-256."""
    return sha256_hex(text.encode())[:NAME_DIGITS]


def edit_of(before: Json, after: Json) -> TextEdit | None:
    """What was done to a text; None where saying it would not be shorter than the new text, or there is none."""
    if not isinstance(before, str) or not isinstance(after, str) or len(after) < FOLDED_FROM:
        return None
    steps = diff(before, after).steps
    said = sum(len(step) if isinstance(step, str) else 4 for step in steps) + NAME_DIGITS
    return TextEdit(base=name_of(before), steps=steps) if said * 2 < len(after) else None


def text_after(edit: TextEdit, before: str | None) -> str:
    """The text that an edit left. Raises UnknownText unless `before` is the one that it was made on."""
    if before is None or name_of(before) != edit.base:
        raise UnknownText("The text that was edited is not here.", "Send the change in full.")
    return apply(operation(edit.steps), before)


def folded(change: Change) -> Change:
    """The change with its long texts as edits; itself where that saves nothing."""
    edits = {
        path: edit
        for path, after in change.after.items()
        if (edit := edit_of(change.before.get(path), after)) is not None
    }
    if not edits:
        return change
    told = {"edits": edits, "whole": change.hash[:NAME_DIGITS]}
    return change.model_copy(
        update={"before": _without(change.before, edits), "after": _without(change.after, edits), **told}
    )


def unfolded(change: Change, text_of: TextOf) -> Change:
    """The change as it was written. Raises UnknownText, also for one that does not come out as it was."""
    if not change.edits:
        return change
    before, after = dict(change.before), dict(change.after)
    for path, edit in change.edits.items():
        text = text_of(path, edit.base)
        after[path] = text_after(edit, text)
        before[path] = text
    written = change.model_copy(update={"before": before, "after": after, "edits": {}, "whole": ""})
    if written.hash[:NAME_DIGITS] != change.whole:
        raise UnknownText("The change does not come out as it was written.", "Send it in full.")
    return written


def folded_request(request: SyncRequest) -> SyncRequest:
    """The request with all its changes folded; itself where nothing is shorter for it.

    It bears a protocol number of its own, so that a central that knows no edits takes nothing of it.
    """
    push = tuple(
        batch.model_copy(update={"changes": tuple(map(folded, batch.changes))}) for batch in request.push
    )
    if not any(change.edits for batch in push for change in batch.changes):
        return request
    return request.model_copy(update={"push": push, "protocol": PROTOCOL_EDITS})


def _without(values: Mapping[str, Any], paths: Mapping[str, object]) -> dict[str, Any]:
    return {path: value for path, value in values.items() if path not in paths}

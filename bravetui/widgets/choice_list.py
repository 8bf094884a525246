"""A question with choices as one widget: one stop for the Tab key, digits choose at once, gloves and mice welcome.

Several hundred radio buttons would make a form slow and a keyboard user tired; this is one focusable widget a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bravetui.base.text import safe_line
from bravetui.forms.template import Choice

ROW_WIDTH_MAX = 58
"""Choices stand side by side while they fit into this many cells, else one a line."""

_ACTIONS = {
    "left": "move(-1)", "up": "move(-1)", "right": "move(1)", "down": "move(1)", "space": "choose", "enter": "choose",
    "delete": "clear", "backspace": "clear",
    **{str(digit): f"pick({digit - 1})" for digit in range(1, 10)},
}  # fmt: skip


class ChoiceList(Widget, can_focus=True):
    """Choose one, or several."""

    DEFAULT_CSS = """
    ChoiceList { height: auto; width: 1fr; padding: 0 1; }
    ChoiceList:focus { background: $surface-lighten-1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "choose", "Choose", show=True),  # for the footer; keys come by `on_key`
    ]

    cursor: reactive[int] = reactive(0)
    chosen: reactive[tuple[str, ...]] = reactive(())

    class Changed(Message):
        """The person chose."""

        def __init__(self, choice_list: ChoiceList, chosen: tuple[str, ...]) -> None:
            super().__init__()
            self.choice_list, self.chosen = choice_list, chosen

        @property
        def control(self) -> ChoiceList:
            return self.choice_list

    def __init__(
        self, choices: Sequence[Choice], chosen: Sequence[str], *, several: bool, disabled: bool = False
    ) -> None:
        super().__init__(disabled=disabled)
        self._choices, self._several = tuple(choices), several
        self._labels = [safe_line(choice.label, 70) for choice in choices]
        self.in_row = sum(len(label) + 8 for label in self._labels) <= ROW_WIDTH_MAX
        self.set_reactive(ChoiceList.chosen, tuple(chosen))
        first = next((i for i, choice in enumerate(self._choices) if choice.value in chosen), 0)
        self.set_reactive(ChoiceList.cursor, first)

    def render(self) -> Text:
        parts = [self._option(index) for index in range(len(self._choices))]
        return Text("  " if self.in_row else "\n").join(parts)

    def _option(self, index: int) -> Text:
        """One choice: its digit, a sign for chosen, its label; the one under the cursor is marked by a sign too."""
        chosen = self._choices[index].value in self.chosen
        marks = ("[x]", "[ ]") if self._several else ("(●)", "( )")
        here = self.has_focus and index == self.cursor
        text = Text("▸" if here else " ")
        text.append(f"{index + 1} " if index < 9 else "  ", style="dim")
        text.append(f"{marks[0] if chosen else marks[1]} ", style="bold" if chosen else "")
        text.append(self._labels[index], style=("bold " if chosen else "") + ("reverse" if here else ""))
        return text

    async def on_key(self, event: events.Key) -> None:
        """Act at once, as an Input does: a binding is looked up later, when the cursor may already be elsewhere."""
        action = _ACTIONS.get(event.key)
        if action is not None:
            event.stop()
            await self.run_action(action)

    def action_move(self, step: int) -> None:
        """Move the cursor without choosing."""
        self.cursor = (self.cursor + step) % len(self._choices)

    def action_choose(self) -> None:
        """Choose what is under the cursor; of several, take it back where it was chosen."""
        self._choose(self.cursor)

    def action_clear(self) -> None:
        """Leave the question unanswered."""
        self._set(())

    def action_pick(self, index: int) -> None:
        """Choose by digit."""
        if index < len(self._choices):
            self.cursor = index
            self._choose(index)

    def _choose(self, index: int) -> None:
        value = self._choices[index].value
        if not self._several:
            self._set(
                (value,)
            )  # again is no undoing: who confirms what stands would empty it, and hide what follows
            return
        wanted = set(self.chosen) ^ {value}
        self._set(tuple(choice.value for choice in self._choices if choice.value in wanted))

    def _set(self, chosen: tuple[str, ...]) -> None:
        if chosen != self.chosen:
            self.chosen = chosen
            self.post_message(self.Changed(self, chosen))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        index = self._at(event.x, event.y)
        if index is not None:
            self.cursor = index
            self._choose(index)

    def _at(self, x: int, y: int) -> int | None:
        if not self.in_row:
            return y if 0 <= y < len(self._choices) else None
        left = 1
        for index in range(len(self._choices)):
            width = self._option(index).cell_len
            if left <= x < left + width + 2:
                return index
            left += width + 2
        return None

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def watch_chosen(self) -> None:
        self.refresh()

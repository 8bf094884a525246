"""Boxes to type in: a long text and a line. Editing keys act at once, in the order in which they were pressed.

Textual inserts letters in the widget itself and looks other keys up later, on the way to the app: of a burst of keys
Backspace would then act behind the letters that were typed after it. Function keys belong to the app and stay with it.
"""

from __future__ import annotations

from typing import ClassVar, cast

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingsMap, BindingType
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.widgets.text_area import Selection

from bravetui.base.text import harmless


def _without(bindings: list[BindingType], *keys: str) -> list[BindingType]:
    return [binding for binding in bindings if isinstance(binding, Binding) and binding.key not in keys]


async def act_at_once(widget: Widget, bindings: BindingsMap, event: events.Key) -> None:
    """Run the widget's own action for a key, and let nobody else have the key."""
    app = cast("App[object]", widget.app)
    for binding in bindings.key_to_bindings.get(event.key, ()):
        if await app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return


class _Signs(Highlighter):
    """Shows what a terminal would obey or hide as signs; what is in the box stays as it was typed."""

    def highlight(self, text: Text) -> None:
        """One sign a character, so that the cursor stands where it is."""
        text.plain = harmless(text.plain)


class LongText(TextArea, inherit_bindings=False):
    """A text of several lines; Ctrl+Home and Ctrl+End go to its ends, where the cursor is to begin with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *_without(TextArea.BINDINGS, "f6", "f7"),
        Binding("ctrl+home", "to_end(False)", "Beginning of the text", show=False),
        Binding("ctrl+end", "to_end(True)", "End of the text", show=False),
    ]

    def __init__(self, text: str, *, disabled: bool = False) -> None:
        super().__init__(text, disabled=disabled, tab_behavior="focus", compact=True)

    def on_mount(self) -> None:
        self.set_reactive(TextArea.selection, Selection.cursor(self.document.end))

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn."""
        line = super().get_line(line_index)
        line.plain = harmless(line.plain)
        return line

    def put(self, text: str) -> None:
        """Show another text."""
        self.text = text
        self.selection = Selection.cursor(self.document.end)

    def on_focus(self) -> None:
        """Show the cursor; a click has put it elsewhere by then."""
        self.call_after_refresh(self.scroll_cursor_visible)

    async def on_key(self, event: events.Key) -> None:
        await act_at_once(self, self._bindings, event)

    def action_to_end(self, end: bool) -> None:
        """Go to the first or the last character."""
        self.move_cursor(self.document.end if end else (0, 0))


class Line(Input, inherit_bindings=False):
    """A text of one line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Input.BINDINGS,
        Binding("ctrl+home", "home", "Go to start", show=False),
        Binding("ctrl+end", "end", "Go to end", show=False),
    ]

    def __init__(
        self, text: str = "", *, placeholder: str = "", called: str | None = None, disabled: bool = False
    ) -> None:
        super().__init__(
            text, placeholder=placeholder, id=called, disabled=disabled, compact=True, select_on_focus=False,
            highlighter=_Signs(),
        )  # fmt: skip

    def on_mount(self) -> None:
        self.cursor_position = len(self.value)

    def put(self, text: str) -> None:
        """Show another text."""
        self.value, self.cursor_position = text, len(text)

    async def on_key(self, event: events.Key) -> None:
        await act_at_once(self, self._bindings, event)

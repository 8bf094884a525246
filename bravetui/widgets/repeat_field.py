"""Questions that are asked once a row: each row a card that opens and closes, with what it still needs on its edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from bravetui.base.text import safe_line, safe_text
from bravetui.forms.display import value_text
from bravetui.forms.engine import Asked, FormState
from bravetui.forms.template import QuestionKind, Repeat
from bravetui.views.disputes import Dispute
from bravetui.widgets import tones
from bravetui.widgets.question_field import HINT_CHARACTERS_MAX, UNANSWERED, QuestionField
from bravetui.widgets.typing import act_at_once


class RowHead(Static, can_focus=True):
    """The edge of a card: what the row is, what it still needs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "Open"),
        Binding("delete", "remove", "Remove"),
    ]
    DEFAULT_CSS = """
    RowHead { height: 1; width: 1fr; }
    RowHead:focus { background: $primary; color: $text; text-style: bold; }
    """

    class Toggled(Message):
        """Open or close this card."""

        def __init__(self, row: str) -> None:
            super().__init__()
            self.row = row

    class RemoveWanted(Message):
        """The person wants this row gone."""

        def __init__(self, row: str, named: str) -> None:
            super().__init__()
            self.row, self.named = row, named

    def __init__(self, row: str, text: Text, named: str) -> None:
        super().__init__(text, markup=False)
        self.row, self.named = row, named

    async def on_key(self, event: events.Key) -> None:
        """Act at once: a binding is looked up later, when the cursor may already be elsewhere."""
        await act_at_once(self, self._bindings, event)

    def action_open(self) -> None:
        """Open or close."""
        self.post_message(self.Toggled(self.row))

    def action_remove(self) -> None:
        """Ask for removal."""
        self.post_message(self.RemoveWanted(self.row, self.named))

    def on_click(self, event: events.Click) -> None:
        self.action_open()


class RepeatField(Vertical):
    """All rows of one repeat."""

    DEFAULT_CSS = """
    RepeatField { height: auto; margin: 0 0 1 0; }
    RepeatField.-hidden { display: none; }
    RepeatField .card { height: auto; padding: 0 0 0 3; }
    RepeatField .hint { color: $text-muted; height: auto; }
    RepeatField Button { margin: 1 0 0 0; }
    """

    class AddWanted(Message):
        """The person wants another row."""

        def __init__(self, repeat: str) -> None:
            super().__init__()
            self.repeat = repeat

    def __init__(
        self,
        repeat: Repeat,
        state: FormState,
        now: datetime,
        *,
        editable: bool,
        disputes: Mapping[str, Dispute],
    ) -> None:
        super().__init__(classes="-hidden" if repeat.path in state.hidden else "")
        self.repeat, self._state, self._now = repeat, state, now
        self._editable, self._disputes = editable, disputes
        self.open_row: str | None = None

    def compose(self) -> ComposeResult:
        yield Static(Text(safe_line(self.repeat.label, 100), style="bold"), markup=False)
        if self.repeat.hint:
            yield Static(Text(safe_text(self.repeat.hint, HINT_CHARACTERS_MAX)), classes="hint", markup=False)
        yield Vertical(*self._cards(), classes="rows card")
        if self._editable and not self.repeat.fixed:
            yield Button("Add one more", classes="add", compact=True)

    def _cards(self) -> list[Widget]:
        widgets: list[Widget] = []
        for row in self._state.rows.get(self.repeat.path, ()):
            widgets.append(RowHead(row, self._head(row), self._named(row)))
            if row == self.open_row:
                widgets.append(self._card(row))
        return widgets

    def _card(self, row: str) -> Vertical:
        return Vertical(*(self._field(asked) for asked in self._asked(row)), classes="card")

    def _asked(self, row: str) -> list[Asked]:
        return [self._state.asked[f"{row}/{question.name}"] for question in self.repeat.questions]

    def _field(self, asked: Asked) -> QuestionField:
        return QuestionField(
            asked, self._now, editable=self._editable, dispute=self._disputes.get(asked.path)
        )

    def _title(self, row: str) -> Asked:
        asked = self._asked(row)
        return next((a for a in asked if a.question.name == self.repeat.row_label), asked[0])

    def _named(self, row: str) -> str:
        """What the row is called; empty before anybody has named it."""
        title = self._title(row)
        return safe_line(value_text(title.question, title.value), 60)

    def _head(self, row: str) -> Text:
        asked, title = self._asked(row), self._title(row)
        named = self._named(row) or "not named yet"
        text = Text(f"{'▾' if row == self.open_row else '▸'} {named}")
        said = [
            value_text(a.question, a.value)
            for a in asked
            if a is not title and a.question.kind is QuestionKind.CHOICE
        ]
        told = ", ".join(safe_line(word, 30) for word in said if word)
        if told:
            text.append(f"  {told}", style="dim")
        if any(
            path == row or path.startswith(f"{row}/") for path, one in self._disputes.items() if one.is_open
        ):
            text.append("  ≠ in dispute", style="bold reverse")
        missing = sum(UNANSWERED in a.problems for a in asked)
        wrong = sum(bool(set(a.problems) - {UNANSWERED}) for a in asked)
        if wrong:
            text.append(f"  ! {wrong} to correct", style=tones.bad())
        if missing:
            text.append(f"  {missing} to answer", style=tones.warn())
        elif not wrong:
            text.append("  ✓", style=tones.good())
        return text

    async def show(self, state: FormState, disputes: Mapping[str, Dispute]) -> None:
        """Show a new state; cards are rebuilt only when rows came, went, or were opened."""
        rows_before = self._state.rows.get(self.repeat.path, ())
        self._state, self._disputes = state, disputes
        self.set_class(self.repeat.path in state.hidden, "-hidden")
        if not self.query(".rows"):
            return  # not composed yet: composing shows it
        if (rows := state.rows.get(self.repeat.path, ())) != rows_before:
            beside = _beside(self._row_of_cursor(), rows_before, rows)
            await self._rebuild()
            self._go_to(beside)
            return
        for head in self.query(RowHead):
            head.update(self._head(head.row))
            head.named = self._named(head.row)
        for field in self.query(QuestionField):
            if field.path in state.asked:
                await field.dispute_by(disputes.get(field.path), state.asked[field.path].value)
                field.show(state.asked[field.path])
                field.take(state.asked[field.path].value)

    async def open(self, row: str | None) -> None:
        """Open one card and close the others.

        The edges stay: were the one under the cursor taken away, the cursor would go elsewhere, and with it every key
        that was typed ahead.
        """
        self.open_row = row
        rows = self.query_one(".rows", Vertical)
        async with self.batch():
            await rows.query(".card").remove()
            for head in self.query(RowHead):
                head.update(self._head(head.row))
                if head.row == row:
                    self.screen.set_focus(head)
                    await rows.mount(self._card(row), after=head)
        self.call_after_refresh(self._show_top)  # once the card has its height

    def _show_top(self) -> None:
        """Scroll to the edge of the open card, unless the cursor has gone on from it."""
        for head in self.query(RowHead):
            if head.row == self.open_row and head.has_focus:
                head.scroll_visible(top=True, animate=False)

    def _row_of_cursor(self) -> str | None:
        """The row whose edge the cursor is on."""
        return next((head.row for head in self.query(RowHead) if head is self.screen.focused), None)

    def _go_to(self, row: str | None) -> None:
        for head in self.query(RowHead):
            if head.row == row:
                self.screen.set_focus(head)
                head.scroll_visible(top=row == self.open_row, animate=False)

    async def _rebuild(self) -> None:
        rows = self.query_one(".rows", Vertical)
        await rows.remove_children()
        await rows.mount_all(self._cards())

    async def on_row_head_toggled(self, event: RowHead.Toggled) -> None:
        event.stop()
        await self.open(None if event.row == self.open_row else event.row)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.AddWanted(self.repeat.path))


def _beside(row: str | None, before: Sequence[str], now: Sequence[str]) -> str | None:
    """The row itself while it is there; else the one that stood before it, or after it. None for no row."""
    if row is None or row not in before:
        return None
    at = before.index(row)
    nearest = (row, *reversed(before[:at]), *before[at + 1 :])
    return next((one for one in nearest if one in now), None)

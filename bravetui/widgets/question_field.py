"""One question: its label and required mark, the input that fits its kind, help, and what is wrong, right under it.

What is typed is never taken away: text that is not yet a number or a date stays as typed and is said to be none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import changed_part, safe_line, safe_text, shortened
from bravetui.forms.display import value_text
from bravetui.forms.engine import Asked
from bravetui.forms.parse import parse_input
from bravetui.forms.template import Choice, Question, QuestionKind
from bravetui.views.disputes import Dispute
from bravetui.widgets import tones
from bravetui.widgets.choice_list import ChoiceList
from bravetui.widgets.disputed import Disputed
from bravetui.widgets.typing import Line, LongText

UNANSWERED = "This must be answered."
HINT_CHARACTERS_MAX = 800
"""Of what stands above an answer: more would leave no room to give it."""
_TYPED = (QuestionKind.DATE, QuestionKind.TIME, QuestionKind.DATETIME)
UNIT_WORDS = {"in": "in inches", "h": "in hours", "ft": "in feet"}
_EXAMPLES = {
    QuestionKind.DATE: "month/day/year, or today",
    QuestionKind.TIME: "like 8:30 am, or now",
    QuestionKind.DATETIME: "like 8/3 8:30 am, or now",
}


class QuestionField(Vertical):
    """A question in a form."""

    DEFAULT_CSS = """
    QuestionField { height: auto; margin: 0 0 1 0; }
    QuestionField.-hidden { display: none; }
    QuestionField Input { width: 1fr; max-width: 60; }
    QuestionField TextArea { height: 5; }
    QuestionField .problem { color: $text-error; height: auto; }
    QuestionField .hint { color: $text-muted; height: auto; }
    """

    class Answered(Message):
        """The person changed an answer."""

        def __init__(self, path: str, value: Json, over: Json) -> None:
            super().__init__()
            self.path, self.value, self.over = path, value, over
            self.heard = False
            """Whether the form has it; a form that hands values back says so."""

    class Left(Message):
        """The person has gone on from this question."""

    def __init__(
        self, asked: Asked, now: datetime, *, editable: bool, dispute: Dispute | None = None
    ) -> None:
        super().__init__(classes="" if asked.visible else "-hidden")
        self.asked, self._now, self._editable, self._dispute = asked, now, editable, dispute
        self._value = asked.value
        self._visited = False
        self._waiting: tuple[Json] | None = None
        """A value that came while the person was here; shown when they go on without typing."""
        self._told: QuestionField.Answered | None = None
        """The last answer that was given here."""

    @property
    def path(self) -> str:
        """Where the answer lives."""
        return self.asked.path

    def compose(self) -> ComposeResult:
        question = self.asked.question
        yield Static(self._label(), classes="label", markup=False)
        if question.hint:
            yield Static(Text(safe_text(question.hint, HINT_CHARACTERS_MAX)), classes="hint", markup=False)
        yield self._answer_widget()
        yield Static("", classes="problem", markup=False)

    def on_mount(self) -> None:
        self.show(self.asked)

    def _label(self) -> Text:
        question = self.asked.question
        text = Text()
        text.append(safe_line(question.label, 200), style="bold")
        if self.asked.required:
            text.append(" *", style=tones.bad())
        if question.unit:
            text.append(
                f"  {UNIT_WORDS.get(question.unit, f'in {safe_line(question.unit, 20)}')}", style="dim"
            )
        if question.kind in _EXAMPLES:
            text.append(f"  {_EXAMPLES[question.kind]}", style="dim")
        if self._dispute is not None:
            text.append(f"  {self._dispute.words}", style="bold reverse")
        return text

    def _answer_widget(self) -> Widget:
        dispute = self._locked_by(self._dispute)
        return Disputed(self._read(), dispute.conflict_id) if dispute else self._input(self.asked.question)

    def _locked_by(self, dispute: Dispute | None) -> Dispute | None:
        """The conflict that keeps this answer from being written here, if there is one."""
        computed = self.asked.question.kind in (QuestionKind.CALCULATION, QuestionKind.NOTE)
        return dispute if dispute and dispute.is_open and not computed else None

    def _read(self) -> str:
        return safe_text(value_text(self.asked.question, self._value)) or "(nothing)"

    async def dispute_by(self, dispute: Dispute | None, value: Json) -> None:
        """Show that the answer, now `value`, is in dispute, or no longer; the cursor stays at the question."""
        before, self._dispute = self._dispute, dispute
        if before == dispute or not self.query(".label"):
            return
        if self._locked_by(before) != self._locked_by(dispute):
            here = self.has_focus_within
            self._value, self._waiting = value, None
            for widget in list(self._inputs()):
                await widget.remove()
            await self.mount(self._answer_widget(), before=self.query_one(".problem"))
            if here:
                self.focus_input()
        self.show(self.asked)

    def _input(self, question: Question) -> Widget:
        kind, value = question.kind, self._value
        if kind in (QuestionKind.CHOICE, QuestionKind.YES_NO, QuestionKind.CHOICES):
            chosen = value if isinstance(value, list | tuple) else [value] if value else []
            several = kind is QuestionKind.CHOICES
            return ChoiceList(
                question.choices, [str(v) for v in chosen], several=several, disabled=not self._editable
            )
        if kind is QuestionKind.ACKNOWLEDGE:
            yes = Choice("OK", "Yes, I certify this")
            return ChoiceList(
                [yes], ["OK"] if value == "OK" else [], several=True, disabled=not self._editable
            )
        if kind in (QuestionKind.CALCULATION, QuestionKind.NOTE):
            return Static(Text(safe_text(str(value or "not known yet"))), markup=False)
        if kind is QuestionKind.LONG_TEXT:
            return LongText(str(value or ""), disabled=not self._editable)
        typed = str(value or "") if kind not in _TYPED else self._typed_text()
        return Line(typed, disabled=not self._editable)

    def _typed_text(self) -> str:
        """A date or time as the person may type it again."""
        return value_text(self.asked.question, self._value) if self.asked.question.kind is QuestionKind.TIME else str(
            self._value or ""
        ).replace("T", " ")[:16]  # fmt: skip

    def show(self, asked: Asked) -> None:
        """Show what evaluating the form has found: visible or not, problems, computed values."""
        self.asked = asked
        self.set_class(not asked.visible, "-hidden")
        if not self.query(".label"):
            return  # not composed yet: mounting shows it
        self.query_one(".label", Static).update(self._label())
        if asked.question.kind in (QuestionKind.CALCULATION, QuestionKind.NOTE):
            self.query(Static)[-2].update(Text(safe_text(str(asked.value or "not known yet"))))
        problems = [words for words in asked.problems if words != UNANSWERED or self._visited]
        words = Text("\n").join(Text(f"! {safe_line(words, 300)}") for words in problems)
        meaning = self._meaning()
        below = words if problems else Text(meaning, style="dim")
        if self._waiting is not None:
            below = Text("\n").join([Text(self._waiting_words(self._waiting[0]), style=tones.warn()), below])
        problem = self.query_one(".problem", Static)
        problem.update(below)
        problem.display = bool(below.plain)

    def _waiting_words(self, value: Json) -> str:
        said = value_text(self.asked.question, value)
        if self.asked.question.kind is QuestionKind.LONG_TEXT:
            shown = value_text(self.asked.question, self._value)
            said = shortened(changed_part(shown, said), 60) or "nothing"
            return f"↓ Written here meanwhile: {said}. Type on, both are kept; go on to see it."
        return f"↓ Changed meanwhile to: {shortened(said, 60) or 'nothing'}. Type to answer otherwise, go on to take it."

    def _meaning(self) -> str:
        """A typed date or time said back in words, so that a slip is seen at once."""
        question = self.asked.question
        if (
            question.kind in (QuestionKind.DATE, QuestionKind.DATETIME)
            and self._value
            and not self.asked.problems
        ):
            return f"= {safe_line(value_text(question, self._value))}"
        return ""

    def take(self, value: Json) -> None:
        """Show a value that arrived from elsewhere; while the person is here, only say that it has come.

        While an answer given here is on its way to the form, what the form holds is what stood here before: no news.
        """
        if self._told is not None and not self._told.heard:
            return
        if value == self._value:
            if self._waiting is not None:
                self._waiting = None
                self.show(self.asked)
            return
        if self.has_focus_within and self._locked_by(self._dispute) is None:
            self._waiting = (value,)
            self.show(self.asked)
            return
        self._value, self._waiting = value, None
        for widget in self._inputs():
            with self.prevent(Input.Changed, TextArea.Changed, ChoiceList.Changed):
                if isinstance(widget, Line):
                    kind = self.asked.question.kind
                    widget.put(self._typed_text() if kind in _TYPED else str(value or ""))
                elif isinstance(widget, LongText):
                    widget.put(str(value or ""))
                elif isinstance(widget, Disputed):
                    widget.put(self._read())
                elif isinstance(widget, ChoiceList):
                    chosen = value if isinstance(value, list | tuple) else [value] if value else []
                    widget.chosen = tuple(str(v) for v in chosen)

    def _inputs(self) -> Iterator[Any]:
        yield from self.query("Input, TextArea, ChoiceList, Disputed")

    def visit(self) -> None:
        """From now on a missing answer is said."""
        self._visited = True

    def focus_input(self) -> None:
        """Put the cursor into the answer."""
        for widget in self._inputs():
            self.screen.set_focus(widget)
            return

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._typed(event.value)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._typed(event.text_area.text)

    def on_choice_list_changed(self, event: ChoiceList.Changed) -> None:
        event.stop()
        if self.asked.question.kind is QuestionKind.CHOICES:
            self._answer(list(event.chosen) or None)
        else:
            self._answer(event.chosen[0] if event.chosen else None)

    def on_descendant_blur(self) -> None:
        self.visit()
        if self._waiting is not None and not self.has_focus_within:
            self.take(self._waiting[0])
            self.show(self.asked)
        self.post_message(self.Left())

    def _typed(self, text: str) -> None:
        try:
            value = parse_input(self.asked.question, text, self._now)
        except BadInput:
            value = text
        self._answer(value)

    def _answer(self, value: Json) -> None:
        if value != self._value:
            self._told = self.Answered(self.path, value, self._value)
            self._value, self._waiting = value, None
            self.post_message(self._told)

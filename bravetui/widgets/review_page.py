"""The form's last page: what is left to mend, who has signed, the certification, and Submit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from bravetui.base.clock import local_time
from bravetui.base.text import counted, safe_text, shortened
from bravetui.forms.engine import FormState, Problem
from bravetui.views.forms import FormView
from bravetui.views.words import to_do_words
from bravetui.widgets import tones
from bravetui.widgets.question_field import UNANSWERED
from bravetui.widgets.typing import Line

LABEL_CHARACTERS = 72
"""What fits on a line of 80 beside sign and scroll bar."""


class ReviewPage(Vertical):
    """Review and sign."""

    DEFAULT_CSS = """
    ReviewPage { height: auto; }
    ReviewPage OptionList { height: auto; border: none; margin: 0 0 1 0; }
    ReviewPage Input { width: 50; }
    ReviewPage Button { margin: 1 0; }
    ReviewPage .statement { color: $text-muted; height: auto; margin: 0 0 1 0; }
    """

    class JumpWanted(Message):
        """Show the question at this path."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class SubmitWanted(Message):
        """Sign with this name and title, and hand in."""

        def __init__(self, name: str, title: str) -> None:
            super().__init__()
            self.name, self.title = name, title

    def __init__(self, view: FormView, state: FormState, zone: ZoneInfo) -> None:
        super().__init__()
        self._view, self._zone = view, zone
        self._problems: tuple[Problem, ...] = tuple(state.problems())

    def compose(self) -> ComposeResult:
        yield Static("", id="left", markup=False)
        yield Static(self._photos_words(), id="photos", markup=False)
        yield OptionList(id="problems", markup=False, compact=True)
        for signature in self._view.signatures:
            when = local_time(signature.signed_at, self._zone) if signature.signed_at else None
            said = (
                f"✓ Signed as {signature.role} by {signature.name}, {signature.title}, {when:%d %b %Y %H:%M}"
                if when
                else "Signed"
            )
            yield Static(
                Text(said + ("  ! changed since signed" if signature.changed_since else "")), markup=False
            )
        if self._view.editable or self._view.may_countersign:
            yield from self._signing()
        if self._view.only_reads:
            yield Static(Text(self._view.only_reads), markup=False)
        elif not self._view.editable:
            words = f"This form is {self._view.status_words} and is kept as it was signed."
            yield Static(Text(words), markup=False)

    def _signing(self) -> ComposeResult:
        """The certification, a name, a title, and the button."""
        role = "" if self._view.editable else " as the authorized representative"
        yield Static(Text(safe_text(self._view.template.statement, 3000)), classes="statement", markup=False)
        yield Static(Text(f"Your name, typed, is your signature{role}", style="bold"), markup=False)
        yield Line(placeholder="Type your name", called="name")
        yield Static(Text("Title", style="bold"), markup=False)
        yield Line(self._view.user_title, called="title")
        yield Button("Sign and submit" if self._view.editable else "Sign", id="submit", variant="success")

    def on_mount(self) -> None:
        self._list()

    def _photos_words(self) -> Text:
        """What goes with it, before it is signed."""
        many, editable = self._view.photos, self._view.editable
        if not many:
            return Text("No photo goes with it; F12 adds one." if editable else "It has no photos.")
        goes = "go" if many > 1 else "goes"
        words = f"{counted(many, 'photo')} {goes} with it" if editable else f"It has {counted(many, 'photo')}"
        return Text(f"{words}; F12 shows {'them' if many > 1 else 'it'}.")

    def show(self, state: FormState, view: FormView) -> None:
        """Show the problems of a new state, and how many photos there are now."""
        if view.photos != self._view.photos:
            self._view = view
            for line in self.query("#photos").results(Static):
                line.update(self._photos_words())
        problems = tuple(state.problems())
        if problems != self._problems:
            self._problems = problems
            if self.query("#left"):
                self._list()

    def _list(self) -> None:
        count = len(self._problems)
        missing = sum(problem.words == UNANSWERED for problem in self._problems)
        left = to_do_words(missing, count - missing)
        words = f"! {left}. Enter goes to the question." if count else "✓ Nothing is missing."
        self.query_one("#left", Static).update(Text(words, style=tones.warn() if count else tones.good()))
        listed = self.query_one("#problems", OptionList)
        listed.display = bool(count)
        listed.clear_options()
        for problem in self._problems[:200]:
            listed.add_option(Option(_problem_words(problem)))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.JumpWanted(self._problems[event.option_index].path))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        name, title = self.query_one("#name", Input).value, self.query_one("#title", Input).value
        self.post_message(self.SubmitWanted(name, title))


def _problem_words(problem: Problem) -> Text:
    """The question, on one line; a sentence under it where the answer that stands is wrong."""
    text = Text("  " if problem.words == UNANSWERED else "! ")
    text.append(shortened(problem.label, LABEL_CHARACTERS), style="bold")
    if problem.words != UNANSWERED:
        text.append(f"\n  {shortened(problem.words, 200)}")
    return text

"""One conflict, side by side: this laptop and central, field by field. Take one, take the other, or write a third."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.base.text import shortened
from bravetui.forms.engine import Asked
from bravetui.forms.template import Question, QuestionKind
from bravetui.screens.base import UNLISTED, WorkScreen
from bravetui.views.conflicts import NEWER, ConflictField, ConflictView, SideView, Span
from bravetui.views.words import clock_words
from bravetui.widgets.question_field import QuestionField
from bravetui.widgets.typing import Line

LOCAL, REMOTE, THIRD, BEFORE = "1", "2", "3", "4"
WRITES = ", 3 writes another value."
APART = {
    "": f"1 takes the left side, 2 the right side{WRITES}",
    LOCAL: "The left side will stand. Ctrl+S saves that.",
    REMOTE: "The right side will stand. Ctrl+S saves that.",
    THIRD: "What you write will stand. Ctrl+S saves that.",
    BEFORE: "What was decided before will stand. Ctrl+S saves that.",
}
TWICE = {
    "": "Is it the same thing? 1 keeps both, 2 joins the second into the first.",
    LOCAL: "Both will be kept. Ctrl+S saves that.",
    REMOTE: "The second will be joined into the first. Ctrl+S saves that.",
}
OTHERS_DECIDE = "Whoever may write in this project decides it."
SETTLED = "settled"
UNDECIDED = ("open", SETTLED)


class Side(Static):
    """What one side says, or who said it; a click takes that side."""

    class Taken(Message):
        """The person clicked on it."""

        def __init__(self, choice: str) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, choice: str, text: Text | str = "", *, called: str | None = None) -> None:
        super().__init__(text, id=called, classes="side", markup=False)
        self._choice = choice

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Taken(self._choice))


class ConflictScreen(WorkScreen):
    """Decide one conflict."""

    TITLE_WORDS = "Conflict"
    CSS_PATH = "conflict.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("b", "bring_back", "Bring back"),
        Binding("k", "keep", "Keep as it is"),
        Binding("1", "choose('1')", "This laptop"),
        Binding("2", "choose('2')", "Central"),
        Binding("3", "choose('3')", "Write another"),
        Binding("4", "choose_before", "As before"),
        Binding("1", "choose_twice('1')", "Keep both"),
        Binding("2", "choose_twice('2')", "Join them"),
        Binding("ctrl+s", "save", "Save", key_display="^S"),
        *UNLISTED,
    ]
    HELP = (
        "1 or a click lets the left side stand, 2 or a click the right one, 3 lets you write another value.\n"
        "‹ › mark what differs inside a text. Fields that belong together are decided together.\n"
        "Ctrl+S saves the decision on this laptop; it goes to central first of all. A reason helps whoever reads it later.\n"
        "4 lets stand what was decided when the same two values met before; it is offered only then.\n"
        "Where a rule has decided, B brings back the value that it set aside, and K says that it is well as it is."
    )

    WRITES: ClassVar[frozenset[str]] = frozenset(
        {"bring_back", "keep", "choose", "choose_before", "choose_twice", "save"}
    )

    TWICE_HELP = (
        "Two people may have logged one and the same thing. What differs stands on top, the newer record on the left.\n"
        "1 keeps both: they are two things. 2 joins them: they are one, and the first goes on with what both say.\n"
        "Ctrl+S saves that on this laptop; it goes to central first of all. A reason helps whoever reads it later."
    )

    LEAVES_TYPED = "Nothing is decided yet. Ctrl+S saves your decision; the same key again leaves without it."

    def help_words(self) -> str:
        return self.TWICE_HELP if self._view is not None and self._view.is_duplicate else self.HELP

    choice: reactive[str] = reactive("")

    def __init__(self, conflict_id: str) -> None:
        super().__init__()
        self._conflict_id = conflict_id
        self._view: ConflictView | None = None
        self._apart = APART
        self._third: dict[str, Json] = {}
        """What was written as a third value; a field left alone keeps this laptop's."""

    def body(self) -> ComposeResult:
        yield Static("", id="what", classes="words", markup=False)
        with Horizontal(id="heads"):
            yield Side(LOCAL, called="local-head")
            yield Side(REMOTE, called="remote-head")
        yield VerticalScroll(id="fields", can_focus=True)
        yield Vertical(id="third")
        with Horizontal(id="decide"):
            yield Line(placeholder="Reason (may be left empty)", called="reason")
            yield Button("Save decision", id="save", variant="success", compact=True)
        yield Static("", id="next", classes="words", markup=False)

    async def load(self) -> None:
        from bravetui.views import conflicts

        services = self.desk.services
        view = await self.call(conflicts.conflict, services.store, services.scope_id, self._conflict_id)
        if self._view == view:
            return
        self._view = view
        self._apart = {**APART, "": APART[""].replace(WRITES, ".")} if view.is_presence else APART
        what = Text(view.title, style="bold")
        about = "perhaps the same thing, logged twice" if view.is_duplicate else view.fields[0].rule_words
        what.append(f"   {about}", style="dim")
        self.query_one("#what", Static).update(what)
        fields = self.query_one("#fields", VerticalScroll)
        await fields.remove_children()
        await fields.mount_all([widget for field in view.fields for widget in self._field(field)])
        self.query_one("#decide").display = view.status in UNDECIDED and not self.only_reads
        self.refresh_bindings()
        self._show_choice()
        if self.focused is None:
            fields.focus()

    def _field(self, field: ConflictField) -> list[Widget]:
        base = (
            f"   before: {field.base_text}"
            if field.base_text not in ("", "(nothing)") and len(field.base_text) < 60
            else ""
        )
        label = Text(field.label, style="bold underline")
        label.append(base, style="dim not underline")
        left, right = (
            Side(choice, self._side(side, field))
            for choice, side in ((LOCAL, field.local), (REMOTE, field.remote))
        )
        return [Static(label, classes="label", markup=False), Horizontal(left, right, classes="pair")]

    def _side(self, side: SideView, field: ConflictField) -> Text:
        return (
            marked(side.spans)
            if field.long_text
            else Text(side.text, style="bold" if field.local.text != field.remote.text else "")
        )

    def _who(self, label: str, side: SideView, key: str) -> Text:
        services = self.desk.services
        now = services.store.clock.now()
        chosen = self.choice == key
        text = Text()
        text.append("✓ " if chosen else f"{key} ", style="bold reverse" if chosen else "bold")
        text.append(label, style="bold reverse" if chosen else "bold")
        when = clock_words(side.when, now, services.zone) if side.when else ""
        text.append(f"\n  {side.who}, {when}", style="dim")
        return text

    def watch_choice(self) -> None:
        self._show_choice()

    def _show_choice(self) -> None:
        view = self._view
        if view is None:
            return
        first = view.fields[0]
        self.query_one("#local-head", Static).update(self._who(view.local_label, first.local, LOCAL))
        self.query_one("#remote-head", Static).update(self._who(view.remote_label, first.remote, REMOTE))
        text = Text((TWICE if view.is_duplicate else self._apart)[self.choice], style="bold")
        if view.status == SETTLED and not self.choice and not self.only_reads:
            side = "left" if view.set_aside == "local" else "right"
            text = Text(f"A rule set the {side} side aside. B brings it back, K keeps it so.", style="bold")
        elif self.only_reads and view.status in UNDECIDED:
            text = Text(OTHERS_DECIDE, style="bold")
        elif view.status == NEWER:
            text = Text("It cannot be decided here.", style="bold")
        elif view.status not in UNDECIDED:
            text = Text(_decided_words(view), style="bold")
        elif view.remembered is not None and not self.choice:
            text.append(f"\n4: {view.remembered_words}")
        if self.choice != THIRD:  # there the room is for writing
            if view.handed_in:
                text.append(f"\n{view.handed_in}", style="not bold")
            text.append(f"\nWhat happens next: {view.what_next}", style="not bold")
        self.query_one("#next", Static).update(text)
        self.query_one("#third").display = self.choice == THIRD

    async def action_choose(self, choice: str) -> None:
        """Choose a side, or open the fields for a third value."""
        if self._view is None or self._view.status not in UNDECIDED or not self.may_write():
            return
        self.choice = choice
        third = self.query_one("#third", Vertical)
        if choice == THIRD and not third.children:
            await third.mount_all([self._third_field(field) for field in self._view.fields])
            for widget in third.query(QuestionField):
                widget.focus_input()
                break

    async def action_choose_before(self) -> None:
        """Choose what was decided when the same two values met before."""
        await self.action_choose(BEFORE)

    async def on_side_taken(self, event: Side.Taken) -> None:
        """A click takes a side. Of two records each may be the one, or both: there a click says too little."""
        if self._view is not None and not self._view.is_duplicate:
            await self.action_choose(event.choice)

    async def action_choose_twice(self, choice: str) -> None:
        """Say whether two records are two things or one."""
        await self.action_choose(choice)

    def _third_field(self, field: ConflictField) -> QuestionField:
        question = field.question or Question(
            path=field.path,
            ref="",
            kind=QuestionKind.LONG_TEXT if field.long_text else QuestionKind.TEXT,
            label=field.label,
        )
        now = self.desk.services.store.clock.now().astimezone(self.desk.services.zone)
        asked = Asked(field.path, question, field.local.raw, True, False, ())
        return QuestionField(asked, now, editable=True)

    def on_question_field_answered(self, event: QuestionField.Answered) -> None:
        self._third[event.path], self._warned = event.value, False

    def has_typed(self) -> bool:
        view = self._view
        if view is None or view.status not in UNDECIDED:
            return False
        return bool(self._third or self.query_one("#reason", Input).value)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        await self.action_save()

    async def action_save(self) -> None:
        """Save the decision."""
        view = self._view
        if view is None or view.status not in UNDECIDED:
            return
        if not self.choice:
            twice = "1 keeps both, 2 joins them."
            apart = self._apart[""]
            self.notify(f"Choose first: {twice if view.is_duplicate else apart}", markup=False)
            return
        if view.is_duplicate:
            await self._decide_duplicate(join=self.choice == REMOTE)
            return
        sides = {
            LOCAL: {f.path: f.local.raw for f in view.fields},
            REMOTE: {f.path: f.remote.raw for f in view.fields},
            THIRD: {f.path: self._third.get(f.path, f.local.raw) for f in view.fields},
            BEFORE: dict(view.remembered.values) if view.remembered is not None else {},
        }
        await self._decide(sides[self.choice], "Decided and saved on this laptop. It goes to central first.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done here: nothing where it is decided, B and K only where a rule has decided."""
        if self.only_reads and action in self.WRITES:
            return False
        view = self._view
        if action in ("bring_back", "keep"):
            return view is not None and view.status == SETTLED
        if action == "choose_before":
            return view is not None and view.remembered is not None
        if action in ("choose", "choose_twice", "save"):
            if view is not None and view.is_presence and parameters == (THIRD,):
                return False
            fits = view is not None and view.is_duplicate == (action == "choose_twice")
            return view is not None and view.status in UNDECIDED and (fits or action == "save")
        return super().check_action(action, parameters)

    async def action_bring_back(self) -> None:
        """Let the value stand that the rule set aside: one key, one new change."""
        assert self._view is not None
        await self._let_stand(
            self._view.set_aside, "Brought back, and saved on this laptop. It goes to central first."
        )

    async def action_keep(self) -> None:
        """Say that the rule was right, so that nobody is told again."""
        assert self._view is not None
        other = "remote" if self._view.set_aside == "local" else "local"
        await self._let_stand(other, "Kept as it is. Nobody is told of it again.")

    async def _let_stand(self, side: str, words: str) -> None:
        assert self._view is not None
        fields = self._view.fields
        await self._decide({f.path: (f.local if side == "local" else f.remote).raw for f in fields}, words)

    async def _decide_duplicate(self, *, join: bool) -> None:
        from bravetui.actions import conflicts

        services, reason = self.desk.services, self.query_one("#reason", Input).value
        which = services.store, services.scope_id, self._conflict_id
        words = "Both are kept."
        try:
            if join:
                done = await self.call(conflicts.join, *which, reason)
                left = len(done.apart)
                differ = f" {left} field{'s' * (left != 1)} differed; what does not stand is kept in this question."
                words = "Joined." + differ * bool(left)
            else:
                await self.call(conflicts.keep_both, *which, reason)
        except BravetuiError as error:
            self.desk.show_error(error)
            return
        self.notify(f"{words} Saved on this laptop; it goes to central first.", markup=False)
        self.desk.wrote()
        self.desk.back()

    async def _decide(self, values: dict[str, Json], words: str) -> None:
        from bravetui.actions import conflicts

        services = self.desk.services
        reason = self.query_one("#reason", Input).value
        try:
            await self.call(
                conflicts.decide, services.store, services.scope_id, self._conflict_id, values, reason
            )
        except BravetuiError as error:
            self.desk.show_error(error)
            return
        self.notify(words, markup=False)
        self.desk.wrote()
        self.desk.back()


def _decided_words(view: ConflictView) -> str:
    """Who decided what, and why."""
    who = f" by {view.resolved_by}" if view.resolved_by else ""
    decided = shortened(", ".join(view.resolution.values()), 120)
    why = f"\nReason: {view.reason}" if view.reason else ""
    return f"Decided{who}: {decided}{why}" if decided else f"Decided{who}.{why}"


def marked(spans: tuple[Span, ...]) -> Text:
    """A text whose differing stretches carry signs as well as colour."""
    text = Text()
    for span in spans:
        text.append(
            f"‹{span.text}›" if span.changed and span.text.strip() else span.text,
            style="bold reverse" if span.changed else "",
        )
    return text

"""Fill in one form, a section a page. Every answer is saved within half a second of being typed, and the screen says when.

Answers live in memory only until then; an arriving sync never touches a question that is being typed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.base.text import safe_line, shortened
from bravetui.forms.engine import FormState
from bravetui.forms.fitting import TOO_LONG
from bravetui.forms.template import Question, Repeat, Section
from bravetui.merge.state import ANSWERS
from bravetui.screens.base import UNLISTED, WorkScreen
from bravetui.screens.confirm import ConfirmScreen
from bravetui.screens.settling import settle
from bravetui.screens.unsaved import Unsaved
from bravetui.views.forms import FormView, NewForm
from bravetui.views.words import clock_words, short_title
from bravetui.widgets import tones
from bravetui.widgets.disputed import DecideWanted
from bravetui.widgets.page_words import heading_words, left_in, page_words
from bravetui.widgets.question_field import QuestionField
from bravetui.widgets.repeat_field import RepeatField, RowHead
from bravetui.widgets.review_page import ReviewPage

SAVE_AFTER_S = 0.3
"""Typing is saved this long after the first key that is not saved yet: half a second at most is ever at risk."""

SAVE_AGAIN_S = 3.0
"""What could not be saved is tried again this often, so that room on the disk is all that it takes."""

WIDE = 100
"""Columns from which the sections stand beside the questions."""


class FormScreen(WorkScreen):
    """The form editor."""

    TITLE_WORDS = "Form"
    CSS_PATH = "form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("pageup", "turn(-1)", "Back", key_display="PgUp", priority=True),
        Binding("pagedown,ctrl+n", "turn(1)", "Next", key_display="PgDn", priority=True),
        Binding("ctrl+r", "review", "Sign", key_display="^R"),
        Binding("f9", "why", "Why", key_display="F9"),
        Binding("f12", "photos", "Photos", key_display="F12"),
        Binding("tab", "step(1)", "Next question", show=False, priority=True),
        Binding("shift+tab", "step(-1)", "Question before", show=False, priority=True),
        *UNLISTED,
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"review"})
    HELP = (
        "Tab and Shift+Tab go from question to question, PgDn and PgUp from page to page.\n"
        "Choices: arrows move, space, the digit or a click chooses, Del takes it back.\n"
        "In a long text Ctrl+Home and Ctrl+End go to its beginning and its end.\n"
        "* must be answered. ! under a question says what is wrong with it.\n"
        "≠ two people wrote it apart. It is not typed over here: Enter shows both, there one decides.\n"
        "Every answer is saved on this laptop within half a second; there is no Save key.\n"
        "F9: who wrote an answer, what others wrote, which rule decided. Ctrl+R: sign and submit.\n"
        "F12: the photos of this report; there one adds them."
    )

    def __init__(self, submission_id: str = "", new: NewForm | None = None, page: int = 0) -> None:
        super().__init__()
        self._submission_id, self._new = submission_id, new
        self._view: FormView | None = None
        self._answers: dict[str, Json] = {}
        self._state: FormState | None = None
        self._unsaved = Unsaved()
        self._page = page
        self._saving: asyncio.Task[None] | None = None
        self._again: Timer | None = None
        self._gone = False
        self._building, self._storing = asyncio.Lock(), asyncio.Lock()
        self._said = ""

    @property
    def submission_id(self) -> str:
        """Which form this is; empty until something is written in a new one."""
        return self._submission_id

    def again(self) -> FormScreen:
        """The same form at the same page, to be read anew."""
        return FormScreen(self._submission_id, self._new, self._page)

    def body(self) -> ComposeResult:
        yield Static("", id="where", markup=False)
        with Horizontal(id="columns"):
            yield OptionList(id="sections", compact=True, markup=False)
            yield VerticalScroll(id="page", can_focus=False)
        yield Static("", id="saved", markup=False)

    async def load(self) -> None:
        from bravetui.views import forms

        services = self.desk.services
        if self._submission_id or self._new is None:
            view = await self.call(forms.form, services.store, services.scope_id, self._submission_id)
        else:
            view = await self.call(forms.blank, services.store, services.scope_id, self._new)
        first = self._view is None
        rebuilt = first or self._view is None or self._view.status != view.status
        self._view = view
        self.entitle(view.about.split(",")[0] or short_title(view.title))
        typed = self._unsaved.values()
        self._answers = {**view.answers, **typed}
        self._state = forms.evaluated(view, self._answers, self._now()) if typed else view.state
        if rebuilt:
            await self._show_page(focus=first)
        else:
            await self._show_state()

    def _now(self) -> datetime:
        return self.desk.services.store.clock.now()

    def _local_now(self) -> datetime:
        return self._now().astimezone(self.desk.services.zone)

    # ------------------------------------------------------------------ pages

    def _sections(self) -> list[Section]:
        assert self._view is not None
        assert self._state is not None
        return [section for section in self._view.template.sections if section.name not in self._state.hidden]

    async def _show_page(self, *, focus: bool = True, path: str | None = None) -> None:
        """Build the page; one at a time, since a fast hand turns pages while one is being built."""
        if self._view is None:
            return
        async with self._building:
            await self._build_page()
        if focus:
            self._focus(path)

    async def _build_page(self) -> None:
        page = self.query_one("#page", VerticalScroll)
        sections = self._sections()
        self._page = max(0, min(self._page, len(sections)))
        self.desk.clear_notifications()  # what was said of the page before
        async with self.batch():
            await page.remove_children()
            await page.mount_all(self._widgets(sections))
        page.scroll_home(animate=False)
        self._show_where()

    def _widgets(self, sections: list[Section]) -> list[Widget]:
        assert self._view is not None
        assert self._state is not None
        if self._page >= len(sections):
            return [ReviewPage(self._view, self._state, self.desk.services.zone)]
        return [self._widget(item) for item in sections[self._page].items]

    def _widget(self, item: Question | Repeat) -> Widget:
        assert self._view is not None
        assert self._state is not None
        now, editable = self._local_now(), self._view.editable
        if isinstance(item, Repeat):
            return RepeatField(item, self._state, now, editable=editable, disputes=self._view.disputes)
        return QuestionField(
            self._state.asked[item.path], now, editable=editable, dispute=self._view.disputes.get(item.path)
        )

    def _focus(self, path: str | None) -> None:
        """Put the cursor there at once: `Widget.focus` waits in line behind keys that were typed ahead."""
        fields = [field for field in self.query(QuestionField) if not field.has_class("-hidden")]
        wanted = next((field for field in fields if field.path == path), None)
        if wanted is not None:
            wanted.visit()
            wanted.focus_input()
            return
        for widget in self.query(
            "#page ChoiceList, #page Input, #page TextArea, #page Disputed, #page RowHead, #page OptionList"
        ):
            if widget.display and widget.focusable:
                self.set_focus(widget)
                return

    def _page_names(self) -> list[str]:
        return [*(safe_line(section.label, 40) for section in self._sections()), "Review and sign"]

    def _show_where(self) -> None:
        assert self._view is not None
        assert self._state is not None
        counts = [left_in(section, self._state) for section in self._sections()]
        names = self._page_names()
        listed = self.query_one("#sections", OptionList)
        with self.prevent(OptionList.OptionHighlighted, OptionList.OptionSelected):
            listed.clear_options()
            for name, left in zip(names, [*map(sum, counts), None], strict=True):
                listed.add_option(Option(page_words(name, left)))
            listed.highlighted = self._page
        missing, wrong = map(sum, zip(*counts, strict=True))
        here = counts[self._page] if self._page < len(counts) else (missing, wrong)
        title, photos = self._view.title, self._view.photos
        text = heading_words(self._page, names, here, title, self.size.width, photos)
        self.query_one("#where", Static).update(text)

    async def _show_state(self) -> None:
        assert self._view is not None
        assert self._state is not None
        for field in self.query("#page > QuestionField").results(QuestionField):
            asked = self._state.asked[field.path]
            await field.dispute_by(self._view.disputes.get(field.path), asked.value)
            field.show(asked)
            field.take(asked.value)
        for repeat in self.query(RepeatField):
            await repeat.show(self._state, self._view.disputes)
        for review in self.query(ReviewPage):
            review.show(self._state, self._view)
        self._show_where()

    async def action_step(self, step: int) -> None:
        """Go to the next question, or the one before, as they are once the last answer has shown or hidden others.

        A slow line hands over several keys at once. Those before Tab are still on their way to the old question, those
        after it wait for this to end: each key reaches the question it was meant for.
        """
        await self._settle()
        if step > 0:
            self.focus_next()
        else:
            self.focus_previous()

    async def _settle(self) -> None:
        """What was typed has been dealt with."""
        await settle(self.focused)

    async def action_turn(self, step: int) -> None:
        """Turn the page; what was typed is saved first."""
        await self._settle()
        await self.save()
        self._page += step
        await self._show_page()

    async def action_review(self) -> None:
        """Go to the last page."""
        if self._view is None:
            return
        await self._settle()
        await self.save()
        self._page = len(self._sections())
        await self._show_page()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Its photos, and its pages for a window too narrow to show them beside the questions."""
        yield "Photos of this form", "See them, add one (F12)", partial(self.call_later, self.action_photos)
        for page, name in enumerate(self._page_names()):
            yield f"Page: {name}", "Go there in this form", partial(self.call_later, self._go_to, page)

    @on(OptionList.OptionSelected, "#sections")
    async def _jump(self, event: OptionList.OptionSelected) -> None:
        await self._go_to(event.option_index)
        self.call_after_refresh(self._focus, None)  # a click puts the cursor into the list, only now

    async def _go_to(self, page: int) -> None:
        await self.save()
        self._page = page
        await self._show_page()

    async def on_review_page_jump_wanted(self, event: ReviewPage.JumpWanted) -> None:
        """Show the question that a problem is about."""
        name = event.path.split("/")[0]
        sections = self._sections()
        self._page = next(i for i, s in enumerate(sections) if any(item.path == name for item in s.items))
        await self._show_page(path=event.path)
        row, _, _ = event.path.rpartition("/")
        if row:
            for repeat in self.query(RepeatField):
                if repeat.repeat.path == name:
                    await repeat.open(row)
            self._focus(event.path)

    # ---------------------------------------------------------------- answers

    async def on_question_field_answered(self, event: QuestionField.Answered) -> None:
        """Take an answer: show what follows from it now, save it in a moment."""
        event.stop()
        assert self._view is not None
        event.heard = True
        self._answers[event.path] = event.value
        self._unsaved.put(event.path, event.value, event.over)
        from bravetui.views import forms

        self._state = forms.evaluated(self._view, self._answers, self._now())
        await self._show_state()
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save_soon())

    async def on_question_field_left(self, event: QuestionField.Left) -> None:
        event.stop()
        await self.save()

    async def _save_soon(self) -> None:
        await asyncio.sleep(SAVE_AFTER_S)
        await self.save()

    async def save(self) -> None:
        """Save what is not saved. If that fails the text stays on screen and a sentence says what to do.

        One at a time, so that whoever waits for this knows that no earlier save is still open.
        """
        async with self._storing:
            if self._unsaved:
                await self._save_all()

    async def _save_all(self) -> None:
        from bravetui.actions import forms

        services = self.desk.services
        going = self._unsaved.hand_over()
        try:
            if going:
                await self._begin()
                where = services.store, services.scope_id, self._submission_id
                await self.call(forms.answer, *where, going, self._unsaved.typed_over())
        except BravetuiError as error:
            self._unsaved.failed()
            self._say(f"✗ NOT SAVED: {error}", tones.bad())
            self._try_again_later()
            return
        self._unsaved.stored()
        self._say_saved()
        if going:
            self.desk.wrote()

    def _try_again_later(self) -> None:
        if self._again is not None:
            self._again.stop()
        if not self._gone:
            self._again = self.set_timer(SAVE_AGAIN_S, self.save)

    def _say_saved(self) -> None:
        """That all is saved, or which answer is not and why."""
        held = self._unsaved.held_back()
        if not held:
            self._say(f"✓ Saved on this laptop {self._local_now():%H:%M:%S}", tones.good())
            return
        asked = self._state.asked.get(held[0]) if self._state is not None else None
        which = shortened(asked.question.label, 40) if asked is not None else "An answer"
        self._say(f"✗ NOT SAVED: {which}. {TOO_LONG} All else is saved.", tones.bad())

    async def _begin(self) -> str:
        """Store the form, once, as the first thing that is written in it; gives its id."""
        from bravetui.actions import forms

        if self._new is None or self._submission_id:
            return self._submission_id
        services, new = self.desk.services, self._new
        which = (services.store, services.scope_id, new.template_id, new.inspection_id)
        started = await self.call(forms.start_form, *which, routine=new.kind == "routine")
        self._submission_id = started.submission_id
        return self._submission_id

    def _say(self, words: str, style: str) -> None:
        for line in self.query("#saved").results(Static):  # none once the screen is being taken down
            line.update(Text(words, style=style))

    async def on_repeat_field_add_wanted(self, event: RepeatField.AddWanted) -> None:
        """Add a row and open it."""
        from bravetui.actions import forms

        await self.save()
        services = self.desk.services
        await self._begin()
        added = await self.call(
            forms.add_row, services.store, services.scope_id, self._submission_id, event.repeat
        )
        await self.load()
        for repeat in self.query(RepeatField):
            if repeat.repeat.path == event.repeat:
                await repeat.open(added.row_path)
        self.desk.wrote()

    def on_row_head_remove_wanted(self, event: RowHead.RemoveWanted) -> None:
        """Ask, then remove the row."""
        assert self._view is not None
        repeat = next(r for r in self._view.template.repeats() if r.path == event.row.split("/")[0])
        if repeat.fixed or not self._view.editable:
            self.notify("These rows belong to the form and stay.", markup=False)
            return
        dispute = self._view.disputes.get(event.row)
        if dispute is not None and dispute.is_open:
            self._open_conflict(dispute.conflict_id)
            return
        words = f"Remove {event.named or 'this row, not named yet'}? It stays in the form's history."
        self.desk.open(ConfirmScreen(words, "Remove"), lambda yes: self._remove(event.row) if yes else None)

    async def on_decide_wanted(self, event: DecideWanted) -> None:
        """Show both sides of an answer that is in dispute."""
        await self.save()
        self._open_conflict(event.conflict_id)

    def _open_conflict(self, conflict_id: str) -> None:
        from bravetui.screens.conflict import ConflictScreen

        self.desk.open(ConflictScreen(conflict_id))

    def _remove(self, row: str) -> None:
        async def remove() -> None:
            from bravetui.actions import forms

            services = self.desk.services
            await self._begin()
            await self.call(forms.remove_row, services.store, services.scope_id, self._submission_id, row)
            self._unsaved.forget(row)
            await self.load()
            self.desk.wrote()

        self.run_worker(remove())

    async def on_review_page_submit_wanted(self, event: ReviewPage.SubmitWanted) -> None:
        """Sign and hand in."""
        from bravetui.actions import forms

        await self.save()
        if self._unsaved:
            self.notify("Not handed in: an answer is not saved, as the last line says.", markup=False)
            return
        services = self.desk.services
        assert self._view is not None
        sign = forms.submit if self._view.editable else forms.countersign
        try:
            await self._begin()
            await self.call(
                sign, services.store, services.scope_id, self._submission_id, event.name, event.title
            )
        except BravetuiError as error:
            self.desk.show_error(error)
            return
        self.desk.wrote()
        when = clock_words(self._now(), self._now(), services.zone)
        self.notify(f"Signed {when}. {self._view.goes_words}", markup=False)
        self.desk.back()

    async def action_why(self) -> None:
        """Tell the story of the answer that the cursor is in."""
        from bravetui.screens.why import WhyScreen

        fields = [
            node
            for node in (self.focused.ancestors_with_self if self.focused else ())
            if isinstance(node, QuestionField)
        ]
        if not fields:
            self.notify("Go to a question first; then F9 tells why it says what it says.", markup=False)
            return
        if self._answers.get(fields[0].path) is None:
            self.notify("Nobody has answered this yet.", markup=False)
            return
        await self._settle()
        await self.save()
        if not self._submission_id:
            self.notify(
                "It comes from the project or from the last report; nobody has written here.", markup=False
            )
            return
        self.desk.open(WhyScreen("submission", self._submission_id, f"{ANSWERS}/{fields[0].path}"))

    async def action_photos(self) -> None:
        """Show the photos of this report; what was typed is saved first."""
        from bravetui.screens.photos import PhotosScreen, report_of

        if self._view is not None:
            await self._settle()
            await self.save()
            self.desk.open(PhotosScreen(report_of(self._view, self._submission_id, self._begin)))

    async def may_leave(self) -> bool:
        """What was typed is saved first, and nobody leaves while it cannot be."""
        await self._settle()
        await self.save()
        return not self._unsaved

    async def on_unmount(self) -> None:
        self._gone = True
        await self.save()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")

"""What is due today, by when and why; alerts; what waits to be decided or finished. Enter opens what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bravetui.base.text import shortened
from bravetui.screens.base import WorkScreen
from bravetui.views.rights import NO_PROJECT
from bravetui.views.words import clock_words, day_words, left_words, set_aside_words, short_title
from bravetui.widgets import tones

if TYPE_CHECKING:
    from bravetui.views.home import Alert, Due, Home

STARTS_FORM = " N starts a form."

STANDING_SIGNS = {
    "overdue": ("‼ LATE", tones.bad),
    "due": ("! DUE", tones.warn),
    "upcoming": ("  soon", tones.quiet),
}
LEVEL_SIGNS = {
    "stop_work": ("■ STOP WORK", tones.bad),
    "warning": ("▲ WARNING", tones.warn),
    "info": ("i", tones.quiet),
}


class HomeScreen(WorkScreen):
    """The first screen."""

    TITLE_WORDS = "Home"
    CSS_PATH = "home.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New"),
        Binding("f5", "app.sync_now", "Sync", key_display="F5"),
        Binding("f6", "app.line", "Line", key_display="F6"),
        Binding("f8", "app.rain", "Rain", key_display="F8"),
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"new"})
    HELP = (
        "Up and Down choose, Enter opens: a due inspection, an alert, a draft, a conflict.\n"
        "N starts a new form. F8 logs rain: from 0.25 inch on, the storm inspection appears here by itself.\n"
        "Deadlines are worked out from the permit, the site's working hours and what was recorded; the section is cited."
    )

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[str, Callable[[], object]] = {}

    def body(self) -> ComposeResult:
        yield Static("", id="site", classes="words", markup=False)
        yield OptionList(id="list", markup=False)
        yield Static("", id="rain", classes="words", markup=False)

    async def load(self) -> None:
        from bravetui.views import forms, home

        services = self.desk.services
        seen = await self.call(home.home, services.store, services.scope_id)
        drafts = await self.call(forms.submissions, services.store, services.scope_id, "draft", 20)
        self.query_one("#site", Static).update(self._site(seen))
        self.query_one("#rain", Static).update(Text(f"☂ {self.not_shown or seen.rain}"))
        self._open = {}
        options = [*self._due(seen), *self._alerts(seen), *self._waiting(seen), *self._drafts(drafts, seen)]
        if not (services.scope_id or self.is_locked):
            options = [self._option("no-project", Text(f"  {NO_PROJECT}"), None)]
        listed = self.query_one("#list", OptionList)
        known = [listed.get_option_at_index(i).id for i in range(listed.option_count)]
        wanted = [option.id for option in options]
        if known == wanted:
            for option in options:
                if option.id is not None:
                    listed.replace_option_prompt(option.id, option.prompt)
        else:
            highlighted = listed.highlighted
            listed.clear_options()
            listed.add_options(options)
            enabled = [index for index, option in enumerate(options) if not option.disabled]
            at = highlighted if highlighted is not None else 0
            listed.highlighted = min(enabled, key=lambda index: abs(index - at), default=None)
        if self.focused is None:
            listed.focus()

    def _site(self, seen: Home) -> Text:
        """Where, who, when, and for how long still; where there is no room the project's name gives way."""
        signed_in = f"   {self.sign_in.short}" if self.sign_in is not None else ""
        rest = f"   {seen.user_name}   {day_words(seen.now, seen.zone)}{signed_in}"
        room = max(12, self.size.width - 2 - len(rest))
        return Text(shortened(seen.project_name, room), style="bold").append(rest, style="not bold dim")

    def _option(self, key: str, text: Text, opens: Callable[[], object] | None) -> Option:
        if opens is not None:
            self._open[key] = opens
        return Option(text, id=key, disabled=opens is None)

    def _due(self, seen: Home) -> Iterator[Option]:
        yield self._option("head-due", Text("DUE", style="bold underline"), None)
        for index, due in enumerate(seen.due[:6]):
            yield self._option(
                f"due-{due.inspection_id or index}",
                self._due_words(due, seen),
                partial(self._open_due, due),
            )
        if self.is_locked:
            words = f"The rest: {self.not_shown.lower()}" if seen.due else self.not_shown
            yield self._option("locked-due", Text(f"  {words}{self._starts}"), None)
        elif not seen.due:
            yield self._option("none-due", Text(f"  Nothing is due.{self._starts}"), None)

    @property
    def _starts(self) -> str:
        return "" if self.only_reads else f" F8 logs rain,{STARTS_FORM}"

    def _due_words(self, due: Due, seen: Home) -> Text:
        sign, style = STANDING_SIGNS[due.standing.value]
        text = Text()
        text.append(f"{sign:<8}", style=style())
        text.append(due.title, style="bold")
        if due.submission_id:
            text.append(" (begun)")
        if due.is_dated:
            by = clock_words(due.do_by, seen.now, seen.zone)
            text.append(f"  by {by}, {left_words(due.do_by, seen.now)}")
        told = " · ".join(filter(None, (due.why, due.citation)))
        text.append(f"\n        {told}", style="dim")
        return text

    def _open_due(self, due: Due) -> None:
        from bravetui.screens.form import FormScreen

        if due.submission_id:
            self.desk.open(FormScreen(due.submission_id))
        else:
            self.run_worker(self._start(due))

    async def _start(self, due: Due | None) -> None:
        """Open the inspection's form, which begins with the first answer; without an inspection, a form of any kind."""
        from bravetui.screens.form import FormScreen
        from bravetui.views import forms as seen

        if not self.may_write():
            return
        services = self.desk.services
        templates = await self.call(seen.templates, services.store)
        if due is None and len(templates) > 1:
            await self.desk.action_go("forms")  # which one is the foreman's to say
            return
        if not templates:
            self.notify("No form has arrived yet. Sync once (F5) where there is a line.", markup=False)
            return
        new = (due.inspection_id, due.kind) if due is not None else ()
        self.desk.open(FormScreen(new=seen.NewForm(templates[0].id, *new)))

    def _alerts(self, seen: Home) -> Iterator[Option]:
        fresh = [alert for alert in seen.alerts if not alert.seen][:4]
        if fresh:
            yield self._option("head-alerts", Text("SAFETY ALERTS", style="bold underline"), None)
        for alert in fresh:
            sign, style = LEVEL_SIGNS.get(alert.level, LEVEL_SIGNS["info"])
            text = Text()
            text.append(f"{sign}  ", style=style())
            text.append(alert.title, style="bold")
            text.append(f"\n        {alert.body.splitlines()[0] if alert.body else ''}", style="dim")
            yield self._option(f"alert-{alert.id}", text, partial(self._open_alert, alert))

    def _open_alert(self, alert: Alert) -> None:
        from bravetui.screens.alert import AlertScreen

        self.desk.open(AlertScreen(alert))

    def _open_form(self, submission_id: str) -> None:
        from bravetui.screens.form import FormScreen

        self.desk.open(FormScreen(submission_id))

    def _waiting(self, seen: Home) -> Iterator[Option]:
        if seen.sync.conflicts_open:
            many = "s" * (seen.sync.conflicts_open != 1)
            text = Text()
            stands = "open" if self.only_reads else "to decide"
            text.append(f"≠ {seen.sync.conflicts_open} conflict{many} {stands}", style="bold reverse")
            yield self._option(
                "conflicts", text, lambda: self.app.call_later(self.desk.action_go, "conflicts")
            )
        if seen.sync.set_aside:
            text = Text(f"· {set_aside_words(seen.sync.set_aside)} Enter shows which.", style="bold")
            yield self._option(
                "set-aside", text, lambda: self.app.call_later(self.desk.action_go, "conflicts")
            )
        if seen.sync.refused:
            text = Text()
            text.append(f"! {seen.sync.refused} refused by central and kept here", style=tones.bad())
            yield self._option("refused", text, lambda: self.app.call_later(self.desk.action_go, "queue"))

    def _drafts(self, drafts: tuple[object, ...], seen: Home) -> Iterator[Option]:
        from bravetui.views.forms import SubmissionRow

        yield self._option("head-drafts", Text("DRAFTS", style="bold underline"), None)
        for draft in drafts:
            assert isinstance(draft, SubmissionRow)
            text = Text(f"  {draft.about or short_title(draft.title)}", style="bold")
            told = [short_title(draft.title)] * bool(draft.about)
            told += [f"by {draft.author}"] * (draft.author != seen.user_name)
            when = clock_words(draft.edited_at, seen.now, seen.zone) if draft.edited_at else ""
            told += [f"last edited {when}"] * bool(when)
            text.append(f"\n        {' · '.join([*told, draft.sync_words])}", style="dim not bold")
            yield self._option(f"draft-{draft.id}", text, partial(self._open_form, draft.id))
        if not drafts:
            yield self._option(
                "none-drafts", Text(f"  No drafts.{STARTS_FORM * (not self.only_reads)}"), None
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        opens = self._open.get(event.option_id or "")
        if opens is not None:
            opens()

    async def action_new(self) -> None:
        """Start a form."""
        await self._start(None)

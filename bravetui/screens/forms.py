"""All forms: those that can be started, drafts, and what was handed in. `/` filters."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static

from bravetui.base.text import shortened
from bravetui.screens.base import WorkScreen
from bravetui.views.forms import SubmissionRow, TemplateRow
from bravetui.views.words import clock_words, short_title
from bravetui.widgets.rows import Rows, key_under_cursor, show_rows
from bravetui.widgets.typing import Line

LISTED, LISTED_LOCKED = "Drafts and handed in", "Your own drafts and what waits here"
TIME_TAKES = 27
"""Columns that the time, the gaps and the scroll bar need at most; title and state share the others."""


class FormsScreen(WorkScreen):
    """Templates on top, then drafts and submitted forms in one list."""

    TITLE_WORDS = "Forms"
    CSS_PATH = "forms.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("n", "new", "New"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("d", "discard", "Discard"),
        Binding("f12", "app.photos", "Photos", key_display="F12"),
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"new", "discard"})
    HELP = (
        "Enter opens a form. N starts the form that is marked on top; Tab goes between the two lists.\n"
        "/ filters by any word. D puts a draft away; it stays in the ledger.\n"
        "F12 shows the photos of the whole project; in a form, those of the form.\n"
        "Job facts carry over into a new form, observations never do."
    )

    def __init__(self) -> None:
        super().__init__()
        self._templates: tuple[TemplateRow, ...] = ()
        self._rows: tuple[SubmissionRow, ...] = ()

    def body(self) -> ComposeResult:
        yield Static("Start a form (Enter or N)", id="startable", classes="heading", markup=False)
        yield Rows(id="templates", cursor_type="row", show_header=False)
        yield Static(LISTED, id="listed", classes="heading", markup=False)
        yield Line(placeholder="Filter: any word, Esc clears", called="filter")
        yield Rows(id="rows", cursor_type="row")

    async def on_mount(self) -> None:
        self.query_one("#templates", DataTable).add_columns("form", "version", "category")
        self.query_one("#rows", DataTable).add_columns("Form", "State", "Last edited")
        self.query_one("#filter", Input).display = False
        await super().on_mount()
        self.query_one("#rows" if self._rows else "#templates", DataTable).focus()

    async def load(self) -> None:
        from bravetui.views import forms

        services = self.desk.services
        self._templates = await self.call(forms.templates, services.store)
        self._rows = await self.call(forms.submissions, services.store, services.scope_id)
        table = self.query_one("#templates", DataTable)
        show_rows(table, [(row.id, _template_cells(row)) for row in self._templates])
        self.query_one("#listed", Static).update(LISTED_LOCKED if self.is_locked else LISTED)
        for name in ("#startable", "#templates"):
            self.query_one(name).display = not self.only_reads
        self._fill()

    def _fill(self) -> None:
        """Show the rows that match, in place: cells that changed are updated, the cursor stays."""
        wanted = self.query_one("#filter", Input).value.lower().split()
        rows = [
            row
            for row in self._rows
            if all(
                word in f"{row.title} {row.about} {row.status_words} {row.author}".lower() for word in wanted
            )
        ]
        show_rows(self.query_one("#rows", DataTable), [(row.id, self._cells(row)) for row in rows], height=2)

    def _cells(self, row: SubmissionRow) -> list[Text]:
        now, zone = self.desk.services.store.clock.now(), self.desk.services.zone
        when = row.submitted_at or row.edited_at
        state = max(
            (len(words) for each in self._rows for words in (each.status_words, each.sync_words)), default=0
        )
        room = max(18, min(60, self.size.width - TIME_TAKES - state))
        title = Text(
            shortened(short_title(row.title), room - 2), style="bold" if row.status == "draft" else ""
        )
        if row.conflicts:
            title.append(" ≠", style="bold reverse")
        title.append(f"\n{shortened(row.about, room)}", style="not bold dim")
        return [
            title,
            Text(f"{row.status_words}\n{row.sync_words}"),
            Text(f"{clock_words(when, now, zone) if when else ''}\n{shortened(row.author, 18)}"),
        ]

    @on(DataTable.RowSelected, "#rows")
    def _open(self, event: DataTable.RowSelected) -> None:
        from bravetui.screens.form import FormScreen

        if event.row_key.value:
            self.desk.open(FormScreen(event.row_key.value))

    @on(DataTable.RowSelected, "#templates")
    async def _start(self, event: DataTable.RowSelected) -> None:
        await self.action_new()

    async def action_new(self) -> None:
        """Start the form under the cursor of the upper list."""
        from bravetui.screens.form import FormScreen
        from bravetui.views.forms import NewForm

        if not self.may_write():
            return
        if not self._templates:
            self.notify("No form has arrived yet. Sync once (F5) where there is a line.", markup=False)
            return
        at = self.query_one("#templates", DataTable).cursor_row
        row = self._templates[min(at, len(self._templates) - 1)]
        self.desk.open(FormScreen(new=NewForm(row.id)))

    def on_resize(self) -> None:
        """Titles use the room there is."""
        if self._rows:
            self._fill()

    def action_filter(self) -> None:
        """Show the filter."""
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._fill()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one("#rows", DataTable).focus()

    def action_discard(self) -> None:
        """Ask, then put the draft under the cursor away."""
        from bravetui.screens.confirm import ConfirmScreen

        table = self.query_one("#rows", DataTable)
        row = self._under_cursor(table)
        if not table.has_focus or row is None or row.status != "draft":
            self.notify("Only a draft can be discarded: choose one in the lower list.", markup=False)
            return
        words = "Discard this draft? It leaves the lists and stays in the ledger."
        self.desk.open(ConfirmScreen(words, "Discard"), lambda yes: self._discard(row.id) if yes else None)

    def _under_cursor(self, table: DataTable[Text]) -> SubmissionRow | None:
        """By the row's key: a filter shows fewer rows than there are."""
        key = key_under_cursor(table)
        return next((row for row in self._rows if row.id == key), None)

    def _discard(self, submission_id: str) -> None:
        async def discard() -> None:
            from bravetui.actions import forms

            services = self.desk.services
            await self.call(
                forms.discard_draft,
                services.store,
                services.scope_id,
                submission_id,
                "discarded by its author",
            )
            self.desk.wrote()
            await self.load()

        self.run_worker(discard())

    def action_back(self) -> None:
        """Clear the filter, or go back."""
        box = self.query_one("#filter", Input)
        if box.display:
            box.value, box.display = "", False
            self.query_one("#rows", DataTable).focus()
        else:
            self.desk.back()


def _template_cells(row: TemplateRow) -> list[Text]:
    return [Text(row.title, style="bold"), Text(f"version {row.version}"), Text(row.category)]

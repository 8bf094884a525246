"""Photos of a report, or of the whole project: what each shows, where its bytes are, and the picture in half blocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bravetui.base.errors import BadInput, BravetuiError, Transient
from bravetui.base.text import safe_line, shortened
from bravetui.screens.base import WorkScreen
from bravetui.views.forms import FormView
from bravetui.views.photos import PhotoRow, Tally
from bravetui.views.words import bytes_words, photos_words, short_title
from bravetui.widgets.photo_words import instead_words, listed_words, told_words

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS, ROWS = 40, 12
"""Of the picture, at most."""
SEEN_TAKES = 48
"""Columns of the picture's side, and of what stands around the list."""
SHOWN_MAX = 200

ASKED = "What does it show? It may be left empty."
KEPT = "kept as it was signed, with its photos"
NONE_OF_REPORT = "No photo yet.\n\nA adds one: from a stick, a card or a folder."
NONE_AT_ALL = (
    "No photo yet in this project.\n\nOpen a form and press F12 there:\na photo belongs to its form."
)
NONE_OF_SIGNED = "No photo was handed in with this report."
OF_ONE = frozenset({"caption", "remove", "get", "open"})
"""Actions that are about the photo under the cursor."""


@dataclass(frozen=True)
class Report:
    """The report whose photos are shown."""

    record_id: str
    """Empty while nothing has been written in it."""
    words: str
    is_signed: bool = False
    begin: Callable[[], Awaitable[str]] | None = None
    """Stores a report of which nothing is stored yet; gives its id."""


def report_of(view: FormView, submission_id: str, begin: Callable[[], Awaitable[str]]) -> Report:
    """A form's report; `begin` stores it where nothing is stored yet."""
    is_signed = not (view.editable or view.only_reads)
    return Report(
        submission_id, view.about or short_title(view.title), is_signed, None if submission_id else begin
    )


class PhotosScreen(WorkScreen):
    """A list, and the photo under the cursor."""

    TITLE_WORDS = "Photos"
    CSS_PATH = "photos.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("a", "add", "Add"),
        Binding("c", "caption", "Caption"),
        Binding("d,delete", "remove", "Remove"),
        Binding("g", "get", "Get"),
        Binding("o", "open", "Its form"),
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"add", "caption", "remove"})
    HELP = (
        "A adds a picture from a stick, a card or a folder: JPEG, PNG or WebP.\n"
        "It is saved on this laptop as it is, and goes to central by itself.\n"
        "C says what a photo shows. D takes it off its report.\n"
        "G gets from central what is not here: the small picture, then the whole.\n"
        "O opens the form that a photo belongs to; Tab goes to the photo's words.\n"
        "A report that was handed in keeps its photos as they are.\n"
        "As a file: bravetui photo save, in a shell.\n"
        "↑ only on this laptop   ✓ at central"
    )

    def __init__(self, of: Report | None = None) -> None:
        """`of`: None for the photos of the whole project."""
        super().__init__()
        self._of = of
        self._rows: tuple[PhotoRow, ...] = ()
        self._tally = Tally(0, 0)
        self._seen: tuple[object, ...] = ()
        """What the list was made of: most reports of sync change nothing in it."""
        self._drawn: tuple[object, ...] = ()
        """What the picture was drawn of; drawn again only where that changed."""

    def again(self) -> PhotosScreen | None:
        """The same photos, to be read anew; None where they belong to a report that is not stored."""
        return PhotosScreen(self._of) if self._of is None or self._of.record_id else None

    def body(self) -> ComposeResult:
        yield Static("", id="heading", classes="heading", markup=False)
        with Horizontal():
            yield OptionList(id="photos", markup=False)
            with VerticalScroll(id="seen"):
                yield Static("", id="picture", markup=False)
                yield Static("", id="told", markup=False)
        yield Static("", id="busy", markup=False)

    async def on_mount(self) -> None:
        await super().on_mount()
        self.query_one("#photos", OptionList).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A photo is added to a report, and to none that was signed."""
        if action == ("add" if self._of is None else "open") or (action in OF_ONE and not self._rows):
            return False
        if action in self.WRITES and self._of is not None and self._of.is_signed:
            return False
        return super().check_action(action, parameters)

    async def load(self) -> None:
        from bravetui.views import photos

        store, scope_id = self.desk.services.store, self.desk.services.scope_id
        rows: tuple[PhotoRow, ...] = ()
        tally = Tally(0, 0)
        if self._of is None or self._of.record_id:
            owner = ("submission", self._of.record_id) if self._of is not None else None
            rows = await self.call(photos.photos, store, scope_id, owner, SHOWN_MAX)
            tally = await self.call(photos.tally, store, scope_id, owner)
        seen = (rows, tally, self.not_shown, self.only_reads)
        if seen == self._seen:
            return
        self._seen, self._rows, self._tally = seen, rows, tally
        self.refresh_bindings()
        self._fill()
        await self._show()

    # ------------------------------------------------------------------- shown

    def _fill(self) -> None:
        """Show the list; the cursor stays on its photo."""
        self.query_one("#heading", Static).update(Text(self._heading(), no_wrap=True))
        listed = self.query_one("#photos", OptionList)
        at = self._row()
        number = listed.highlighted or 0
        with self.prevent(OptionList.OptionHighlighted):
            listed.clear_options()
            listed.add_options([Option(self._listed(row), id=row.id) for row in self._rows])
            if not self._rows:
                listed.add_option(Option(Text(self._none()), disabled=True))
                return
            ids = [row.id for row in self._rows]
            known = at is not None and at.id in ids
            listed.highlighted = ids.index(at.id) if at is not None and known else min(number, len(ids) - 1)

    def _heading(self) -> str:
        many = photos_words(self._tally.photos, self._tally.size_bytes) if self._tally.photos else "no photo"
        if self._of is None:
            shown = f", the newest {SHOWN_MAX} shown" if self._tally.photos > len(self._rows) else ""
            return f"The whole project: {many}{shown}"
        return f"{self._of.words}: {many}{f', {KEPT}' if self._of.is_signed else ''}"

    def _none(self) -> str:
        if self.not_shown:
            return self.not_shown
        if self._of is None:
            return NONE_AT_ALL
        return NONE_OF_SIGNED if self._of.is_signed or self.only_reads else NONE_OF_REPORT

    def _listed(self, row: PhotoRow) -> Text:
        return listed_words(row, self.desk.services.zone, max(16, self.size.width - SEEN_TAKES))

    def _row(self) -> PhotoRow | None:
        """The photo under the cursor."""
        listed = self.query_one("#photos", OptionList)
        if listed.highlighted is None:
            return None
        key = listed.get_option_at_index(listed.highlighted).id
        return next((row for row in self._rows if row.id == key), None)

    @on(OptionList.OptionHighlighted, "#photos")
    async def _show(self) -> None:
        """The photo under the cursor: the picture, once, and what is known of it."""
        from bravetui.views import photos

        row = self._row()
        told, picture = self.query_one("#told", Static), self.query_one("#picture", Static)
        if row is None:
            self._drawn = ()
            told.update("")
            picture.update("")
            return
        told.update(told_words(row, self.desk.services.zone))
        of = (row.id, row.here, row.at_central)
        if of == self._drawn:
            return
        drawn = await self.call(photos.in_blocks, self.desk.services.store, row, COLUMNS, self._lines())
        if row != self._row():
            return  # the cursor went on meanwhile
        self._drawn = of
        picture.update(drawn or instead_words(row))
        self.query_one("#seen", VerticalScroll).scroll_home(animate=False)

    def _lines(self) -> int:
        """Lines for the picture, so that a small window has room for the words."""
        return max(4, min(ROWS, self.size.height - 11))

    def on_resize(self, event: events.Resize) -> None:
        """Captions use the room there is."""
        if self._opened:
            self._drawn = ()
            self._fill()
            self.call_later(self._show)

    # -------------------------------------------------------------------- done

    def action_add(self) -> None:
        """Choose a picture, say what it shows, keep it."""
        from bravetui.screens.choose_file import ChooseFileScreen

        if self.may_write():
            self.desk.open(ChooseFileScreen(), self._chosen)

    def _chosen(self, path: Path | None) -> None:
        from bravetui.screens.caption import CaptionScreen

        if path is None:
            return
        words = f"{safe_line(path.name, 80)}\n{ASKED}"
        screen = CaptionScreen(words, saves="Add it")
        self.desk.open(screen, lambda said: self._do(self._take_in(path, said)) if said is not None else None)

    async def _take_in(self, path: Path, caption: str) -> None:
        from bravetui.actions import photos

        assert self._of is not None
        services = self.desk.services
        with self._busy(f"Opening {safe_line(path.name, 60)}… A large picture takes some seconds."):
            if not self._of.record_id:
                assert self._of.begin is not None
                self._of = Report(await self._of.begin(), self._of.words)
            owner = photos.Owner("submission", self._of.record_id)
            added = await self.call(photos.take_in, services.store, services.scope_id, owner, path, caption)
        await self._saved("Saved on this laptop. It goes to central by itself.")
        for listed in self.query("#photos").results(OptionList):
            if added.photo_id in {row.id for row in self._rows}:
                listed.highlighted = listed.get_option_index(added.photo_id)

    def action_caption(self) -> None:
        """Say what the photo shows."""
        from bravetui.screens.caption import CaptionScreen

        row = self._wanted()
        if row is not None:
            screen = CaptionScreen("What does this photo show?", row.caption)
            self.desk.open(screen, lambda said: self._do(self._word(row, said)) if said is not None else None)

    async def _word(self, row: PhotoRow, caption: str) -> None:
        from bravetui.actions import photos

        await self.call(photos.word, self.desk.services.store, row.scope_id, row.id, caption)
        await self._saved("Saved on this laptop.")

    def action_remove(self) -> None:
        """Ask, then take the photo off its report."""
        from bravetui.screens.confirm import ConfirmScreen

        row = self._wanted()
        if row is not None:
            named = f"the photo “{shortened(row.caption, 60)}”" if row.caption else "this photo"
            words = f"Take {named} off its report?"
            self.desk.open(
                ConfirmScreen(words, "Remove"), lambda yes: self._do(self._remove(row)) if yes else None
            )

    async def _remove(self, row: PhotoRow) -> None:
        from bravetui.actions import photos

        await self.call(photos.remove, self.desk.services.store, row.scope_id, row.id)
        await self._saved("Removed.")

    def _wanted(self) -> PhotoRow | None:
        """The photo that is to be changed; says why none can be."""
        return self._row() if self.may_write() else None

    def action_get(self) -> None:
        """Get from central what is not here."""
        row = self._row()
        if row is not None:
            self._do(self._get(row))

    async def _get(self, row: PhotoRow) -> None:
        from bravetui.views import photos

        wanted, bring = photos.to_fetch(row), self.desk.services.bring_photo
        if wanted is None or bring is None:
            whole = "This photo is here in full." if row.here else instead_words(row).plain
            self.notify(whole if wanted is None else "Nothing can be fetched here.", markup=False)
            return
        try:
            with self._busy("Getting it from central…"):
                await bring(row, wanted)
        except Transient as error:
            again = "Press G again where there is a line; all that was here is still here."
            raise BadInput(error.what, again) from error
        await self._reload()
        now = next((one for one in self._rows if one.id == row.id), row)
        more = f" G gets the whole, too: {bytes_words(row.size_bytes)}." if photos.to_fetch(now) else ""
        self.app.notify(f"It is here now.{more}", markup=False)

    async def action_open(self) -> None:
        """Open the form that the photo belongs to."""
        row = self._row()
        if row is not None and row.owner_kind == "submission":
            await self.desk.open_form(row.owner_id)
        elif row is not None:
            self.notify(f"It belongs to no form: {row.owner}", markup=False)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """In a worker of the app's: the keys stay alive, what was begun is finished even if one goes elsewhere, and an error
        is a sentence."""

        async def done() -> None:
            try:
                await work
            except BravetuiError as error:
                self.desk.show_error(error)

        _ = self.app.run_worker(done(), name="photo")

    async def _saved(self, words: str) -> None:
        self.desk.wrote()
        await self._reload()
        self.app.notify(words, timeout=4, markup=False)

    async def _reload(self) -> None:
        if self in self.app.screen_stack:
            await self.load()

    @contextmanager
    def _busy(self, words: str) -> Iterator[None]:
        """Say what is going on, for as long as it does."""
        self._say_busy(words)
        try:
            yield
        finally:
            self._say_busy("")

    def _say_busy(self, words: str) -> None:
        for line in self.query("#busy").results(Static):  # none once one has gone elsewhere
            line.update(Text(words))
            line.display = bool(words)

"""Choose a picture on this machine: on a stick or a card that is in, among one's pictures, or by typing where it is.

An own dialogue: textual-fspicker 1.0.1 ends the app where a stick is pulled out or a card's times are rubbish, and at 80
columns its filter stands a letter a line.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import set_cell_size
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bravetui.base.errors import BravetuiError
from bravetui.base.text import counted, safe_line, shortened
from bravetui.views.folders import ENTRIES_MAX, Entry, Folder, Place
from bravetui.views.words import bytes_words, day_words
from bravetui.widgets import tones
from bravetui.widgets.key_line import KeyLine
from bravetui.widgets.typing import Line

if TYPE_CHECKING:
    from bravetui.screens.base import Desk

TITLE = "Choose a picture   Enter opens, Tab goes on to the next box"
SIZE_TAKES, WHEN_TAKES, AROUND = 9, 21, 4
"""Columns of a file's size, of when it was written, and of what stands around a line."""
QUOTES = "'\""


class ChooseFileScreen(ModalScreen[Path | None]):
    """A file dialogue of three boxes: places, what lies in the folder, and a line to type in. Dismissed with the file."""

    DEFAULT_CSS = """
    ChooseFileScreen { background: $background; overflow: hidden; }
    ChooseFileScreen OptionList { padding: 0 1; }
    ChooseFileScreen #places { height: auto; max-height: 4; }
    ChooseFileScreen #folder { height: 1; padding: 0 1; background: $surface; text-style: bold; }
    ChooseFileScreen #entries { height: 1fr; }
    ChooseFileScreen #said { height: auto; max-height: 3; padding: 0 1; }
    ChooseFileScreen #path { margin: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close"),
        Binding("backspace", "up", "Folder above", key_display="Backspace"),
        Binding("tab", "app.focus_next", "Next box", key_display="Tab"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._places: tuple[Place, ...] = ()
        self._folder: Folder | None = None

    @property
    def _desk(self) -> Desk:
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        yield Static(TITLE, classes="heading", markup=False)
        yield OptionList(id="places", compact=True, markup=False)
        yield Static("", id="folder", markup=False)
        yield OptionList(id="entries", compact=True, markup=False)
        yield Static("", id="said", markup=False)
        yield Line(placeholder="Or type here where it is, and press Enter", called="path")
        yield KeyLine()

    async def on_mount(self) -> None:
        from bravetui.views import folders

        services = self._desk.services
        self._places = await services.run(folders.places)
        listed = self.query_one("#places", OptionList)
        listed.add_options([Option(Text(f"◆ {place.name}", no_wrap=True)) for place in self._places])
        last = (services.last_folder,) if services.last_folder is not None else ()
        for path in (*last, *(place.path for place in self._places)):
            if await self._go(path):
                return

    async def _go(self, path: Path) -> bool:
        """Show what lies in a folder; where it cannot be read, say so and stay."""
        from bravetui.views import folders

        try:
            folder = await self._desk.services.run(folders.look_into, path)
        except BravetuiError as error:
            self._say(str(error))
            return False
        self._folder = folder
        self._say("")
        self.query_one("#folder", Static).update(Text(_ending(str(path), self.size.width - 2)))
        listed = self.query_one("#entries", OptionList)
        listed.clear_options()
        listed.add_options([Option(_up_words(path)), *(Option(self._words(one)) for one in folder.entries)])
        listed.highlighted = min(1, len(folder.entries))
        listed.focus()
        self._say_what_is_left_out(folder)
        return True

    def _say_what_is_left_out(self, folder: Folder) -> None:
        if folder.is_cut:
            self._say(
                f"Only {ENTRIES_MAX:,} of what lies here is shown. Type the name of a file that is not."
            )
        elif folder.others:
            kinds = "JPEG, PNG and WebP pictures can be added"
            self._say(f"{counted(folder.others, 'other file')} not shown: {kinds}.")
        elif not folder.entries:
            self._say("Nothing here.")

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(Text(words, style=tones.warn()))

    def _words(self, entry: Entry) -> Text:
        """A folder's name, or a picture's with its size and when it was written."""
        room = max(10, self.size.width - AROUND)
        if entry.is_folder:
            return Text(f"▸ {shortened(entry.name, room - 3)}/", style="bold", no_wrap=True)
        room = max(10, room - SIZE_TAKES - WHEN_TAKES - 2)
        when = day_words(entry.changed_at, self._desk.services.zone) if entry.changed_at is not None else ""
        name = set_cell_size(shortened(entry.name, room), room)
        size = bytes_words(entry.size_bytes)
        return Text(f"  {name}{size:>{SIZE_TAKES}}{when:>{WHEN_TAKES}}", no_wrap=True)

    @on(OptionList.OptionSelected, "#places")
    async def _to_place(self, event: OptionList.OptionSelected) -> None:
        await self._go(self._places[event.option_index].path)

    @on(OptionList.OptionSelected, "#entries")
    async def _to_entry(self, event: OptionList.OptionSelected) -> None:
        if self._folder is None:
            return
        if event.option_index == 0:
            await self.action_up()
            return
        entry = self._folder.entries[event.option_index - 1]
        if entry.is_folder:
            await self._go(entry.path)
        else:
            self._choose(entry.path)

    @on(Input.Submitted, "#path")
    async def _typed(self, event: Input.Submitted) -> None:
        """A path, as typed or as a terminal pastes a file that was dropped on it: in quotes."""
        text = event.value.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES:
            text = text[1:-1]
        if not text or "\0" in text:
            return
        path = await self._desk.services.run(_path_of, text, self._folder)
        if path.suffix and not await self._desk.services.run(path.is_dir):
            self._choose(path)
        else:
            await self._go(path)

    def _choose(self, path: Path) -> None:
        self._desk.services.last_folder = path.parent
        _ = self.dismiss(path)

    async def action_up(self) -> None:
        """To the folder that this one is in."""
        if self._folder is not None:
            await self._go(self._folder.path.parent)

    def action_close(self) -> None:
        """Choose nothing."""
        _ = self.dismiss(None)


def _up_words(path: Path) -> Text:
    return Text(f"▴ Up to {safe_line(path.parent.name or str(path.parent), 60)}", style="dim", no_wrap=True)


def _ending(path: str, room: int) -> str:
    """The end of a path, by which one knows where one is."""
    line = safe_line(path, 4000)
    return line if len(line) <= room else f"…{line[-(room - 1) :]}"


def _path_of(text: str, folder: Folder | None) -> Path:
    """Whatever was typed, from the folder that is shown; `~` is one's home."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # there is no such person
        path = path.expanduser()
    return folder.path / path if folder is not None else path

"""The live queue: lanes on top, every change below, in words anyone can read; on top of it all the age of the oldest thing
that exists only here."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static
from textual.widgets.data_table import ColumnKey

from bravetui.base.text import counted, shortened
from bravetui.screens.base import WorkScreen
from bravetui.views.queue import Queue, QueueItem
from bravetui.views.status import LaneRow
from bravetui.views.words import bytes_words, clock_words, left_for_words, photos_words, span_words
from bravetui.widgets import tones
from bravetui.widgets.rows import Rows, show_rows

WHY_LEAST, LANES_TAKE = 32, 49
WHAT_LEAST, OTHERS_TAKE = 29, 51
"""Columns for what a change is about at the least, and what the others and the scroll bar take."""

WHY_MAX = 150
"""Characters of what holds photos: two lines at most."""

HOW_CORRECTED = ";\nM opens its form, and what you write there goes with it as one new change"

STATE_SIGNS = {"pending": "↑", "sent": "…", "parked": "⌛", "applied": "✓", "confirmed": "✓✓", "refused": "!"}


class QueueScreen(WorkScreen):
    """The sync queue panel."""

    TITLE_WORDS = "Queue"
    CSS_PATH = "queue.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("r", "retry", "Try now"),
        Binding("s", "send_again", "Send as it is"),
        Binding("m", "mend", "Correct"),
        Binding("l", "app.log", "Log"),
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"mend"})
    HELP = (
        "Critical goes first, even when queued last; then forms, photos, usage.\n"
        "↑ only on this laptop   … gone out, no answer yet   ✓ at central\n"
        "✓✓ confirmed by central's signed checkpoint   ! refused\n"
        "A refused change is kept, and holds back only what follows in its record.\n"
        f"R tries now. With the cursor on a refused change: S sends it again as it is{HOW_CORRECTED}.\n"
        "The office can also release or correct it. L shows what sync did."
    )

    def __init__(self) -> None:
        super().__init__()
        self._items: tuple[QueueItem, ...] = ()

    def body(self) -> ComposeResult:
        yield Static("", id="oldest", classes="words", markup=False)
        yield Static("", id="support", classes="words", markup=False)
        yield Static("", id="photos", classes="words", markup=False)
        yield Rows(id="lanes", cursor_type="none", zebra_stripes=False)
        yield Rows(id="items", cursor_type="row")
        yield Static("", id="why", classes="words", markup=False)

    async def on_mount(self) -> None:
        lanes = self.query_one("#lanes", DataTable)
        for label, width in (
            ("Lane", 9),
            ("Waiting", 8),
            ("Oldest", 11),
            ("Next try", 9),
            ("Why it waits", WHY_LEAST),
        ):
            lanes.add_column(label, width=width, key=label)
        items = self.query_one("#items", DataTable)
        for label, width in (("", 2), ("Lane", 8), ("What", WHAT_LEAST), ("State", 24), ("Tries", 5)):
            items.add_column(label, width=width, key=label)
        self.on_resize()
        await super().on_mount()
        items.focus()

    def on_resize(self) -> None:
        """What a change is about gets the room there is."""
        lanes, items = self.query_one("#lanes", DataTable), self.query_one("#items", DataTable)
        if not items.columns:
            return
        lanes.columns[ColumnKey("Why it waits")].width = max(WHY_LEAST, self.size.width - LANES_TAKE)
        items.columns[ColumnKey("What")].width = max(WHAT_LEAST, self.size.width - OTHERS_TAKE)
        show_rows(items, [(item.dot, self._item_cells(item)) for item in self._items])
        for table in (lanes, items):
            table.refresh(layout=True)

    async def load(self) -> None:
        from bravetui.views import queue

        seen = await self.call(queue.queue, self.desk.services.store)
        self._items = seen.items
        self.query_one("#oldest", Static).update(self._oldest(seen))
        self._tell_support(seen)
        self._tell_photos(seen)
        lanes, items = self.query_one("#lanes", DataTable), self.query_one("#items", DataTable)
        show_rows(lanes, [(lane.lane, self._lane_cells(lane, seen)) for lane in seen.summary.lanes])
        show_rows(items, [(item.dot, self._item_cells(item)) for item in seen.items])
        self._explain()

    def _tell_support(self, seen: Queue) -> None:
        """Who was here as support, for whoever works here."""
        visited, line = seen.summary.support, self.query_one("#support", Static)
        line.display = visited is not None
        if visited is not None:
            when = clock_words(visited.at, seen.summary.now, self.desk.services.zone)
            line.update(Text(f"Support: {visited.who} {visited.did}, {when}. L shows all of it."))

    def _tell_photos(self, seen: Queue) -> None:
        """Why photos wait, in full: their lane has no room for a sentence."""
        left, line = seen.summary.photos, self.query_one("#photos", Static)
        line.display = bool(left.photos and left.why)
        which = counted(left.sick, "photo") if left.sick else "Photos"
        waits = "waits by itself" if left.sick == 1 else "wait by themselves" if left.sick else "wait"
        line.update(Text(f"{which} {waits}: {shortened(left.why or '', WHY_MAX)}", style=tones.warn()))

    def _oldest(self, seen: Queue) -> Text:
        summary, zone = seen.summary, self.desk.services.zone
        if summary.waiting or summary.refused:
            text = Text()
            if summary.waiting:
                exist = "change exists" if summary.waiting == 1 else "changes exist"
                text.append(f"↑ {summary.waiting} {exist} only on this laptop  ", style="bold")
            if summary.refused:
                text.append(f"! {summary.refused} refused and kept here  ", style=tones.bad())
            if summary.oldest_only_here:
                text.append(f"the oldest for {span_words(summary.now - summary.oldest_only_here)}")
            return text
        if summary.photos.photos:
            words = photos_words(summary.photos.photos, summary.photos.size_bytes)
            return Text(f"↑ {words} only on this laptop", style="bold")
        if summary.all_handed_in_at:
            return Text(
                f"✓ All handed in, {clock_words(summary.all_handed_in_at, summary.now, zone)}",
                style=tones.good(),
            )
        if summary.unconfirmed:
            return Text(
                f"✓ {summary.unconfirmed} at central, waiting for its signed confirmation", style="bold"
            )
        return Text("Nothing waits on this laptop.")

    def _lane_cells(self, lane: LaneRow, seen: Queue) -> list[Text]:
        now, zone = seen.summary.now, self.desk.services.zone
        waiting = Text(f"↑ {lane.waiting}" if lane.waiting else "–", style="bold" if lane.waiting else "dim")
        if lane.refused:
            waiting.append(f" !{lane.refused}", style=tones.bad())
        oldest = span_words(now - lane.oldest_at) if lane.oldest_at else ""
        upcoming = lane.next_attempt_at if lane.waiting else None
        next_try = (
            "" if upcoming is None else ("now" if upcoming <= now else f"in {span_words(upcoming - now)}")
        )
        why = (
            lane.why
            if lane.waiting and lane.why
            else (f"{counted(lane.rows_left, 'record')} to come" if lane.rows_left else "")
        )
        if lane.eta_s is not None and not lane.failures:
            why += f"{', ' if why else ''}{left_for_words(lane.eta_s)}"
        if lane.waiting and not (lane.why or lane.rows_left):
            why = f"goes with the next contact{', ' if why else ''}{why}"
        if upcoming and now < upcoming < now + timedelta(minutes=1):
            next_try = f"in {int((upcoming - now).total_seconds()) + 1} s"
        if lane.carries_bytes and seen.summary.photos.photos:
            why = self._bytes_words(seen)
        if not why and lane.last_done_at:
            why = f"done {clock_words(lane.last_done_at, now, zone)}"
        return [Text(lane.label, style="bold"), waiting, Text(oldest), Text(next_try), Text(why)]

    def _bytes_words(self, seen: Queue) -> str:
        """How much of the photos is still to go, and how long that takes, in the room there is."""
        left = seen.summary.photos
        many, room = photos_words(left.photos, left.size_bytes), max(WHY_LEAST, self.size.width - LANES_TAKE)
        if left.why or left.eta_s is None:
            return f"{many} to go"
        eta = left_for_words(left.eta_s)
        told = (f"{many} to go, {eta}", f"{bytes_words(left.size_bytes)} to go, {eta}")
        return next((words for words in told if len(words) <= room), eta)

    def _item_cells(self, item: QueueItem) -> list[Text]:
        style = tones.bad() if item.state == "refused" else "dim" if item.state == "confirmed" else ""
        return [
            Text(STATE_SIGNS[item.state], style=style),
            Text(item.label),
            Text(self._what(item), style=style, no_wrap=True),
            Text(item.state_words, style=style),
            Text(str(item.attempts or "")),
        ]

    def _what(self, item: QueueItem) -> str:
        """Record and change in the room there is; of a long title its beginning."""
        room = max(WHAT_LEAST, self.size.width - OTHERS_TAKE)
        changed = shortened(item.changed, room - 12)
        return f"{shortened(item.title, room - len(changed) - 3)} ({changed})"

    def _item(self) -> QueueItem | None:
        row = self.query_one("#items", DataTable).cursor_row
        return self._items[row] if 0 <= row < len(self._items) else None

    @on(DataTable.RowHighlighted, "#items")
    def _explain(self) -> None:
        """The change under the cursor, in full."""
        item, services = self._item(), self.desk.services
        if item is None:
            self.query_one("#why", Static).update(Text("The queue is empty."))
            return
        now = services.store.clock.now()
        text = Text()
        text.append(f"{item.what}", style="bold")
        text.append(
            f"\nmade {clock_words(item.made_at, now, services.zone)}, {item.size_bytes:,} bytes, change {item.dot}",
            style="dim",
        )
        if item.next_attempt_at and item.next_attempt_at > now:
            text.append(f"  next try {clock_words(item.next_attempt_at, now, services.zone)}")
        if item.why:
            text.append(f"  {item.why}", style=tones.bad() if item.state == "refused" else "")
        self.query_one("#why", Static).update(text)

    def help_words(self) -> str:
        """To correct is for whoever may write here."""
        return self.HELP.replace(HOW_CORRECTED, "") if self.only_reads else self.HELP

    async def action_retry(self) -> None:
        """Forget every pause."""
        await self.desk.action_sync_now()
        await self.load()

    async def action_mend(self) -> None:
        """Open the form of the refused change under the cursor: writing on in it mends it."""
        item = self._item()
        if item is None or item.state != "refused":
            self.notify("For changes that central refused (!): put the cursor on one first.", markup=False)
        elif item.kind == "submission":
            await self.desk.open_form(item.record_id)
        else:
            self.notify("Only a form is corrected here. The office can correct or release it.", markup=False)

    async def action_send_again(self) -> None:
        """Take the refused change under the cursor out of quarantine."""
        from bravetui.actions import queue
        from bravetui.merge.version import Dot

        item = self._item()
        if item is None or item.state != "refused":
            self.notify("Choose a change that was refused (!).", markup=False)
            return
        await self.call(queue.send_again, self.desk.services.store, Dot.parse(item.dot))
        self.desk.wrote()
        await self.load()

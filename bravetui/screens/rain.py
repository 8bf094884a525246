"""Log what the gauge shows. From 0.25 inch on the storm inspection falls due by itself and goes to central first."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.forms.compliance.rain import QUALIFYING_HUNDREDTHS
from bravetui.forms.engine import Asked
from bravetui.forms.template import Question, QuestionKind
from bravetui.screens.base import WorkScreen
from bravetui.widgets.question_field import QuestionField

AMOUNT = Question(
    "amount",
    "",
    QuestionKind.DECIMAL,
    "Rain in the gauge",
    "The total within 24 hours, to 0.01 inch.",
    unit="in",
    places=2,
)
REACHED = Question(
    "reached",
    "",
    QuestionKind.DATETIME,
    "When 0.25 inch had fallen",
    "This starts the 24 hours (CGP 4.2.2). Under 0.25: when it was read.",
)


class RainScreen(WorkScreen):
    """The rain log."""

    TITLE_WORDS = "Rain"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("ctrl+s", "save", "Save", key_display="^S"),
    ]
    HELP = (
        "Write what the gauge shows and when a quarter inch had fallen.\n"
        "The deadline is worked out from that and from the site's working hours."
    )

    LEAVES_TYPED = "This reading is not logged yet. Ctrl+S logs it; the same key again leaves without it."

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, Json] = {}

    def has_typed(self) -> bool:
        return any(self._values.values())

    def body(self) -> ComposeResult:
        with Vertical(id="rain-form"):
            yield Static("Rain on site", classes="heading", markup=False)
            yield Vertical(id="questions")
            with Horizontal():
                yield Button("Save", id="save", variant="success")

    async def on_mount(self) -> None:
        await super().on_mount()
        now = self.desk.services.store.clock.now().astimezone(self.desk.services.zone)
        fields = [
            QuestionField(Asked(q.path, q, None, True, True, ()), now, editable=True)
            for q in (AMOUNT, REACHED)
        ]
        await self.query_one("#questions", Vertical).mount_all(fields)
        fields[0].focus_input()

    def on_question_field_answered(self, event: QuestionField.Answered) -> None:
        self._values[event.path], self._warned = event.value, False

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        await self.action_save()

    async def action_save(self) -> None:
        """Record the reading."""
        from datetime import datetime
        from decimal import Decimal, InvalidOperation

        from bravetui.actions import site
        from bravetui.forms.compliance.rain import inches

        services = self.desk.services
        try:
            amount = int(Decimal(str(self._values.get("amount") or "")) * 100)
            reached = datetime.fromisoformat(str(self._values.get("reached") or ""))
        except (InvalidOperation, ValueError):
            self.notify(
                "Give both: the inches, like 0.42, and the time, like 8/3 6:00 am.",
                severity="warning",
                markup=False,
            )
            return
        try:
            await self.call(site.log_rain, services.store, services.scope_id, amount, reached)
        except BravetuiError as error:
            self.desk.show_error(error)
            return
        due = " The storm inspection is on the first screen." if amount >= QUALIFYING_HUNDREDTHS else ""
        self.notify(Text(f"{inches(amount)} in logged on this laptop.{due}").plain, markup=False)
        self.desk.wrote()
        self.desk.back()

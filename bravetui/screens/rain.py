"""Log what the gauge shows. From 0.25 inch on the storm inspection falls due by itself and goes to central first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.forms.compliance.rain import QUALIFYING_HUNDREDTHS, inches
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


WANTED = {"amount": "Give the inches, like 0.42.", "reached": "Give the time, like 8/3 6:00 am, or now."}


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

    def _say_what_is_missing(self) -> None:
        """At the questions themselves, with the cursor in the first of them."""
        wrong: list[QuestionField] = []
        for field in self.query(QuestionField):
            missing, words = not _reads(field.path, self._values.get(field.path)), WANTED[field.path]
            field.show(replace(field.asked, problems=(words,) if missing else ()))
            wrong += [field] * missing
        for field in wrong[:1]:
            field.focus_input()

    async def action_save(self) -> None:
        """Record the reading."""
        from bravetui.actions import site

        services = self.desk.services
        try:
            amount, reached = _hundredths(self._values.get("amount")), _moment(self._values.get("reached"))
        except (InvalidOperation, ValueError):
            self._say_what_is_missing()
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


def _hundredths(value: Json) -> int:
    return int(Decimal(str(value or "")) * 100)


def _moment(value: Json) -> datetime:
    return datetime.fromisoformat(str(value or ""))


def _reads(path: str, value: Json) -> bool:
    """Whether the answer is an amount, or a time."""
    try:
        return bool(_hundredths(value) if path == "amount" else _moment(value))
    except (InvalidOperation, ValueError):
        return False

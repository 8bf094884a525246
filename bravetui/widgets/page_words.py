"""What is said of the pages of a form: where one is, and how much each page still wants. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from bravetui.base.text import counted, shortened
from bravetui.forms.engine import FormState
from bravetui.forms.template import Section
from bravetui.views.words import short_title, to_do_words
from bravetui.widgets import tones
from bravetui.widgets.question_field import UNANSWERED


def left_in(section: Section, state: FormState) -> tuple[int, int]:
    """How many answers are missing on a page, and how many are wrong."""
    names = {item.path for item in section.items}
    asked = [a for path, a in state.asked.items() if path.split("/")[0] in names and a.problems]
    missing = sum(UNANSWERED in a.problems for a in asked)
    return missing, len(asked) - missing + sum(p.path in names for p in state.row_problems)


def page_words(name: str, left: int | None) -> Text:
    """A page in the list of all; `left` is None for one that asks nothing."""
    text = Text(
        "  " if left is None else "✓ " if not left else "! ",
        style=tones.good() if left == 0 else tones.warn(),
    )
    text.append(name)
    if left:
        text.append(f"  {left}", style=tones.warn())
    return text


def heading_words(
    page: int, names: Sequence[str], left: tuple[int, int], form: str, width: int, photos: int = 0
) -> Text:
    """The line on top: page number and name, what is left to do on it, photos of the report, and as much of the form's title
    as fits."""
    text = Text()
    text.append(f"{page + 1}/{len(names)}  ", style="dim")
    text.append(names[page], style="bold")
    words = to_do_words(*left)
    text.append(f"   {words}" if words else "   ✓ complete", style=tones.warn() if words else tones.good())
    if photos:
        text.append(f"   {counted(photos, 'photo')}")
    text.append(f"   {shortened(short_title(form), max(0, width - text.cell_len - 5))}", style="dim")
    return text

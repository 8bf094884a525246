"""The keys on the last line: as many as fit, none cut off, F1 always among them."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

MORE = ("f4", "f6", "f7", "ctrl+p")
"""Keys of the app that are shown wherever there is room left, in this order."""


class KeyLine(Footer):
    """What can be pressed here. The screen's own keys first, then the app's; what does not fit F1 lists."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        if not self._bindings_ready:
            return
        active = [(one.binding, one.enabled) for one in self.screen.active_bindings.values()]
        shown: dict[str, tuple[Binding, bool]] = {}
        for binding, enabled in active:
            if binding.show:
                shown.setdefault(binding.action, (binding, enabled))
        for key in MORE:
            shown |= {
                one.action: (one, enabled) for one, enabled in active if one.key == key and not one.show
            }
        listed = list(shown.values())
        for told, is_on in fitting(listed, self._width, self.app.size.width):
            shown_key = FooterKey(
                told.key,
                self.app.get_key_display(told),
                told.description,
                told.action,
                disabled=not is_on,
            )
            yield shown_key.data_bind(compact=Footer.compact)

    def _width(self, binding: Binding) -> int:
        return len(self.app.get_key_display(binding)) + len(binding.description) + 2

    def on_resize(self, event: events.Resize) -> None:
        """More room, more keys."""
        self.call_after_refresh(self.recompose)


def fitting(listed: list[tuple[Binding, bool]], width_of: object, room: int) -> list[tuple[Binding, bool]]:
    """The keys that fit, in order; help is kept whatever else is not."""
    assert callable(width_of)
    kept: list[tuple[Binding, bool]] = []
    left = room - sum(width_of(one) for one, _ in listed if one.action == "help")
    for told in listed:
        if told[0].action == "help":
            kept.append(told)
        elif width_of(told[0]) <= left:
            left -= width_of(told[0])
            kept.append(told)
    return kept

"""The app's colours. `sunlight` is for a screen in the sun: black on white, nothing faint.

No meaning is shown by colour alone: beside each there is a sign or a word.
"""

from __future__ import annotations

from textual.theme import Theme

DEFAULT = "dusk"

THEMES: tuple[Theme, ...] = (
    Theme(
        name="dusk",
        primary="#4C9BE8", secondary="#7FB069", accent="#F2A65A", foreground="#E8E6E3", background="#14181D",
        surface="#1B2129", panel="#26303B", success="#7FB069", warning="#F2C14E", error="#F25F5C", dark=True,
        # The marked line keeps a dark ground, on which the three colours that mean something can still be read.
        variables={"block-cursor-background": "#1D3B58", "block-cursor-foreground": "#FFFFFF"},
    ),
    Theme(
        name="paper",
        primary="#1F5FA8", secondary="#3E7D3A", accent="#B35C00", foreground="#1C1C1C", background="#FAF8F4",
        surface="#F0EDE6", panel="#DDD8CD", success="#2E6B2B", warning="#8A5A00", error="#A3231F", dark=False,
    ),
    Theme(
        name="sunlight",
        primary="#0000C8", secondary="#000000", accent="#000000", foreground="#000000", background="#FFFFFF",
        surface="#DADADA", panel="#FFE600", success="#004D00", warning="#5C3A00", error="#8B0000", dark=False,
        variables={
            "text-muted": "#000000", "text-disabled": "#303030", "border": "#000000", "footer-key-foreground": "#0000C8",
            "block-cursor-background": "#FFE600", "block-cursor-foreground": "#000000",
            "block-cursor-blurred-background": "#FFF6A0", "block-cursor-blurred-foreground": "#000000",
        },
    ),
)  # fmt: skip

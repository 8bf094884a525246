"""What is secret, and an ear at each of the program's mouths."""

from __future__ import annotations

import io
import logging
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from bravetui.cli.main import main
from tests.support.keyrings import Held

BREAKS = "Seidenschwanz"
"""What a central that has a fault stumbles over."""
PASSPHRASE, PIN = "Zaunkönig passphrase of four", "Stieglitz-274913"
WRONG_PIN, WRONG_PASSPHRASE = "Pirol-999999", "Wiedehopf is a wrong passphrase"
TEXTS = {
    "an answer": "Rotkehlchen-Löschung", "what was typed and not saved": "Nachtigall", "a finding": "Bachstelze-Grube",
    "a colleague's finding": "Kernbeißer-Grube", "what central refused": "Gimpel-Eintrag", "a caption": "Dompfaff-Bild",
    "what broke central": f"{BREAKS} breaks central", "the foreman's name": "Quirina Haubentaucher",
    "the colleague's name": "Balthasar Zilpzalp",
}  # fmt: skip
"""Personal text: what people typed, and what they are called."""
WORDS = {name: max(re.findall(r"\w+", text), key=len) for name, text in TEXTS.items()}
"""The word that each is known by, though it be cut."""


@dataclass
class Lived:
    """All that was said and written, and what must be nowhere in it."""

    place: Path
    held: Held = field(default_factory=Held)
    said: dict[str, bytes] = field(default_factory=dict)
    """By what said it."""
    secrets: dict[str, str | bytes] = field(default_factory=lambda: {
        "the passphrase": PASSPHRASE, "the PIN": PIN, "a wrong PIN": WRONG_PIN, "a wrong passphrase": WRONG_PASSPHRASE,
        **WORDS,
    })  # fmt: skip

    def hear(self, channel: str, text: str) -> None:
        """Keep what one of the program's mouths said."""
        self.said[channel] = self.said.get(channel, b"") + text.encode("utf-8", "surrogatepass")

    def run(self, channel: str, folder: Path, *words: str, typed: str = "", code: int | None = 0) -> str:
        """A command as a person gives it, with what is typed to its questions."""
        heard = io.StringIO()
        handler = logging.StreamHandler(heard)
        before, sys.stdin = sys.stdin, io.StringIO(typed)
        logging.getLogger().addHandler(handler)
        try:
            with redirect_stdout(heard), redirect_stderr(heard):
                ended = main(["--folder", str(folder), *words])
        finally:
            sys.stdin = before
            logging.getLogger().removeHandler(handler)
        self.hear(channel, heard.getvalue())
        assert code is None or ended == code, (channel, heard.getvalue())
        return heard.getvalue()

    @property
    def laptop(self) -> Path:
        """The folder of the foreman's."""
        return self.place / "laptop"

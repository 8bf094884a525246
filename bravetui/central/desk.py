"""What taking changes needs besides the changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from bravetui.wire.receipt import Sign


@dataclass(frozen=True, slots=True)
class Desk:
    """Where changes are taken, under which epoch, at what time, and with whose signature."""

    engine: Engine
    sign: Sign
    epoch: str
    now: datetime

"""What many months came to, in a small file if asked: a soak of hours can be interrupted, and goes on where it was.

The file is of one program, byte for byte, and of months of one size: what it adds up to is nothing else's.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import bravetui
from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.errors import BadInput
from bravetui.base.files import foreign_file_errors, replace_file
from bravetui.simulate.ending import Fates
from bravetui.simulate.outcome import Outcome, Plan

_COUNTED = ("saved", "changes", "conflicts", "requests", "bytes", "photo_bytes")
_COUNTERS = ("fates", "faults", "photos")


@dataclass
class Tally:
    """What all months came to."""

    lived: set[int] = field(default_factory=set)
    """Their seeds."""
    complained: set[int] = field(default_factory=set)
    unlived: set[int] = field(default_factory=set)
    """Seeds of months that could not be lived; not kept, so that whoever goes on tries them again."""
    took_s: float = 0.0
    saved: int = 0
    changes: int = 0
    conflicts: int = 0
    requests: int = 0
    bytes: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    photos: Counter[str] = field(default_factory=Counter)
    photo_bytes: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one month."""
        if not outcome.fingerprint:
            self.unlived.add(outcome.seed)
            return
        self.lived.add(outcome.seed)
        if outcome.complaints:
            self.complained.add(outcome.seed)
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.faults += outcome.faults
        self.photos += outcome.photos
        self.fates.update({one.name: getattr(outcome.fates, one.name) for one in fields(Fates)})

    def to_json(self) -> dict[str, Json]:
        """As the file has it; seeds as ranges, first and last."""
        numbers: dict[str, Json] = {name: getattr(self, name) for name in ("took_s", *_COUNTED)}
        counters: dict[str, Json] = {name: dict(getattr(self, name)) for name in _COUNTERS}
        return {"lived": _ranges(self.lived), "complained": sorted(self.complained), **numbers, **counters}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; raises KeyError, TypeError, ValueError on anything else."""
        tally = cls({seed for first, last in told["lived"] for seed in range(first, last + 1)})
        tally.complained, tally.took_s = set(told["complained"]), float(told["took_s"])
        for name in _COUNTED:
            setattr(tally, name, int(told[name]))
        for name in _COUNTERS:
            getattr(tally, name).update(told[name])
        return tally


class Record:
    """The file in which a soak's tally is kept, if it is kept; written after every month."""

    def __init__(self, path: Path | None, plan: Plan, *, twice: bool) -> None:
        self._path = path
        self._of: dict[str, Json] = {**asdict(plan), "twice": twice, "program": program() if path else ""}

    def read(self) -> Tally:
        """What is in it so far. Raises BadInput if it is another program's or other months', or no such file."""
        if self._path is None:
            return Tally()
        with foreign_file_errors():
            if not self._path.exists():
                return Tally()
            data = self._path.read_bytes()
        try:
            told = json.loads(data)
            tally = Tally.from_json(told["tally"])
            of = told["of"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{self._path} is not the record of a soak.", "Name another file.") from None
        if of != self._of:
            raise BadInput(
                f"{self._path} is the record of another program, or of months of another size.",
                "Name another file: what a record adds up to is one program's.",
            )
        return tally

    def write(self, tally: Tally) -> None:
        """Put the tally in it, durably."""
        if self._path is not None:
            replace_file(self._path, canonical_bytes({"of": self._of, "tally": tally.to_json()}) + b"\n")


def program() -> str:
    """SHA-256 over every file of the package that runs, by path."""
    folder, digest = Path(bravetui.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _ranges(seeds: Iterable[int]) -> list[Json]:
    runs = groupby(enumerate(sorted(seeds)), key=lambda pair: pair[1] - pair[0])
    found = [[seed for _, seed in run] for _, run in runs]
    return [[run[0], run[-1]] for run in found]

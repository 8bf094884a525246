"""The work that is measured: a day's changes and a month's, made through the same store as everybody's. Seeded."""

from __future__ import annotations

import random
from collections.abc import Sequence

from bravetui.base.canonical import Json
from bravetui.db.store import Store
from bravetui.sample import words as w
from bravetui.sample.site import Seed, Site

EDITABLE: dict[str, tuple[str, ...]] = {
    "submission": ("answers/summary", "answers/temp_f", "answers/weather_now", "answers/location"),
    "delivery": ("note", "storage_location"),
    "daily_log": ("narrative", "high_f", "safety_note"),
    "photo": ("caption",),
    "inspection": ("note",),
    "violation": ("description", "location"),
    "corrective_action": ("action_taken", "condition"),
    "crew_assignment": ("headcount",),
}
"""Fields that people edit, by kind."""

_TEXTS = (
    "answers/summary",
    "note",
    "narrative",
    "safety_note",
    "caption",
    "description",
    "action_taken",
    "condition",
)


class People:
    """Somebody at work on one laptop."""

    def __init__(self, store: Store, site: Site, seed: int) -> None:
        self._store, self._site = store, site
        self._random = random.Random(f"people {seed}")
        self._records = [seed for seed in site.records if seed.kind in EDITABLE]

    def edit(self, count: int, records: Sequence[Seed] | None = None) -> int:
        """Make so many edits, one save each; returns the bytes of the values written, as JSON would have them."""
        chosen = records or self._records
        return sum(self._edit(self._random.choice(chosen)) for _ in range(count))

    def edit_each(self, records: Sequence[Seed]) -> None:
        """One edit of each: as many changes as records, since the edits of one record would fold into one."""
        for record in records:
            self._edit(record)

    def some(self, count: int) -> list[Seed]:
        """A sample of records to work on."""
        return self._random.sample(self._records, min(count, len(self._records)))

    def create(self, count: int) -> int:
        """Record so many deliveries and photos."""
        for number in range(count):
            kind = "delivery" if number % 2 else "photo"
            values = self._delivery() if kind == "delivery" else self._photo()
            with self._store.write() as writing:
                writing.create(kind, self._site.project_id, values)
        return count

    def _delivery(self) -> dict[str, Json]:
        ticket = str(self._random.randint(1, 10**6))
        return {"supplier": self._random.choice(w.SUPPLIERS), "ticket_number": ticket, "note": self._text()}

    def _photo(self) -> dict[str, Json]:
        content = f"{self._random.getrandbits(256):064x}"
        return {"owner_id": self._site.records[-1].id, "sha256": content, "caption": self._text()}

    def drafted(self, record: Seed) -> tuple[str, Json]:
        """An edit that is not made yet: path and value."""
        path = self._random.choice(EDITABLE[record.kind])
        return path, self._text() if path in _TEXTS else self._value(path)

    def _edit(self, record: Seed) -> int:
        path, value = self.drafted(record)
        with self._store.write() as writing:
            writing.edit(record.kind, record.scope_id, record.id, {path: value})
        return len(str(value))

    def _value(self, path: str) -> Json:
        if path in ("high_f", "headcount", "answers/temp_f"):
            return self._random.randint(1, 99)
        return self._random.choice(w.AREAS)

    def _text(self) -> str:
        said = [self._random.choice(w.DEEDS), self._random.choice(w.WORK), self._random.choice(w.STATES)]
        return " ".join(said).replace("{n}", str(self._random.randint(2, 60)))

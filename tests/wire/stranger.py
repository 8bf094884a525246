"""A reader of columns as a stranger would write it: from docs/protocol.md alone, without a thought of speed or harm."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID


class Stranger:
    """One body."""

    def __init__(self, body: bytes) -> None:
        assert body[0] == 1
        self.plan: Iterator[int] = iter(body[1:])
        sizes = [self.count() for _ in range(4)]
        rest = bytes(self.plan)
        plan, numbers, texts, ids = sizes
        self.plan = iter(rest[:plan])
        self.numbers = iter(rest[plan : plan + numbers])
        told = rest[plan + numbers : plan + numbers + texts].decode()
        self.texts = iter(told.split("\0")[:-1])
        uuids = rest[plan + numbers + texts :]
        self.ids = [
            str(UUID(bytes=bytes([*uuids[n : 8 * ids : ids], *uuids[8 * (ids + n) : 8 * (ids + n + 1)]])))
            for n in range(ids)
        ]
        self.raw = iter(uuids[16 * ids :])

    def value(self) -> Any:
        (value,) = self.column(1)
        for part in (self.plan, self.numbers, self.texts, self.raw):
            assert not list(part)
        return value

    def count(self) -> int:
        byte = next(self.plan)
        return byte if byte < 128 else byte - 128 + 128 * self.count()

    def signed(self) -> int:
        doubled = self.count()
        return -(doubled + 1) // 2 if doubled % 2 else doubled // 2

    def bytes_of(self, width: int, n: int) -> list[bytes]:
        """The bytes of each of n values, the lowest first."""
        ranks = [[next(self.numbers) for _ in range(n)] for _ in range(width)]
        return [bytes(rank[place] for rank in ranks) for place in range(n)]

    def integers(self, n: int) -> list[int]:
        if n == 0:
            return []
        head = next(self.plan)
        if head < 16:
            low = self.signed()
            return [low + int.from_bytes(one, "little") for one in self.bytes_of(head, n)]
        numbers, low = [self.signed()], self.signed()
        for one in self.bytes_of(head - 16, n - 1):
            numbers.append(numbers[-1] + low + int.from_bytes(one, "little"))
        return numbers

    def column(self, n: int) -> list[Any]:
        return self.of_kind(next(self.plan), n) if n else []

    def of_kind(self, kind: int, n: int) -> list[Any]:
        if kind < 3:
            return [(None, False, True)[kind]] * n
        if kind == 3:
            return list(self.integers(n))
        if kind == 4:
            return [struct.unpack("<d", one)[0] for one in self.bytes_of(8, n)]
        if kind == 6:
            lengths = self.integers(n)
            items = iter(self.column(sum(lengths)))
            return [[next(items) for _ in range(length)] for length in lengths]
        if kind == 7:
            return self.objects(n)
        if kind == 8:
            return self.mixed(n)
        strings = self.strings(n)
        return [int(text) for text in strings] if kind == 9 else list(strings)

    def mixed(self, n: int) -> list[Any]:
        kinds = [next(self.plan) for _ in range(next(self.plan))]
        which = self.integers(n)
        values = [iter(self.of_kind(kind, which.count(place))) for place, kind in enumerate(kinds)]
        return [next(values[place]) for place in which]

    def objects(self, n: int) -> list[dict[str, Any]]:
        names_and_shared, shape_count = self.count(), self.count()
        name_count = names_and_shared // 2
        if not name_count:
            return [{} for _ in range(n)]
        names = self.strings(name_count)
        lengths = self.integers(shape_count)
        members = iter(self.integers(sum(lengths)))
        shapes = [[next(members) for _ in range(length)] for length in lengths]
        which = self.integers(n)
        columns = self.integers(name_count) if names_and_shared % 2 else list(range(name_count))
        found: dict[tuple[int, int], Any] = {}
        for column in range(max(columns) + 1):
            places = [
                (place, name)
                for name in range(name_count)
                if columns[name] == column
                for shape in range(shape_count)
                if name in shapes[shape]
                for place in range(n)
                if which[place] == shape
            ]
            found |= dict(zip(places, self.column(len(places)), strict=True))
        return [{names[name]: found[place, name] for name in shapes[which[place]]} for place in range(n)]

    def strings(self, n: int) -> list[str]:
        spelling = next(self.plan)
        if spelling == 10:
            different, which = self.count(), self.integers(n)
            once = self.spelled(next(self.plan), different)
            return [once[place] for place in which]
        return self.spelled(spelling, n)

    def spelled(self, spelling: int, n: int) -> list[str]:
        if spelling == 0:
            return [next(self.texts) for _ in range(n)]
        if spelling == 1:
            return [self.ids[place] for place in self.integers(n)]
        if spelling == 2:
            return [f"{device}.{counter}" for device, counter in self.pairs(n)]
        if spelling == 3:
            return [f"{wall:011x}{counter:04x}" for wall, counter in self.pairs(n)]
        if spelling == 4:
            began = datetime(1970, 1, 1, tzinfo=UTC)
            moments = [began + timedelta(microseconds=ticks) for ticks in self.integers(n)]
            return [moment.isoformat().replace("+00:00", "Z") for moment in moments]
        if spelling == 5:
            size = self.count()
            return [bytes(next(self.raw) for _ in range(size)).hex() for _ in range(n)]
        if spelling == 6:
            raw = [bytes(next(self.raw) for _ in range(64)) for _ in range(n)]
            return [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in raw]
        if spelling == 7:
            return [f"{Decimal(number).scaleb(-places):f}" for places, number in self.pairs(n)]
        if spelling == 8:
            before, behind = next(self.texts), next(self.texts)
            return [f"{before}{number}{behind}" for number in self.spelled(7, n)]
        assert spelling == 9
        templates = self.strings(n)
        ids = iter(self.integers(sum(text.count("\x01") for text in templates)))
        return ["".join(self.ids[next(ids)] if one == "\x01" else one for one in text) for text in templates]

    def pairs(self, n: int) -> list[tuple[int, int]]:
        first = self.integers(n)
        return list(zip(first, self.integers(n), strict=True))

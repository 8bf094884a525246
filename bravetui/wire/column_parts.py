"""The parts of a columnar body: like stands beside like in them, so that a compressor finds it.

A `Writer` gathers the plan, numbers, texts, ids and raw bytes of a value; a `Reader` gives them out in the same order, each
part with a place of its own. Nothing is made that the body does not pay for: every length is checked before it is used, and
what repeats for nothing is charged to a budget. Knows no JSON; docs/protocol.md has the layout.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise

from bravetui.base.errors import BadInput

VERSION = 1

VALUE_BYTES = 4
"""What a value counts against the limit of a body, and a string by its length besides. No body makes more than four million
values, and what is a quarter of the limit as JSON always passes: the largest answer that central gives."""

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
"""What a column of numbers holds."""

_DELTA = 0x10
_NUMBER_BYTES = 8
_VARINT_BYTES_MAX = 10
_ID_BYTES = 16
_ID_PLANES = 8
"""The first bytes of a UUID (version 7) are a time: they are alike and stand together. The others are dice."""


def damaged() -> BadInput:
    """The error for a body that no writer has made."""
    return BadInput("The body is damaged.", "Send it again.")


class Writer:
    """Takes what describes a value, part by part."""

    def __init__(self) -> None:
        self.plan = bytearray()
        self._numbers: list[bytes] = []
        self._texts: list[str] = []
        self._ids: dict[str, int] = {}
        self._raw: list[bytes] = []

    def count(self, number: int) -> None:
        """A whole number of at least 0, seven bits a byte, the lowest first; the top bit says that more follow."""
        while number > 0x7F:
            self.plan.append(number & 0x7F | 0x80)
            number >>= 7
        self.plan.append(number)

    def _signed(self, number: int) -> None:
        self.count(number * 2 if number >= 0 else -number * 2 - 1)

    def integers(self, numbers: Sequence[int]) -> None:
        """A column of numbers, as they are or as the steps between them, whichever repeat more; bytes of a rank together."""
        if len(numbers) < 2:
            for number in numbers:
                self.plan.append(0)
                self._signed(number)
            return
        steps = [after - before for before, after in pairwise(numbers)]
        low, span = min(steps), max(steps) - min(steps)
        in_steps = len(set(steps)) < len(set(numbers)) and span <= INT_MAX - INT_MIN
        if not in_steps:
            steps, low, span = list(numbers), min(numbers), max(numbers) - min(numbers)
        width = (span.bit_length() + 7) // 8
        self.plan.append(width | (_DELTA if in_steps else 0))
        if in_steps:
            self._signed(numbers[0])
        self._signed(low)
        if width:
            packed = struct.pack(f"<{len(steps)}Q", *[step - low for step in steps])
            self._numbers += [packed[rank::_NUMBER_BYTES] for rank in range(width)]

    def floats(self, numbers: Sequence[float]) -> None:
        """A column of binary floating point (IEEE 754, eight bytes)."""
        packed = struct.pack(f"<{len(numbers)}d", *numbers)
        self._numbers += [packed[rank::_NUMBER_BYTES] for rank in range(_NUMBER_BYTES)]

    def texts(self, texts: Collection[str]) -> None:
        """Strings; each is written with a NUL behind it, so none may hold one."""
        self._texts += texts

    def ids(self, ids: Sequence[str]) -> None:
        """UUIDs: each stands in the body once."""
        known = self._ids
        self.integers([known.setdefault(one, len(known)) for one in ids])

    def raw(self, data: bytes) -> None:
        """Bytes that nothing can be said about."""
        self._raw.append(data)

    def finish(self) -> bytes:
        """The body. Raises BadInput for text that cannot be written."""
        numbers, texts = b"".join(self._numbers), self._joined()
        ids = bytes.fromhex("".join(self._ids).replace("-", ""))
        head, self.plan = self.plan, bytearray([VERSION])
        for size in (len(head), len(numbers), len(texts), len(self._ids)):
            self.count(size)
        return b"".join((self.plan, head, numbers, texts, _by_rank(ids), *self._raw))

    def _joined(self) -> bytes:
        joined = "\0".join([*self._texts, ""])
        if joined.count("\0") != len(self._texts):
            raise BadInput("Text holds a NUL character, which cannot be stored.")
        try:
            return joined.encode()
        except UnicodeEncodeError as error:
            raise BadInput("Text holds half a surrogate pair, which cannot be stored.") from error


def _by_rank(ids: bytes) -> bytes:
    planes = [ids[rank::_ID_BYTES] for rank in range(_ID_PLANES)]
    rests = [ids[start + _ID_PLANES : start + _ID_BYTES] for start in range(0, len(ids), _ID_BYTES)]
    return b"".join((*planes, *rests))


class Reader:
    """Gives out what a body holds. Raises BadInput for one that is damaged, or unpacks into more than `limit_bytes`."""

    def __init__(self, data: bytes, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._plan, self._plan_at = data, 1
        if data[:1] != bytes([VERSION]):
            raise BadInput("The body is of a columnar form that is not understood.", "Send it as JSON.")
        plan, numbers, texts, ids = (self.count() for _ in range(4))
        sizes = (self._plan_at, plan, numbers, texts, ids * _ID_BYTES)
        if sum(sizes) > len(data):
            raise damaged()
        ends = list(accumulate(sizes))
        self._plan_at, self._plan = 0, data[ends[0] : ends[1]]
        self._numbers_at, self._numbers = 0, data[ends[1] : ends[2]]
        self._texts_at, self._texts = 0, self._split(data[ends[2] : ends[3]])
        self._ids = self._spelled(data[ends[3] : ends[4]], ids)
        self._raw_at, self._raw = 0, data[ends[4] :]

    def _split(self, section: bytes) -> list[str]:
        self.charge(section.count(0) * VALUE_BYTES)
        try:
            texts = section.decode().split("\0")
        except UnicodeDecodeError as error:
            raise damaged() from error
        if texts.pop():
            raise damaged()
        return texts

    def _spelled(self, section: bytes, count: int) -> list[str]:
        self.charge(count * VALUE_BYTES)
        ids, rests = bytearray(len(section)), section[_ID_PLANES * count :]
        for rank in range(_ID_PLANES):
            ids[rank::_ID_BYTES] = section[rank * count : (rank + 1) * count]
            ids[rank + _ID_PLANES :: _ID_BYTES] = rests[rank::_ID_PLANES]
        digits = ids.hex()
        return [
            f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"
            for one in [digits[start : start + 32] for start in range(0, len(digits), 32)]
        ]

    def charge(self, size_bytes: int) -> None:
        """Take from the budget what is about to be made."""
        self._left -= size_bytes
        if self._left < 0:
            raise BadInput("The body unpacks into more than one may hold.", "Send it in smaller batches.")

    def byte(self) -> int:
        """The next byte of the plan."""
        self._plan_at += 1
        if self._plan_at > len(self._plan):
            raise damaged()
        return self._plan[self._plan_at - 1]

    def count(self) -> int:
        """What `Writer.count` wrote."""
        number = self.byte()
        if number < 0x80:
            return number
        number &= 0x7F
        for place in range(1, _VARINT_BYTES_MAX):
            byte = self.byte()
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return number
        raise damaged()

    def _signed(self) -> int:
        number = self.count()
        return -(number + 1 >> 1) if number & 1 else number >> 1

    def integers(self, count: int) -> list[int]:
        """So many numbers; whoever asks has charged for them."""
        if not count:
            return []
        head = self.byte()
        width, in_steps = head & ~_DELTA, bool(head & _DELTA)
        if width > _NUMBER_BYTES:
            raise damaged()
        first = [self._signed()] if in_steps else []
        low, stored = self._signed(), count - len(first)
        if width:
            numbers = [low + number for number in struct.unpack(f"<{stored}Q", self._planes(stored, width))]
        else:
            numbers = [low] * stored
        return list(accumulate(first + numbers)) if in_steps else numbers

    def indexes(self, count: int, below: int) -> list[int]:
        """So many numbers, each at least 0 and below the given one."""
        numbers = self.integers(count)
        if numbers and not 0 <= min(numbers) <= max(numbers) < below:
            raise damaged()
        return numbers

    def sizes(self, count: int) -> tuple[list[int], int]:
        """So many lengths, and their sum, which is charged as so many values."""
        numbers = self.integers(count)
        if numbers and min(numbers) < 0:
            raise damaged()
        total = sum(numbers)
        self.charge(total * VALUE_BYTES)
        return numbers, total

    def floats(self, count: int) -> list[float]:
        """So many numbers of binary floating point."""
        return list(struct.unpack(f"<{count}d", self._planes(count, _NUMBER_BYTES)))

    def _planes(self, count: int, width: int) -> bytearray:
        start, self._numbers_at = self._numbers_at, self._numbers_at + count * width
        if self._numbers_at > len(self._numbers):
            raise damaged()
        whole = bytearray(count * _NUMBER_BYTES)
        for rank in range(width):
            whole[rank::_NUMBER_BYTES] = self._numbers[start + rank * count : start + (rank + 1) * count]
        return whole

    def texts(self, count: int) -> list[str]:
        """The next strings."""
        start, self._texts_at = self._texts_at, self._texts_at + count
        if self._texts_at > len(self._texts):
            raise damaged()
        return self._texts[start : self._texts_at]

    def ids(self, count: int) -> list[str]:
        """The next UUIDs."""
        known = self._ids
        return [known[place] for place in self.indexes(count, len(known))]

    def raw(self, size: int) -> bytes:
        """The next bytes."""
        start, self._raw_at = self._raw_at, self._raw_at + size
        if self._raw_at > len(self._raw):
            raise damaged()
        return self._raw[start : self._raw_at]

    def finish(self) -> None:
        """Return if nothing is left over. Raises BadInput otherwise."""
        places = (self._plan_at, self._numbers_at, self._texts_at, self._raw_at)
        if places != (len(self._plan), len(self._numbers), len(self._texts), len(self._raw)):
            raise damaged()

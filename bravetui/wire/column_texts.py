"""Strings of one column, in the shortest of a few spellings that give back every one of them to the letter.

Ids, dots, stamps, times, hashes, signatures and decimal numbers are what they stand for; what repeats stands once; all else
is text. Each spelling has a writer and a reader side by side; one string that nearly fits makes the whole column text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TypeAlias

from bravetui.wire.column_parts import VALUE_BYTES, Reader, Writer, damaged

TEXT, IDS, DOTS, STAMPS, MOMENTS, HEX, SIGNATURES, DECIMALS, AROUND, WITH_IDS, REPEATS = range(11)
"""Codes of the spellings."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IDS = re.compile(rf"(?:{_ID.pattern})++")
_DIGIT = re.compile(r"[0-9]")
_HEX = re.compile(r"[0-9a-f]++")
_DOTS = re.compile(r"(?:(?:0|[1-9][0-9]{0,17})\.[1-9][0-9]{0,17}\n)++")
_SIGNATURES = re.compile(r"[A-Za-z0-9_-]++")
_MOMENTS = re.compile(
    r"(?:[0-9]{4}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.(?!0{6})[0-9]{6})?Z\n)++"
)
_DECIMALS = re.compile(r"(?:(?!-0(?:\.0+)?\n)-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?\n)++")
_AROUND = re.compile(r"([^0-9]*?)(-?[0-9]+(?:\.[0-9]+)?)([^0-9]*)")

_ID_CHARS, _STAMP_CHARS, _WALL_CHARS, _SIGNATURE_CHARS = 36, 15, 11, 86
_SIGNATURE_BYTES = 64
_HEX_CHARS_MIN = 8
_PLACES_MAX = 18
_MARK = "\x01"
"""Stands where an id was cut out of a text."""
_SCAN_CHARS = 20_000
"""How far a column is searched for ids inside its texts: they are in all of them, or in few."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def write_texts(texts: Sequence[str], to: Writer) -> None:
    """Write a column of at least one string."""
    different = dict.fromkeys(texts)
    if len(texts) > 1 and 2 * len(different) <= len(texts):
        places = {text: place for place, text in enumerate(different)}
        to.plan.append(REPEATS)
        to.count(len(different))
        to.integers([places[text] for text in texts])
        texts = list(different)
    # What has a spelling of its own has digits: most columns of words are not tried any further.
    for write in _WRITERS if _DIGIT.search(texts[0]) else _WRITERS[-1:]:
        if write(texts, to):
            return
    to.plan.append(TEXT)
    to.texts(texts)


def without_ids(text: str) -> str:
    """The text with a mark in place of each id: two that differ in nothing else are of one kind."""
    return _ID.sub(_MARK, text)


def read_texts(count: int, given: Reader) -> list[str]:
    """So many strings; whoever asks has charged for them as values, here they are charged by their length."""
    return _read(count, given, _READERS)


def _read(count: int, given: Reader, readers: Mapping[int, _Read]) -> list[str]:
    if not count:
        return []
    code = given.byte()
    if code == REPEATS:
        different = given.count()
        given.charge(different * VALUE_BYTES)
        places = given.indexes(count, different)
        once = _read_once(given.byte(), different, given, readers)
        texts = [once[place] for place in places]
    else:
        texts = _read_once(code, count, given, readers)
    given.charge(sum(map(len, texts)))
    return texts


def _read_once(code: int, count: int, given: Reader, readers: Mapping[int, _Read]) -> list[str]:
    if code not in readers:
        raise damaged()
    return readers[code](count, given)


def _of_length(texts: Sequence[str], chars: int, pattern: re.Pattern[str]) -> bool:
    if len(texts[0]) != chars or set(map(len, texts)) != {chars}:
        return False
    return pattern.fullmatch("".join(texts)) is not None


def _lines(texts: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    """The strings if each fits the pattern; none otherwise. The first is tried alone: most columns fail there."""
    if not pattern.fullmatch(f"{texts[0]}\n"):
        return []
    joined = "\n".join(texts) + "\n"
    fits = joined.count("\n") == len(texts) and pattern.fullmatch(joined)
    return list(texts) if fits else []


def _write_ids(texts: Sequence[str], to: Writer) -> bool:
    if not _of_length(texts, _ID_CHARS, _IDS):
        return False
    to.plan.append(IDS)
    to.ids(texts)
    return True


def _read_ids(count: int, given: Reader) -> list[str]:
    return given.ids(count)


def _write_stamps(texts: Sequence[str], to: Writer) -> bool:
    if not _of_length(texts, _STAMP_CHARS, _HEX):
        return False
    to.plan.append(STAMPS)
    to.integers([int(text[:_WALL_CHARS], 16) for text in texts])
    to.integers([int(text[_WALL_CHARS:], 16) for text in texts])
    return True


def _read_stamps(count: int, given: Reader) -> list[str]:
    walls, counters = given.integers(count), given.integers(count)
    return [f"{wall:011x}{counter:04x}" for wall, counter in zip(walls, counters, strict=True)]


def _write_signatures(texts: Sequence[str], to: Writer) -> bool:
    if not _of_length(texts, _SIGNATURE_CHARS, _SIGNATURES):
        return False
    raw = [base64.urlsafe_b64decode(f"{text}==") for text in texts]
    if _signatures(raw) != list(texts):
        return False
    to.plan.append(SIGNATURES)
    to.raw(b"".join(raw))
    return True


def _signatures(raw: Sequence[bytes]) -> list[str]:
    return [base64.urlsafe_b64encode(one).decode()[:_SIGNATURE_CHARS] for one in raw]


def _read_signatures(count: int, given: Reader) -> list[str]:
    raw = given.raw(count * _SIGNATURE_BYTES)
    return _signatures(
        [raw[start : start + _SIGNATURE_BYTES] for start in range(0, len(raw), _SIGNATURE_BYTES)]
    )


def _write_hex(texts: Sequence[str], to: Writer) -> bool:
    chars = len(texts[0])
    if chars < _HEX_CHARS_MIN or chars % 2 or not _of_length(texts, chars, _HEX):
        return False
    to.plan.append(HEX)
    to.count(chars // 2)
    to.raw(bytes.fromhex("".join(texts)))
    return True


def _read_hex(count: int, given: Reader) -> list[str]:
    chars = given.count() * 2
    if not chars:
        raise damaged()
    digits = given.raw(count * chars // 2).hex()
    return [digits[start : start + chars] for start in range(0, len(digits), chars)]


def _write_dots(texts: Sequence[str], to: Writer) -> bool:
    if not _lines(texts, _DOTS):
        return False
    numbers = list(map(int, " ".join(texts).replace(".", " ").split()))
    to.plan.append(DOTS)
    to.integers(numbers[::2])
    to.integers(numbers[1::2])
    return True


def _read_dots(count: int, given: Reader) -> list[str]:
    devices, counters = given.integers(count), given.integers(count)
    return [f"{device}.{counter}" for device, counter in zip(devices, counters, strict=True)]


def _write_moments(texts: Sequence[str], to: Writer) -> bool:
    if not _lines(texts, _MOMENTS):
        return False
    try:
        ticks = [(moment - _EPOCH) // _TICK for moment in map(datetime.fromisoformat, texts)]
    except ValueError:  # the thirtieth of February
        return False
    to.plan.append(MOMENTS)
    to.integers(ticks)
    return True


def _read_moments(count: int, given: Reader) -> list[str]:
    try:
        moments = [_EPOCH + timedelta(microseconds=ticks) for ticks in given.integers(count)]
    except OverflowError as error:
        raise damaged() from error
    return [f"{moment.isoformat()[:-6]}Z" for moment in moments]


def _write_decimals(texts: Sequence[str], to: Writer) -> bool:
    if len(texts) < 2 or not _lines(texts, _DECIMALS):
        return False
    to.plan.append(DECIMALS)
    _put_decimals(texts, to)
    return True


def _put_decimals(texts: Sequence[str], to: Writer) -> None:
    to.integers([len(text.partition(".")[2]) for text in texts])
    to.integers(list(map(int, " ".join(texts).replace(".", "").split())))


def _read_decimals(count: int, given: Reader) -> list[str]:
    places = given.indexes(count, _PLACES_MAX + 1)
    return [_decimal(number, right) for number, right in zip(given.integers(count), places, strict=True)]


def _decimal(number: int, places: int) -> str:
    if not places:
        return str(number)
    digits = f"{abs(number):0{places + 1}d}"
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _write_around(texts: Sequence[str], to: Writer) -> bool:
    """Numbers with the same words before and behind them: `IMG_3125.jpg`, `12 in`."""
    found = _AROUND.fullmatch(texts[0]) if len(texts) > 1 else None
    if not found:
        return False
    before, _, behind = found.groups()
    numbers = [text[len(before) : len(text) - len(behind)] for text in texts]
    if [f"{before}{number}{behind}" for number in numbers] != list(texts) or not _lines(numbers, _DECIMALS):
        return False
    to.plan.append(AROUND)
    to.texts((before, behind))
    _put_decimals(numbers, to)
    return True


def _read_around(count: int, given: Reader) -> list[str]:
    before, behind = given.texts(2)
    given.charge(count * (len(before) + len(behind)))
    return [f"{before}{number}{behind}" for number in _read_decimals(count, given)]


def _write_with_ids(texts: Sequence[str], to: Writer) -> bool:
    """Texts with ids inside: `answers/controls/<id>/need`. What is left of them repeats."""
    joined = "\0".join(texts)
    if not _ID.search(joined, 0, _SCAN_CHARS) or _MARK in joined or joined.count("\0") >= len(texts):
        return False
    to.plan.append(WITH_IDS)
    write_texts(_ID.sub(_MARK, joined).split("\0"), to)
    to.ids(_ID.findall(joined))
    return True


def _read_with_ids(count: int, given: Reader) -> list[str]:
    joined = "\0".join(_read(count, given, _INSIDE))
    given.charge(joined.count(_MARK) * (VALUE_BYTES + _ID_CHARS))
    parts = joined.split(_MARK)
    ids = given.ids(len(parts) - 1)
    return "".join(chain.from_iterable(zip(parts, [*ids, ""], strict=True))).split("\0")


def _read_plain(count: int, given: Reader) -> list[str]:
    return given.texts(count)


_Read: TypeAlias = Callable[[int, Reader], list[str]]

_WRITERS = (
    _write_ids, _write_stamps, _write_signatures, _write_hex, _write_dots, _write_moments, _write_decimals, _write_around,
    _write_with_ids,
)  # fmt: skip
"""In the order they are tried."""

_INSIDE: dict[int, _Read] = {
    TEXT: _read_plain, IDS: _read_ids, DOTS: _read_dots, STAMPS: _read_stamps, MOMENTS: _read_moments, HEX: _read_hex,
    SIGNATURES: _read_signatures, DECIMALS: _read_decimals, AROUND: _read_around,
}  # fmt: skip
"""What may be left of texts when their ids are cut out: no ids, so nothing nests."""

_READERS: dict[int, _Read] = {**_INSIDE, WITH_IDS: _read_with_ids}

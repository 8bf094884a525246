"""Bodies on the wire: JSON, or the same in columns, compressed as the two ends agree by HTTP's headers (RFC 9110).

Between bravetui's own ends columns, in zstd (RFC 8878) with a dictionary that both carry (`dcz`, RFC 9842); JSON in zstd,
gzip or nothing for strangers. What came in columns is read as the JSON it stands for, so both are held to the same rules. A
body is never read past its limit, so a few kilobytes cannot unpack into gigabytes.
"""

from __future__ import annotations

import re
import sys
import zlib
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from bravetui.base.errors import BadInput
from bravetui.wire import columns
from bravetui.wire.change import Message, first_fault
from bravetui.wire.dictionary import Dictionary, current, dictionaries
from bravetui.wire.messages import BODY_BYTES_MAX

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON_TYPE = "application/json"
COLUMNS_TYPE = "application/vnd.bravetui.columns"
"""Media types of bodies."""

ZSTD_LEVEL = 9
"""Of JSON. Level 3 costs 8 % more bytes; level 19 saves 8 % for many times the CPU, and so the battery."""

COLUMNS_LEVEL = 14
"""Of columns, a third of the bytes to begin with. Level 9 costs 3 to 6 % more bytes, and there is 1 % to gain beyond."""

COLUMNS_LARGE_BYTES = 256 * 1024
"""From here on columns get the level of JSON: 2 % more bytes for a fifth of the CPU, on a line that is good, or nobody would
send so much at a time."""

DCZ_MAGIC = bytes.fromhex("5e2a4d1820000000")
"""A skippable frame of 32 bytes, in which the dictionary's SHA-256 stands (RFC 9842 section 5)."""

_WINDOW = {int(zstd.DecompressionParameter.window_log_max): 24}
"""The memory that a frame may ask for: 16 MiB, as much as a body. A header could ask for 128 (RFC 8878 section 7.2)."""

VALUES_MAX = 1_000_000
"""Values in one body, about: the largest that either end sends has a third of it. Each takes a hundred bytes once it is
read, and may have taken three on the wire, or none to speak of when packed (CWE-409)."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An escaped NUL in JSON; an escaped backslash before `u0000` is a person who typed just that."""

_M = TypeVar("_M", bound=Message)


class TooLarge(BadInput):
    """A body past the limit: the same in smaller batches may pass."""


class UnknownEncoding(BadInput):
    """A body packed in a way, or with a dictionary, that this end does not know: plain zstd may pass."""


def encode(
    message: Message,
    encoding: str = "zstd",
    dictionary: Dictionary | None = None,
    media_type: str = JSON_TYPE,
) -> bytes:
    """A compressed message; `encoding` is `dcz` (with the current dictionary unless given), `zstd`, `gzip` or `identity`.

    Raises BadInput for one that columns cannot carry.
    """
    raw, level = message.model_dump_json(exclude_defaults=True).encode(), ZSTD_LEVEL
    if media_type == COLUMNS_TYPE:
        raw = columns.pack(from_json(raw))
        level = COLUMNS_LEVEL if len(raw) < COLUMNS_LARGE_BYTES else ZSTD_LEVEL
    if encoding == "dcz":
        shared = dictionary or current()
        packed = zstd.compress(raw, level=level, zstd_dict=shared.raw.as_digested_dict)
        return DCZ_MAGIC + shared.digest + packed
    if encoding == "zstd":
        return zstd.compress(raw, level=level)
    if encoding == "gzip":
        return _gzip(raw)
    return raw


def encode_as(
    message: Message, media_type: str, encoding: str, dictionary: Dictionary | None = None
) -> tuple[bytes, str]:
    """The message in that form, or as JSON where columns cannot carry it; and the form it came to."""
    try:
        return encode(message, encoding, dictionary, media_type), media_type
    except BadInput:
        return encode(message, encoding, dictionary), JSON_TYPE


def media_type_of(header: str) -> str:
    """The form of a body, by its Content-Type: whatever is not columns is read as JSON.

    >>> media_type_of("Application/VND.bravetui.columns; v=1"), media_type_of("")
    ('application/vnd.bravetui.columns', 'application/json')
    """
    told = header.partition(";")[0].strip().lower()
    return COLUMNS_TYPE if told == COLUMNS_TYPE else JSON_TYPE


def _gzip(raw: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(raw) + packer.flush()


def unpack(body: bytes, encoding: str, limit_bytes: int = BODY_BYTES_MAX) -> bytes:
    """The bytes of a body. Raises BadInput when they are damaged, cut short, too large or of an unknown encoding."""
    try:
        if encoding in ("zstd", "dcz"):
            shared = None
            if encoding == "dcz":
                found, body = _dictionary_of(body)
                shared = found.raw
            unpacker = zstd.ZstdDecompressor(shared, options=_WINDOW)
            raw, done = unpacker.decompress(body, max_length=limit_bytes + 1), unpacker.eof
        elif encoding == "gzip":
            inflater = zlib.decompressobj(31)
            raw = inflater.decompress(body, limit_bytes + 1)
            done = inflater.eof
        elif encoding in ("", "identity"):
            raw, done = body, True
        else:
            raise UnknownEncoding(
                f"The encoding {encoding[:20]!r} is not understood.", "Send zstd, gzip or plain JSON."
            )
    except (zstd.ZstdError, zlib.error) as error:
        raise BadInput("The body is damaged.", "Send it again.") from error
    if len(raw) > limit_bytes:
        raise TooLarge(f"The body is larger than {limit_bytes:,} bytes.", "Send it in smaller batches.")
    if not done:
        raise BadInput("The body was cut short.", "Send it again.")
    return raw


def _dictionary_of(body: bytes) -> tuple[Dictionary, bytes]:
    """The dictionary that the header of a `dcz` body names, and the zstd frame behind it."""
    start = len(DCZ_MAGIC)
    if len(body) < start + 32 or not body.startswith(DCZ_MAGIC):
        raise BadInput("The body is not a dcz stream.", "Send it again.")
    shared = dictionaries().get(body[start : start + 32])
    if shared is None:
        raise UnknownEncoding("The body is packed with an unknown dictionary.", "Send it as plain zstd.")
    return shared, body[start + 32 :]


def unpack_json(
    body: bytes, encoding: str, media_type: str = JSON_TYPE, limit_bytes: int = BODY_BYTES_MAX
) -> bytes:
    """The JSON of a body, whichever form it came in. Raises BadInput as `unpack` does."""
    told = unpack(body, encoding, limit_bytes)
    if media_type == COLUMNS_TYPE:
        told = to_json(columns.unpack(told, limit_bytes))
        if len(told) > limit_bytes:
            raise TooLarge(f"The body is larger than {limit_bytes:,} bytes.", "Send it in smaller batches.")
    if len(told) > VALUES_MAX and values_in(told) > VALUES_MAX:
        raise TooLarge(f"The body holds more than {VALUES_MAX:,} values.", "Send it in smaller batches.")
    return told


def values_in(raw: bytes) -> int:
    """How many values JSON holds, about: by the signs between them. Those inside of texts count too; no prose has as many.

    >>> values_in(b'{"a": [1, 2, "so, so"]}')
    5
    """
    return sum(map(raw.count, (b",", b"[", b"{")))


def decode(
    kind: type[_M],
    body: bytes,
    encoding: str = "",
    media_type: str = JSON_TYPE,
    limit_bytes: int = BODY_BYTES_MAX,
) -> _M:
    """Read a message. Raises BadInput, naming the first field that is wrong, and never anything else."""
    raw = unpack_json(body, encoding, media_type, limit_bytes)
    # The plain search first: the pattern takes a fifth of the time of reading a page.
    if b"\\u0000" in raw and _NUL.search(raw):
        raise BadInput(
            "The body holds a NUL character, which cannot be stored.", "Leave it out and send again."
        )
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise BadInput(f"This is no {kind.__name__} message: {first_fault(error, 'the body')}.") from error
    except RecursionError as error:
        raise BadInput("The body is nested too deeply.") from error

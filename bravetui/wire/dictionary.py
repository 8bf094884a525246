"""The compression dictionaries that both ends carry, named by their SHA-256 (RFC 9842). Read from the package, once.

Small messages are where they pay: a contact with one change is mostly names of fields, which a dictionary holds already.
`tools/train_dictionary.py` makes one. Old ones stay in the folder, so that central still talks to last year's laptops.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import resources

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CURRENT = "eed64c814b17a41a3f8a7b46056ac8dbcd3124a2fe11ba03891f8d53e61a0390"
"""SHA-256 of the dictionary that laptops of this version ask for, and the name of its file."""

SUFFIX = ".dict"


@dataclass(frozen=True)
class Dictionary:
    """Bytes that both ends have, laid before each message (raw, as RFC 9842 section 2.1.4 wants it)."""

    data: bytes

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the bytes: the name under which both ends know it."""
        return sha256(self.data).digest()

    @cached_property
    def name(self) -> str:
        """The digest as a structured field's byte sequence (RFC 8941): what `Available-Dictionary` says."""
        return f":{base64.b64encode(self.digest).decode()}:"

    @cached_property
    def raw(self) -> zstd.ZstdDict:
        """As the compressor wants it."""
        return zstd.ZstdDict(self.data, is_raw=True)


@lru_cache(maxsize=1)
def dictionaries() -> dict[bytes, Dictionary]:
    """All that this version carries, by digest."""
    folder = resources.files("bravetui.wire") / "dictionaries"
    files = (file for file in folder.iterdir() if file.name.endswith(SUFFIX))
    return {one.digest: one for one in (Dictionary(file.read_bytes()) for file in files)}


@lru_cache(maxsize=1)
def current() -> Dictionary:
    """The one that a laptop of this version asks for."""
    return dictionaries()[bytes.fromhex(CURRENT)]


def named(header: str) -> Dictionary | None:
    """The dictionary that `Available-Dictionary` names; None when this version does not carry it."""
    text = header.strip()
    return next((one for one in dictionaries().values() if one.name == text), None)

"""One spelling for a value: canonical JSON bytes, and the hash that names them.

Both ends hash a change and sign a verdict over these bytes, so they must not depend on key order, spacing or platform.
Follows RFC 8785 (JCS) for the values used here: strings, integers, booleans, null, lists and objects; binary floating
point does not occur: decimals travel as strings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = str | int | bool | Sequence["Json"] | Mapping[str, "Json"] | None
"""Any JSON value that occurs here: a decimal travels as a string, so two ends never differ in a last bit."""


def canonical_bytes(value: Json) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces. Raises ValueError on NaN and infinities."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def sha256_hex(data: bytes) -> str:
    """SHA-256 (FIPS 180-4) in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def content_hash(value: Json) -> str:
    """The hash that names a value: SHA-256 over its canonical bytes."""
    return sha256_hex(canonical_bytes(value))

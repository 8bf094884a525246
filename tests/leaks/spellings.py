"""What must be nowhere, in every way that a program might have written it, and the search for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

Secrets = Mapping[str, str | bytes]
"""What must be nowhere, by what it is called."""


def spellings(secret: str | bytes) -> set[bytes]:
    """As it is, as UTF-16, hex, base64 at any place of a longer text, quoted for JSON, Python and an address."""
    plain = secret.encode() if isinstance(secret, str) else secret
    found = {plain, plain.hex().encode(), plain.hex().upper().encode(), *_inside_base64(plain)}
    if isinstance(secret, str):
        found |= {secret.encode("utf-16-le"), secret.encode("utf-16-be"), quote(secret).encode()}
        found |= {json.dumps(secret)[1:-1].encode(), ascii(secret)[1:-1].encode()}
    else:
        found |= {repr(plain)[2:-1].encode(), quote(plain).encode(), str(list(plain))[1:-1].encode()}
    return found


def _inside_base64(plain: bytes) -> Iterator[bytes]:
    """The characters that it alone decides, wherever in a longer text it stands; in both alphabets."""
    for before in range(3):
        told = base64.b64encode(b"\0" * before + plain)
        bits = 8 * (before + len(plain))
        inner = told[-(-8 * before // 6) : bits // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def leaks(data: bytes, secrets: Secrets) -> set[str]:
    """Which of them are in the data."""
    return {name for name, secret in secrets.items() if any(told in data for told in spellings(secret))}


def leaking_files(folder: Path, secrets: Secrets) -> dict[str, set[str]]:
    """Which of them are in which file, or in its name."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if told := leaks(path.read_bytes() + name.encode(), secrets):
            found[name] = told
    return found

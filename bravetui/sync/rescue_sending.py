"""A rescue file on its way over a carrier's line: one bundle after the other, and on from where the line broke.

The first always goes, since it says in which life central is; of the others those do not go again on which this laptop keeps
central's signed word from that life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bravetui.auth.bundle import bundles_of, read_bundle
from bravetui.auth.signing import signed_by
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput, StorageFull, Transient
from bravetui.base.files import replace_file
from bravetui.sync.client import CentralClient
from bravetui.wire.delivery import Delivery
from bravetui.wire.messages import BUNDLE_BYTES_MAX, Delivered
from bravetui.wire.receipt import is_genuine

PAUSES_S = (1, 2, 4, 8, 16, 30)
"""Between tries of one bundle, where others go with it."""
REMEMBERED_MAX = 500
"""Bundles that were delivered: of the last few files."""

_WORDS = TypeAdapter(list[Delivered])


class CarriedBefore:
    """Central's words on bundles that went over this line, in a file; what does not read of it goes once more."""

    def __init__(self, path: Path | None, central_key: str) -> None:
        self._path, self._verify = path, signed_by(central_key)
        told: list[Delivered] = []
        if path is not None:
            with suppress(OSError, ValidationError):
                told = _WORDS.validate_json(path.read_bytes())
        self._words = {word.bundle: word for word in told}

    def word_on(self, digest: str, epoch: str) -> Delivered | None:
        """Central's word that it took all of this bundle in this life."""
        word = self._words.get(digest)
        fits = word is not None and bool(epoch) and word.epoch == epoch and not word.kept
        return word if word is not None and fits and is_genuine(word, self._verify) else None

    def note(self, word: Delivered) -> None:
        """Remember it; where there is no room, it goes once more."""
        self._words.pop(word.bundle, None)
        self._words[word.bundle] = word
        self._words = dict(list(self._words.items())[-REMEMBERED_MAX:])
        if self._path is not None:
            with suppress(StorageFull):
                replace_file(self._path, _WORDS.dump_json(list(self._words.values())))


def check_file(path: Path) -> list[int]:
    """The sizes of a file's bundles, all of which are whole. Raises BadInput for a file that cannot be read, is none, or has
    one that is too large to send."""
    sizes = []
    for bundle in bundles_of(path):
        if len(bundle) > BUNDLE_BYTES_MAX:
            raise BadInput(
                f"The file is larger than the {BUNDLE_BYTES_MAX // 2**20} MB that travel over a line.",
                "Take the stick to the office: bravetui central import FILE.",
            )
        read_bundle(bundle)
        sizes.append(len(bundle))
    return sizes


async def send_file(
    client: CentralClient,
    path: Path,
    central_key: str,
    before: CarriedBefore,
    told: Callable[[int, int], None],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Delivery:
    """Hand all of it in. `told` hears how many bytes are there, and of how many. Raises BadInput, and as the client: what
    was delivered until then is remembered."""
    sizes = check_file(path)
    words: list[Delivered] = []
    done = 0
    for bundle in bundles_of(path):
        known = before.word_on(sha256_hex(bundle), words[0].epoch) if words else None
        if known is None:
            known = await _sent(client, bundle, central_key, PAUSES_S if len(sizes) > 1 else (), pause)
            if len(sizes) > 1:
                before.note(known)
        words.append(known)
        done += len(bundle)
        told(done, sum(sizes))
    return Delivery(tuple(words))


async def _sent(
    client: CentralClient,
    bundle: bytes,
    central_key: str,
    pauses_s: tuple[int, ...],
    pause: Callable[[float], Awaitable[None]],
) -> Delivered:
    for wait_s in pauses_s:
        try:
            return accepted(await client.deliver(bundle), bundle, central_key)
        except Transient as error:
            await pause(max(wait_s, min(error.wait_s or 0, 60)))
    try:
        return accepted(await client.deliver(bundle), bundle, central_key)
    except Transient as error:
        if not pauses_s:
            raise
        raise Transient(
            error.what, "Send the file again when there is a line: it goes on where it stopped."
        ) from error


def accepted(told: Delivered, bundle: bytes, central_key: str) -> Delivered:
    """Central's word on the bundle, once it is proven to be central's and about this one. Raises Transient."""
    if told.bundle != sha256_hex(bundle) or not is_genuine(told, signed_by(central_key)):
        raise Transient("What answered is not this laptop's central.", "Keep the stick and try again later.")
    return told

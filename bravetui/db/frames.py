"""How the journal's bytes are laid out: a head and sealed frames that are read past any damage.

Pure: bytes in, frames and damage out. A frame holds all payloads of one append, so a crash leaves all of them
or none. It is sealed (AES-256-GCM) with its head as associated data, and the head holds file id and number,
so a frame cannot be changed, moved, repeated or taken out of the middle unseen. Checksums tell damage apart
from a frame cut short by a crash. Never raises over what it reads, except for the wrong key.

    file   magic 8 | version 2 | file id 16 | nonce 12 | key check 16 | crc32 4
    frame  mark 4 | number 8 | size 4 | file id 16 | nonce 12 | crc32 of all before 4 | sealed | crc32 of it 4
    sealed (size 4 | payload)*
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.base.errors import BadInput, WrongKey

VERSION = 1
APPEND_BYTES_MAX = 256 * 1024 * 1024
FILE_ID_BYTES = 16
_MAGIC = b"BRVJOURN"
_MARK = b"\xb7\xf2\x1c\x9e"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_FILE_HEAD = struct.Struct(f">8sH{FILE_ID_BYTES}s{_NONCE_BYTES}s{_TAG_BYTES}s")
_FRAME_HEAD = struct.Struct(f">4sQI{FILE_ID_BYTES}s{_NONCE_BYTES}s")
_CRC = struct.Struct(">I")
_SIZE = struct.Struct(">I")
HEAD_BYTES = _FILE_HEAD.size + _CRC.size
_FRAME_HEAD_BYTES = _FRAME_HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the journal that does not read back as it was written."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset after its last byte; equal to `start` where frames are gone without a trace."""
    what: str
    """What was found, in words."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The payloads of one append."""

    number: int
    """From 1, without gaps."""
    payloads: tuple[bytes, ...]
    end: int
    """Offset after its last byte."""


@dataclass(frozen=True, slots=True)
class Scan:
    """All that could be read from a journal's bytes."""

    file_id: bytes | None
    """None when neither the head nor any frame could be read."""
    frames: tuple[Frame, ...]
    damage: tuple[Damage, ...]
    end: int
    """Where the next frame goes; bytes beyond it are a torn tail, which a crash leaves and nobody was told
    of."""
    last_number: int
    """Number of the last frame known to have been written, readable or not."""


@dataclass(frozen=True, slots=True)
class _Head:
    """A frame's head whose checksum fits."""

    start: int
    number: int
    size: int
    file_id: bytes
    nonce: bytes
    raw: bytes

    @property
    def body(self) -> int:
        return self.start + _FRAME_HEAD_BYTES

    @property
    def end(self) -> int:
        return self.body + self.size + _CRC.size


def journal_cipher(key: bytes) -> AESGCM:
    """The journal's own cipher: its key is derived from the database's, so that neither file's use weakens
    the other's."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"bravetui journal v1").derive(key))


def file_head(cipher: AESGCM, file_id: bytes) -> bytes:
    """The first bytes of a new journal; they also prove the key."""
    nonce = os.urandom(_NONCE_BYTES)
    proof = cipher.encrypt(nonce, b"", _proved(file_id))
    head = _FILE_HEAD.pack(_MAGIC, VERSION, file_id, nonce, proof)
    return head + _CRC.pack(zlib.crc32(head))


def frame_bytes(cipher: AESGCM, file_id: bytes, number: int, payloads: Sequence[bytes]) -> bytes:
    """One frame, ready to be appended."""
    plain = b"".join(_SIZE.pack(len(payload)) + payload for payload in payloads)
    assert len(plain) <= APPEND_BYTES_MAX
    nonce = os.urandom(_NONCE_BYTES)
    head = _FRAME_HEAD.pack(_MARK, number, len(plain) + _TAG_BYTES, file_id, nonce)
    sealed = cipher.encrypt(nonce, plain, head)
    return head + _CRC.pack(zlib.crc32(head)) + sealed + _CRC.pack(zlib.crc32(sealed))


def read_file_id(cipher: AESGCM, data: bytes) -> bytes | None:
    """The id in the file's head, None if the head is damaged. Raises WrongKey and BadInput (made by a newer
    version)."""
    raw = data[: _FILE_HEAD.size]
    if len(data) < HEAD_BYTES or _CRC.unpack_from(data, _FILE_HEAD.size)[0] != zlib.crc32(raw):
        return None
    magic, version, file_id, nonce, proof = _FILE_HEAD.unpack(raw)
    if magic != _MAGIC:
        return None
    if version > VERSION:
        raise BadInput(
            "The journal was written by a newer bravetui.", "Install that version again, or a later one."
        )
    try:
        cipher.decrypt(nonce, proof, _proved(file_id))
    except InvalidTag:
        raise wrong_journal_key() from None
    return bytes(file_id)


def wrong_journal_key() -> WrongKey:
    """The error for a journal sealed with another key."""
    return WrongKey(
        "The journal on this laptop does not open with this key.",
        "Unlock with the passphrase that this laptop was set up with.",
    )


def scan(cipher: AESGCM, data: bytes) -> Scan:
    """Read every frame that is whole. Raises WrongKey when nothing opens but much is whole, BadInput as
    `read_file_id`."""
    file_id = read_file_id(cipher, data)
    if file_id is None:
        return _scan_without_head(cipher, data)
    return scan_from(cipher, data, HEAD_BYTES, file_id, 0)


def scan_from(cipher: AESGCM, data: bytes, start: int, file_id: bytes, last_number: int) -> Scan:
    """Read the frames that begin at `start` or later, of which the one before had `last_number`."""
    frames: list[Frame] = []
    damage: list[Damage] = []
    good = start
    for head in _heads(data, start):
        if head.end > len(data):
            continue
        payloads = _opened(cipher, data, head, file_id)
        if payloads is None or head.number <= last_number:
            continue
        if head.start > good:
            damage.append(Damage(good, head.start, _described(head.number - last_number - 1)))
        elif head.number != last_number + 1:
            damage.append(Damage(good, good, _described(head.number - last_number - 1)))
        frames.append(Frame(head.number, payloads, head.end))
        good, last_number = head.end, head.number
    end, last_number, tail = _tail(data, good, file_id, last_number)
    return Scan(file_id, tuple(frames), (*damage, *tail), end, last_number)


def _proved(file_id: bytes) -> bytes:
    return _MAGIC + VERSION.to_bytes(2) + file_id


def _scan_without_head(cipher: AESGCM, data: bytes) -> Scan:
    """The file id is in every frame too: take it from the first that opens."""
    whole = [head for head in _heads(data, 0) if head.end <= len(data) and _is_whole(data, head)]
    head = next((head for head in whole if _opened(cipher, data, head, head.file_id) is not None), None)
    if head is None:
        # One such frame may be foreign bytes; several are a journal, of somebody else.
        if len(whole) > 1:
            raise wrong_journal_key()
        damage = (Damage(0, len(data), "the whole file"),) if data else ()
        return Scan(None, (), damage, len(data), 0)
    start = min(HEAD_BYTES, head.start)
    lost = (Damage(0, start, "the head of the file"),)
    found = scan_from(cipher, data, start, head.file_id, 0)
    return Scan(found.file_id, found.frames, lost + found.damage, found.end, found.last_number)


def _heads(data: bytes, start: int) -> Iterator[_Head]:
    """Every place where a frame's head stands with a fitting checksum, in order; jumps over bodies that are
    whole."""
    at = data.find(_MARK, start)
    while at >= 0:
        head = _head_at(data, at)
        if head is not None:
            yield head
        past = head.end if head is not None and head.end <= len(data) and _is_whole(data, head) else at + 1
        at = data.find(_MARK, past)


def _head_at(data: bytes, at: int) -> _Head | None:
    if at + _FRAME_HEAD_BYTES > len(data):
        return None
    raw = data[at : at + _FRAME_HEAD.size]
    if _CRC.unpack_from(data, at + _FRAME_HEAD.size)[0] != zlib.crc32(raw):
        return None
    _, number, size, file_id, nonce = _FRAME_HEAD.unpack(raw)
    return _Head(at, number, size, file_id, nonce, raw)


def _is_whole(data: bytes, head: _Head) -> bool:
    after = head.body + head.size
    return bool(_CRC.unpack_from(data, after)[0] == zlib.crc32(data[head.body : after]))


def _opened(cipher: AESGCM, data: bytes, head: _Head, file_id: bytes) -> tuple[bytes, ...] | None:
    if head.file_id != file_id or not _is_whole(data, head):
        return None
    try:
        plain = cipher.decrypt(head.nonce, data[head.body : head.body + head.size], head.raw)
    except (InvalidTag, ValueError):
        return None
    return tuple(_payloads(plain))


def _payloads(plain: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(plain):
        (size,) = _SIZE.unpack_from(plain, at)
        at += _SIZE.size + size
        yield plain[at - size : at]


def _tail(data: bytes, good: int, file_id: bytes, last_number: int) -> tuple[int, int, tuple[Damage, ...]]:
    """What follows the last good frame: nothing, a frame cut short by a crash (cut off), or damage (kept)."""
    rest = data[good:]
    if not rest or _is_torn(data, good, file_id, last_number):
        return good, last_number, ()
    # A head that reads says which number was lost with its body, and that number must not be given twice.
    known = [head.number for head in _heads(data, good) if head.file_id == file_id]
    last_number = max([last_number, *known])
    return len(data), last_number, (Damage(good, len(data), "frames at the end"),)


def _is_torn(data: bytes, good: int, file_id: bytes, last_number: int) -> bool:
    rest = data[good:]
    if not any(rest):
        return True
    if len(rest) < _FRAME_HEAD_BYTES:
        return _MARK.startswith(rest[: len(_MARK)]) and (
            len(rest) <= len(_MARK) or _expects(rest, last_number)
        )
    head = _head_at(data, good)
    return head is not None and head.file_id == file_id and head.end > len(data)


def _expects(rest: bytes, last_number: int) -> bool:
    number = (last_number + 1).to_bytes(8)
    return number.startswith(rest[len(_MARK) : len(_MARK) + len(number)])


def _described(missing: int) -> str:
    return f"{missing} frame(s) lost" if missing else "foreign bytes between frames"

"""Photo bytes as files: sealed, named by photo and rendition, an original twice until central has signed for it.

A file appears whole or not at all, and opens only under its own name. Which of them are to be handed in, and how far each
has come, is in the database (`db.blob_rows`), which is made again from these files where it is lost. Knows nothing of
records.

    file   magic 8 | nonce 12 | AES-256-GCM of the bytes, bound to magic and name
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from copy import copy
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Corrupt, FailingDisk, StorageFull
from bravetui.base.fault import fault
from bravetui.base.files import foreign_file_errors, free_name, make_private_folder, replace_file
from bravetui.wire.blobs import Blob, Rendition, is_hash

_MAGIC = b"BRVBLOB\x01"
_NONCE_BYTES, _TAG_BYTES = 12, 16
_AROUND_BYTES = len(_MAGIC) + _NONCE_BYTES + _TAG_BYTES
SECOND, ASIDE = "second", "damaged"


def blob_cipher(key: bytes) -> AESGCM:
    """The photos' own cipher, derived from the database's key, so that neither file's use weakens the other's."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"bravetui blob v1").derive(key))


class BlobFiles:
    """The photos in one folder, of which there may be none yet. Safe to use from several threads."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self._cipher = blob_cipher(key)

    def keep(self, blob: Blob, data: bytes, *, twice: bool = False) -> None:
        """Durably keep the bytes; what is here already and reads is left as it is. Raises StorageFull, after which nothing
        of it is here that was not before. A second copy for which there is no room is gone without."""
        first, second = self._paths(blob)
        if self._opened(blob, first) is None:
            make_private_folder(self.folder)
            fault("before_blob")
            replace_file(first, self._sealed(blob, data))
            fault("blob_kept")
        if twice and self._opened(blob, second) is None:
            with contextlib.suppress(StorageFull):
                make_private_folder(second.parent)
                replace_file(second, self._sealed(blob, data))
                fault("blob_kept_twice")

    def read(self, blob: Blob) -> bytes:
        """The bytes. A first copy that is damaged or gone is written again from the second. Raises Corrupt where none is
        whole, FailingDisk where the disk would not read them."""
        first, second = self._paths(blob)
        data = self._opened(blob, first)
        if data is not None:
            return data
        data = self._opened(blob, second)
        if data is None:
            raise Corrupt(
                f"The file of a photo's {blob.rendition} is {'damaged' if self.is_here(blob) else 'gone'}.",
                "Run bravetui doctor: it fetches from central what central has. The photo's details are not touched.",
            )
        with contextlib.suppress(StorageFull):
            replace_file(first, self._sealed(blob, data))
        return data

    def found(self, blob: Blob) -> bytes | None:
        """As `read`, but nothing is written; None where no copy is whole. Raises FailingDisk."""
        first, second = self._paths(blob)
        data = self._opened(blob, first)
        return data if data is not None else self._opened(blob, second)

    def sealed(self, blob: Blob) -> bytes | None:
        """A whole copy as it lies here, for a card; None where none is whole. Raises FailingDisk."""
        whole = (path for path in self._paths(blob) if self._opened(blob, path) is not None)
        path = next(whole, None)
        if path is None:
            return None
        with foreign_file_errors():
            return path.read_bytes()

    def keep_sealed(self, blob: Blob, sealed: bytes) -> None:
        """Durably keep a copy that `sealed` gave. Raises StorageFull."""
        make_private_folder(self.folder)
        replace_file(self._paths(blob)[0], sealed)

    def elsewhere(self, folder: Path) -> BlobFiles:
        """Photos in another folder, under the same key: those on a card."""
        other = copy(self)
        other.folder = folder
        return other

    def check(self, blob: Blob, *, twice: bool = False) -> bool:
        """Whether every copy that is here, or is to be here `twice`, is whole; one that was not has been written again from
        the other. Raises Corrupt and FailingDisk as `read`."""
        first, second = self._paths(blob)
        with_second = twice or second.exists()
        was_whole = self._opened(blob, first) is not None and (
            not with_second or self._opened(blob, second) is not None
        )
        if not was_whole:
            data = self.read(blob)
            if with_second and self._opened(blob, second) is None:
                with contextlib.suppress(StorageFull):
                    make_private_folder(second.parent)
                    replace_file(second, self._sealed(blob, data))
        return was_whole

    def is_here(self, blob: Blob) -> bool:
        """Whether there is a file of that name, readable or not."""
        return any(path.exists() for path in self._paths(blob))

    def kept(self) -> dict[Blob, int]:
        """What is here, readable or not, and how many bytes each has."""
        found: dict[Blob, int] = {}
        for folder in (self.folder / SECOND, self.folder):
            for path, blob in _named(folder):
                found[blob] = max(0, path.stat().st_size - _AROUND_BYTES)
        return found

    def room_bytes(self) -> int:
        """What all of it takes on the disk."""
        folders = (self.folder, self.folder / SECOND, self.folder / ASIDE)
        return sum(path.stat().st_size for folder in folders for path in _files(folder))

    def keep_once(self, blob: Blob) -> None:
        """Central has signed for it, or room is short: the second copy goes, if the first is whole."""
        first, second = self._paths(blob)
        if second.exists() and self._opened(blob, first) is not None:
            _remove(second)
            fault("blob_kept_once")

    def forget(self, blob: Blob) -> None:
        """Let go of it: nobody needs it here any more."""
        for path in self._paths(blob):
            _remove(path)
            fault("blob_forgotten")

    def set_aside(self, blob: Blob) -> None:
        """Move what does not read out of the way, so that sound bytes can take its place."""
        for path in self._paths(blob):
            if path.exists() and self._opened(blob, path) is None:
                make_private_folder(self.folder / ASIDE)
                with foreign_file_errors():
                    path.rename(free_name(self.folder / ASIDE / path.name))

    def seal_anew(self, old: bytes) -> None:
        """Bring every file over from the key `old`; may be repeated. What opens with neither key is left as it lies."""
        before = BlobFiles(self.folder, old)
        for blob in self.kept():
            for path in self._paths(blob):
                data = None if self._opened(blob, path) is not None else before._opened(blob, path)
                if data is not None:
                    replace_file(path, self._sealed(blob, data))

    def _paths(self, blob: Blob) -> tuple[Path, Path]:
        name = f"{blob.photo}.{blob.rendition}"
        return self.folder / name, self.folder / SECOND / name

    def _sealed(self, blob: Blob, data: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + self._cipher.encrypt(nonce, data, _bound(blob))

    def _opened(self, blob: Blob, path: Path) -> bytes | None:
        """The bytes; None where the file is gone or does not read as what its name says. Raises FailingDisk."""
        try:
            with foreign_file_errors():
                raw = path.read_bytes()
        except FailingDisk:
            raise
        except FileNotFoundError:
            return None
        nonce, sealed = raw[len(_MAGIC) :][:_NONCE_BYTES], raw[len(_MAGIC) + _NONCE_BYTES :]
        try:
            data = self._cipher.decrypt(nonce, sealed, _bound(blob))
        except (InvalidTag, ValueError):
            return None
        is_itself = blob.rendition is not Rendition.ORIGINAL or sha256_hex(data) == blob.photo
        return data if is_itself and raw.startswith(_MAGIC) else None


def _bound(blob: Blob) -> bytes:
    return _MAGIC + f"{blob.photo}.{blob.rendition}".encode()


def _remove(path: Path) -> None:
    with foreign_file_errors():
        path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file())


def _named(folder: Path) -> Iterator[tuple[Path, Blob]]:
    """The files that bear a blob's name; whatever else lies there is nobody's business here."""
    for path in _files(folder):
        photo, _, rendition = path.name.partition(".")
        if is_hash(photo) and rendition in tuple(Rendition):
            yield path, Blob(photo, Rendition(rendition))

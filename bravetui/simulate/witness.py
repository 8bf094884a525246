"""Remembers every value that a person was told is saved, so that each can be asked for at the end. Knows no table."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from bravetui.base.canonical import Json
from bravetui.wire.blobs import Blob, BlobName, Rendition
from bravetui.wire.change import Change


@dataclass(slots=True)
class Saved:
    """One value that somebody typed and was told is saved."""

    by: str
    """The machine."""
    kind: str
    record_id: str
    path: str
    value: Json
    at_s: float
    gone_with_disk: bool = False
    """Was on a disk that was destroyed, or put back to an older image, before it was sent: nothing can bring it back."""
    stood: bool = False
    """Stood so already: saving it changed nothing, and whoever had set it is asked for it."""


@dataclass(slots=True)
class Photo:
    """A photo that somebody took in and was told is saved."""

    by: str
    record_id: str
    photo: str
    """SHA-256 of its original."""
    hashes: Mapping[Rendition, str]
    """What was made of it, size by size."""
    size_bytes: int
    """Of all sizes."""
    at_s: float
    gone_with_disk: bool = False
    """As of a value."""


@dataclass
class Witness:
    """What was saved, in order."""

    saved: list[Saved] = field(default_factory=list)
    begun: list[Saved] = field(default_factory=list)
    """What was typed, whether or not the machine lived to say that it is saved: it may be, and then stands over what it
    was typed over."""
    renumbered: int = 0
    """How often a laptop was told that it is a copy."""
    gone_back: set[str] = field(default_factory=set)
    """Laptops whose database or disk was put back to an older image: what they had handed in before, they know no more."""
    rebuilt: set[str] = field(default_factory=set)
    """Laptops that had a file damaged: they may have been put together again from journal and central."""
    cloned: set[str] = field(default_factory=set)
    """Laptops of which a copy was made, each of which goes on counting from there until it is told."""
    copies: int = 0
    """How often one was made: cloned, or its whole disk put back."""
    forms: dict[str, str] = field(default_factory=dict)
    """On which version of the form each submission was begun."""
    removed: set[tuple[str, str, str]] = field(default_factory=set)
    """Laptop, kind and id of each record that somebody took away."""
    dead: dict[str, float] = field(default_factory=dict)
    """Laptops whose disk was destroyed, and since when central is their only memory."""
    forgotten: list[Change] = field(default_factory=list)
    """What central's ledger said before it was put back to an older one."""
    photos: list[Photo] = field(default_factory=list)
    """The photos that were saved, in order."""
    vouched: set[BlobName] = field(default_factory=set)
    """Photo bytes that central was seen to have whole, in whatever life of its."""
    bytes_lost: set[Blob] = field(default_factory=set)
    """Bytes that nobody held any more after a disk, or central, was destroyed or put back: nothing can bring them back."""
    complaints: list[str] = field(default_factory=list)
    """What a person saw that nobody ever may: an error that is not ours, a laptop that does not open."""

    def begin(self, by: str, at_s: float, kind: str, record_id: str, values: Mapping[str, Json]) -> None:
        """A save of these values was asked for."""
        self.begun += [Saved(by, kind, record_id, path, value, at_s) for path, value in values.items()]

    def note(
        self,
        by: str,
        at_s: float,
        kind: str,
        record_id: str,
        values: Mapping[str, Json],
        stood: Container[str] = (),
    ) -> None:
        """A save of these values was acknowledged; those at the paths in `stood` were there already."""
        for path, value in values.items():
            self.saved.append(Saved(by, kind, record_id, path, value, at_s, stood=path in stood))

    def disk_lost(self, machine: str, since_s: float) -> None:
        """Everything that this machine saved since then may be gone, unless central heard of it."""
        for one in self.saved:
            if one.by == machine and one.at_s >= since_s:
                one.gone_with_disk = True
        for photo in self.photos:
            photo.gone_with_disk |= photo.by == machine and photo.at_s >= since_s

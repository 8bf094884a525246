"""Faults planted in the program, each of which the trials must find: the test of the testers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from bravetui.db import engine, journal, recover, store
from bravetui.db.writing import Writing
from bravetui.wiring import opening


def _instead(module: ModuleType, name: str, planted: object) -> None:
    setattr(module, name, planted)


def _unflushed() -> None:
    """Saves are said to be saved before the disk has them."""
    _instead(journal, "flush_file", lambda descriptor: None)
    swapped = {"synchronous=FULL": "synchronous=NORMAL"}
    _instead(engine, "_SETTINGS", tuple(swapped.get(setting, setting) for setting in engine._SETTINGS))
    _instead(
        engine,
        "_READ_BACK",
        tuple((name, 1 if name == "synchronous" else to) for name, to in engine._READ_BACK),
    )


def _journal_wins() -> None:
    """At a start the journal is believed even where it is older."""
    _instead(recover, "_is_later", lambda change, body: True)


def _nothing_put_back() -> None:
    """At a start the journal is not read back."""
    _instead(recover, "_replay", lambda *_: False)


def _unread_pages() -> None:
    """At a start only those pages are looked at that are needed."""
    _instead(opening, "check_pages", lambda engine: ())


def _read_only_for_ever() -> None:
    """A connection that came up read-only is kept."""
    _instead(engine, "_leave_after_a_refusal", lambda context: None)


class _Undone(Exception):
    """Takes back what was written."""


def _told_too_early() -> None:
    """Every seventh save is said to be saved, and then it is not."""
    real = store.Store.write

    @contextmanager
    def write(self: store.Store, author_id: str | None = None) -> Iterator[Writing]:
        with suppress(_Undone), real(self, author_id) as writing:
            yield writing
            if writing.counter % 7 == 0:
                raise _Undone

    store.Store.write = write  # type: ignore[method-assign]


PLANTED: dict[str, tuple[str, int, Callable[[], None]]] = {
    "unflushed": ("cuts", 40, _unflushed),
    "journal_wins": ("damages", 60, _journal_wins),
    "nothing_put_back": ("damages", 60, _nothing_put_back),
    "unread_pages": ("damages", 60, _unread_pages),
    "told_too_early": ("both", 6, _told_too_early),
    "read_only_for_ever": ("refusals", 16, _read_only_for_ever),
}
"""By name: the sort of trial that must find it, within how many, and the fault."""

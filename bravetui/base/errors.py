"""The whole error tree, classed by what to do next rather than by where it arose.

    BravetuiError
    |- Transient        the line or central is unwell: wait, then try again by itself
    |- NeedsSignIn      central no longer knows this laptop: sign in (or enrol) again
    |- Refused          central read it and said no: keep it, show it, let a person mend it
    |- StorageFull      the disk is full: free room; what was saved stays saved
    |- Corrupt          bytes on this disk are damaged: set aside, rebuild, lose nothing
    |  `- FailingDisk   the disk would not read or write them at all: leave every file where it is
    |- WrongKey         the database cannot be opened with this key
    |- Busy             another process holds what is needed
    `- BadInput         what was given here cannot be used: say what would be
       `- Unusable      nobody gave it wrongly: a file or folder here is not as it has to be

Every error is two sentences for a person: `what` happened, and `todo`, what to do next. A conflict is a value, not an
error; a programmer's mistake is an assert.
"""

from __future__ import annotations


class BravetuiError(Exception):
    """Base of all errors that may reach a person; `str(error)` is fit to be shown."""

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        """What happened, one sentence, without blame and without jargon."""
        self.todo = todo
        """What to do next, one sentence; empty when there is nothing to do."""

    def __str__(self) -> str:
        return f"{self.what} {self.todo}".strip()


BY_ITSELF = "Nothing is lost; it is tried again by itself."


class Transient(BravetuiError):
    """Nothing is wrong with the data; the same request may be sent again."""

    def __init__(self, what: str, todo: str = "", *, wait_s: float | None = None) -> None:
        super().__init__(what, todo or BY_ITSELF)
        self.wait_s = wait_s
        """Seconds that the other side asked us to wait (Retry-After, RFC 9110 section 10.2.3), if it did."""


class NeedsSignIn(BravetuiError):
    """Central does not accept who we are."""


class Refused(BravetuiError):
    """Central understood and said no."""

    def __init__(self, what: str, todo: str = "", *, code: str, field: str | None = None) -> None:
        super().__init__(what, todo)
        self.code = code
        """Stable word for programs, e.g. `not_permitted`, `unknown_kind`, `invalid_field`."""
        self.field = field
        """Path of the field at fault, where one is."""


class StorageFull(BravetuiError):
    """No room on this disk, or past the quota."""


class Corrupt(BravetuiError):
    """Bytes that were written here no longer read back as written."""


class FailingDisk(Corrupt):
    """The disk reported an error; the bytes may be sound, so nothing is set aside or rebuilt for it."""


class WrongKey(BravetuiError):
    """The key does not open the database or the sealed file."""


class Busy(BravetuiError):
    """Another process of this laptop holds the lease, the file or the port."""


class BadInput(BravetuiError):
    """A value, a file or an option given here cannot be used."""


class Unusable(BadInput):
    """A file or folder of the program's own is not what it has to be, or may not be touched by this account."""

"""What crosses screens: sync has reported, records have changed, something could not be done."""

from __future__ import annotations

from textual.message import Message


class SyncReported(Message):
    """Sync has moved on; the tables say where to. Many in a row are as good as one."""

    def can_replace(self, message: Message) -> bool:
        """A newer report replaces an older one that still waits to be handled."""
        return isinstance(message, SyncReported)


class RecordsChanged(Message):
    """These records are not as they were: views that show one of them read again."""

    def __init__(self, records: frozenset[tuple[str, str]]) -> None:
        super().__init__()
        self.records = records
        """(kind, record id)"""

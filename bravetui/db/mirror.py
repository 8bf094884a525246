"""The black box: a second copy of the journal on another drive."""

from __future__ import annotations

MIRRORED_JOURNAL, MIRRORED_KEYS = "journal", "keys"

"""All that reading a token of unknown origin may raise: whatever it is, the token is none."""

from __future__ import annotations

import jwt

from bravetui.base.errors import BadInput

UNREADABLE = (
    jwt.PyJWTError, BadInput, ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError,
)  # fmt: skip
"""The last two come of times past all calendars."""

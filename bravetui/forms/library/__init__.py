"""The forms that ship with the program: the table as authored, and the compiled template beside it."""

from __future__ import annotations

from functools import cache
from importlib import resources

from bravetui.forms.template import Template

CATEGORIES = {"cgp_site_inspection": "EPA permit"}
"""Shipped forms by key, and the heading that they are listed under."""


@cache
def shipped(key: str) -> Template:
    """The compiled template of a shipped form."""
    return Template.from_json((resources.files(__name__) / f"{key}.json").read_text(encoding="utf-8"))

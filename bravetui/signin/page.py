"""What the browser shows when it comes back: a page that loads nothing, sends nothing, and sends the person back."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{font:1.25rem/1.6 system-ui,sans-serif;max-width:32rem;margin:5rem auto;
padding:0 1rem}}</style></head>
<body><h1>{title}</h1><p>{words}</p></body></html>
"""
HEADERS = (
    "Content-Type: text/html; charset=utf-8",
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy: no-referrer",
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    "Connection: close",
)


def page(title: str, words: str) -> bytes:
    """The page as bytes."""
    return _PAGE.format(title=escape(title), words=escape(words)).encode()


THANKS = page("Thank you", "Go back to the terminal: it carries on there by itself. You may close this page.")
TURNED_DOWN = page(
    "You are not signed in", "Go back to the terminal: it says what happened. You may close this page."
)
NOT_THIS = page(
    "This page is not the one", "Go back to the terminal, and open the address that it shows now."
)
NOTHING_HERE = page("There is nothing here", "Go back to the terminal.")

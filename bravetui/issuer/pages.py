"""The development issuer's pages: plain HTML that loads nothing, with a notice of what it is on each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bravetui.issuer.people import Person

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;display:block;width:100%;margin:.5rem 0;padding:.6rem;text-align:left}}
input{{font:inherit;padding:.4rem}} .notice{{background:#fff3c4;color:#222;padding:.6rem}}</style></head>
<body><p class="notice">Development issuer: for demo and tests only. It asks for no password.</p>
<h1>{title}</h1>
{body}
</body></html>
"""


def choose_page(action: str, ticket: str, people: Sequence[Person]) -> str:
    """Who signs in? One button a person, and a way out."""
    return _page("Who are you?", _form(action, _hidden("ticket", ticket), people))


def device_page(action: str, user_code: str, people: Sequence[Person]) -> str:
    """The same for a device, whose code is typed or already there."""
    field = (
        '<p><label>Code on the device: <input name="user_code" autocomplete="off" required'
        f' value="{escape(user_code)}"></label></p>'
    )
    return _page("Which person is the device for?", _form(action, field, people))


def words_page(title: str, words: str) -> str:
    """A page that only says something."""
    return _page(title, f"<p>{escape(words)}</p>")


def _form(action: str, fields: str, people: Sequence[Person]) -> str:
    buttons = "\n".join(
        f'<button name="subject" value="{escape(person.subject)}">{escape(person.name)},'
        f" {escape(person.role or 'no role')} at {escape(person.organization_id or 'no organization')}</button>"
        for person in people
    )
    cancel = '<button name="cancel" value="yes">Do not sign in</button>'
    return f'<form method="post" action="{escape(action)}">{fields}\n{buttons}\n{cancel}</form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), body=body)

"""A laptop that central lets in no more: what it is told works, on the same folder, with the work that waited."""

from __future__ import annotations

import json

import pytest

from bravetui.actions import forms
from bravetui.views.forms import templates
from tests.cli.terminal import Terminal
from tests.cli.test_support import opened


def laptop_of_foreman(operator: Terminal) -> tuple[str, str]:
    """Its number, and its person's."""
    told = operator.run("central", "people").splitlines()
    words = next(line for line in told if not line.endswith("no laptop")).split()
    return words[-1], words[0]


@pytest.mark.usefixtures("central")
def test_a_revoked_laptop_enrols_again_and_hands_in_what_waited(
    enrolled: Terminal, operator: Terminal, central: tuple[str, str]
) -> None:
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        forms.start_form(store, project_id, templates(store)[0].id)
    number, user_id = laptop_of_foreman(operator)
    operator.run("central", "revoke", "--device", number)
    said = enrolled.run("sync", "--once")
    assert "the office has a copy: it looks at them and decides" in said
    assert "Look: bravetui status" in said
    assert "The office has revoked this laptop" in enrolled.run("status")
    code = operator.run("central", "code", "--user", user_id).strip().splitlines()[-1]
    assert "add --again" in enrolled.run("enrol", central[0], code, code=2)
    assert f"number {number}" in enrolled.run("enrol", "--again", central[0], code)
    assert "All handed in" in enrolled.run("sync", "--once")
    assert json.loads(enrolled.run("status", "--json"))["waiting"] == 0


def test_enrolment_without_the_keys_of_what_is_here_makes_none(
    enrolled: Terminal, central: tuple[str, str]
) -> None:
    """Put back, the keys open it all again."""
    enrolled.run("status")
    kept = {path: path.read_bytes() for path in enrolled.folder.glob("keys.*")}
    for path in kept:
        path.unlink()
    assert "key file of this laptop is missing" in enrolled.run("status", code=1)
    assert "black box" in enrolled.run("enrol", *central, code=1)
    assert not list(enrolled.folder.glob("keys.*"))
    for path, content in kept.items():
        path.write_bytes(content)
    enrolled.run("status")


def test_a_wrong_code_says_to_ask_for_another(terminal: Terminal, central: tuple[str, str]) -> None:
    said = terminal.run("enrol", central[0], "WRONG-CODE-1", code=1)
    assert "Ask the office for a new one" in said
    assert "Enrol it again" not in said


@pytest.mark.parametrize("again", [(), ("--again",)])
def test_nobody_enrols_where_everybody_could_read_along(terminal: Terminal, again: tuple[str, ...]) -> None:
    for address in ("http://central.example", "HTTP://192.0.2.1:8000/", "http://localhost.example"):
        assert "Give central's address with https://" in terminal.run(
            "enrol", *again, address, "ABCDE-FGHJK", code=2
        )


def test_with_again_one_word_is_the_code(
    enrolled: Terminal, operator: Terminal, central: tuple[str, str]
) -> None:
    """The address is known; a word that looks like one is one still."""
    number, user_id = laptop_of_foreman(operator)
    code = operator.run("central", "code", "--user", user_id).strip().splitlines()[-1]
    assert f"number {number}" in enrolled.run("enrol", "--again", code.lower())
    assert "is not an address of central" in enrolled.run("enrol", "--again", "central.example", code=2)

"""No token, key or personal text in logs, crash reports, status or any file: all that was said and written is searched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.leaks.hearing import TEXTS, Lived
from tests.leaks.spellings import leaking_files, leaks, spellings
from tests.leaks.story import lived

FOREMAN, COLLEAGUE = "the foreman's name", "the colleague's name"
FINDINGS = {"a finding", "a colleague's finding"}
REFUSED = {"what central refused", "what broke central"}
CODES = {"a one-time code for broken", "a one-time code for colleague"}

MAY_SAY: dict[str, tuple[set[str], str]] = {
    "enrol": ({FOREMAN}, "whom central took its person for"),
    "enrol colleague": ({COLLEAGUE}, "whom central took its person for"),
    "conflicts --show": ({FOREMAN, COLLEAGUE, *FINDINGS}, "one conflict is asked for, to be compared word by word"),
    "why": ({FOREMAN, COLLEAGUE, *FINDINGS}, "one field is asked for: who wrote what in it"),
    "receipts RECORD": ({"a colleague's finding"}, "one record is asked for, to be printed under its title"),
    "queue --titles": ({"a caption", *FINDINGS, *REFUSED}, "titles are asked for"),
    "conflicts --titles": ({"a colleague's finding"}, "titles are asked for"),
    "receipts --titles": ({"a caption", *FINDINGS, *REFUSED}, "titles are asked for"),
    "central code": (CODES, "a code is asked for, to be told to one person"),
    "central people": ({FOREMAN, COLLEAGUE}, "people are asked for"),
    "central unlock": ({FOREMAN}, "whom the operator has to call before anything is opened"),
    "central quarantine --json": ({"what central refused"}, "the refused change in full, for the office to judge"),
}  # fmt: skip
"""By what says it: the only personal texts and codes that are ever said, and why. Everything else says none, and nothing
says a key, a token, a grant, a passphrase or a PIN."""

MAY_HOLD: dict[str, tuple[set[str], str]] = {
    r"asked/refused\.json": (REFUSED, "`queue --export`: the refused changes in full, asked for, in a file of one's own"),
    r"theirs/phrase": ({"the passphrase"}, "the person's own file, that BRAVETUI_PASSPHRASE_FILE names"),
    r"theirs/wrong": ({"a wrong passphrase"}, "the person's own file, that BRAVETUI_PASSPHRASE_FILE names"),
    r"central/signing\.key": ({"central's private key"}, "central's own key, open to its account alone"),
    r".*/postgres/(base|global|pg_wal)/.*": (
        {*TEXTS, "the laptop's grant", "the rotated laptop's grant", "the colleague's grant"},
        "central's database: the organization's records, and the grants, which are worth nothing without a laptop's key",
    ),
}  # fmt: skip
"""By path: the only files that hold any of it readably, and why."""

WRITTEN = (
    r"laptop/(site\.db|journal|mark\.a|keys\.a|keys\.b|time\.a|pin\.tries.*|mirror)", r"laptop/bravetui-crash-.*\.txt",
    r"exported\.log", r"central\.err", r"stick/.*", r"asked-for-help", r"asked-for-help\.answer", r".*/postgres/log",
)  # fmt: skip
"""What has to have been written, so that a search that finds nothing has had something to find it in."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with lived(tmp_path_factory.mktemp("life")) as told:
        yield told


def test_no_secret_and_no_personal_text_is_said_but_where_it_was_asked_for(life: Lived) -> None:
    """By no command, in words or JSON, nor by the app as it ends, nor by central, however it failed."""
    found = {channel: leaks(text, life.secrets) for channel, text in life.said.items()}
    for channel, told in found.items():
        assert told <= MAY_SAY.get(channel, (set(), ""))[0], (channel, told)
    unneeded = {channel: may - found.get(channel, set()) for channel, (may, _) in MAY_SAY.items()}
    assert not any(unneeded.values()), unneeded


def test_no_file_holds_a_secret_or_a_personal_text_readably(life: Lived) -> None:
    """Database, journal, crash reports, exported log, bundle, card, requests, temporary files, central's folder and logs."""
    there = [str(path.relative_to(life.place)) for path in life.place.rglob("*") if path.is_file()]
    assert not [what for what in WRITTEN if not any(re.fullmatch(what, name) for name in there)]
    for name, told in leaking_files(life.place, life.secrets).items():
        may = {one for path, (what, _) in MAY_HOLD.items() if re.fullmatch(path, name) for one in what}
        assert {one.removesuffix(", its signature") for one in told} <= may, (name, told)


def test_what_failed_can_still_be_found_without_a_word_of_what_was_in_it(life: Lived) -> None:
    """Type and places, in central's log as in a report."""
    log = life.said["central's err"].decode()
    assert "breaks the program" in log
    assert log.count("builtins.ValueError") >= 2
    assert "enrolment.py" in log or "service.py" in log or "app.py" in log
    assert "cannot take" not in log


def test_a_central_whose_words_go_into_a_log_says_neither_who_has_no_laptop_nor_a_code(life: Lived) -> None:
    """Only whoever sits there is told."""
    said = life.said["central's out"].decode()
    assert "people have no laptop yet" in said
    assert not re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", said)


@pytest.mark.parametrize("secret", ["Löschung von Rotkehlchen", bytes(range(120, 160)), "AAAAA-AAAAA"])
def test_the_search_finds_every_spelling_in_the_midst_of_anything(secret: str | bytes) -> None:
    """As a log, a page of a database or a header would hold it."""
    for spelled in spellings(secret):
        assert leaks(b"\0x" * 99 + spelled + b"\0 y", {"it": secret}) == {"it"}
    assert leaks(b"\0x" * 99, {"it": secret}) == set()


@pytest.mark.parametrize("before", range(4))
def test_the_search_finds_it_inside_a_longer_text_in_base64(before: int) -> None:
    """As in the claims of a token, or in a PEM file."""
    import base64

    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(b"\xff" * before + "Müller ?~ Söhne".encode() + b"\xfe after")
        assert leaks(b'{"a":"' + whole + b'"}', {"it": "Müller ?~ Söhne"}) == {"it"}

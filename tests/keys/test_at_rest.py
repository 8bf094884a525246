"""What lies on the disk: no answer, name, token, caption or key, in no file, while the program runs and after it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.actions import forms, site
from bravetui.auth.keys import Secrets, new_secrets
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.signing import encode
from bravetui.base.canonical import Json
from bravetui.base.clock import ManualClock
from bravetui.base.crash import write_crash_report
from bravetui.base.errors import Transient, WrongKey
from bravetui.db.engine import open_laptop_engine
from bravetui.db.journal import Journal
from bravetui.db.store import Identity, Store
from bravetui.sample.site import Seed, Site
from bravetui.sync.apply import apply_rows
from bravetui.sync.log import write_failure
from bravetui.wiring.locking import set_pin
from bravetui.wiring.recovering import ask_office
from bravetui.wiring.rescuing import set_mirror
from tests.keys.office import OFFICE
from tests.support.keyrings import Held, MemoryKeyring
from tests.support.seeded import NOON, row_of, sample_site

WORDS, PIN = "four words of canaries", "CANARY-PIN-274913"
ANSWER, TOKEN, NAME, CAPTION = (
    "CANARY answer über",
    "CANARY-token-0123456789",
    "CANARY Müller",
    "CANARY caption",
)
LETTERS_MIN = 12
"""Shorter texts of the site might be in a file by chance, or be words of the program."""
_numbers = count(500_000)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    for module in ("folder", "locking", "recovering"):
        monkeypatch.setattr(f"bravetui.wiring.{module}.keyring_of", lambda folder: MemoryKeyring(made))
    return made


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that is written anywhere is written in here, temporary files too."""
    monkeypatch.setattr("bravetui.db.ballast.Ballast.restore_if_room", lambda self: True)
    for name in ("temp", "card", "stick", "office"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "temp"))
    return tmp_path


def ring_of(folder: Path, *, words: str = WORDS) -> SealedFile:
    return SealedFile(folder / wiring.KEYS, [Passphrase(words, memory_kib=32)])


def enrolled(folder: Path, where: Site) -> Secrets:
    """A laptop's keys, as enrolment leaves them."""
    who = Identity(
        3,
        where.foreman_id,
        NAME,
        where.organization_id,
        "https://CANARY.example",
        TOKEN,
        "",
        encode(OFFICE.public),
    )
    secrets = replace(new_secrets(), identity=json.dumps(asdict(who)))
    ring_of(folder).save(secrets)
    return secrets


def fill(store: Store, where: Site) -> None:
    """The whole site, and work of one's own of every sort."""
    by_scope: dict[str, list[Seed]] = {}
    for seed in where.records:
        by_scope.setdefault(seed.scope_id, []).append(seed)
    photo: dict[str, Json] = {
        "owner_kind": "submission", "owner_id": "x", "field_path": "photos", "sha256": "0" * 64, "size_bytes": 9,
        "width": 1, "height": 1, "media_type": "image/jpeg", "taken_at": "2026-08-03T14:00:00Z", "caption": CAPTION,
    }  # fmt: skip
    photo_id = "01980000-0000-7000-8000-00000000f001"
    by_scope[where.project_id].append(Seed("photo", where.project_id, photo_id, photo, NOON))
    with store.maintain() as connection:
        for scope_id, seeds in by_scope.items():
            apply_rows(connection, scope_id, [row_of(seed, next(_numbers)) for seed in seeds])
        write_failure(connection, NOON, Transient("The line is down."))
    site.log_rain(store, where.project_id, 42, NOON)
    begun = forms.start_form(store, where.project_id, where.template_id)
    for turn in range(20):
        forms.answer(store, where.project_id, begun.submission_id, {"summary": f"{ANSWER} {turn}"})


def canaries(where: Site, secrets: Secrets) -> dict[str, bytes]:
    """What must be nowhere, by what it is: every text in the encodings that a file might have it in, every key too."""
    texts = {ANSWER, TOKEN, NAME, CAPTION, WORDS, PIN, "https://CANARY.example", "CANARY"}
    for seed in where.records:
        if seed.kind != "form_template":  # the program ships the form itself, in clear
            texts |= {text for text in _texts(seed.values) if len(text) >= LETTERS_MIN}
    assert len(texts) > 200
    found = {
        f"{text} in {encoding}": text.encode(encoding)
        for text in texts
        for encoding in ("utf-8", "utf-16-le", "utf-16-be")
    }
    for name, key in (("database", secrets.database_key), ("device", secrets.device_key)):
        spellings = (key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)[:-1])
        found |= {f"{name} key {number}": spelling for number, spelling in enumerate(spellings)}
    return found


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        if not value[:1].isdigit():  # ids and times are no secrets
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def found_in(place: Path, wanted: dict[str, bytes]) -> list[str]:
    """Where any of them is, and which files are plain databases."""
    told = []
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        data = path.read_bytes()
        told += [f"{path.name}: {name}" for name, what in wanted.items() if what in data]
        if data.startswith(b"SQLite format 3"):
            told.append(f"{path.name}: a database that anybody reads")
    return told


def test_no_file_of_a_laptop_holds_a_readable_word_of_anybody(place: Path, held: Held) -> None:
    """Database, log, journal, mark, keys, card, bundle, request, crash report, temporary files."""
    folder, where = place / "laptop", sample_site()
    secrets = enrolled(folder, where)
    wanted = canaries(where, secrets)
    set_mirror(folder, ring_of(folder), place / "card")
    laptop = wiring.open_laptop(folder, ring_of(folder), ManualClock(NOON))
    ring_of(folder).add_lock(MemoryKeyring(held))
    set_pin(ring_of(folder), folder, PIN)
    fill(laptop.store, where)
    for places in ((folder,), ()):
        assert write_crash_report(ValueError(ANSWER), *places) is not None
    (place / "office" / "ask").write_bytes(ask_office(folder, WORDS, NOON)[0])
    running = {path.name for path in place.rglob("*") if path.is_file()}
    assert {"site.db", "site.db-wal", "journal", "mark.a", "keys.a", "keys.b", "mirror", "ask"} <= running
    assert found_in(place, wanted) == []
    laptop.close()
    found, exported = wiring.rescue(folder, ring_of(folder), place / "stick", (), ManualClock(NOON))
    assert found.changes
    assert exported is not None
    assert found_in(place, wanted) == []


def test_the_search_itself_finds_what_lies_open(place: Path, held: Held) -> None:
    """In each encoding, at the end of a file as well."""
    where = sample_site()
    wanted = canaries(where, enrolled(place / "laptop", where))
    for number, what in enumerate([ANSWER.encode("utf-16-le"), NAME.encode(), b"SQLite format 3\0"]):
        (place / f"leak{number}").write_bytes((b"\0" * 5000 + what) if number < 2 else what)
    assert {told.partition(":")[0] for told in found_in(place, wanted)} == {"leak0", "leak1", "leak2"}


def test_two_persons_on_one_laptop_have_nothing_in_common(place: Path, held: Held) -> None:
    """B with A's files, B's keyring, B's passphrase and B's own database key reads not one row of A's."""
    where = sample_site()
    ours: dict[str, Secrets] = {}
    for name in ("ada", "ben"):
        ours[name] = enrolled(place / name, where)
        ring_of(place / name).change_locks(
            [Passphrase(f"the words of {name}"), MemoryKeyring(Held() if name == "ada" else held)]
        )
    ada = SealedFile(place / "ada" / wiring.KEYS, [Passphrase("the words of ada")])
    laptop = wiring.open_laptop(place / "ada", ada, ManualClock(NOON))
    fill(laptop.store, where)
    laptop.close()
    taken = Path(shutil.copytree(place / "ada", place / "ben" / "taken"))
    bens = SealedFile(taken / wiring.KEYS, [MemoryKeyring(held), Passphrase("the words of ben")])
    with pytest.raises(WrongKey):
        wiring.open_laptop(taken, bens, ManualClock(NOON))
    with pytest.raises(WrongKey):
        open_laptop_engine(taken / wiring.DATABASE, ours["ben"].database_key)
    with pytest.raises(WrongKey):
        Journal.open(taken / wiring.JOURNAL, ours["ben"].database_key)
    for copy in "ab":  # his own key file beside her data
        shutil.copy(place / "ben" / f"keys.{copy}", taken / f"keys.{copy}")
    with pytest.raises(WrongKey):
        wiring.open_laptop(
            taken, SealedFile(taken / wiring.KEYS, [Passphrase("the words of ben")]), ManualClock(NOON)
        )
    assert not list(taken.glob("*.damaged*"))
    assert ours["ada"].database_key != ours["ben"].database_key


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in access lists")
@pytest.mark.parametrize("name", ["keys.a", "site.db", "journal", "pin.tries"])
def test_only_this_account_may_read_what_lies_there(place: Path, held: Held, name: str) -> None:
    """Whatever the account's own default is."""
    where, folder = sample_site(), place / "laptop"
    before = os.umask(0)
    try:
        enrolled(folder, where)
        ring_of(folder).add_lock(MemoryKeyring(held))
        set_pin(ring_of(folder), folder, PIN)
        wiring.open_laptop(folder, ring_of(folder), ManualClock(NOON)).close()
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / name).stat().st_mode & 0o777 == 0o600

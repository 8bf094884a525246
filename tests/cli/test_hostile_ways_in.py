"""Hostile text by each way into a command: central's refusals and database, receipts, bundles, keys, prompts, sign-in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bravetui.auth.locks import Passphrase, Wrap
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import SystemClock
from bravetui.base.errors import Refused
from bravetui.central.importing import lines_of
from bravetui.central.rescue import Taken
from bravetui.cli.main import main
from bravetui.cli.rescue import carried_lines
from bravetui.cli.signing_in import TerminalWays
from bravetui.db.device import Receipt
from bravetui.merge.version import Dot
from bravetui.signin.ways import Invitation, Way
from bravetui.wire.delivery import Delivery
from bravetui.wire.messages import Delivered, Outcome, Verdict
from bravetui.wiring import KEYS, key_ring, open_laptop
from tests.cli.terminal import Terminal
from tests.cli.test_hostile_text import HERE, TEXTS
from tests.support.hostile import EVERY_KIND, LONG, harm
from tests.support.keyrings import Held, MemoryKeyring
from tests.support.seeded import sample_site

SHOWN_MAX = 20_000
"""Characters that one command says of one hostile thing, however long that is."""

Say = Callable[..., str]
WHEN = datetime(2026, 8, 3, tzinfo=UTC)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Give a command in this process, and hear what it says, which is never harmful, endless or a fault of the program."""

    def said(folder: Path, *words: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        main(["--folder", str(folder), *words])
        out, err = capsys.readouterr()
        assert not harm(out + err), (words, harm(out + err))
        assert "inside the program" not in err, (words, err)
        assert 0 < len(out + err) < SHOWN_MAX, words
        return out + err

    return said


@pytest.fixture
def laptop(enrolled: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """One that opens by its passphrase in this process too."""
    monkeypatch.setenv("BRAVETUI_PASSPHRASE_FILE", str(enrolled.passphrase))
    return enrolled


@contextmanager
def a_central_that_says(status: int, problem: dict[str, object]) -> Iterator[str]:
    """The address of a central that answers everything so."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.dumps(problem).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 -- the library's name

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "text"), [(400, EVERY_KIND), (401, EVERY_KIND), (503, EVERY_KIND), (403, LONG)]
)
def test_what_central_refuses_with_is_text_from_the_wire_to_every_command(
    laptop: Terminal, say: Say, status: int, text: str
) -> None:
    """Enrolment, sync, comparing, and all that is told of it afterwards (RFC 9457)."""
    problem = {"type": "urn:x", "title": f"TITLE:{text}", "detail": f"DETAIL:{text}", "status": status}
    with a_central_that_says(status, problem) as address:
        ring = key_ring(laptop.folder)
        secrets = ring.load()
        identity = json.loads(secrets.identity or "")
        ring.save(replace(secrets, identity=json.dumps({**identity, "central_url": address})))
        told = say(laptop.folder.parent / "other", "enrol", address, "ABCDE-FGHJK")
        told += say(laptop.folder, "sync", "--once") + say(laptop.folder, "sync", "--once", "--json")
        for words in (
            ("status",),
            ("status", "--json"),
            ("queue",),
            ("log",),
            ("log", "--json"),
            ("doctor",),
        ):
            told += say(laptop.folder, *words)
    assert ("TITLE:" in told) == (status != 503)


@TEXTS
def test_what_a_receipt_says_is_text_as_it_is_listed_and_printed(
    laptop: Terminal, say: Say, text: str
) -> None:
    verdict = Verdict(
        dot=Dot(1, 1), hash="0" * 64, outcome=Outcome.REFUSED, reason=f"REASON:{text}", code="c", at=WHEN
    )
    body = verdict.model_dump_json(exclude_defaults=True)
    opened = open_laptop(laptop.folder, key_ring(laptop.folder))
    row = {
        "device": 1, "counter": 1, "scope_id": sample_site().project_id, "kind": "violation", "record_id": HERE,
        "at": WHEN, "body": body,
    }  # fmt: skip
    with opened.store.maintain() as connection:
        connection.execute(Receipt.__table__.insert(), [row])  # type: ignore[attr-defined]
    opened.close()
    say(laptop.folder, "receipts")
    if text != LONG:  # a receipt is printed whole, since it is to be checked
        assert "REASON:" in say(laptop.folder, "receipts", HERE)
        assert json.loads(say(laptop.folder, "receipts", "--json"))["receipts"][0]["reason"]
    (laptop.folder.parent / "page").write_text(body, encoding="utf-8")
    say(laptop.folder, "receipts", "check", str(laptop.folder.parent / "page"))


@TEXTS
def test_why_a_bundle_is_kept_is_text_to_its_carrier_and_to_the_operator(text: str) -> None:
    told = Delivered(
        bundle="0" * 64, device=3, outcomes={"applied": 1}, kept=True, why=f"WHY:{text}", at=WHEN
    )  # fmt: skip
    refused = Verdict(
        dot=Dot(3, 1), hash="0" * 64, outcome=Outcome.REFUSED, reason=f"REASON:{text}", code="c", at=WHEN
    )
    as_told = told.model_copy(update={"outcomes": {text: 1}})  # to its carrier by whoever answers
    for lines in (carried_lines(Delivery((as_told,))), lines_of(Taken(told, (refused,)))):
        said = "\n".join(lines)
        assert "WHY:" in said
        assert not harm(said)
        assert len(said) < SHOWN_MAX


async def nothing(_: str) -> str:
    """A person who pastes nothing."""
    return ""


class Named(Passphrase):
    """A lock of a version, or of somebody, that calls it as he likes."""

    name = ""

    def wrap(self, content_key: bytes) -> Wrap:
        return {**super().wrap(content_key), "entry": EVERY_KIND, "to": EVERY_KIND}


@TEXTS
def test_a_key_file_whose_locks_are_called_something_is_told_as_text(
    laptop: Terminal, say: Say, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write the file can name a lock; its names are read before any key is tried."""
    ring = SealedFile(laptop.folder / KEYS, [Passphrase(laptop.passphrase.read_text(encoding="utf-8"))])
    ring.load()
    monkeypatch.setattr(Named, "name", text[:1000])
    ring.add_lock(Named("another that is long enough", memory_kib=32))
    for words in (("keys",), ("keys", "status", "--json"), ("status",)):
        say(laptop.folder, *words)


@TEXTS
@pytest.mark.parametrize(
    ("words", "asks"),
    [(("keys", "pin"), 2), (("keys", "passphrase"), 2), (("keys", "recover", "take", "{}"), 1), (("keys", "rotate"), 1)],
    ids=["pin", "passphrase", "recover", "rotate"],
)  # fmt: skip
def test_what_is_typed_or_pasted_to_a_prompt_is_never_said_back(
    laptop: Terminal, say: Say, text: str, words: tuple[str, ...], asks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PIN or passphrase from the clipboard may be anything; so may what a keyring holds."""
    held = Held(values=dict.fromkeys(("bravetui", "entry"), text))
    for module in ("folder", "locking", "recovering", "rotating"):
        monkeypatch.setattr(f"bravetui.wiring.{module}.keyring_of", lambda folder: MemoryKeyring(held))
    line = "".join(
        character for character in text if character not in "\r\n\x0b\x0c\x85\u2028\u2029\x1c\x1d\x1e"
    )
    file = laptop.folder.parent / "answer"
    file.write_text(text, encoding="utf-8")
    said = say(laptop.folder, *(word.format(file) for word in words), typed=f"{line}\n" * asks)
    assert line[:20] not in said


@TEXTS
@pytest.mark.parametrize("way", ["browser", "device", "paste"])
async def test_what_a_sign_in_service_wants_shown_is_text(
    text: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Address, code and picture, and what was wrong with what was pasted."""
    said: list[str] = []
    ways = TerminalWays(say=said.append)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("bravetui.cli.signing_in._typed_line", nothing)
    ends_at = SystemClock().now() + timedelta(minutes=5)
    await ways.invite(Invitation(way, f"https://x/{text}", f"https://x/{text}", f"CODE{text}", ends_at))
    await ways.ask_for_paste(Refused(f"WRONG:{text}", f"TODO:{text}", code="x"))
    everything = "\n".join(said)
    assert "https://x/" in everything
    assert "CODE" in everything
    assert "WRONG:" in everything
    assert not harm(everything)
    assert len(everything) < 2 * SHOWN_MAX, "what is beyond the picture is said before and after it"


@TEXTS
def test_what_central_s_own_commands_say_of_names_and_of_what_was_refused_is_text(
    laptop: Terminal, operator: Terminal, central: tuple[str, str], say: Say, text: str
) -> None:
    """Names of organization, person and laptop, and a change, in lists, in full and in JSON, and to whoever enrols."""
    folder, address = operator.folder, central[0]
    name = text[:100]
    say(folder, "central", "found", "--organization", name, "--name", name)
    say(folder, "central", "found", "--organization", text, "--name", text)
    people = say(folder, "central", "people")
    user = next(line.split()[0] for line in people.splitlines() if name[:3] in line or "␛[2J" in line)
    code = say(folder, "central", "code", "--user", user).split()[-1]
    say(laptop.folder.parent / "theirs", "enrol", "--name", name, address, code)
    say(laptop.folder.parent / "never", "enrol", "--name", text * 2, address, code)
    say(laptop.folder, "sync", "--once")
    opened = open_laptop(laptop.folder, key_ring(laptop.folder))
    with opened.store.write() as writing:
        writing.create("submission", sample_site().project_id, {"title": name})
    opened.close()
    say(laptop.folder, "sync", "--once")
    for words in ((), ("--json",)):
        assert "invalid_field" in say(folder, "central", "quarantine", *words)
        say(folder, "central", "import", *words)
    say(folder, "central", "quarantine", "--show", EVERY_KIND)
    say(folder, "central", "quarantine", "--aside", "1.1", "--by", EVERY_KIND)
    say(folder, "central", "unlock", str(laptop.folder / "keys.a"))
    say(folder, "central", "unlock", str(laptop.folder.parent / "theirs" / "keys.a"))
    say(folder, "central", "audit")

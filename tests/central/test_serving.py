"""Central as an operator meets it: ports, folders, codes, and a database of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import create_engine, text

from bravetui.base.clock import SystemClock
from bravetui.base.errors import BadInput, Busy, StorageFull
from bravetui.central import command
from bravetui.central import postgres as embedded
from bravetui.central.command import main
from bravetui.central.keys import KEY_VARIABLE, load_keys
from bravetui.central.postgres import embedded_postgres
from bravetui.central.serve import listen
from bravetui.central.state import begin_epoch
from bravetui.central.tables import PARKED
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk
from tests.support.central import KEYS, PROJECT, TEMPLATE, Site


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder under the system's temporary one, where PostgreSQL may run for root too."""
    made = Path(tempfile.mkdtemp(prefix="bravetui-test-central-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def servers(folder: Path) -> list[psutil.Process]:
    """The processes that work in the folder."""
    inside = str(folder)
    return [
        process for process in psutil.process_iter(["cmdline"])
        if any(inside in part for part in process.info["cmdline"] or ())
    ]  # fmt: skip


def test_its_own_database_keeps_its_data_and_leaves_no_process(folder: Path) -> None:
    with embedded_postgres(folder) as address:
        engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT 42 AS answer"))
        engine.dispose()
        with pytest.raises(Busy, match="already"), embedded_postgres(folder):
            pass
        with embedded_postgres(folder, share=True) as shared:
            assert shared == address
    assert servers(folder) == []
    with embedded_postgres(folder) as address:
        engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT answer FROM kept")).scalar_one() == 42
        engine.dispose()
    assert servers(folder) == []


def test_no_room_and_a_folder_that_is_a_file_are_sentences(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot be used"), embedded_postgres(folder / "file"):
        pass
    monkeypatch.setattr(embedded, "ROOM_BYTES_MIN", 1 << 62)
    with pytest.raises(StorageFull, match="free"), embedded_postgres(folder):
        pass


def test_a_taken_port_and_an_open_address_are_sentences() -> None:
    with listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(Busy, match=f"Port {port} is taken.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(BadInput, match="--behind-proxy"):
        listen("0.0.0.0", 0)
    with pytest.raises(BadInput, match="no port 70000"):
        listen("127.0.0.1", 70_000)
    with pytest.raises(BadInput, match="cannot be used"):
        listen("no such host.invalid", 0, secure=True)


def test_a_damaged_signing_key_is_never_replaced(folder: Path) -> None:
    made = load_keys(folder / "signing.key", {})
    assert load_keys(folder / "signing.key", {}).public == made.public
    assert load_keys(folder / "other.key", {KEY_VARIABLE: made.private.hex()}).public == made.public
    if os.name == "posix":
        assert (folder / "signing.key").stat().st_mode & 0o077 == 0
    (folder / "signing.key").write_text("damaged")
    with pytest.raises(BadInput, match="damaged"):
        load_keys(folder / "signing.key", {})
    assert (folder / "signing.key").read_text() == "damaged"


def test_an_operator_founds_an_organization_gives_codes_and_audits(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())

    def central(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--folder", str(folder), "--database-url", site.url])
        told = capsys.readouterr()
        return status, told.out, told.err

    status, out, _ = central("found", "--organization", "New Co", "--name", "Nia")
    assert (status, "One-time code" in out) == (0, True)
    _, people, _ = central("people")
    (nia,) = [line.split()[0] for line in people.splitlines() if "Nia" in line]
    status, code, _ = central("code", "--user", nia)
    assert (status, len(code.strip())) == (0, 11)
    assert central("code", "--user", "nobody")[0::2] == (
        2, "bravetui: There is no such person. `bravetui central people` lists them; give the id with --user.\n",
    )  # fmt: skip
    number = site.laptop("carlos").device
    assert "let in no more" in central("revoke", "--device", str(number))[1]
    assert "in order" in central("audit")[1]
    assert central("serve", "--host", "0.0.0.0")[0] == 2


def test_an_operator_reads_mends_and_sets_aside_what_was_refused(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())

    def central(*arguments: str) -> tuple[int, str, str]:
        status = main(["quarantine", *arguments, "--folder", str(folder), "--database-url", site.url])
        told = capsys.readouterr()
        return status, told.out, told.err

    assert central()[1] == "Nothing waits for the office.\n"
    carlos = site.laptop("carlos")
    for record in ("s1", "s2"):
        carlos.sync(carlos.change(record, {"title": "Daily"}, kind="submission"))
    first, second = f"{carlos.device}.1", f"{carlos.device}.2"
    assert all(words in central()[1] for words in (first, second, "carlos", "must name the form"))
    assert json.loads(central("--show", first)[1])[0]["change"]["after"] == {"title": "Daily"}
    assert "Who does it?" in central("--release", first)[2]
    assert "Only somebody at the office" in central("--aside", first, "--by", "dana")[2]
    assert "must name the form" in central("--release", first, "--by", "olga")[2]
    assert "is no mend" in central("--release", first, "--by", "olga", "--set", "template_id")[2]
    assert (
        "is taken (applied)"
        in central("--release", first, "--by", "olga", "--set", f"template_id={TEMPLATE}")[1]
    )
    assert "is set aside" in central("--aside", second, "--by", "olga")[1]
    assert json.loads(central("--json")[1]) == []
    assert site.laptop("dana").values("submission", "s1", Lane.FORMS) == {
        "title": "Daily",
        "template_id": TEMPLATE,
    }


def test_an_operator_learns_which_record_keeps_others_on_hold(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())

    def told(*arguments: str) -> str:
        main(["quarantine", *arguments, "--folder", str(folder), "--database-url", site.url])
        return capsys.readouterr().out

    carlos = site.laptop("carlos")
    carlos.sync(carlos.change("v1", {"description": "d", "inspection_id": "i-lost"}, kind="violation"))
    with site.engine.begin() as connection:
        connection.execute(PARKED.update().values(received_at=SystemClock().now() - timedelta(hours=23)))
    assert "i-lost" not in told(), "records arrive in any order: an hour or two is nothing to look at"
    with site.engine.begin() as connection:
        connection.execute(PARKED.update().values(received_at=SystemClock().now() - timedelta(hours=25)))
    assert all(
        words in told() for words in (f"{carlos.device}.1", "on_hold", "inspection i-lost, which no laptop")
    )
    assert json.loads(told("--show", f"{carlos.device}.1"))[0]["change"]["after"]["description"] == "d"


def test_after_a_restore_laptops_are_told_and_no_number_is_given_twice(site: Site) -> None:
    carlos = site.laptop("carlos")
    epoch = carlos.sync(carlos.change("i1", {"note": "x"})).epoch
    state = begin_epoch(site.engine, site.clock.now())
    ask = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=10_000, before=None)
    request = carlos.request(pull=(ask,)).model_copy(update={"epoch": epoch})
    from bravetui.central.incoming import read
    from bravetui.wire.codec import encode

    answer = site.central.exchange(carlos.shown(), read(encode(request), "zstd"))
    assert answer.epoch == answer.checkpoint.epoch == state.epoch != epoch
    assert "i1" in {row.id for row in answer.pages[0].rows}
    newcomer = site.laptop("dana")
    assert state.device > newcomer.device > carlos.device + 100
    seen = VersionVector({carlos.device: 1})
    carlos.sync(carlos.change("i1", {"inspector_id": "carlos"}, op=Op.EDIT, seen=seen))
    mine = newcomer.change("i1", {"inspector_id": "dana"}, op=Op.EDIT, seen=seen)
    (verdict,) = newcomer.sync(mine).verdicts
    assert verdict.outcome is Outcome.CONFLICT
    dots = [dot for group in newcomer.row("conflict", verdict.conflicts[0]).stamps for dot in group.dots]
    assert {dot.device for dot in dots} == {state.device}


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_central_stops_on_a_signal_with_its_database(folder: Path) -> None:
    load_keys(folder / "signing.key", {})  # its database was lost, or moved aside
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bravetui.central.command", "--folder", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Central is at" in line:
            break
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport) as http:
        assert http.get(f"http://127.0.0.1:{port}/v1/health").json() == {"status": "ok"}
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ITS DATABASE IS NOT AT" in errors
    assert errors.count("\n") == 1
    assert servers(folder) == []
    assert "No organization yet" in lines[0]


@pytest.mark.parametrize("sits_there", [True, False])
def test_who_has_no_laptop_is_said_with_a_code_to_whoever_sits_there_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, sits_there: bool
) -> None:
    """Elsewhere it goes into a log, and a code that nobody has asked for is not even made."""
    said: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: sits_there)
    command._say_who_has_none(site.central, said.append)
    assert any("Carlos" in line and "one-time code: " in line for line in said) is sits_there
    assert any("bravetui central code" in line for line in said) is not sits_there
    with site.engine.connect() as connection:
        assert (
            bool(connection.execute(text("SELECT count(*) FROM enrolment_code")).scalar_one()) is sits_there
        )

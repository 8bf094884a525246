"""Signing out on a shared laptop, and signing in again: nothing is lost, and nothing is read in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.actions.site import log_rain
from bravetui.base.clock import SystemClock
from bravetui.central.database import open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.cli.main import main
from bravetui.db.device import Outbox, OutboxState
from bravetui.wiring import key_ring, open_laptop
from tests.cli.terminal import Terminal
from tests.support.seeded import sample_site


def code_for_foreman(database_url: str) -> str:
    engine, site = open_central_engine(database_url), sample_site()
    code = issue_code(engine, SystemClock().now(), site.organization_id, site.foreman_id)
    engine.dispose()
    return code


def test_signed_out_reads_nothing_and_signing_in_again_reads_everything(
    enrolled: Terminal, central: tuple[str, str], database_url: str
) -> None:
    enrolled.run("sync", "--once")
    before = enrolled.run("conflicts")
    assert "Signed in     for 29 d" in enrolled.run("status")
    assert "Nothing was deleted" in enrolled.run("sign-out")
    assert "Nobody is signed in here" in enrolled.run("sign-out")
    assert "Nobody is signed in here" in enrolled.run("status")
    assert "Nobody is signed in here" in enrolled.run("conflicts", code=1)
    assert "receipt" in enrolled.run("receipts") or "signed for nothing" in enrolled.run("receipts")
    enrolled.run("sync", "--once")
    assert "Nobody is signed in here" in enrolled.run("conflicts", code=1), "syncing opens nothing"
    enrolled.run("enrol", "--again", central[0], code_for_foreman(database_url))
    assert enrolled.run("conflicts") == before


@pytest.fixture
def unsent(enrolled: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Rain that central has not heard of."""
    monkeypatch.setenv("BRAVETUI_PASSPHRASE_FILE", str(enrolled.passphrase))
    enrolled.run("sync", "--once")
    laptop = open_laptop(enrolled.folder, key_ring(enrolled.folder))
    log_rain(laptop.store, sample_site().project_id, 10, SystemClock().now())
    laptop.close()
    return enrolled


def test_work_that_exists_only_here_is_asked_about(unsent: Terminal, tmp_path: Path) -> None:
    """With nobody to ask it is not signed out, and a bundle is offered."""
    stick = tmp_path / "stick"
    stick.mkdir()
    assert "1 change exists only on this laptop" in unsent.run("sign-out", code=2)
    assert "Signed in     for" in unsent.run("status")
    said = unsent.run("sign-out", "--rescue", str(stick))
    assert "Sealed in" in said
    assert "Nothing was deleted" in said
    assert list(stick.iterdir())
    assert "Only here     1 change," in unsent.run("status")
    unsent.run("sync", "--once")
    assert "Only here     1 change," not in unsent.run("status"), "it is handed in as before"


@pytest.mark.parametrize(("answers", "ends"), [(["", "n"], "Still signed in."), (["", "y"], "Signed out.")])
def test_a_person_is_asked_where_there_is_one(
    unsent: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: list[str],
    ends: str,
) -> None:
    told = iter(answers)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda words: next(told))
    assert main(["--folder", str(unsent.folder), "sign-out"]) == 0
    assert ends in capsys.readouterr().out


def test_it_waits_until_the_app_is_closed(enrolled: Terminal) -> None:
    """What syncs would go on reading."""
    from bravetui.db.lease import Lease
    from bravetui.wiring import LEASE

    with Lease.take(enrolled.folder / LEASE, SystemClock().now()):
        assert "already runs" in enrolled.run("sign-out", code=75)


def test_who_signs_out_with_refused_work_is_led_to_it(unsent: Terminal) -> None:
    """To sync would bring it nowhere."""
    laptop = open_laptop(unsent.folder, key_ring(unsent.folder))
    with laptop.store.maintain() as connection:
        refused = {"state": OutboxState.REFUSED, "verdict": {"outcome": "refused", "reason": "No right."}}
        connection.execute(Outbox.__table__.update().values(**refused))  # type: ignore[attr-defined]
    laptop.close()
    said = unsent.run("sign-out", code=2)
    assert "See `bravetui queue`" in said
    assert "Sync first" not in said

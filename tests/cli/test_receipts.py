"""Receipts and the audit, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import text

from bravetui.central.database import open_central_engine
from bravetui.views.forms import templates
from tests.cli.terminal import Terminal
from tests.cli.test_rescue import with_work
from tests.cli.test_support import opened
from tests.support.seeded import sample_site


def test_receipts_are_listed_printed_and_checked_without_a_line(enrolled: Terminal, tmp_path: Path) -> None:
    """A printed page and the JSON pass; a changed one ends with exit code 1; another machine needs only the key."""
    assert "signed for nothing" in enrolled.run("receipts")
    assert "no record or change 'zzz'" in enrolled.run("receipts", "zzz", code=2)
    assert "no record or change '9.9'" in enrolled.run("receipts", "9.9", "--json", code=2)
    with_work(enrolled)
    assert "not signed for this yet" in enrolled.run("receipts", "1.1")
    enrolled.run("sync", "--once")
    told = json.loads(enrolled.run("receipts", "--json"))
    (row,) = told["receipts"]
    assert row["record_id"] in enrolled.run("receipts")
    named = enrolled.run("receipts", "--help").replace("\n", " ")
    assert all(field in named for field in row)
    page, changed = tmp_path / "page", tmp_path / "changed"
    page.write_text(enrolled.run("receipts", row["dot"]), encoding="utf-8")
    assert "genuine" in enrolled.run("receipts", "check", str(page))
    changed.write_text(page.read_text(encoding="utf-8").replace('"applied"', '"merged"'), encoding="utf-8")
    assert "NOT GENUINE" in enrolled.run("receipts", "check", str(changed), code=1)
    for true, forged in (
        ("taken as it is", "refused"),
        ("  Given      2", "  Given      1"),
        ("  Content  ", "  Reason   "),
    ):
        assert true in page.read_text(encoding="utf-8")
        changed.write_text(page.read_text(encoding="utf-8").replace(true, forged), encoding="utf-8")
        told_so = enrolled.run("receipts", "check", str(changed), code=1)
        assert "NOT GENUINE" in told_so
        assert "the page was changed" in told_so
        assert "Central signed: taken as it is" in told_so
    assert "  Not signed form: EPA site inspection" in page.read_text(encoding="utf-8")
    changed.write_text(
        page.read_text(encoding="utf-8").replace("  Not signed form: ", "  Record     Another form: "),
        encoding="utf-8",
    )
    told_so = enrolled.run("receipts", "check", str(changed))
    assert "central has not signed this line: 'Record Another form: EPA site inspection" in told_so
    for field, other in (
        ("words", "refused"),
        ("given_at", "2020-01-01T00:00:00+00:00"),
        ("reason", "x"),
        ("seq", 9),
    ):
        changed.write_text(
            json.dumps({**told, "receipts": [{**row, field: other}]}, indent=1), encoding="utf-8"
        )
        assert f"the page was changed: '{field}" in enrolled.run("receipts", "check", str(changed), code=1)
    renamed = json.dumps({**told, "receipts": [{**row, "record_id": "another"}]})
    changed.write_text(renamed, encoding="utf-8")
    assert "central has not signed this line: 'record_id another'" in enrolled.run(
        "receipts", "check", str(changed)
    )
    auditor = Terminal(tmp_path / "auditor")
    assert json.loads(auditor.run("receipts", "check", str(page), f"--key={told['central_key']}", "--json"))[
        0
    ]["genuine"]
    told_so = auditor.run("receipts", "check", str(page), code=2)
    assert "prints it as central_key (bravetui receipts --json)" in told_so
    none = tmp_path / "none"
    assert f"The file {none} cannot be read" in enrolled.run("receipts", "check", str(none), code=2)
    assert "Which file" in enrolled.run("receipts", "check", code=2)


def test_what_the_office_mended_is_receipted_as_mended(
    enrolled: Terminal, operator: Terminal, tmp_path: Path
) -> None:
    """Not as taken as it is: what its author wrote does not stand."""
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        template = templates(store)[0].id
        with store.write() as writing:
            writing.create("submission", project_id, {"title": "names no form"})
    enrolled.run("sync", "--once")
    (row,) = json.loads(enrolled.run("receipts", "--json"))["receipts"]
    release = ("--release", row["dot"], "--set", f"template_id={template}", "--by", sample_site().office_id)
    assert f"{row['dot']} is taken (applied), mended" in operator.run("central", "quarantine", *release)
    enrolled.run("sync", "--once")
    page = enrolled.run("receipts", row["dot"])
    assert "Outcome    taken, mended by the office" in page
    (tmp_path / "page").write_text(page, encoding="utf-8")
    assert "genuine" in enrolled.run("receipts", "check", str(tmp_path / "page"))
    assert (
        json.loads(enrolled.run("receipts", "--json"))["receipts"][0]["words"]
        == "taken, mended by the office"
    )


def test_the_audit_ends_with_exit_code_1_and_names_the_altered_entry(
    enrolled: Terminal, operator: Terminal, database_url: str, tmp_path: Path
) -> None:
    """Over the ledger of a whole sample site; with a report of its own to compare with later."""
    told = operator.run("audit", "verify", "--json")
    assert json.loads(told)["ok"]
    report = tmp_path / "report.json"
    report.write_text(told, encoding="utf-8")
    assert "all in order" in operator.run("audit", "verify", "--against", str(report))
    scope = max(json.loads(told)["scopes"], key=lambda one: one["entries"])["scope_id"]
    engine = open_central_engine(database_url)
    with engine.begin() as connection:
        altered = "UPDATE ledger SET body = overlay(body placing '~' from length(body) - 1) WHERE seq = 7"
        connection.execute(text(f"{altered} AND scope_id = :scope"), {"scope": scope})
    engine.dispose()
    assert f"{scope}: BROKEN at entry 7 (change 0." in operator.run("audit", "verify", code=1)
    assert not json.loads(operator.run("audit", "verify", "--json", code=1))["ok"]
    assert "no earlier report" in operator.run("audit", "verify", "--against", str(tmp_path / "none"), code=2)

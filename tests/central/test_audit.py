"""The audit finds whatever was altered in the ledger, by one byte or as a whole, and names the entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from bravetui.base.errors import BadInput
from bravetui.central.auditing import audit_json, audit_lines, noted_in, verify_ledger
from bravetui.central.ledger import Verified, chained
from tests.support.central import PROJECT, Site


def worked(site: Site, count: int = 5) -> int:
    """Some changes; returns the number of the third."""
    carlos = site.laptop("carlos")
    verdicts = [
        carlos.sync(carlos.change(f"i{number}", {"note": f"storm {number}"})).verdicts[0]
        for number in range(count)
    ]
    return verdicts[2].seq


def alter(site: Site, statement: str, **values: object) -> None:
    with site.engine.begin() as connection:
        connection.execute(text(statement), {"scope": PROJECT, **values})


def of_project(site: Site, noted: dict[str, dict[int, str]] | None = None) -> Verified:
    (found,) = [one for one in verify_ledger(site.central, noted) if one.scope_id == PROJECT]
    return found


def test_an_untouched_ledger_is_in_order_in_every_scope(site: Site) -> None:
    worked(site)
    found = verify_ledger(site.central)
    assert audit_json(found)["ok"]
    assert len(found) == 5
    assert all("all in order" in line for line in audit_lines(found))


@pytest.mark.parametrize(
    "altered",
    [
        "body = replace(body, 'storm 2', 'storm 3')",
        "body = body || ' '",
        "hash = overlay(hash placing '0' from 5)",
        "verdict = replace(verdict, 'applied', 'merged')",
        "verdict = verdict || ' '",
        "chain = overlay(chain placing 'x' from 9)",
        "counter = counter + 1000",
        "device = device + 1",
        "kind = 'violation'",
        "record_id = 'other'",
        "lane = 'forms'",
        "received_at = received_at + interval '1 second'",
        "received_at = 'infinity'",
        "received_at = '20000-01-01'",
        "created = NOT created",
        "seq = seq + 100000",
    ],
)
def test_one_altered_column_is_found_and_its_entry_named(site: Site, altered: str) -> None:
    seq = worked(site)
    alter(site, f"UPDATE ledger SET {altered} WHERE scope_id = :scope AND seq = :seq", seq=seq)
    found = of_project(site)
    assert found.broken_at == seq
    assert f"BROKEN at entry {seq}" in "\n".join(audit_lines([found]))


def test_a_missing_entry_a_wrong_head_and_a_lost_head_are_found(site: Site) -> None:
    seq = worked(site)
    with site.engine.begin() as connection:
        row = connection.execute(
            text("DELETE FROM ledger WHERE scope_id = :scope AND seq = :seq RETURNING *"), {"scope": PROJECT, "seq": seq}
        ).mappings().one()  # fmt: skip
    assert (of_project(site).broken_at, of_project(site).why) == (seq, f"entry {seq} is missing")
    with site.engine.begin() as connection:
        told = {**row, "paths": json.dumps(row["paths"])}
        names = ", ".join(told)
        marks = ", ".join(f":{name}" for name in told)
        connection.execute(text(f"INSERT INTO ledger ({names}) VALUES ({marks})"), told)
    assert of_project(site).broken_at is None
    alter(site, "UPDATE scope_head SET seq = seq + 1 WHERE scope_id = :scope")
    assert "head" in of_project(site).why
    alter(site, "DELETE FROM scope_head WHERE scope_id = :scope")
    assert "head" in of_project(site).why


def test_a_past_that_was_rewritten_or_cut_off_as_a_whole_is_found_by_an_earlier_report(
    site: Site, tmp_path: Path
) -> None:
    """Whoever holds the database can make a chain that adds up; not one that fits what was noted elsewhere."""
    seq = worked(site)
    report = tmp_path / "august.json"
    report.write_text(json.dumps(audit_json(verify_ledger(site.central))), encoding="utf-8")
    noted = {scope: dict(chains) for scope, chains in noted_in(report).items()}
    worked(site, 3)
    assert audit_json(verify_ledger(site.central, noted))["ok"]
    alter(site, "DELETE FROM ledger WHERE scope_id = :scope AND seq > :seq", seq=seq)
    chain, query = "", "SELECT seq, hash, verdict FROM ledger WHERE scope_id = :scope ORDER BY seq"
    with site.engine.begin() as connection:
        rows = connection.execute(
            text(query),
            {"scope": PROJECT},
        )
        for row in rows:
            chain = chained(chain, PROJECT, row.seq, row.hash, row.verdict)
    alter(
        site, "UPDATE scope_head SET seq = :seq, chain = :chain WHERE scope_id = :scope", seq=seq, chain=chain
    )
    assert of_project(site).broken_at is None
    assert "are gone" in of_project(site, noted).why
    worked(site, 6)
    assert "not the one that was noted" in of_project(site, noted).why
    with pytest.raises(BadInput, match="no earlier report"):
        noted_in(tmp_path / "none")

"""The log of who was let in: every event has its entry, none has a secret, nobody's request changes one."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError

from bravetui.auth import signing
from bravetui.auth.clerk import ClerkClaims
from bravetui.base.errors import Refused
from bravetui.central import audit_log
from bravetui.central.audit_log import KEPT_DAYS, Event
from bravetui.central.command import main
from bravetui.central.enrolment import issue_code
from bravetui.central.keys import KEY_VARIABLE
from bravetui.central.quarantine import release, set_aside
from bravetui.central.service import Writing, revoke
from bravetui.central.tables import AUDIT
from bravetui.central.tenants import tenant
from bravetui.merge.state import DELETED
from bravetui.merge.version import Dot
from bravetui.wire.messages import Enrol
from tests.support.central import MORNING, ORGANIZATION, STRANGERS, TEMPLATE, Laptop, Site, shown


def noted(site: Site) -> list[tuple[Any, ...]]:
    query = select(AUDIT.c.what, AUDIT.c.outcome, AUDIT.c.user_id, AUDIT.c.device).order_by(AUDIT.c.id)
    with site.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_what_happens_to_a_laptop_is_noted_in_order(site: Site) -> None:
    carlos = site.laptop("carlos")
    number = carlos.device
    site.clock.advance(days=2)
    carlos.grant = carlos.sync().grant
    carlos.sync()
    site.clock.advance(days=40)
    carlos.sync()
    carlos.sync()
    site.clock.advance(hours=2)
    carlos.sync()
    revoke(site.engine, number, site.clock.now())
    carlos.sync()
    assert noted(site) == [
        ("code", "issued", "carlos", None),
        ("enrol", "enrolled", "carlos", number),
        ("grant", "renewed", "carlos", number),
        ("contact", "expired", "carlos", number),
        ("contact", "expired", "carlos", number),
        ("revoke", "revoked", "carlos", number),
        ("contact", "revoked", "carlos", number),
    ]


def test_a_refused_enrolment_is_noted_and_says_no_code(site: Site) -> None:
    key, code = signing.new_private_key(), issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    for wrong in ("00000-00000", code):
        with suppress(Refused):
            site.central.enrol(
                Enrol(code=wrong, device_name="x", device=7 if wrong == code else None),
                shown(site, "/v1/enrol", key),
            )
    assert [row[:2] for row in noted(site)] == [
        ("code", "issued"), ("enrol", "bad_code"), ("enrol", "unknown_device"),
    ]  # fmt: skip


class _Provider:
    """Says of a token that it is whom it names."""

    def verify(self, token: str, now: object) -> ClerkClaims:
        return ClerkClaims(
            token,
            None,
            None,
            (),
            "user_kim" if token == "dana" else None,
            expires_at=MORNING,
            session_id=None,
        )


def test_a_refused_enrolment_names_person_and_laptop_as_far_as_they_were_shown(site: Site) -> None:
    def refused(laptop: Laptop, outcome: str, **asked: Any) -> None:
        with pytest.raises(Refused) as caught:
            site.central.enrol(Enrol(device_name="x", **asked), shown(site, "/v1/enrol", laptop.key))
        assert caught.value.code == outcome

    site.central.enrolling.issuer = cast("Any", _Provider())
    carlos = site.laptop("carlos")
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "dana")
    refused(carlos, "another_person", code=code, device=carlos.device)
    revoke(site.engine, carlos.device, site.clock.now())
    refused(carlos, "revoked", token="carlos", device=carlos.device)
    refused(carlos, "unknown_person", token="nobody" * 20)
    refused(carlos, "impersonated", token="dana")
    assert [row for row in noted(site) if row[0] == "enrol"][1:] == [
        ("enrol", "another_person", "dana", carlos.device),
        ("enrol", "revoked", "carlos", carlos.device),
        ("enrol", "unknown_person", ("nobody" * 20)[:64], None),
        ("enrol", "impersonated", "dana", None),
    ]


def test_columns_of_the_log_never_run_together_and_name_the_person(site: Site) -> None:
    """Laptops' numbers have nine digits as often as one."""
    event = Event("enrol", "which_organization", ORGANIZATION, "u" * 36, 217_854_720, "user_kim")
    line = audit_log._line(site.clock.now(), event, {(ORGANIZATION, "u" * 36): "Carlos Medina"})
    assert line.split("  ")[0] == "2026-08-03 13:30:00"
    assert [part.strip() for part in line.split("  ") if part.strip()][1:] == [
        "enrol", "which_organization", "laptop 217854720", f"{'u' * 36} Carlos Medina, played by user_kim", ORGANIZATION,
    ]  # fmt: skip


def test_a_person_who_has_left_and_what_the_office_settles_are_noted(site: Site) -> None:
    carlos = site.laptop("carlos")
    for record in ("s1", "s2"):
        carlos.sync(carlos.change(record, {"title": "Daily"}, kind="submission"))
    release(site.central, Dot(carlos.device, 1), "olga", {"template_id": TEMPLATE})
    set_aside(site.central, Dot(carlos.device, 2), "olga")
    site.central.publish(ORGANIZATION, [Writing("user", "carlos", {DELETED: True})])
    carlos.sync()
    assert noted(site)[2:] == [
        ("release", "mended", "olga", carlos.device),
        ("release", "set aside", "olga", carlos.device),
        ("contact", "left", "carlos", carlos.device),
    ]


def test_a_request_adds_to_the_log_and_changes_nothing_of_it(site: Site) -> None:
    site.laptop("carlos")
    for statement in ("UPDATE audit_event SET outcome = 'x'", "DELETE FROM audit_event"):
        with site.engine.connect() as connection:
            tenant(connection, ORGANIZATION)
            with pytest.raises(ProgrammingError, match="permission denied"):
                connection.execute(text(statement))
    with site.engine.connect() as connection:
        tenant(connection, STRANGERS)
        assert connection.execute(select(AUDIT)).all() == []


def test_entries_are_forgotten_by_age_alone(site: Site) -> None:
    carlos = site.laptop("carlos")
    with site.engine.begin() as connection:
        old = text(f"now() - interval '{KEPT_DAYS + 1} days'")
        connection.execute(update(AUDIT).where(AUDIT.c.what == "code").values(at=old))
    carlos.sync()
    assert [row[:2] for row in noted(site)] == [("enrol", "enrolled")]


def test_an_operator_reads_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, site.central.keys.private.hex())
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    place = ["--database-url", site.url, "--folder", str(tmp_path)]
    assert main(["audit-log", "--days", "4000", *place]) == 0
    told = capsys.readouterr().out
    assert "code" in told
    assert "carlos Carlos  " in told
    assert code not in told
    assert main(["audit-log", "--json", "--days", "4000", *place]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "Carlos"
    assert main(["audit-log", "--days", "0", *place]) == 0
    assert capsys.readouterr().out == "Nothing is noted.\n"

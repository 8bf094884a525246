"""An operator makes people, projects and forms by hand, and no second one of what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from bravetui.auth import signing
from bravetui.base.errors import Refused
from bravetui.central import command
from bravetui.central.command import main
from bravetui.central.enrolment import issue_code
from bravetui.central.founding import people, scopes
from bravetui.central.keys import KEY_VARIABLE
from bravetui.central.tenants import operator
from bravetui.db.kinds import KINDS
from bravetui.forms.library import shipped
from bravetui.wire.messages import Enrol
from tests.support.central import KEYS, ORGANIZATION, PROJECT, STRANGE_PROJECT, Site, shown

Command = Callable[..., tuple[int, str, str]]

TABLE = """
| survey |             |      |       |
|        | type        | name | label |
|        | begin group | talk | Talk  |
|        | text        | who  | Who?  |
|        | end group   |      |       |

| settings |            |          |           |
|          | form_title | form_id  | version   |
|          | Tailgate   | tailgate | {version} |
"""


@pytest.fixture
def central(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv(KEY_VARIABLE, KEYS.private.hex())

    def ran(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--folder", str(tmp_path), "--database-url", site.url])
        told = capsys.readouterr()
        return status, told.out, told.err

    return ran


def _rows(site: Site, kind: str, scope_id: str) -> list[dict[str, object]]:
    table = KINDS[kind].table
    with site.engine.connect() as connection:
        operator(connection)
        rows = connection.execute(select(table).where(table.c.scope_id == scope_id)).mappings()
        return [dict(row) for row in rows]


@pytest.mark.parametrize("sits_there", [True, False])
def test_a_person_is_added_with_a_code_for_whoever_sits_there_alone(
    site: Site, central: Command, monkeypatch: pytest.MonkeyPatch, sits_there: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: sits_there)
    status, out, _ = central(
        "add-person",
        "--organization",
        ORGANIZATION,
        "--name",
        "Nia",
        "--role",
        "foreman",
        "--project",
        PROJECT,
    )
    assert status == 0
    assert ("One-time code" in out) is sits_there
    (nia,) = [one for one in people(site.central) if one.name == "Nia"]
    assert nia.user_id in out
    member = [row for row in _rows(site, "project_member", PROJECT) if row["user_id"] == nia.user_id]
    assert [(row["project_role"], row["may_sign"]) for row in member] == [("foreman", False)]


def test_a_person_is_known_by_the_provider_s_id_and_added_once(site: Site, central: Command) -> None:
    words = ("add-person", "--organization", "Acme Earthworks", "--name", "Nina", "--role", "support")
    subject = ("--person-id", "user_2abcDEFghiJKLmnoPQRstuVWXyz")
    status, out, _ = central(*words, *subject)
    assert (status, "bravetui support" in out, "code:" in out) == (0, True, False)
    status, _, error = central(*words, *subject)
    assert (status, "is known under the id user_2abc" in error) == (2, True)
    for bad in ("", "x" * 37, "two\nlines"):
        assert "cannot be kept" in central(*words, "--person-id", bad)[2]


def test_a_second_person_of_one_name_is_made_and_said(site: Site, central: Command) -> None:
    """Two people may be called alike; mostly somebody wanted to give the first one another role."""
    words = ("add-person", "--organization", ORGANIZATION, "--role", "foreman", "--name")
    assert "already" not in central(*words, "Nia Okafor")[1]
    (first,) = [one for one in people(site.central) if one.name == "Nia Okafor"]
    status, out, _ = central(*words, "nia  okafor")
    assert status == 0
    assert f"There was a Nia Okafor already ({first.user_id}, foreman): this is a second person." in out
    assert f"bravetui central add-member --user {first.user_id} --project ID --role ROLE" in out


def test_nobody_is_added_where_the_organization_or_project_is_none(site: Site, central: Command) -> None:
    words = ("add-person", "--name", "Nia", "--role", "foreman")
    before = people(site.central)
    status, _, error = central(*words)
    assert (status, "Which organization?" in error, ORGANIZATION in error) == (2, True, True)
    assert "no organization 'nobody'" in central(*words, "--organization", "nobody")[2]
    other = central(*words, "--organization", ORGANIZATION, "--project", STRANGE_PROJECT)
    assert (other[0], "There is no project" in other[2]) == (2, True)
    assert "one of admin, agency" in central("add-person", "--name", "Nia")[2]
    assert people(site.central) == before


def test_a_project_is_added_with_its_members_and_listed(site: Site, central: Command) -> None:
    words = ("add-project", "--organization", ORGANIZATION, "--name", "Dam")
    assert "no person 'sam'" in central(*words, "--member", "sam:foreman")[2]
    assert "is no time zone" in central(*words, "--timezone", "Mars/Base")[2]
    members = ("--member", "carlos:foreman", "--member", "olga:project_manager", "--may-sign")
    status, out, _ = central(*words, *members, "--timezone", "America/Denver")
    assert (status, "America/Denver" in out) == (0, True)
    (dam,) = [one for one in scopes(site.central, "project") if one.name == "Dam"]
    assert f"{dam.scope_id}  Dam  Acme Earthworks" in central("projects")[1]
    rows = {
        row["user_id"]: (row["project_role"], row["may_sign"])
        for row in _rows(site, "project_member", dam.scope_id)
    }
    assert rows == {"carlos": ("foreman", True), "olga": ("project_manager", True)}


def test_who_is_let_into_a_project_twice_has_one_membership(site: Site, central: Command) -> None:
    words = ("add-member", "--organization", ORGANIZATION, "--user", "olga", "--project", PROJECT, "--role")
    for role in ("viewer", "foreman"):
        assert central(*words, role)[:2] == (0, f"Olga works in Mill Creek as {role}.\n")
    rows = [row for row in _rows(site, "project_member", PROJECT) if row["user_id"] == "olga"]
    assert [row["project_role"] for row in rows] == ["foreman"]
    assert "Who works where" in central("add-member", "--user", "olga")[2]


def test_a_role_that_is_none_is_said_with_those_that_are(
    central: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        central("add-person", "--name", "Nia", "--role", "king")
    assert "foreman" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        central("add-project", "--name", "Dam", "--member", "carlos:king")
    assert "is not ID:ROLE, with one of the roles admin, agency" in capsys.readouterr().err


def test_founding_again_is_refused_and_names_what_was_meant(site: Site, central: Command) -> None:
    before = scopes(site.central, "organization")
    status, _, error = central("found", "--organization", " acme  EARTHWORKS", "--name", "Nia")
    assert (status, "bravetui central add-person" in error) == (2, True)
    assert scopes(site.central, "organization") == before
    status, out, _ = central(
        "found",
        "--organization",
        "New Co",
        "--name",
        "Nia",
        "--person-id",
        "user_1",
        "--organization-id",
        "org_1",
    )
    assert (status, "Organization org_1, person user_1" in out) == (0, True)


def test_a_form_that_ships_is_published_once(site: Site, central: Command) -> None:
    form = shipped("cgp_site_inspection")
    words = ("publish", "cgp_site_inspection", "--organization", ORGANIZATION)
    assert "can be started" in central(*words)[1]
    assert "is published already" in central(*words)[1]
    rows = [row for row in _rows(site, "form_template", ORGANIZATION) if row["key"] == form.key]
    assert [(row["body"], row["active"]) for row in rows] == [(form.to_json(), True)]
    assert "cgp_site_inspection" in central("publish")[2]


def test_a_newer_version_of_a_table_takes_the_place_of_the_older(
    site: Site, central: Command, tmp_path: Path
) -> None:
    table = tmp_path / "tailgate.md"
    words = ("publish", str(table), "--organization", ORGANIZATION)
    for version in (1, 2):
        table.write_text(TABLE.format(version=version), encoding="utf-8")
        status, out, error = central(*words)
        assert (status, f"Tailgate, version {version}, can be started" in out) == (0, True), error
    rows = [row for row in _rows(site, "form_template", ORGANIZATION) if row["title"] == "Tailgate"]
    assert {row["version_number"]: row["active"] for row in rows} == {1: False, 2: True}
    table.write_text(TABLE.format(version=2).replace("Who?", "Who leads?"), encoding="utf-8")
    assert "higher version" in central(*words)[2]
    assert (
        "is not there" in central("publish", str(tmp_path / "none.xlsx"), "--organization", ORGANIZATION)[2]
    )


def test_a_newer_code_ends_the_older_unused_one(site: Site) -> None:
    def code(user_id: str) -> str:
        return issue_code(site.engine, site.clock.now(), ORGANIZATION, user_id)

    first, second, others = code("dana"), code("dana"), code("carlos")
    with pytest.raises(Refused, match="out of date"):
        _enrol(site, first)
    assert _enrol(site, second) == "dana"
    code("dana")
    assert _enrol(site, others) == "carlos"


@pytest.mark.parametrize("sits_there", [True, False])
def test_what_a_code_is_good_for_is_said_beside_it(
    central: Command, monkeypatch: pytest.MonkeyPatch, sits_there: bool
) -> None:
    """To a person; a script reads the code and nothing else."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: sits_there)
    status, out, said = central("code", "--user", "dana")
    assert (status, len(out.split())) == (0, 1)
    assert ("For one laptop, for 24 hours." in said) is sits_there


def _enrol(site: Site, code: str) -> str:
    key = signing.new_private_key()
    return site.central.enrol(Enrol(code=code, device_name="laptop"), shown(site, "/v1/enrol", key)).user_id


def test_serving_on_a_terminal_ends_no_code_that_was_given_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever founded an organization has its code on the same screen."""
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    said: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command._say_who_has_none(site.central, said.append)
    assert any("Dana" in line and "one-time code: " in line for line in said)
    assert any("Carlos" in line and "bravetui central code --user carlos" in line for line in said)
    assert _enrol(site, code) == "carlos"

"""What an operator does for an organization by hand: found it, add people and projects, list them, give a code.

None of it makes a second thing of what is there: an organization of the same name, or a person under the same id, is said.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import clean_text, safe_line
from bravetui.central.access import ROLES, SUPPORT_ROLE
from bravetui.central.enrolment import CODE_LIVES, issue_code
from bravetui.central.founding import (
    Person,
    Scope,
    add_member,
    add_person,
    found_organization,
    open_project,
    people,
    scopes,
)
from bravetui.central.service import Central

Say = Callable[[str], None]

ADD_PERSON, ADD_PROJECT, ADD_MEMBER = "add-person", "add-project", "add-member"

ID_MAX = 36
"""As long as any id in a record may be."""

_HOURS = CODE_LIVES // timedelta(hours=1)
_PEOPLE = "`bravetui central people` lists them."
_PROJECTS = "`bravetui central projects` lists them."


def add_organizing_arguments(parser: argparse.ArgumentParser) -> None:
    """Who and what is founded or added."""
    parser.add_argument(
        "--organization", help="name of the organization (found); id or name of one (add-*, publish)"
    )
    parser.add_argument(
        "--name", help="name of the person (found, add-person) or of the project (add-project)"
    )
    parser.add_argument("--role", choices=sorted(ROLES), help="role of the person (default for found: admin)")
    parser.add_argument(
        "--person-id", metavar="SUBJECT",
        help="id under which the identity provider knows the person, e.g. Clerk's user_... (found, add-person)",
    )  # fmt: skip
    parser.add_argument(
        "--organization-id",
        metavar="ID",
        help="id under which the identity provider knows the organization, e.g. Clerk's org_... (found)",
    )
    parser.add_argument(
        "--project", metavar="ID", action="append", default=[],
        help="project the person works in; may be given several times (add-person, add-member)",
    )  # fmt: skip
    parser.add_argument(
        "--member", metavar="ID:ROLE", action="append", default=[], type=_member,
        help="person who works in it, and as what; may be given several times (add-project)",
    )  # fmt: skip
    parser.add_argument(
        "--may-sign", action="store_true",
        help="who is named may sign its reports, as authorized in writing: CGP G.11.2 (add-*)",
    )  # fmt: skip
    parser.add_argument("--timezone", default="UTC", help="of the project, e.g. America/Denver (add-project)")
    parser.add_argument("--user", help="id of the person (code, add-member)")


def _member(told: str) -> tuple[str, str]:
    user_id, colon, role = told.rpartition(":")
    if not colon or not user_id or role not in ROLES:
        raise argparse.ArgumentTypeError(
            f"{safe_line(told, 60)!r} is not ID:ROLE, with one of the roles {', '.join(sorted(ROLES))}"
        )
    return user_id, role


def check_found(options: argparse.Namespace) -> None:
    """Raises BadInput for what is missing."""
    if not options.organization or not options.name:
        raise BadInput("An organization needs a name, and a first person.", "Give --organization and --name.")
    _check_id(options.organization_id)
    _check_id(options.person_id)


def check_add_person(options: argparse.Namespace) -> None:
    """Raises BadInput for what is missing."""
    if not options.name or not options.role:
        raise BadInput(
            "A person needs a name and a role.", f"Give --name, and --role with one of {_roles()}."
        )
    _check_id(options.person_id)


def check_add_project(options: argparse.Namespace) -> None:
    """Raises BadInput for what is missing, and for a time zone that is none."""
    if not options.name:
        raise BadInput("A project needs a name.", "Give --name.")
    try:
        ZoneInfo(options.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(
            f"{safe_line(options.timezone, 60)!r} is no time zone.",
            "Name one like America/Denver with --timezone.",
        ) from error


def check_add_member(options: argparse.Namespace) -> None:
    """Raises BadInput for what is missing."""
    if not options.user or not options.role or not options.project:
        raise BadInput(
            "Who works where, and as what?",
            f"Give --user, --project, and --role with one of {_roles()}. {_PEOPLE}",
        )


def check_code(options: argparse.Namespace) -> None:
    """Raises BadInput for what is missing."""
    if not options.user:
        raise BadInput("A code for whom?", f"{_PEOPLE[:-1]}; give the id with --user.")


def _check_id(told: str | None) -> None:
    if told is not None and (
        not 0 < len(told) <= ID_MAX or clean_text(told) != told or safe_line(told) != told
    ):
        raise BadInput(
            f"The id {safe_line(told, 60)!r} cannot be kept: it has 1 to {ID_MAX} characters, on one line.",
            "Copy it from the identity provider.",
        )


def _roles() -> str:
    return ", ".join(sorted(ROLES))


def found_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Make an organization and its first person. Raises BadInput where there is one of that name: two could not be told
    apart, and who founds again mostly wants to add somebody."""
    name = " ".join(options.organization.split())
    for one in scopes(central, "organization"):
        if one.name.casefold() == name.casefold() or one.scope_id == options.organization_id:
            raise BadInput(
                f"There is an organization {safe_line(one.name)} already ({one.scope_id}).",
                "To add somebody to it: bravetui central add-person --name NAME --role ROLE",
            )
    organization_id = found_organization(central, name, new_id=options.organization_id or "")
    user_id = add_person(
        central, organization_id, options.name, options.role or "admin", new_id=options.person_id or ""
    )
    code = issue_code(central.engine, central.clock.now(), organization_id, user_id)
    say(
        f"Organization {organization_id}, person {user_id}. One-time code for one laptop, for {_HOURS} hours: {code}"
    )


def people_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Everybody central knows, with the numbers of their laptops."""
    for person in people(central):
        laptops = ", ".join(map(_laptop, person.laptops)) or "no laptop"
        say(
            f"{person.user_id}  {safe_line(person.name)}  {person.role}  {safe_line(person.organization)}  {laptops}"
        )


def _laptop(numbers: Sequence[int]) -> str:
    """One laptop by its number, and by those under which a copy of it, or what came on a stick, goes on."""
    first, *others = map(str, numbers)
    return f"{first} (also as {', '.join(others)})" if others else first


def projects_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Every project."""
    names = {one.scope_id: one.name for one in scopes(central, "organization")}
    found = scopes(central, "project")
    for one in found:
        say(f"{one.scope_id}  {safe_line(one.name)}  {safe_line(names.get(one.organization_id, ''))}")
    if not found:
        say("No project yet. To make one: bravetui central add-project --name NAME")


def add_person_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Make a person known, in the projects named; one that is known is left alone."""
    organization = organization_of(central, options)
    known = _known(central, organization, options.person_id)
    if known is not None:
        raise BadInput(
            f"{safe_line(known.name)} is known under the id {safe_line(known.user_id, 40)} already.",
            f"To let somebody into a project: bravetui central {ADD_MEMBER} --user ID --project ID --role ROLE",
        )
    for project_id in options.project:
        _project_of(central, organization, project_id)
    namesakes = [one for one in people(central) if _is_called(one, organization, options.name)]
    user_id = add_person(
        central, organization.scope_id, options.name, options.role, new_id=options.person_id or ""
    )
    for project_id in options.project:
        add_member(central, project_id, user_id, options.role, may_sign=options.may_sign)
    say(f"Person {user_id}: {safe_line(options.name)}, {options.role}, of {safe_line(organization.name)}.")
    for one in namesakes:
        say(
            f"There was a {safe_line(one.name)} already ({one.user_id}, {one.role}): this is a second person. "
            "To give the first another role in a project: "
            f"bravetui central {ADD_MEMBER} --user {one.user_id} --project ID --role ROLE"
        )
    if options.role == SUPPORT_ROLE:
        say(
            "Support is shown no record, so no code is given: it signs in on a laptop that needs it (bravetui support)."
        )
    elif sys.stdout.isatty():
        say(
            f"One-time code for one laptop, for {_HOURS} hours: {_new_code(central, organization.scope_id, user_id)}"
        )
    else:  # what goes into a log has no code in it
        say(f"For a one-time code: bravetui central code --user {safe_line(user_id, 40)}")


def add_project_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Make a project, with whoever is named in it."""
    organization = organization_of(central, options)
    for user_id, _ in options.member:
        _somebody(central, organization, user_id)
    values: dict[str, Json] = {"name": options.name, "timezone": options.timezone}
    project_id = open_project(
        central, organization.scope_id, values, dict(options.member), may_sign=options.may_sign
    )
    say(f"Project {project_id}: {safe_line(options.name)}, of {safe_line(organization.name)}.")
    say(f"Work there is from Monday to Friday, 7:00 to 17:00, {options.timezone}; deadlines go by that.")


def add_member_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """Let a person who is known into projects."""
    organization = organization_of(central, options)
    person = _somebody(central, organization, options.user)
    found = [_project_of(central, organization, project_id) for project_id in options.project]
    for project in found:
        add_member(central, project.scope_id, person.user_id, options.role, may_sign=options.may_sign)
        say(f"{safe_line(person.name)} works in {safe_line(project.name)} as {options.role}.")


def code_task(central: Central, options: argparse.Namespace, say: Say) -> None:
    """A one-time code, alone on standard output; what it is good for beside it."""
    for person in people(central):
        if person.user_id == options.user:
            say(_new_code(central, person.organization_id, person.user_id))
            if sys.stderr.isatty():  # a script reads the code alone
                sys.stderr.write(
                    f"For one laptop, for {_HOURS} hours. Earlier codes of this person have ended.\n"
                )
            return
    raise BadInput("There is no such person.", f"{_PEOPLE[:-1]}; give the id with --user.")


def organization_of(central: Central, options: argparse.Namespace) -> Scope:
    """The organization that is meant: by id or name, or the only one. Raises BadInput."""
    every = scopes(central, "organization")
    told = options.organization
    found = [one for one in every if told is None or told in (one.scope_id, one.name)]
    if len(found) == 1:
        return found[0]
    if not every:
        raise BadInput(
            "There is no organization here.",
            "To make one: bravetui central found --organization NAME --name YOU",
        )
    listed = "; ".join(f"{one.scope_id} {safe_line(one.name, 60)}" for one in every[:20])
    what = (
        "Which organization?"
        if told is None or found
        else f"There is no organization {safe_line(told, 60)!r}."
    )
    raise BadInput(what, f"Give one of these with --organization: {listed}.")


def _is_called(person: Person, organization: Scope, name: str) -> bool:
    """Whether somebody there has this name, however it is spaced or written large."""
    told, known = (" ".join(each.split()).casefold() for each in (name, person.name))
    return person.organization_id == organization.scope_id and told == known


def _known(central: Central, organization: Scope, user_id: str | None) -> Person | None:
    return next(
        (
            one
            for one in people(central)
            if (one.organization_id, one.user_id) == (organization.scope_id, user_id)
        ),
        None,
    )


def _somebody(central: Central, organization: Scope, user_id: str) -> Person:
    person = _known(central, organization, user_id)
    if person is None:
        raise BadInput(
            f"There is no person {safe_line(user_id, 40)!r} in {safe_line(organization.name)}.", _PEOPLE
        )
    return person


def _project_of(central: Central, organization: Scope, project_id: str) -> Scope:
    for one in scopes(central, "project"):
        if (one.scope_id, one.organization_id) == (project_id, organization.scope_id):
            return one
    raise BadInput(
        f"There is no project {safe_line(project_id, 40)!r} in {safe_line(organization.name)}.", _PROJECTS
    )


def _new_code(central: Central, organization_id: str, user_id: str) -> str:
    return issue_code(central.engine, central.clock.now(), organization_id, user_id)

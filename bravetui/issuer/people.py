"""Who can sign in at the development issuer: a foreman, a manager, the office, and somebody who only looks."""

from __future__ import annotations

from dataclasses import dataclass

FOREMAN_MAY = ("org:photos:upload", "org:projects:read", "org:submissions:create")
OFFICE_MAY = (*FOREMAN_MAY, "org:projects:manage", "org:submissions:review")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and the organization that is theirs."""

    subject: str
    """Clerk's id of a person, `user_...`."""
    name: str
    email: str
    organization_id: str | None = None
    """`org_...`; None for somebody who works for nobody yet."""
    role: str | None = None
    """Clerk's word for it, without `org:` in front."""
    permissions: tuple[str, ...] = ()
    """`org:feature:permission`."""
    played_by: str | None = None
    """The account of somebody who signs in as this person, as support does from Clerk's dashboard."""


PEOPLE = (
    Person("user_ana", "Ana Flores", "ana@hill.example", "org_hill", "member", FOREMAN_MAY),
    Person("user_ben", "Ben Ortiz", "ben@hill.example", "org_hill", "manager", OFFICE_MAY),
    Person("user_cleo", "Cleo Park", "cleo@hill.example", "org_hill", "admin", OFFICE_MAY),
    Person("user_vic", "Vic Lane", "vic@visitor.example"),
)

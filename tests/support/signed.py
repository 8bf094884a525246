"""A report at central that one signs while another goes on writing in it."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms.library import shipped
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from tests.support.central import ORGANIZATION, PROJECT, Laptop, Site

EPA = "epa"
SAID: dict[str, Json] = {"answers/summary": "All in order.", "answers/location": "lot 8"}


def begun(site: Site, laptop: Laptop) -> VersionVector:
    """A report that was begun, and what all have seen of it."""
    form = shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": form.key, "title": form.title, "body": form.to_json()}
    site.central.publish(ORGANIZATION, [Writing("form_template", EPA, body)])
    made = laptop.change("r1", {"template_id": EPA, **SAID}, kind="submission")
    laptop.sync(made)
    return VersionVector().with_dot(made.dot)


def signing(laptop: Laptop, seen: VersionVector, **more: Json) -> Change:
    """Signs what was `seen`."""
    told: dict[str, Json] = {**more, "status": "submitted"}
    return laptop.change("r1", told, kind="submission", op=Op.EDIT, seen=seen)


def signed(site: Site, laptop: Laptop) -> VersionVector:
    """A report that was begun, seen by all, and then signed; what the others have seen of it."""
    seen = begun(site, laptop)
    laptop.sync(signing(laptop, seen))
    return seen


def values(laptop: Laptop) -> dict[str, Json]:
    return laptop.values("submission", "r1", Lane.FORMS)


def questions(laptop: Laptop) -> list[dict[str, Json]]:
    return [row.state().values() for (kind, _), row in laptop.rows().items() if kind == "conflict"]


def late(laptop: Laptop, seen: VersionVector, after: dict[str, Json], **before: Json) -> Change:
    """Answers of somebody who knows of no signature."""
    had: dict[str, Json] = {f"answers/{path}": value for path, value in before.items()}
    return laptop.change("r1", after, kind="submission", op=Op.EDIT, seen=seen, before=had)


def answered(site: Site, laptop: Laptop, **answers: Json) -> VersionVector:
    """A report with these answers, too, and what all have seen of it."""
    seen = begun(site, laptop)
    told: dict[str, Json] = {f"answers/{path}": value for path, value in answers.items()}
    more = laptop.change("r1", told, kind="submission", op=Op.EDIT, seen=seen)
    laptop.sync(more)
    return seen.with_dot(more.dot)


BOTH_ORDERS = pytest.mark.parametrize("is_late_first", [True, False], ids=["late first", "signature first"])


def in_order(is_late_first: bool, late: tuple[Laptop, Change], sign: tuple[Laptop, Change]) -> None:
    for laptop, change in (late, sign) if is_late_first else (sign, late):
        laptop.sync(change)


def in_review(site: Site, status: str) -> None:
    """The office says something of the report."""
    site.clock.advance(hours=1)
    site.central.publish(PROJECT, [Writing("submission", "r1", {"status": status})], "olga")


def seen_now(laptop: Laptop) -> VersionVector:
    """What somebody has seen who has just synced."""
    return laptop.row("submission", "r1", Lane.FORMS).version


def unsettled(laptop: Laptop) -> list[dict[str, Json]]:
    """The questions that wait for a person."""
    return [question for question in questions(laptop) if question["status"] == "open"]


def values_of(question: dict[str, Json]) -> list[dict[str, Json]]:
    """What each side of a question says, by path."""
    sides = (question["local"], question["remote"])
    return [side["values"] for side in sides if isinstance(side, dict) and isinstance(side["values"], dict)]


def decision(
    laptop: Laptop, question_id: str, seen: VersionVector, after: dict[str, Json], **before: Json
) -> Change:
    """Decides a question, by who has `seen` it."""
    had: dict[str, Json] = {f"answers/{path}": value for path, value in before.items()}
    return laptop.change(
        "r1",
        after,
        kind="submission",
        op=Op.DECIDE,
        seen=seen,
        before=had,
        conflict_id=question_id,
        reason="I was there",
    )

"""What the office does: records, rights and memberships, new versions of the form, and what was refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import select

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.central.quarantine import Waiting, release, set_aside, waiting
from bravetui.db.kinds import KINDS
from bravetui.simulate import paper
from bravetui.simulate.central import OFFICE, ORGANIZATION, SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.people import People

_members, _templates = KINDS["project_member"].table, KINDS["form_template"].table

ENDED_ON = "2026-01-31"
"""Before every month begins."""
LOGS_BEFORE = 2


class Office:
    """The office of one simulated month."""

    def __init__(self, chaos: Chaos, central: SimulatedCentral, people: People) -> None:
        self._chaos, self._central, self._people = chaos, central, people
        self._versions = 1
        """Of the form, that it has published."""

    def begin(self) -> None:
        """Before anybody is enrolled there are daily logs, so that every update of a program finds some."""
        for number in range(1, LOGS_BEFORE + 1):
            self._central.publish("daily_log", f"log-{number}", {"narrative": f"day {number} before"})

    def day(self, laptops_of: tuple[str, ...]) -> None:
        """A day's work; `laptops_of` names who has a laptop on the site."""
        chaos = self._chaos
        for _ in range(chaos.dice.choice((0, 1, 1, 2))):
            self._people.at_the_office(self._central)
        if chaos.happens("template changed"):
            self._versions += 1
            self._publish(self._versions)
        if chaos.happens("right taken"):
            self._write_member(chaos.pick(laptops_of), {"project_role": "viewer"})
        elif chaos.happens("membership ended"):
            self._write_member(chaos.pick(laptops_of), {"to_date": ENDED_ON})
        elif chaos.chance(0.2):
            self.give_back(laptops_of)
        if chaos.chance(0.5):
            self.publish_again()
        if chaos.chance(0.3):
            for one in waiting(self._central.central):
                self._settle(one)

    def give_back(self, people: tuple[str, ...]) -> None:
        """Everybody may work on the project again."""
        for user_id in people:
            self._write_member(user_id, {"project_role": "foreman", "to_date": None})

    def take_all_refused(self) -> None:
        """Release whatever waits: where its laptop is gone, nobody else can."""
        for one in waiting(self._central.central):
            self._tried(partial(release, self._central.central, one.change.dot, OFFICE), "releases", one)

    def _settle(self, one: Waiting) -> None:
        central, dot, chaos = self._central.central, one.change.dot, self._chaos
        how = chaos.pick(("released", "mended", "set aside", "left"))
        typed = sorted(path for path, value in one.change.after.items() if str(value).startswith("note "))
        done = False
        if how == "mended" and typed:
            mends: dict[str, Json] = {chaos.pick(typed): self._people.word()}
            done = self._tried(partial(release, central, dot, OFFICE, mends), "mends", one)
        elif how == "released":
            done = self._tried(partial(release, central, dot, OFFICE), "releases", one)
        elif how == "set aside":
            done = self._tried(partial(set_aside, central, dot, OFFICE), "sets aside", one)
        chaos.counts[f"refused change {how}"] += done

    def _tried(self, task: Callable[[], object], words: str, one: Waiting) -> bool:
        try:
            task()
        except BravetuiError as error:
            words += f", and was told: {type(error).__name__}"
            return False
        finally:
            self._chaos.tell(f"office {words} {one.change.kind} {one.change.dot}")
        return True

    def publish_again(self) -> None:
        """What a restored central has lost of the office's own, nobody but the office can bring back."""
        with self._central.engine.begin() as connection:
            held = set(connection.execute(select(_templates.c.version_number)).scalars())
        for version in range(1, self._versions + 1):
            if version not in held:
                self._publish(version)

    def _publish(self, version: int) -> None:
        values = paper.published(version)
        self._central.publish("form_template", paper.template_id(version), values, ORGANIZATION)
        self._chaos.tell(f"office publishes version {version} of the form")

    def _write_member(self, user_id: str, values: dict[str, Json]) -> None:
        with self._central.engine.begin() as connection:
            query = select(_members.c.id).where(_members.c.user_id == user_id)
            member_id = connection.execute(query).scalar_one()
        self._central.publish("project_member", member_id, values)

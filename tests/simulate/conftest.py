"""The site of which every simulated month begins with a copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bravetui.simulate.central import found_site
from bravetui.simulate.database import Databases
from bravetui.simulate.month import simulate
from bravetui.simulate.outcome import Outcome, Plan
from tests.support.postgres import TestServer


@dataclass(frozen=True)
class Site:
    """Where months are lived."""

    databases: Databases
    template: str

    def lived(self, seed: int, plan: Plan | None = None) -> Outcome:
        """One month."""
        return simulate(self.databases, self.template, seed, plan or Plan())


@pytest.fixture(scope="session")
def site(postgres: TestServer) -> Iterator[Site]:
    databases = Databases(postgres.url("postgres"))
    template = found_site(databases)
    yield Site(databases, template)
    databases.drop(template)
    databases.close()

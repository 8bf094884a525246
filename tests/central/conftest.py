"""Every test of central has a site of its own, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.central import Site, central_site
from tests.support.postgres import DURABLE, TestServer


@pytest.fixture
def site(postgres: TestServer) -> Iterator[Site]:
    """A central with two organizations in it."""
    with central_site(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def durable() -> Iterator[TestServer]:
    """A server for tests that kill it: what it has acknowledged outlives that."""
    with TestServer.running(DURABLE) as server:
        yield server

"""A world of its own for every test that syncs with a real central."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import TestServer
from tests.support.world import World, a_world


@pytest.fixture
def world(postgres: TestServer, tmp_path: Path) -> Iterator[World]:
    """A central with a project in it, and no laptop yet."""
    with a_world(postgres, tmp_path) as made:
        yield made

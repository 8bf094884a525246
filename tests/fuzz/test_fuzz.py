"""A quick share of what `make fuzz` does in full."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fuzz.api import ask_everything
from tests.fuzz.parsers import Target, hunt, spoiled, targets
from tests.support.central import Site, central_site
from tests.support.postgres import TestServer

QUICK = 300
"""Inputs of each parser; `make fuzz` tries a hundred thousand in all."""


@pytest.fixture
def site(postgres: TestServer) -> Iterator[Site]:
    with central_site(postgres) as made:
        yield made


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_a_parser_of_strangers_input_answers_or_says_what_is_wrong(target: Target) -> None:
    target.parse(target.good[0])
    assert hunt(target, range(QUICK)) == []


def test_a_parser_that_breaks_is_found_and_told_by_its_seed() -> None:
    """The tester itself."""

    def breaks(body: bytes) -> None:
        if b"\xff" in body:
            raise KeyError(body[:1])

    planted = Target("planted", breaks, [b'{"a": [1, 2, {"b": "c"}]}' * 3])
    finds = hunt(planted, range(QUICK))
    assert finds
    body = spoiled(random.Random(f"planted {finds[0].seed}"), planted.good)
    assert b"\xff" in body


@pytest.mark.filterwarnings("default")
def test_every_route_answers_as_its_page_says_whatever_is_asked(site: Site) -> None:
    asked = ask_everything(site, examples=6, seed=1)
    assert {path for path, status in asked.statuses if status == 200} >= {"/v1/sync", "/v1/health"}, asked

"""Fault points: heard by whoever is installed, and nothing otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bravetui.base.fault import fault, install


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    yield
    install(None)


def test_a_point_passed_with_nobody_listening_does_nothing() -> None:
    install(None)
    fault("between journal and database")


def test_whoever_is_installed_hears_each_point_in_order_and_may_stop_the_world() -> None:
    heard: list[str] = []
    install(heard.append)
    fault("one")
    fault("two")
    assert heard == ["one", "two"]

    def crash(name: str) -> None:
        raise OSError(name)

    install(crash)
    with pytest.raises(OSError, match="three"):
        fault("three")

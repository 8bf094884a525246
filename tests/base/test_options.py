"""Values of options are read or refused; no word that a person can type does anything else."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.options import decimal, whole


@pytest.mark.parametrize("word", ["0", "-3", "101", "9" * 5000, "1.0", "", "²", "--1", "\x1b[2J", "1_0"])
def test_what_is_no_such_whole_number_is_refused(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a whole number from 1 to 100") as caught:
        whole(1, 100)(word)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "-1", "0", "1e400", "x"])
def test_what_is_no_such_number_is_refused(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        decimal(0.01, 100)(word)


@given(st.integers(-50, 100))
def test_a_number_within_the_bounds_is_itself(value: int) -> None:
    assert whole(-50, 100)(str(value)) == value
    assert decimal(-50, 100)(str(value)) == value

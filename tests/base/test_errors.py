"""The error tree: every error is fit to be shown, and says what to do next."""

from __future__ import annotations

import pytest

from bravetui.base import errors
from bravetui.base.errors import BravetuiError, Refused, Transient


def _kinds() -> list[type[BravetuiError]]:
    return [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BravetuiError)
    ]


@pytest.mark.parametrize("kind", _kinds(), ids=[kind.__name__ for kind in _kinds()])
def test_an_error_shows_what_happened_and_then_what_to_do(kind: type[BravetuiError]) -> None:
    extra = {"code": "not_permitted"} if kind is Refused else {}
    error = kind("The disk is full.", "Delete old photos.", **extra)
    assert str(error) == "The disk is full. Delete old photos."
    assert isinstance(error, BravetuiError)


def test_an_error_without_anything_to_do_is_one_sentence() -> None:
    assert str(BravetuiError("The form is closed.")) == "The form is closed."


def test_a_transient_error_always_says_that_it_is_tried_again() -> None:
    error = Transient("Central did not answer.", wait_s=2.5)
    assert str(error) == "Central did not answer. Nothing is lost; it is tried again by itself."
    assert error.wait_s == 2.5


def test_a_refusal_names_its_code_and_its_field() -> None:
    error = Refused("The date is missing.", "Fill it in.", code="invalid_field", field="found")
    assert (error.code, error.field) == ("invalid_field", "found")


def test_the_tree_drawn_in_the_docstring_is_the_tree_there_is() -> None:
    drawn = {
        word for line in (errors.__doc__ or "").splitlines() for word in line.split() if word in dir(errors)
    }
    assert drawn == {kind.__name__ for kind in _kinds()}

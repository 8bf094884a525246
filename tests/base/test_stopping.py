"""SIGTERM and Ctrl-C end a block as KeyboardInterrupt, whatever a library makes of it on the way out."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from bravetui.base.stopping import stoppable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal to one process")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_library_turns_into_its_own_error_stops_all_the_same(number: signal.Signals) -> None:
    def library() -> None:
        try:
            os.kill(os.getpid(), number)
            raise AssertionError("the signal never came")
        except KeyboardInterrupt as stop:
            raise ValueError("error calling function") from stop

    with pytest.raises(KeyboardInterrupt), stoppable():
        library()


def test_an_error_without_a_signal_stays_what_it_is_and_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), stoppable():
        raise ValueError("broken")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

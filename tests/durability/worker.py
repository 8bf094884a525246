"""One process of trials, started under the shim if there is one: `SORT SEED FIRST END STEP [FAULT]`; a line of JSON each."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable

from bravetui.base.errors import BravetuiError
from tests.durability import both, cuts, damages, kills, refusals
from tests.durability.checking import Lost
from tests.durability.lab import Lab, lab
from tests.durability.planted import PLANTED

TRIALS: dict[str, Callable[[Lab, int], str]] = {
    module.SORT: module.trial for module in (kills, both, cuts, damages, refusals)
}


def main(sort: str, seed: int, cases: range, planted: str = "") -> None:
    """Make the trials, saying how each went, of the program or of one with a planted fault."""
    if planted:
        PLANTED[planted][2]()
    with lab(seed) as made:
        for case in cases:
            sys.stdout.write(json.dumps({"case": case, **one(made, TRIALS[sort], case)}) + "\n")
            sys.stdout.flush()


def one(made: Lab, trial: Callable[[Lab, int], str], case: int) -> dict[str, str]:
    """What came of one trial."""
    try:
        return {"came": trial(made, case)}
    except (Lost, BravetuiError) as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    except Exception:  # noqa: BLE001 -- a traceback is what these trials are made to find
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), range(*map(int, sys.argv[3:6])), *sys.argv[6:])

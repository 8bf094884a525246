"""A foreman in a process of his own, for tests that kill it: types answers, says which are saved, syncs meanwhile.

Prints one line a save, `SAVED n` or `MADE n`, only after the action has returned; runs until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bravetui import wiring
from bravetui.actions import forms
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BravetuiError
from bravetui.base.runner import ThreadRunner


def say(words: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def main(folder: Path, scope_id: str, submission_id: str, first: int) -> None:
    """Type for ever."""
    ring = SealedFile(folder / wiring.KEYS, [Passphrase("kill me if you can", memory_kib=8192)])
    laptop = wiring.open_laptop(folder, ring)
    runner = ThreadRunner()
    worker = wiring.make_worker(laptop, lambda event: None, runner)
    syncing = asyncio.create_task(worker.watch())
    number = first
    while not syncing.done():
        text = f"line {number} of the summary, typed by hand"
        try:
            await runner(forms.answer, laptop.store, scope_id, submission_id, {"summary": text})
        except BravetuiError as error:
            say(f"FAILED {error}")
        else:
            say(f"SAVED {number}")
        with laptop.store.write() as writing:
            writing.create(
                "violation", scope_id, {"description": f"finding {number}"}, record_id=f"finding-{number:06d}"
            )
        say(f"MADE {number}")
        worker.nudge()
        number += 1
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))

"""Runs the demo: on a terminal the app, signed in as the foreman, with a line to cut; else the story as text."""

from __future__ import annotations

from pathlib import Path

from bravetui.base.stopping import stoppable
from bravetui.base.terminal import on_terminal
from bravetui.base.text import safe_line


def run_demo(folder: Path | None, *, fresh: bool, play: bool) -> int:
    """Live the story; returns the exit code."""
    from bravetui.demo.stage import FOREMAN, set_stage, storm_inspection

    where = folder or _default_folder()

    def say(words: str) -> None:
        print(words, flush=True)

    say("bravetui demo: real PostgreSQL, real HTTP, encrypted laptops, all on this machine and nowhere else.")
    say(
        f"Files: {safe_line(str(where))}  (keys are sealed by a passphrase that lies beside them: fit for a demo only)"
    )
    with stoppable(), set_stage(where, say, fresh=fresh) as stage:
        if play or not on_terminal():
            from bravetui.demo.story import Story

            Story(stage, say).play()
            return 0
        from bravetui.demo.office import Colleague
        from bravetui.wiring import run_app

        storm_inspection(stage)
        say(f"Opening the app as {FOREMAN}. F6 cuts the line.")
        with Colleague(stage) as colleague:
            return run_app(
                stage.foreman,
                syncs=True,
                line=stage.line,
                scope_id=stage.project_id,
                on_write=(colleague.notice_write,),
            )


def _default_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("bravetui-demo", appauthor=False))

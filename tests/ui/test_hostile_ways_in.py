"""Hostile text by ways of its own onto a screen: central's refusals, what is pasted into the lock, a form of megabytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from textual import events
from textual.widgets import Input, Static

from bravetui.auth.keys import new_secrets
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BravetuiError
from bravetui.base.runner import InlineRunner
from bravetui.forms.template import QuestionKind
from bravetui.screens.form import FormScreen
from bravetui.screens.lock import LockScreen
from bravetui.sync.client import CentralClient
from bravetui.sync.worker import Worker
from bravetui.widgets.question_field import HINT_CHARACTERS_MAX, QuestionField
from bravetui.wiring import KEYS
from bravetui.wiring.screen_lock import FolderLock
from tests.support.hostile import EVERY_KIND, LONG
from tests.support.laptop import KEY, any_prover
from tests.ui.scene import LARGE, Scene, playing, press, set_scene, write
from tests.ui.test_hostile_text import ANSWERS, PAGES, REVIEW, Seen, let_in

TEXTS = pytest.mark.parametrize("text", [EVERY_KIND, LONG], ids=["every kind", "1 MB"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


@TEXTS
@pytest.mark.parametrize("status", [400, 401])
async def test_what_central_refuses_with_is_text_from_the_wire_to_every_screen(
    scene: Scene, text: str, status: int
) -> None:
    """As it is notified, and where the queue says why it waits (RFC 9457)."""
    problem = {"type": "urn:x", "title": f"TITLE:{text}", "detail": f"DETAIL:{text}", "status": status}
    headers, body = {"Content-Type": "application/problem+json"}, json.dumps(problem).encode()
    answer = httpx.MockTransport(
        lambda _: httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)
    )
    client = CentralClient("http://central", any_prover(), transport=answer)
    worker = Worker(scene.store, client, lambda event: None, InlineRunner())
    with pytest.raises(BravetuiError) as raised:
        await worker.run_once()
    await worker.close()
    async with playing(scene, LARGE) as pilot:
        seen = Seen(pilot)
        await seen.press("f4")
        scene.app.show_error(raised.value)
        await seen.look()
        assert not seen.wrong, seen.wrong
        assert "TITLE:" in seen.words


@TEXTS
async def test_what_is_pasted_into_the_lock_is_neither_shown_nor_said_back(scene: Scene, text: str) -> None:
    folder = scene.store.folder
    SealedFile(folder / KEYS, [Passphrase("right and long", memory_kib=32)]).save(
        replace(new_secrets(), database_key=KEY)
    )
    scene.app.services.lock = FolderLock(folder, scene.clock)
    async with playing(scene, LARGE) as pilot:
        seen = Seen(pilot)
        await seen.press("ctrl+l")
        scene.app.screen.query_one("#key", Input).post_message(events.Paste(text))
        await seen.look()
        await press(pilot, "enter")
        await scene.app.workers.wait_for_complete()
        await seen.look()
        assert isinstance(scene.app.screen, LockScreen)
        assert not seen.wrong, seen.wrong
        assert "pwned" not in seen.words
        assert "WWWW" not in seen.words


async def test_a_form_of_megabytes_is_read_and_filled_in_as_any(scene: Scene) -> None:
    """What stands above an answer leaves room for it, on every page; a key that is typed is saved."""
    let_in(scene, LONG)
    async with playing(scene, LARGE) as pilot:
        seen = Seen(pilot)
        for page in (*PAGES, REVIEW):
            await seen.open(FormScreen(scene.submission_id, page=page))
            told = [
                str(static.render())
                for static in scene.app.screen.query("#page .hint, #page .label").results(Static)
            ]
            assert max(map(len, told), default=0) < HINT_CHARACTERS_MAX + 100, page
            assert scene.app.focused is None or scene.app.screen.region.overlaps(scene.app.focused.region)
            await press(pilot, "escape")
        assert not seen.wrong, seen.wrong
        scene.app.open(FormScreen(scene.submission_id, page=0))
        await pilot.pause()
        free = next(
            field
            for field in scene.app.screen.query(QuestionField)
            if field.asked.question.kind is QuestionKind.TEXT and field.path not in ANSWERS
        )
        free.focus_input()
        await write(pilot, "typed")
        await press(pilot, "escape")
        assert str(scene.answers()[free.path]).endswith("typed")

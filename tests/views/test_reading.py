"""After the sign-in has ended a person goes on with his own unfinished work, and nothing else is shown, whoever asks."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bravetui.actions import forms as filling
from bravetui.actions import site as recording
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BadInput
from bravetui.db import meta
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.store import Store
from bravetui.views import conflicts, forms, home, queue, receipts, status, why
from bravetui.views.sign_in import may, sign_in
from tests.support.laptop import granted
from tests.support.seeded import NOON
from tests.ui.scene import Scene, set_scene

_outbox = Outbox.__table__  # type: ignore[attr-defined]
VIEWS = sorted((Path(__file__).parents[2] / "bravetui" / "views").glob("*.py"))
MONTH = timedelta(days=31)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A site in the middle of its work: own drafts, colleagues' forms, a conflict, an alert."""
    scene = set_scene(tmp_path)
    scene.arrive(scene.rain_conflict(), scene.alert())
    return scene


def expire(store: Store) -> None:
    """A month goes by without a line."""
    assert isinstance(store.clock, ManualClock)
    store.clock.advance(days=31)


def confirm(scene: Scene) -> None:
    """Central has confirmed everything that was made here."""
    scene.set_outbox(state=OutboxState.CONFIRMED)


def ids(scene: Scene, which: str = "all") -> set[str]:
    return {row.id for row in forms.submissions(scene.store, scene.site.project_id, which)}


# ------------------------------------------------------------------ what is shown


def test_own_drafts_and_templates_are_shown_and_nothing_else(scene: Scene) -> None:
    place = scene.site.project_id
    assert len(ids(scene)) > 1
    assert home.home(scene.store, place).due
    expire(scene.store)
    assert ids(scene) == {scene.submission_id}
    assert forms.templates(scene.store)
    assert conflicts.conflicts(scene.store, place) == ()
    seen = home.home(scene.store, place)
    assert (seen.alerts, seen.rain) == ((), "No forecast on this laptop.")
    assert {due.submission_id for due in seen.due} <= {scene.submission_id}
    assert seen.project_name != "No project yet"


def test_every_table_of_records_is_covered(scene: Scene) -> None:
    """What is not one's own is in none of them: a kind that is added later is covered too."""
    stay = {"project", "form_template", "compliance_rule", "user", "project_member"}
    expire(scene.store)
    with scene.store.look() as look, scene.store.read() as all_of_it:
        for name, kind in KINDS.items():
            shown = {row.id for row in look.execute(select(kind.table.c.id))}
            here = {row.id for row in all_of_it.execute(select(kind.table.c.id))}
            changed = select(_outbox.c.record_id).where(_outbox.c.kind == name)
            made = set(all_of_it.execute(changed).scalars())
            assert shown <= here
            assert name in stay or shown <= made, name


def test_a_form_of_his_that_is_handed_in_is_shown_until_central_has_confirmed_it(scene: Scene) -> None:
    filed = next(iter(ids(scene, "submitted")))
    place = scene.site.project_id
    with scene.store.write() as writing:
        writing.edit("submission", place, scene.submission_id, {"status": "submitted"})
    expire(scene.store)
    assert forms.form(scene.store, place, scene.submission_id).status == "submitted"
    with pytest.raises(BadInput, match="not on this laptop"):
        forms.form(scene.store, place, filed)
    confirm(scene)
    assert ids(scene) == set()


def test_an_own_draft_that_central_has_stays(scene: Scene) -> None:
    """It is not handed in."""
    confirm(scene)
    expire(scene.store)
    assert ids(scene, "draft") == {scene.submission_id}


def test_a_colleague_s_draft_is_not_shown_unless_he_wrote_in_it(scene: Scene) -> None:
    place = scene.site.project_id
    with scene.store.write("somebody else") as writing:
        of_colleague = writing.create(
            "submission", place, {"template_id": scene.site.template_id, "author_id": "somebody else"}
        )
    scene.clock.advance(days=31)
    assert of_colleague not in ids(scene)
    with scene.store.write() as writing:
        writing.edit("submission", place, of_colleague, {"answers/summary": "Mud at the gate."})
    assert of_colleague in ids(scene)


def test_of_what_others_say_about_his_draft_nothing_is_shown(scene: Scene) -> None:
    assert forms.form(scene.store, scene.site.project_id, scene.submission_id).disputes
    expire(scene.store)
    assert not forms.form(scene.store, scene.site.project_id, scene.submission_id).disputes


def test_queue_receipts_and_log_are_shown_as_ever(scene: Scene) -> None:
    before = queue.queue(scene.store)
    expire(scene.store)
    after = queue.queue(scene.store)
    assert [item.dot for item in after.items] == [item.dot for item in before.items]
    assert after.total
    assert receipts.receipts(scene.store) == ()
    assert status.sync_summary(scene.store).waiting == before.summary.waiting
    assert status.log(scene.store) == ()


def test_why_tells_of_one_s_own_draft_alone(scene: Scene) -> None:
    place, filed = scene.site.project_id, next(iter(ids(scene, "submitted")))
    assert why.fields(scene.store, place, "submission", filed)
    expire(scene.store)
    assert why.fields(scene.store, place, "submission", filed) == ()
    assert why.fields(scene.store, place, "submission", scene.submission_id)


# ------------------------------------------------------------------ what is done


def test_recording_goes_on(scene: Scene) -> None:
    """A new form, answers, rain, handing in: the lock is on reading alone."""
    place = scene.site.project_id
    expire(scene.store)
    begun = filling.start_form(scene.store, place, scene.site.template_id)
    filling.answer(scene.store, place, begun.submission_id, {"summary": "Silt fence down at the gate."})
    recording.log_rain(scene.store, place, 42, scene.clock.now())
    assert begun.submission_id in ids(scene, "draft")
    filling.answer(scene.store, place, scene.submission_id, {"summary": "Walked it again."})


def test_a_new_form_takes_nothing_over_from_a_form_that_is_not_shown(scene: Scene) -> None:
    """What the blank form shows is what is stored."""
    place, template = scene.site.project_id, scene.site.template_id
    with scene.store.write("somebody else") as writing:
        told = {"status": "submitted", "submitted_at": "2026-08-03T16:20:00Z", "template_id": template}
        writing.create("submission", place, {**told, "answers/contact": "a number that is nobody's business"})
    expire(scene.store)
    blank = forms.blank(scene.store, place, forms.NewForm(template))
    begun = filling.start_form(scene.store, place, template)
    stored = forms.form(scene.store, place, begun.submission_id)
    assert dict(stored.answers) == dict(blank.answers)
    assert "nobody's business" not in str(stored.answers)


# ------------------------------------------------------------------ when


@pytest.mark.parametrize("said", ["revoked", "left"])
def test_central_s_word_locks_at_the_next_contact(scene: Scene, said: str) -> None:
    with scene.store.maintain() as connection:
        meta.put(connection, meta.CLOSED, said)
    assert ids(scene) == {scene.submission_id}
    with scene.store.maintain() as connection:
        meta.put(connection, meta.CLOSED, "")
    assert len(ids(scene)) > 1


def test_signing_in_again_opens_it_again(scene: Scene) -> None:
    expire(scene.store)
    assert not sign_in(scene.store).reads
    scene.store.identity = granted(scene.store.identity, NOON + MONTH)
    assert sign_in(scene.store).reads
    assert len(ids(scene)) > 1


def test_a_clock_set_back_opens_nothing(scene: Scene) -> None:
    expire(scene.store)
    assert ids(scene) == {scene.submission_id}
    scene.clock.set(NOON)
    assert ids(scene) == {scene.submission_id}
    assert "behind" in sign_in(scene.store).clock_words


def test_the_lock_ends_with_the_look(scene: Scene) -> None:
    """What covers the tables is gone with the transaction, and a write never meets it."""
    expire(scene.store)
    ids(scene)
    with scene.store.read() as connection:
        covered = connection.exec_driver_sql("SELECT count(*) FROM sqlite_temp_master").scalar_one()
    assert covered == 0


def test_a_name_with_a_quote_is_a_name(scene: Scene) -> None:
    from dataclasses import replace

    scene.store.identity = granted(replace(scene.store.identity, user_id="o'brien\" OR 1=1 --"), NOON - MONTH)
    assert ids(scene) == set()


def test_no_view_goes_past_the_gate() -> None:
    """Everything that a person is shown passes `Store.look`; how the sign-in stands is asked by the gate itself."""
    past = [
        f"{path.name}:{node.lineno}"
        for path in VIEWS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("read", "engine", "maintain")
        and isinstance(node.value, ast.Name)
        and node.value.id == "store"
        and path.name != "sign_in.py"
    ]
    assert past == []


# ------------------------------------------------------------------ permissions


def test_permissions_come_from_central_s_last_word_where_the_grant_does_not_spell_them_out(
    scene: Scene,
) -> None:
    place = scene.site.project_id
    assert not may(scene.store, place, "decide")
    with scene.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE scope_seen SET permissions = '[\"decide\"]'")
    assert may(scene.store, place, "decide")
    expire(scene.store)
    assert not may(scene.store, place, "decide")


# ------------------------------------------------------------------ words


def test_days_left_are_said_in_one_way(scene: Scene) -> None:
    assert (sign_in(scene.store).short, sign_in(scene.store).warning) == ("sign-in 23 d left", "")
    scene.clock.advance(days=19)
    assert sign_in(scene.store).warning == "Sign-in ends in 4 days: reach central."
    scene.clock.advance(days=3)
    assert sign_in(scene.store).warning == "Sign-in ends in 1 day: reach central."
    scene.clock.advance(hours=20)
    assert sign_in(scene.store).short.startswith("sign-in ")
    assert "h" in sign_in(scene.store).warning
    scene.clock.advance(days=1)
    assert sign_in(scene.store).short == "sign-in ended"
    assert "bravetui enrol --again" in sign_in(scene.store).warning

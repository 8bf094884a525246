"""The story as text, step by step, with what happened at central: for those without a terminal, and for a first reading.

Every line is read from the tables or from PostgreSQL after the fact; nothing is told that did not happen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib import resources

from sqlalchemy import text

from bravetui.actions import conflicts as conflict_actions
from bravetui.actions import forms, usage
from bravetui.actions.photos import Owner, attach
from bravetui.auth.signing import signed_by
from bravetui.base.canonical import Json
from bravetui.base.errors import Transient
from bravetui.base.text import safe_line
from bravetui.db.values import to_cell
from bravetui.demo.office import edit_same_inspection, raise_alert
from bravetui.demo.report import whole_report
from bravetui.demo.stage import FOREMAN, OFFICE, Say, Stage, storm_inspection, sync
from bravetui.pictures.opening import open_picture
from bravetui.views import conflicts, home, queue
from bravetui.views.forms import form
from bravetui.views.photos import photos, where_words
from bravetui.views.status import sync_summary
from bravetui.views.words import clock_words, span_words
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import is_genuine

WIDTH = 96
PICTURE = "sf2.jpg"
"""A silt fence that water has run under; drawn, like everything on this site."""


class Story:
    """Tells the story on a stage."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self._stage, self._say = stage, say
        self._step = 0
        self._submission_id = ""

    def play(self) -> None:
        """From first contact to the last receipt."""
        for act in (
            self._morning, self._cut, self._fill, self._look_at_queue, self._office, self._drain,
            self._conflict, self._decide, self._submit, self._end,
        ):  # fmt: skip
            act()

    def _head(self, words: str) -> None:
        self._step += 1
        now = self._stage.foreman.store.clock.now().astimezone()
        self._say(f"\n{now:%H:%M:%S}  {self._step}. {words}")

    def _tell(self, words: str) -> None:
        indent = " " * (5 + len(words) - len(words.lstrip()))
        self._say(textwrap.fill(f"   {words}", WIDTH, subsequent_indent=indent))

    def _morning(self) -> None:
        stage = self._stage
        self._head(f"Morning. {FOREMAN} opens the laptop; everything it needs is on it.")
        self._submission_id = storm_inspection(stage)
        seen = home.home(stage.foreman.store, stage.project_id)
        self._tell(seen.project_name)
        for due in seen.due[:3]:
            by = clock_words(due.do_by, seen.now, seen.zone)
            self._tell(f"{due.standing.value.upper():<9} {due.title}, by {by} ({due.citation})")
            self._tell(f"{'':9} {due.why}")

    def _cut(self) -> None:
        self._head("Out of coverage: the line is cut.")
        self._stage.line.cut()
        try:
            sync(self._stage.foreman, self._stage.line)
        except Transient as error:
            self._tell(f"Sync says: {error}")

    def _fill(self) -> None:
        stage, store = self._stage, self._stage.foreman.store
        self._head(
            f"{FOREMAN} fills in the EPA inspection with no network. Every answer is saved as it is typed."
        )
        started = form(store, stage.project_id, self._submission_id)
        now = store.clock.now().astimezone(started.zone)
        for page, answers in whole_report(started.answers, now).items():
            forms.answer(store, stage.project_id, self._submission_id, answers)
            self._tell(f"{page:<26} {len(answers):>3} answers  saved on this laptop")
        self._record_findings(to_cell(store.clock.now()))
        self._tell("A violation, its corrective action and a photo of it are recorded too.")
        left = list(form(store, stage.project_id, self._submission_id).state.problems())
        self._tell(f"The report is complete: {len(left)} questions left to answer or mend.")

    def _record_findings(self, at: Json) -> None:
        """Records of three more lanes, so that there is an order to drain in."""
        store, project_id = self._stage.foreman.store, self._stage.project_id
        finding: dict[str, Json] = {
            "description": "SF-2 undercut near the low point",
            "severity": "major",
            "identified_at": at,
        }
        action: dict[str, Json] = {"kind": "corrective", "condition": "SF-2 undercut", "identified_at": at}
        with store.write() as writing:
            found = writing.create("violation", project_id, finding)
            writing.create("corrective_action", project_id, {**action, "violation_id": found})
        data = (resources.files("bravetui.demo") / PICTURE).read_bytes()
        owner = Owner("submission", self._submission_id)
        attach(store, project_id, owner, data, open_picture(data), "SF-2 undercut, looking north")
        usage.count(store, project_id, "forms saved")

    def _look_at_queue(self) -> None:
        seen = queue.queue(self._stage.foreman.store)
        self._head(f"The queue on this laptop: {seen.summary.waiting} changes exist nowhere else.")
        for item in seen.items:
            if item.state in ("pending", "sent"):
                self._tell(f"{item.label:<9} {safe_line(item.what, 54):<54} {item.state_words}")
        oldest = seen.summary.oldest_only_here
        if oldest is not None:
            self._tell(f"The oldest was made {span_words(seen.summary.now - oldest)} ago.")

    def _office(self) -> None:
        self._head(f"Meanwhile {OFFICE} at the office edits the same inspection.")
        touched = edit_same_inspection(self._stage, self._submission_id)
        self._tell(f"She answers: {'; '.join(touched)}. Central has it.")
        self._tell(f"And she warns the site: {raise_alert(self._stage)}")

    def _drain(self) -> None:
        stage = self._stage
        head = self._ledger_head()
        self._head("The line comes back. The queue drains by priority, in one exchange.")
        stage.line.restore()
        progress = sync(stage.foreman, stage.line)
        self._tell(f"{progress.changes_done} changes up, {progress.rows_done} records down")
        self._tell(f"{progress.bytes_up:,} bytes up, {progress.bytes_down:,} bytes down")
        for row in photos(stage.foreman.store, stage.project_id, ("submission", self._submission_id)):
            self._tell(f"Beside them its photo went, small picture first: {where_words(row)}, signed for")
        for alert in home.home(stage.foreman.store, stage.project_id).alerts[:1]:
            self._tell(f"On {FOREMAN}'s first screen now: {alert.level.upper()} {safe_line(alert.title)}")
        self._tell("Central's own ledger (PostgreSQL), in the order in which it numbered them:")
        ledger = (
            "SELECT seq, lane, kind, device || '.' || counter FROM ledger WHERE scope_id = :scope AND seq > :head "
            "ORDER BY seq"
        )
        for seq, lane, kind, dot in self._central(ledger, scope=stage.project_id, head=head):
            self._tell(f"  #{seq:<6} {lane:<10} {kind:<18} change {dot}")

    def _conflict(self) -> None:
        stage, store = self._stage, self._stage.foreman.store
        rows = [row for row in conflicts.conflicts(store, stage.project_id) if row.status == "open"]
        many = "s" * (len(rows) != 1)
        self._head(
            f"Two people set the same fields: {len(rows)} conflict{many}. Nothing was lost and nothing waited."
            if rows
            else "Both wrote the same things or different ones: there is no conflict this time."
        )
        for row in rows:
            seen = conflicts.conflict(store, stage.project_id, row.id)
            for field in seen.fields:
                self._tell(f"{field.label}")
                for label, side in ((seen.local_label, field.local), (seen.remote_label, field.remote)):
                    self._tell(f"  {label + ':':<13}{safe_line(side.text, 400)}  ({side.who})")
        asked = "SELECT rule, status, paths FROM conflict WHERE record_id = :record"
        told = self._central(asked, record=self._submission_id)
        for rule, status, paths in told:
            self._tell(f"Central's conflict row: {status}, rule {rule}, {', '.join(paths)}")

    def _decide(self) -> None:
        stage, store = self._stage, self._stage.foreman.store
        rows = [row for row in conflicts.conflicts(store, stage.project_id) if row.status == "open"]
        self._head(
            f"{FOREMAN} decides: what he saw on site stands." if rows else "There is nothing to decide."
        )
        for row in rows:
            seen = conflicts.conflict(store, stage.project_id, row.id)
            if seen.is_duplicate:
                conflict_actions.keep_both(store, stage.project_id, row.id, "two things")
                continue
            values = {field.path: _seen_on_site(field) for field in seen.fields}
            conflict_actions.decide(store, stage.project_id, row.id, values, "seen on site")
        sync(stage.foreman, stage.line)
        sync(stage.office)
        both = [
            form(laptop.store, stage.project_id, self._submission_id).answers
            for laptop in (stage.foreman, stage.office)
        ]
        self._tell(
            f"Rain on {FOREMAN}'s laptop {both[0].get('rain_in')} in, on {OFFICE}'s {both[1].get('rain_in')} in."
        )
        self._tell("All answers are equal on both." if both[0] == both[1] else "The two still differ.")
        counted = "SELECT status, count(*) FROM conflict WHERE record_id = :record GROUP BY status"
        told = self._central(counted, record=self._submission_id)
        for status, count in told:
            self._tell(f"Central's conflict rows: {count} {status}")

    def _submit(self) -> None:
        stage, store = self._stage, self._stage.foreman.store
        self._head(f"{FOREMAN} signs and submits.")
        forms.submit(store, stage.project_id, self._submission_id, FOREMAN, "Foreman")
        sync(stage.foreman, stage.line)
        rows = "SELECT status, answers->>'rain_in', seq, version FROM submission WHERE id = :record"
        for status, rain, seq, version in self._central(rows, record=self._submission_id):
            self._tell(f"Central's submission row: {status}, rain {rain} in, #{seq}, contains {version}")
        rows = (
            "SELECT signer_name, role, left(content_sha256, 16) FROM signature WHERE submission_id = :record"
        )
        for name, role, content in self._central(rows, record=self._submission_id):
            self._tell(f"Central's signature row: {name} as {role}, over the answers with hash {content}…")

    def _end(self) -> None:
        stage, store = self._stage, self._stage.foreman.store
        summary = sync_summary(store)
        self._head("All handed in." if summary.all_handed_in_at else "Something is still to be confirmed.")
        good = sum(self._receipts())
        self._tell(f"{good} receipts of central's checked on this laptop, offline: all genuine.")
        count = next(
            iter(
                self._central(
                    "SELECT count(*), count(DISTINCT (device, counter)) FROM ledger WHERE device > 0"
                )
            )
        )
        self._tell(
            f"Central's ledger holds {count[0]} changes of laptops, {count[1]} different ones: nothing is doubled."
        )
        self._tell(
            f"Everything is in {stage.folder}; run it again to go on, or with --fresh to start afresh."
        )

    def _receipts(self) -> Iterator[bool]:
        """Check every receipt on the laptop against central's public key."""
        key = self._stage.foreman.store.identity.central_key
        with self._stage.foreman.store.read() as connection:
            kept = (
                connection.execute(text("SELECT verdict FROM outbox WHERE verdict IS NOT NULL"))
                .scalars()
                .all()
            )

        for verdict in kept:
            yield is_genuine(Verdict.model_validate_json(verdict), signed_by(key))

    def _ledger_head(self) -> int:
        rows = self._central(
            "SELECT coalesce(max(seq), 0) FROM ledger WHERE scope_id = :scope", scope=self._stage.project_id
        )
        return int(rows[0][0])

    def _central(self, query: str, **values: object) -> list[tuple]:  # type: ignore[type-arg]
        """Central's own rows, asked of PostgreSQL itself."""
        with self._stage.central.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]


def _seen_on_site(field: conflicts.ConflictField) -> Json:
    """The foreman's side, whichever column it stands in."""
    his = field.remote if field.remote.who == FOREMAN and field.local.who != FOREMAN else field.local
    return his.raw

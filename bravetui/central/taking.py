"""One transaction's taking of changes: the scopes' heads held, records merged in memory, ledger appended in one go.

A change is decided completely before anything of it is put down, so one that breaks the program leaves no trace among
the others. Nothing is visible to anybody before `finish` and the commit that follows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bravetui.base.canonical import Json
from bravetui.base.errors import Refused
from bravetui.base.fault import fault
from bravetui.central.acts import Acts
from bravetui.central.again import has_all, past_of, upon_released
from bravetui.central.book import AGAIN, Book
from bravetui.central.bulk import insert_rows
from bravetui.central.checks import Admitted
from bravetui.central.intake import Decision, already, decide, seen_by
from bravetui.central.offered import question_of
from bravetui.central.past import author_of, overwritten
from bravetui.central.questions import (
    Author,
    answer_of,
    closing,
    dots_of,
    duplicate,
    is_asked_anew,
    opening,
    settles,
)
from bravetui.central.sent import Sent
from bravetui.central.shelf import Shelf, Target, parents_of
from bravetui.central.state import give_back, own_dots
from bravetui.central.tables import PARKED
from bravetui.db.kinds import KINDS, Kind, rules_for
from bravetui.db.records import Stored, normalised
from bravetui.db.tables.conflict import SIGNED, UNDECIDED, is_answered
from bravetui.merge.hlc import Hlc, clamp, tick
from bravetui.merge.join import Side
from bravetui.merge.record import Conflict
from bravetui.merge.rules import Rules
from bravetui.merge.state import RecordState, alike, edited
from bravetui.merge.version import Dot
from bravetui.wire.change import REFILLED, Change, Op, make_change
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import MENDED, Sign, sign

AUTHOR = "central"
"""Author of the changes that central makes itself: opening and closing conflicts."""

_MENDED = "Mended at the office"

_SAYS = {MENDED: "The office mended it, and wrote it in its own name."}

_QUESTION = KINDS["conflict"]

CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead of central's a laptop's clock may run before its compliance dates count as not yet happened."""


@dataclass(slots=True)
class _Plan:
    """All that taking one change will put down, decided beforehand."""

    decision: Decision
    created: bool
    opened: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    """Conflicts to write, by id."""
    noted: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    """What rules set aside, to write for the losers to see, by id."""
    settled: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    """What to write into conflicts that the change decides, by id."""
    code: str | None = None
    """Why nothing but the dot is noted: `AGAIN` or `MENDED`."""


def is_mend(change: Change) -> bool:
    """Whether the office wrote it in a refused change's place."""
    return (change.reason or "").startswith(_MENDED)


def _check_fits(told: Admitted, decision: Decision) -> None:
    """Whether what merging made fits its columns: two counts that do may add up to one that does not. Raises Refused."""
    made = {path: decision.state.cells[path].value for path in decision.changed}
    normalised(told.kind, {path: value for path, value in made.items() if value != told.after.get(path)})


class Taking:
    """The changes taken in one transaction."""

    def __init__(
        self, connection: Connection, with_key: Sign, epoch: str, received_at: datetime, shelf: Shelf
    ) -> None:
        self.connection, self.shelf = connection, shelf
        self._sign, self._epoch, self._now = with_key, epoch, received_at
        self._received_ms = int(received_at.timestamp() * 1000)
        self._hlc = Hlc(self._received_ms)
        self._book = Book(connection, received_at)
        self._parked: list[dict[str, Any]] = []
        self._authors: dict[Dot, Author] = {}
        self._dots: list[Dot] = []
        self._reserved = 0
        self.from_copies = False
        """Whether what comes may have been taken before under another number of the same laptop."""
        self._acts = Acts(self._book.about)

    def hold(self, scope_ids: Iterable[str]) -> None:
        """Lock the scopes' heads until the commit, in an order that all keep: two pushes never wait in a circle."""
        self._book.hold(scope_ids)

    def look_up_authors(self, changes: Iterable[Change]) -> None:
        """Read at once who wrote what these changes meet: a question names both its authors."""
        met = set[Dot]()
        for change in changes:
            stored = self.shelf.get((change.scope_id, change.kind, change.record_id))
            cells = stored.state.cells if stored else {}
            there = [cells[path].dots for path in change.after if path in cells]
            met.update(dot for dots in there if not change.context.covers(dots) for dot in dots)
        self._book.look_up(met)

    def take(
        self, sent: Sent, told: Admitted, *, waited: bool = False, mends: Change | None = None
    ) -> Verdict:
        """Merge a change into its record, or park it. The change has been admitted and is not yet in the ledger.

        `mends` is the refused change that this one of the office's says in its author's place.
        """
        missing = None if waited else self._behind(sent)
        missing = missing or self.missing(sent, told.kind)
        if missing is not None:
            return self._park(sent, *missing)
        if told.kind is _QUESTION:
            return self._ask_again(sent, told, waited)
        return self._put_down(sent, told.kind, self._plan(sent, told, mends), waited)

    def missing(self, sent: Sent, kind: Kind) -> tuple[str, str] | None:
        """(kind, id) of what the change has to wait for; None when it can be taken."""
        change = sent.change
        if change.op is not Op.CREATE and self.shelf.get(sent.target) is None:
            return (kind.name, change.record_id)
        for parent_kind, parent_id in parents_of(kind, change.after):
            if not self.shelf.exists(change.scope_id, parent_kind, parent_id):
                return (parent_kind, parent_id)
        return None

    def refuse(self, dot: Dot, content_hash: str, error: Refused) -> Verdict:
        """The verdict that says no, and why."""
        return sign(
            Verdict(
                dot=dot, hash=content_hash, outcome=Outcome.REFUSED, at=self._now, epoch=self._epoch,
                code=error.code, field=error.field, reason=str(error),
            ),
            self._sign,
        )  # fmt: skip

    def author(
        self,
        target: Target,
        values: Mapping[str, Json],
        author_id: str,
        op: Op = Op.EDIT,
        reason: str | None = None,
    ) -> Verdict:
        """A change of central's own, made by somebody at the office who sees the record as it is."""
        kind = KINDS[target[1]]
        after = normalised(kind, values)
        return self.take(self._own(target, after, op, author_id, reason), Admitted(kind, after))

    def mend(self, sent: Sent, told: Admitted, author_id: str) -> Verdict:
        """Say in the office's name what a refused change said, with the values of `told`; the change itself is answered.

        What the office writes has seen what the author had seen, and bears his stamp: it merges as his would have, but for
        what his laptop has set anew since. Raises Refused where the record, or what it belongs to, has not arrived.
        """
        change, there = sent.change, self.shelf.get(sent.target)
        cells = there.state.cells if there is not None else {}
        fresh = {
            path: value
            for path, value in told.after.items()
            if value != change.after.get(path) or not overwritten(cells.get(path), change.dot)
        }
        told = dataclasses.replace(told, after=fresh or told.after)
        own = make_change(
            dot=self._mint(), target=sent.target, op=change.op, context=change.context, before=change.before,
            after=told.after, hlc=change.hlc, author_id=author_id, at=self._now,
            said={path: one for path, one in change.said.items() if alike(told.after.get(path), change.after[path])},
            reason=f"{_MENDED}: change {change.dot} of {change.author_id}",
        )  # fmt: skip
        self._authors[change.dot] = Author(change.author_id, change.at, change.dot.device)
        written = self.take(Sent.of(own), told, mends=change)
        stored = self.shelf.get(sent.target)
        if written.outcome is Outcome.PARKED or stored is None:
            raise Refused(
                "What it belongs to has not arrived.", "Wait for that, then try again.", code="waits_for"
            )
        plan = _Plan(already(change, stored.state), created=False, code=MENDED)
        return self._put_down(sent, told.kind, plan, waited=True)

    def has_all(self, change: Change) -> bool:
        """Whether central has all that a change says once more from somebody else."""
        return has_all(self._book, self.shelf, change)

    def finish(self) -> None:
        """Write records, ledger, parked changes and heads."""
        fault("central_before_save")
        self.shelf.save()
        self._book.write()
        insert_rows(self.connection, PARKED, self._parked)
        if self._dots:
            give_back(self.connection, len(self._dots))
            self._dots.clear()

    def _behind(self, sent: Sent) -> tuple[str, str] | None:
        """Whether earlier changes of the record wait. What makes the record does not queue behind what waits for it: a
        restored central gets edits of a record that it has lost before somebody hands in the record itself."""
        if sent.change.op is Op.CREATE:
            return None
        return (sent.change.kind, sent.change.record_id) if self.shelf.waits(sent.target) else None

    def _park(self, sent: Sent, waits_for_kind: str, waits_for_id: str) -> Verdict:
        change = sent.change
        verdict = sign(
            Verdict(
                dot=change.dot, hash=sent.hash, outcome=Outcome.PARKED, at=self._now, epoch=self._epoch,
                code="waits_for", field=f"{waits_for_kind}/{waits_for_id}",
                reason=f"Central keeps it until the {KINDS[waits_for_kind].label} that it belongs to has arrived.",
            ),
            self._sign,
        )  # fmt: skip
        self._parked.append(
            {
                "device": change.dot.device, "counter": change.dot.counter, "scope_id": change.scope_id,
                "kind": change.kind, "record_id": change.record_id, "hash": sent.hash, "body": sent.body.decode(),
                "verdict": verdict.model_dump_json(exclude_defaults=True), "waits_for_kind": waits_for_kind,
                "waits_for_id": waits_for_id, "received_at": self._now, "taken_before": sent.taken_before,
            }
        )  # fmt: skip
        self.shelf.wait(sent.target)
        return verdict

    def _plan(self, sent: Sent, told: Admitted, mends: Change | None) -> _Plan:
        change, stored = sent.change, self.shelf.get(sent.target)
        known = stored.state if stored else None
        if known is not None and self.from_copies:
            if self._acts.is_known(change):
                return _Plan(already(change, known), created=False, code=AGAIN)
            change = self._acts.seen(change)
        upon = change if mends else upon_released(self.connection, self._book, change, known)
        decision = decide(
            upon, told.after, known, lambda: self._rules(sent, told.kind), self._received_ms, mends,
            past_of(self.connection, self._book, sent, known or RecordState()),
            lambda: tuple(self._book.about(sent.target, put_down=True)), change,
        )  # fmt: skip
        _check_fits(told, decision)
        plan = _Plan(decision, created=stored is None)
        for conflict in decision.conflicts:
            self._note(plan.opened, sent, conflict, decision.state)
        for one in decision.set_aside:
            self._note(plan.noted, sent, one.both, decision.state, one.loser)
        if decision.unsigned is not None:
            self._note(plan.opened, sent, decision.unsigned, decision.state, rule=SIGNED)
        asked = self.shelf.questions(sent.target)
        if asked and change.reason != REFILLED:  # a laptop that says once more what it shows decides nothing
            record = known or RecordState()
            seen = seen_by(change, record.version)
            for key, question in asked.items():
                anew = is_asked_anew(change, seen, question, decision.conflicts, decision.state)
                if anew or settles(change, seen, key, question, record):
                    plan.settled[key] = normalised(_QUESTION, closing(change, question, self._now))
        return plan

    def _ask_again(self, sent: Sent, told: Admitted, waited: bool) -> Verdict:
        """Take a question that this central had lost from a laptop that still holds it; once, whoever else holds it. Where
        it is open here and decided there, that stands."""
        stored = self.shelf.get(sent.target)
        known = stored.state if stored else RecordState()
        plan = _Plan(already(sent.change, known), created=stored is None, code=AGAIN if stored else None)
        verdict = self._put_down(sent, told.kind, plan, waited)
        values = normalised(_QUESTION, question_of(told.after, sent.change.author_id))
        asked = self.shelf.questions((sent.target[0], str(values["record_kind"]), str(values["record_id"])))
        self._hlc = max(self._hlc, clamp(sent.change.hlc, self._received_ms))  # it has been seen
        if stored is None:
            self._write_own(sent.target, values, Op.CREATE)
            if values["status"] in UNDECIDED:
                asked[sent.target[2]] = values
        elif is_answered(stored.state.values(), values):
            there = stored.state.values()
            self._write_own(sent.target, answer_of(there, values), Op.EDIT)
            record = (sent.target[0], str(there["record_kind"]), str(there["record_id"]))
            self.shelf.questions(record).pop(sent.target[2], None)
        return verdict

    def _note(
        self, into: dict[str, Mapping[str, Json]], sent: Sent, conflict: Conflict, merged: RecordState,
        loser: Side | None = None, rule: str | None = None,
    ) -> None:  # fmt: skip
        own, others = dots_of(conflict, merged)
        if rule == SIGNED and not others:
            others = frozenset(merged.cells["status"].dots)  # the signer had nothing there
        writers = self._author_of(own, sent.change), self._author_of(others, sent.change)
        told = opening(sent.target[1:], conflict, merged, writers, self._now, loser, rule)
        into[told.conflict_id] = normalised(_QUESTION, told.values)

    def _rules(self, sent: Sent, kind: Kind) -> Rules:
        """The record's rules, with the span inside which a compliance date is plausible."""
        scope_id, template = sent.change.scope_id, None
        if kind.name == "submission":
            template_id = self._value(sent.target, "template_id") or sent.change.after.get("template_id")
            template = self.shelf.template(scope_id, str(template_id)) if template_id else None
        starts_on = self._value((scope_id, "project", scope_id), "starts_on")
        begun = datetime.fromisoformat(f"{starts_on}T00:00:00+00:00") if starts_on else None
        latest = (self._now + CLOCK_SKEW).astimezone(UTC)
        return dataclasses.replace(rules_for(kind, template), not_before=begun, not_after=latest)

    def _value(self, target: Target, path: str) -> Json:
        stored = self.shelf.get(target)
        cell = stored.state.cells.get(path) if stored else None
        return cell.value if cell else None

    def _author_of(self, dots: frozenset[Dot], change: Change) -> Author:
        """Who wrote the last of a side's changes, or handed it in where its author has not."""
        target = (change.scope_id, change.kind, change.record_id)
        if change.dot in dots or not dots:
            return Author(change.author_id, change.at, change.dot.device)
        dot = max(dots, key=lambda dot: (dot.counter, dot.device))
        if dot not in self._authors:
            told = self._book.find(dot) or author_of(dot, [*self._book.about(target)]) or change
            self._authors[dot] = Author(told.author_id, told.at, dot.device)
        return self._authors[dot]

    def _put_down(self, sent: Sent, kind: Kind, plan: _Plan, waited: bool) -> Verdict:
        decision, change = plan.decision, sent.change
        verdict = self._append(
            sent, kind, decision.state, decision.changed, plan.created,
            Verdict(
                dot=change.dot, hash=sent.hash, outcome=decision.outcome, at=self._now,
                seq=self._book.next_seq(change.scope_id), superseded=decision.superseded,
                conflicts=tuple(plan.opened), epoch=self._epoch, code=plan.code, reason=_SAYS.get(plan.code or ""),
            ),
            waited,
        )  # fmt: skip
        questions = self.shelf.questions(sent.target)
        for conflict_id, values in plan.settled.items():
            self._write_own((change.scope_id, _QUESTION.name, conflict_id), values, Op.EDIT)
            del questions[conflict_id]
        for conflict_id, values in (plan.opened | plan.noted).items():
            self._write_own((change.scope_id, _QUESTION.name, conflict_id), values, Op.CREATE)
            questions[conflict_id] = values
        if plan.code is None and (plan.created or not set(kind.natural_key).isdisjoint(decision.changed)):
            self._ask_whether_same(sent, kind)
        return verdict

    def _ask_whether_same(self, sent: Sent, kind: Kind) -> None:
        """Ask, once for each pair, whether the record is one that somebody else has logged already."""
        same_as = self.shelf.same_thing(sent.target) if kind.natural_key else None
        if same_as is None:
            return
        change, other = sent.change, self.shelf.get((sent.target[0], kind.name, same_as))
        latest = max(other.state.cells.values(), key=lambda cell: cell.rank) if other else None
        authors = (
            Author(change.author_id, change.at, change.dot.device),
            self._author_of(frozenset(latest.dots if latest else ()), change),
        )
        told = duplicate(sent.target[1:], same_as, change.dot, authors, self._now)
        question = (change.scope_id, _QUESTION.name, told.conflict_id)
        if self.shelf.get(question) is None:
            values = normalised(_QUESTION, told.values)
            self._write_own(question, values, Op.CREATE)
            self.shelf.questions(sent.target)[told.conflict_id] = values

    def _append(
        self, sent: Sent, kind: Kind, state: RecordState, changed: Iterable[str], created: bool,
        verdict: Verdict, waited: bool,
    ) -> Verdict:  # fmt: skip
        change, signed = sent.change, sign(verdict, self._sign)
        self._book.enter(sent, kind.lane, changed, signed, created=created, waited=waited)
        self.shelf.put(sent.target, Stored(state, signed.seq))
        self._authors[change.dot] = Author(change.author_id, change.at, change.dot.device)
        return signed

    def _write_own(self, target: Target, values: Mapping[str, Json], op: Op) -> None:
        kind, stored = KINDS[target[1]], self.shelf.get(target)
        sent = self._own(target, values, op, AUTHOR, None)
        state = edited(
            stored.state if stored else RecordState(), sent.change.after, sent.change.dot, sent.change.hlc
        )
        verdict = Verdict(
            dot=sent.change.dot, hash=sent.hash, outcome=Outcome.APPLIED, at=self._now,
            seq=self._book.next_seq(target[0]), epoch=self._epoch,
        )  # fmt: skip
        self._append(sent, kind, state, tuple(values), stored is None, verdict, waited=False)

    def _own(
        self, target: Target, values: Mapping[str, Json], op: Op, author_id: str, reason: str | None
    ) -> Sent:
        stored = self.shelf.get(target)
        state = stored.state if stored else RecordState()
        stamp = max((cell.hlc for cell in state.cells.values()), default=Hlc(0))
        self._hlc = tick(max(self._hlc, stamp), self._received_ms)
        change = make_change(
            dot=self._mint(), target=target, op=op, context=state.version,
            before={path: state.cells[path].value for path in values if path in state.cells},
            after=values, hlc=self._hlc, author_id=author_id, at=self._now, reason=reason,
        )  # fmt: skip
        return Sent.of(change)

    def reserve(self, count: int) -> None:
        """Take so many of central's own counters at once; their row stays locked until the commit."""
        device, last = own_dots(self.connection, count, self._now)
        self._dots = [Dot(device, last - ahead) for ahead in range(count)]
        self._reserved += count

    def _mint(self) -> Dot:
        if not self._dots:
            self.reserve(max(1, self._reserved))  # as many again: not a statement for each
        return self._dots.pop()

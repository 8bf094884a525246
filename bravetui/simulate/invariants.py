"""What must hold when everybody is back: nothing lost, nothing doubled, all alike, the past unaltered, nobody stuck.

Each check takes what the end looks like and returns complaints; no complaint, no problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.central.taking import AUTHOR, is_mend
from bravetui.db.kinds import KINDS, rules_for
from bravetui.merge.hlc import Hlc, clamp
from bravetui.merge.rules import Rule
from bravetui.merge.state import DELETED, RecordState
from bravetui.simulate import photo_checks
from bravetui.simulate.as_signed import what_was_signed_changes_knowingly
from bravetui.simulate.ending import End, Fates
from bravetui.simulate.gone import Key
from bravetui.simulate.witness import Saved
from bravetui.wire.change import REFILLED, Change


def nobody_complained(end: End) -> list[str]:
    """Nobody saw an error that is not ours, and every laptop opened."""
    return list(end.witness.complaints)


def nobody_is_called_a_copy(end: End) -> list[str]:
    """A laptop is told to be a copy only where one has been made."""
    if end.witness.renumbered and not end.witness.copies:
        return [f"{end.witness.renumbered} times a laptop was called a copy, and none was made"]
    return []


def everything_is_handed_in(end: End) -> list[str]:
    """Liveness: with the line up for hours, nothing is left on any laptop."""
    return [f"{name} still holds {words}" for name, changes in end.unsent.items() for words in changes]


def nothing_is_lost(end: End) -> list[str]:
    """Every saved value is kept, in a conflict, superseded in the ledger, or was typed over before it was sent; or it is of
    what nobody holds any more, and waits at central, or of what was refused and removed, and is in that laptop's journal."""
    written, asked = _written(end.ledger), _asked(end.central)
    replaced = _replaced((*end.ledger, *end.witness.forgotten), written)
    later: set[tuple[str, str, str, str]] = set()
    counts: dict[str, int] = defaultdict(int)
    lost: list[str] = []
    aside, on_hold = _written(end.aside), _written(edit for edits in end.gone.values() for edit in edits)
    parked = _written(change for change in end.parked if (change.kind, change.record_id) not in end.central)
    away = _written(end.put_away)
    died_in_time = _durable_unannounced(end, written)
    lost_there = {
        (one.kind, one.record_id, one.path, _told(one)) for one in end.witness.saved if one.gone_with_disk
    }
    for one in reversed(end.witness.saved):
        where = (one.by, one.kind, one.record_id, one.path)
        if died_in_time.get(where, -1.0) >= one.at_s:
            later.add(where)
        fate = _fate(one, end.central, written, asked, later)
        if not fate and _by_another(one, replaced):
            fate = "superseded"  # by somebody who had seen it, though he who set it, or central, has lost it since
        if not fate and one.by in end.witness.dead and _told(one) in aside.get(where[1:], ()):
            fate = "set_aside"
        if not fate and one.by in end.witness.dead and _told(one) in parked.get(where[1:], ()):
            fate = "on_hold"  # the record was lost with central's and this laptop's disk; the office is shown what waits
        if not fate and (_told(one) in on_hold.get(where[1:], ()) or _anothers(one, end)):
            fate = "on_hold"
        if not fate and (_told(one) in away.get(where[1:], ()) or _removed_on_a_dead_disk(one, end)):
            fate = "put_away"
        if (
            not fate
            and one.stood
            and one.by in end.witness.gone_back
            and (*where[1:], _told(one)) in lost_there
        ):
            fate = "gone_with_disk"  # what he confirmed is lost to whoever had set it, and his database shows it no more
        if fate:
            counts[fate] += 1
        else:
            lost.append(f"lost: {one.by} saved {one.kind} {one.record_id} {one.path} = {one.value!r}")
        later.add(where)
    end.fates = Fates(**counts)
    return lost


def _durable_unannounced(
    end: End, written: Mapping[tuple[str, str, str], set[bytes]]
) -> dict[tuple[str, str, str, str], float]:
    """When something was last typed whose save reached central, by place; the machine may have died before saying so."""
    found: dict[tuple[str, str, str, str], float] = {}
    for one in end.witness.begun:
        if canonical_bytes(one.value) in written.get((one.kind, one.record_id, one.path), ()):
            found[one.by, one.kind, one.record_id, one.path] = one.at_s
    return found


def _fate(
    one: Saved,
    central: Mapping[Key, RecordState],
    written: Mapping[tuple[str, str, str], set[bytes]],
    asked: Mapping[tuple[str, str, str], set[bytes]],
    later: set[tuple[str, str, str, str]],
) -> str:
    where, told = (one.kind, one.record_id, one.path), canonical_bytes(one.value)
    record = central.get((one.kind, one.record_id))
    in_ledger = told in written.get(where, ())
    if (
        in_ledger
        and record is not None
        and one.path in record.cells
        and record.cells[one.path].value == one.value
    ):
        return "kept"
    if in_ledger and told in asked.get(where, ()):
        return "in_conflict"
    if in_ledger:
        return "superseded"
    if (one.by, *where) in later:
        return "folded"
    return "gone_with_disk" if one.gone_with_disk else ""


def _removed_on_a_dead_disk(one: Saved, end: End) -> bool:
    """Whether what central never had was removed by whoever had written it, and the journal that kept it is destroyed."""
    record = one.kind, one.record_id
    return (
        one.by in end.witness.dead and record not in end.central and (one.by, *record) in end.witness.removed
    )


def _anothers(one: Saved, end: End) -> bool:
    """Whether saving it changed nothing, and the record in which it stood is one that nobody holds any more."""
    return one.stood and (one.kind, one.record_id) in end.gone


def _told(one: Saved) -> bytes:
    return canonical_bytes(one.value)


def _by_another(one: Saved, replaced: Mapping[tuple[str, str, str], set[tuple[str, bytes]]]) -> bool:
    """Whether somebody else had seen the value and wrote over it."""
    told = canonical_bytes(one.value)
    return any(
        author != one.by and value == told
        for author, value in replaced.get((one.kind, one.record_id, one.path), ())
    )


def _written(ledger: Iterable[Change]) -> dict[tuple[str, str, str], set[bytes]]:
    """The values that the ledger's changes set, by where they belong."""
    found: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for change in ledger:
        for path, value in change.after.items():
            found[change.kind, change.record_id, path].add(canonical_bytes(value))
    return found


def _replaced(
    ledger: Iterable[Change], written: Mapping[tuple[str, str, str], set[bytes]]
) -> dict[tuple[str, str, str], set[tuple[str, bytes]]]:
    """Who wrote over what, having seen it, by where it belongs.

    So does the office where it mends what was refused: its word stands in that one's place, with nothing before it. It
    counts while it has not gone with central itself.
    """
    found: dict[tuple[str, str, str], set[tuple[str, bytes]]] = defaultdict(set)
    stamped: dict[tuple[str, str, Hlc], list[Change]] = defaultdict(list)
    for change in ledger:
        stamped[change.kind, change.record_id, change.hlc].append(change)
        for path, value in change.before.items():
            found[change.kind, change.record_id, path].add((change.author_id, canonical_bytes(value)))
    for changes in stamped.values():
        for mend in filter(is_mend, changes):
            for path, value in mend.after.items():
                where, told = (mend.kind, mend.record_id, path), canonical_bytes(value)
                refused = {canonical_bytes(one.after[path]) for one in changes if path in one.after} - {told}
                if told in written.get(where, ()) or any(told == over for _, over in found[where]):
                    found[where] |= {(mend.author_id, word) for word in refused}
    return found


def _asked(central: Mapping[Key, RecordState]) -> dict[tuple[str, str, str], set[bytes]]:
    """The values that conflicts hold, by where they belong."""
    found: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for (kind, _), record in central.items():
        if kind == "conflict":
            told = record.values()
            for side in (told["local"], told["remote"]):
                values: Mapping[str, Json] = side["values"]  # type: ignore[index,call-overload,assignment]
                for path, value in values.items():
                    found[str(told["record_kind"]), str(told["record_id"]), path].add(canonical_bytes(value))
    return found


def every_receipt_is_centrals(end: End) -> list[str]:
    """What a laptop would show to an inspector, central has signed."""
    return [
        f"{name} keeps {count} receipts that central did not sign"
        for name, count in end.forged.items()
        if count
    ]


def what_came_is_used(end: End) -> list[str]:
    """Whatever had to wait, for one's own work or for a newer program, waits no longer."""
    return [f"{name} leaves {words} aside" for name, rows in end.waiting.items() for words in rows]


def what_is_newer_is_kept(end: End) -> list[str]:
    """A record of a kind that only a newer central knows waits for the version that knows it."""
    return [f"{name} {words}" for name, dropped in end.dropped.items() for words in dropped]


def forms_stay_on_their_version(end: End) -> list[str]:
    """Whatever the office publishes, a form is answered and handed in on the version that it was begun on."""
    complaints = []
    for record_id, template_id in end.witness.forms.items():
        record = end.central.get(("submission", record_id))
        if record is not None and record.values().get("template_id") != template_id:
            complaints.append(
                f"submission {record_id} was begun on {template_id} and is on another version now"
            )
    return complaints


def everybody_hands_in_his_own(end: End) -> list[str]:
    """What a restored central had lost comes back from whoever wrote it, and only then from others who still show it.

    A laptop that forgets a change before it is confirmed is healed by its neighbours, and so would go unnoticed. What the
    office mended or set aside was handed in, too; what its author wrote over while it was refused, not knowing that the
    office had released it, is no longer his to hand in. Where somebody else set the same, nobody can tell whose came back.
    """
    handed_in = _mended(end)
    for change in (*end.ledger, *end.aside):
        if change.reason != REFILLED:
            for path, value in change.after.items():
                handed_in[change.kind, change.record_id, path].add(canonical_bytes(value))
    offered = _written(change for change in end.acts if change.reason == REFILLED)
    authors = defaultdict[object, set[str]](set)
    for one in end.witness.saved:
        authors[one.kind, one.record_id, one.path, canonical_bytes(one.value)].add(one.by)
    complaints = []
    for one in end.witness.saved:
        where, told = (one.kind, one.record_id, one.path), canonical_bytes(one.value)
        alone = told in offered.get(where, ()) and told not in handed_in.get(where, ())
        if (
            alone
            and authors[*where, told] == {one.by} != {"office"}
            and one.by not in end.witness.gone_back | end.witness.rebuilt
        ):
            complaints.append(f"{one.by} forgot {' '.join(where)} = {one.value!r}; only others handed it in")
    return complaints


def _mended(end: End) -> dict[tuple[str, str, str], set[bytes]]:
    """Values of a lost ledger in whose place their authors had put others, without having seen them at central."""
    lost: dict[Key, list[Change]] = defaultdict(list)
    for change in end.witness.forgotten:
        lost[change.kind, change.record_id].append(change)
    found: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for change in end.ledger:
        for earlier in lost[change.kind, change.record_id] if change.reason != REFILLED else ():
            if _is_mended_by(earlier, change):
                for path in earlier.after.keys() & change.after.keys():
                    found[change.kind, change.record_id, path].add(canonical_bytes(earlier.after[path]))
    return found


def _is_mended_by(earlier: Change, change: Change) -> bool:
    return (
        earlier.author_id == change.author_id
        and earlier.hlc < change.hlc
        and not change.context.covers([earlier.dot])
    )


def nothing_is_doubled(end: End) -> list[str]:
    """No edit counts twice: a second entry of it may only note the other dot, and change nothing.

    What is said once more to a restored central changes nothing either; two copies of one laptop say it at one stamp.
    """
    seen: dict[tuple[str, ...], str] = {}
    complaints = []
    for change in end.acts:
        if change.author_id == AUTHOR or change.reason == REFILLED:
            continue
        what = (
            change.kind,
            change.record_id,
            str(change.hlc),
            change.author_id,
            canonical_bytes(change.after).decode(),
        )
        if what in seen:
            complaints.append(
                f"doubled: {change.kind} {change.record_id} under {seen[what]} and {change.dot}"
            )
        seen[what] = str(change.dot)
    return complaints


def everybody_agrees(end: End) -> list[str]:
    """Every laptop holds exactly what central holds."""
    complaints = []
    for name, held in end.laptops.items():
        for key in sorted(end.central.keys() | held.keys()):
            left, right = held.get(key), end.central.get(key)
            if key in end.gone:
                continue
            if right is None and KINDS[key[0]].office_only:
                continue  # the office's, lost by a restored central; readable here until it is published again
            if left is None or right is None:
                complaints.append(f"{name} {'lacks' if left is None else 'alone has'} {' '.join(key)}")
            elif left.values() != right.values() or left.version != right.version:
                paths = [
                    p
                    for p in left.cells.keys() | right.cells.keys()
                    if left.cells.get(p) != right.cells.get(p)
                ]
                complaints.append(
                    f"{name} disagrees on {' '.join(key)}: {sorted(paths)} {left.version} {right.version}"
                )
    return complaints


def the_past_is_unaltered(end: End) -> list[str]:
    """The ledger's hash chain adds up."""
    return [end.chain] if end.chain else []


def the_clock_tells_order(end: End) -> list[str]:
    """Whoever had seen a change made the next one later, by the hybrid clock, however wrong his wall clock was.

    A stamp that central had to bound says nothing here: a restored central bounds it again, at a later day. Nor does what
    a laptop writes whose whole disk was put back, or its copy: it uses its numbers a second time, and where central was put
    back too, nobody is left who knows, until a neighbour hands in what bears them.
    """
    complaints = []
    twice = {name.partition("-")[0] for name in end.witness.gone_back | end.witness.cloned}
    before: dict[Key, list[tuple[Change, Hlc, Hlc]]] = defaultdict(list)
    for change, received_ms in zip(end.ledger, end.received_ms, strict=True):
        stamp = clamp(change.hlc, received_ms)
        for earlier, said, told in before[change.kind, change.record_id]:
            if earlier.dot.device == change.dot.device or told < said or earlier.author_id in twice:
                continue  # one laptop's own order is its dots'; a bounded stamp is none
            if change.context.covers([earlier.dot]) and told >= stamp:
                complaints.append(
                    f"{change.dot} had seen {earlier.dot}, and yet is stamped {stamp} <= {told}"
                )
        said = max(map(change.stamp_of, change.after), default=change.hlc)
        before[change.kind, change.record_id].append((change, said, clamp(said, received_ms)))
    return complaints


def every_clash_was_asked(end: End) -> list[str]:
    """Two values of a reviewed field, neither author having seen the other's, are in a conflict for a person to see.

    What its own laptop has set anew since stands for nothing, though the office may release it later.
    """
    asked = _asked(end.central)
    standing: dict[tuple[str, str, str], list[tuple[Change, bytes]]] = defaultdict(list)
    complaints = []
    for change in end.acts:
        rules = rules_for(KINDS[change.kind])
        for path, value in change.after.items():
            rule = rules.of(path)
            if rule.rule is not Rule.REVIEW or rule.order or path == DELETED or change.kind == "submission":
                continue
            where, told = (change.kind, change.record_id, path), canonical_bytes(value)
            if any(
                _is_later(one, change) or _is_answered(end, path, change, one) for one, _ in standing[where]
            ):
                continue
            unseen = [one for one in standing[where] if not _had_seen(change, one[0], path)]
            complaints += [
                f"nobody was asked about {where}: {other!r} or {told!r}"
                for _, other in unseen
                if other != told and not {other, told} & asked.get(where, set())
            ]
            standing[where] = [*unseen, (change, told)]
    return complaints


def _is_later(one: Change, change: Change) -> bool:
    return one.dot.device == change.dot.device and one.dot.counter > change.dot.counter


def _had_seen(change: Change, earlier: Change, path: str) -> bool:
    return change.context.covers(earlier.dots_of(path)) or earlier.dot.device == change.dot.device


def _is_answered(end: End, path: str, change: Change, answer: Change) -> bool:
    """Whether a change that comes back after a loss, or is handed in again, had been seen by whoever wrote what stands."""
    lost = change.said or change.dot in {one.dot for one in end.witness.forgotten}
    return bool(lost) and answer.context.covers(change.dots_of(path))


def nobody_is_outdone_by_what_he_had_seen(end: End) -> list[str]:
    """Whoever had seen a word and wrote another: that word stands nowhere without his, whatever central lost in between.

    Of what is counted, all counts; what the office mends stays its author's word where both say alike; and what its own
    laptop has set anew since stands for nothing.
    """
    taken = {change.dot: change for change in (*end.witness.forgotten, *end.ledger)}
    told: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in end.acts:  # what copies handed in under two numbers stands under the first
        own = change.author_id != AUTHOR and not change.said and not is_mend(change)
        for path in change.after if own else ():
            told[change.kind, change.record_id, path].append(change)
    complaints = []
    for key, state in end.central.items():
        for path, cell in state.cells.items():
            if rules_for(KINDS[key[0]]).of(path).rule in (Rule.SUM, Rule.DERIVED):
                continue
            standing = [taken[dot] for dot in cell.dots if dot in taken]
            complaints += [
                f"{answer.dot} had seen {seen.dot}, which stands at {' '.join(key)} {path} without it"
                for answer in told[(*key, path)]
                if answer.dot not in cell.dots
                and not any(_is_later(one, answer) or one.context.covers([answer.dot]) for one in standing)
                for seen in standing
                if answer.context.covers([seen.dot])
            ]
    return complaints


def photos_are_handed_in(end: End) -> list[str]:
    """Their bytes, too, are at central whole, signed for, and wait nowhere (`simulate.photo_checks`)."""
    return [
        *photo_checks.photos_are_whole(end.central, end.photos, end.witness),
        *photo_checks.no_bytes_wait(end.photos, end.witness),
        *photo_checks.receipts_are_genuine(end.photos),
    ]


CHECKS: tuple[Callable[[End], list[str]], ...] = (
    nobody_complained, nobody_is_called_a_copy, everything_is_handed_in, nothing_is_lost, everybody_hands_in_his_own,
    nothing_is_doubled, every_receipt_is_centrals, everybody_agrees, the_past_is_unaltered, the_clock_tells_order,
    every_clash_was_asked, nobody_is_outdone_by_what_he_had_seen, what_came_is_used, what_is_newer_is_kept,
    forms_stay_on_their_version, what_was_signed_changes_knowingly, photos_are_handed_in,
)  # fmt: skip
"""All of them, in the order in which they are reported."""

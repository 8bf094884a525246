"""The table of merge cases in `cases/*.toml`, each merged as the laptop does it and as central does it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc
from bravetui.merge.record import Merged, merge
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import DELETED, RecordState, alike, edited, is_row, row_of
from bravetui.merge.version import Dot

EMPTY = "<empty>"
FIELD = "answers/field"
PROJECT_BEGAN = datetime(2025, 3, 1, tzinfo=UTC)
RECEIVED = datetime(2025, 6, 30, 18, tzinfo=UTC)
STAMPS = {"local": (Hlc(9), Hlc(8)), "remote": (Hlc(8), Hlc(9)), "neither": (Hlc(8), Hlc(8))}
KEYS = {
    "superseded",
    "says",
    "rule",
    "order",
    "rules",
    "base",
    "local",
    "remote",
    "later",
    "saw",
    "stands",
    "asked",
}


def _load() -> list[dict[str, Any]]:
    files = sorted((Path(__file__).parent / "cases").glob("*.toml"))
    return [case for file in files for case in tomllib.loads(file.read_text("utf-8"))["case"]]


CASES = _load()


@dataclass(frozen=True)
class Setting:
    """A case made ready: what both agreed on, the two records, and what the laptop's author touched."""

    rules: Rules
    base: dict[str, Json]
    local: RecordState
    touched: RecordState
    remote: RecordState


def _value(written: Any) -> Json:
    return None if written == EMPTY else written


def _by_path(case: dict[str, Any], side: str) -> dict[str, Json]:
    if "rule" not in case:
        return {path: _value(value) for path, value in case.get(side, {}).items()}
    return {FIELD: _value(case[side])} if side in case else {}


def _field_rule(declared: dict[str, Any]) -> FieldRule:
    order, group, unset = tuple(declared.get("order", ())), declared.get("group"), declared.get("unset")
    return FieldRule(Rule(declared["rule"]), order, group, unset)


def _rules(case: dict[str, Any]) -> Rules:
    by_path = {FIELD: case} if "rule" in case else case.get("rules", {})
    declared = {path: _field_rule(rule) for path, rule in by_path.items()}
    return Rules(declared, not_before=PROJECT_BEGAN, not_after=RECEIVED)


def _entered(state: RecordState, values: dict[str, Json], rules: Rules, dot: Dot, hlc: Hlc) -> RecordState:
    """The record after somebody entered `values`; a group travels whole, as every change of this program carries it."""
    groups = {(row_of(path), rules.of(path).group) for path in values if rules.of(path).group}
    whole = {p: v for p, v in state.values().items() if (row_of(p), rules.of(p).group) in groups}
    return edited(state, {**whole, **values}, dot, hlc) if values else state


def _setting(case: dict[str, Any]) -> Setting:
    rules, base = _rules(case), _by_path(case, "base")
    agreed = edited(RecordState(), base, Dot(9, 1), Hlc(1)) if base else RecordState()
    local_hlc, remote_hlc = STAMPS[case.get("later", "remote")]
    values = _by_path(case, "local"), _by_path(case, "remote")
    start = agreed
    if case.get("saw") == "local":
        start = _entered(agreed, values[1], rules, Dot(2, 1), remote_hlc)
    local = _entered(start, values[0], rules, Dot(1, 1), local_hlc)
    remote = _entered(
        local if case.get("saw") == "remote" else agreed, values[1], rules, Dot(2, 1), remote_hlc
    )
    own = {path: cell for path, cell in local.cells.items() if Dot(1, 1) in cell.dots}
    return Setting(rules, base, local, RecordState(own, local.version), remote)


def _asked(merged: Merged) -> list[str]:
    return sorted(" + ".join(sorted(conflict.paths)) for conflict in merged.conflicts)


def _expected_asked(case: dict[str, Any]) -> list[str]:
    asked = case.get("asked", [])
    return [FIELD] if asked is True else sorted(asked)


def _superseded(case: dict[str, Any], merged: Merged) -> list[str]:
    bare = "rule" in case
    return sorted(s.loser.value if bare else f"{s.loser.value} {s.path}" for s in merged.superseded)


@pytest.mark.parametrize("end", ["laptop", "central"])
@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
def test_merging_does_as_the_table_says(case: dict[str, Any], end: str) -> None:
    """At the laptop with the whole record, at central with what the author touched: the same result."""
    setting = _setting(case)
    local = setting.local if end == "laptop" else setting.touched
    merged = merge(setting.base, local, setting.remote, setting.rules)
    values, stands = merged.record.values(), _by_path(case, "stands")
    assert values == stands
    assert alike(values, stands), "spelled alike too: no is not 0"
    assert _asked(merged) == _expected_asked(case)
    assert _superseded(case, merged) == sorted(case.get("superseded", []))


@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
def test_a_question_and_a_value_set_aside_say_which_rule_it_was_and_what_both_had_known(
    case: dict[str, Any],
) -> None:
    """A group is asked about as one, under nobody's rule; work inside what was removed is a union of both."""
    setting = _setting(case)
    merged = merge(setting.base, setting.local, setting.remote, setting.rules)
    for conflict in merged.conflicts:
        path, *more = conflict.paths
        ruled = {Rule.REVIEW} if more else {setting.rules.of(path).rule}
        assert conflict.rule in (ruled | {Rule.UNION} if path == DELETED or is_row(path) else ruled)
        assert conflict.base == {path: setting.base[path] for path in conflict.paths if path in setting.base}
    for one in merged.superseded:
        assert one.rule is setting.rules.of(one.path).rule


@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
def test_merging_the_outcome_again_changes_and_asks_nothing(case: dict[str, Any]) -> None:
    """A page that arrives twice, or a change that is sent twice, opens no second question."""
    setting = _setting(case)
    record = merge(setting.base, setting.local, setting.remote, setting.rules).record
    for local, remote in ((record, setting.remote), (setting.local, record), (record, record)):
        again = merge(setting.base, local, remote, setting.rules)
        assert (again.record, again.conflicts, again.superseded) == (record, (), ())


def test_every_rule_and_every_key_of_the_table_is_known() -> None:
    """A misspelled key would silently test nothing; a rule without a case would be unproved."""
    assert {key for case in CASES for key in case} == KEYS
    declared = [case["rule"] for case in CASES if "rule" in case]
    declared += [rule["rule"] for case in CASES for rule in case.get("rules", {}).values()]
    assert set(declared) == {rule.value for rule in Rule}


def test_no_two_cases_say_the_same() -> None:
    """The descriptions are the names of the tests."""
    assert len({case["says"] for case in CASES}) == len(CASES)

"""A form's logic: which questions are asked now, which must be answered, what is wrong, what is computed.

Expressions are the author's XPath (`expressions`), run over an instance built from the answers. A broken formula is
said at its question, costs no answer and keeps nobody from handing in. Hidden questions keep their answers and are
not checked. The same template, answers and time give the same state at both ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lxml import etree

from bravetui.base.canonical import Json
from bravetui.forms.display import value_text
from bravetui.forms.expressions import BrokenFormula, run, surroundings
from bravetui.forms.fitting import misfit_words
from bravetui.forms.functions import Surroundings, days_of, text_of, truth_of
from bravetui.forms.template import Question, QuestionKind, Repeat, Section, Template

_TIMES = (QuestionKind.DATE, QuestionKind.TIME, QuestionKind.DATETIME)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ROUNDS_MAX = 3
"""Passes until computed values and visibility settle; forms that refer only backwards need one."""
_ALWAYS = "true()"
"""What most expressions are; it needs no run."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it stands now."""

    path: str
    """With row ids: `controls/<row id>/need`."""
    question: Question
    value: Json
    visible: bool
    required: bool
    problems: tuple[str, ...]
    """Sentences; empty while the question is hidden."""
    broken: tuple[str, ...] = ()
    """Those of `problems` that are the form's own fault and not the answer's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a form from being submitted."""

    path: str
    label: str
    words: str


@dataclass(frozen=True)
class FormState:
    """The whole form as it stands."""

    asked: Mapping[str, Asked]
    """By path, in the form's order."""
    rows: Mapping[str, tuple[str, ...]]
    """Row paths of each repeat, in order."""
    hidden: frozenset[str] = frozenset()
    """Sections and repeats that are not relevant now, by name."""
    row_problems: tuple[Problem, ...] = ()
    """Repeats with too few rows."""
    row_names: Mapping[str, str] = field(default_factory=dict)
    """What tells one row from another, by row path."""

    def problems(self) -> Iterator[Problem]:
        """What stands between this form and handing it in, in the form's order; the form's own faults do not."""
        for asked in self.asked.values():
            row = self.row_names.get(asked.path.rpartition("/")[0])
            label = f"{row}: {asked.question.label}" if row else asked.question.label
            for words in asked.problems:
                if words not in asked.broken:
                    yield Problem(asked.path, label, words)
        yield from self.row_problems


def rows_of(answers: Mapping[str, Json], repeat: str) -> tuple[str, ...]:
    """The paths of the rows that are there, by position and then by id."""
    prefix = f"{repeat}/"
    found = [
        (value if isinstance(value, int) else 0, path)
        for path, value in answers.items()
        if path.startswith(prefix) and path.count("/") == prefix.count("/") and value is not None
    ]
    return tuple(path for _, path in sorted(found))


def evaluate(
    template: Template,
    answers: Mapping[str, Json],
    *,
    now: datetime,
    derived: Mapping[str, Json] | None = None,
) -> FormState:
    """The state of the form; `now` is the site's local time, `derived` gives values that the permit's rules compute.

    A calculation stands as `derived` or its formula has it; a stored one counts for nothing.
    """
    with surroundings(_surroundings(template, now)):
        form = _Instance(template, answers, derived or {})
        form.settle()
        return form.state()


def broken_formulas(template: Template, now: datetime) -> tuple[Problem, ...]:
    """Every formula that does not compile or run, whether or not its question would be asked; for who publishes."""
    rows = {f"{repeat.path}/row": 0 for repeat in template.repeats()}
    with surroundings(_surroundings(template, now)):
        return tuple(_Instance(template, rows, {}).broken())


def _surroundings(template: Template, now: datetime) -> Surroundings:
    return Surroundings(now.replace(second=0, microsecond=0), template.choice_labels)


@dataclass(slots=True)
class _Field:
    """One question at one place, while a form is being evaluated."""

    path: str
    question: Question
    node: Any
    row: str | None
    value: Json
    text: str
    """The value as its node has it while the question is asked."""
    visible: bool = True
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Group:
    """A section or a repeat, whose relevance hides all that lies in it."""

    name: str
    relevant: str
    node: Any
    fields: Sequence[_Field]


class _Instance:
    """The answers as the XML that expressions speak of."""

    def __init__(self, template: Template, answers: Mapping[str, Json], derived: Mapping[str, Json]) -> None:
        self._template, self._answers, self._derived = template, answers, derived
        self.rows: dict[str, tuple[str, ...]] = {}
        self.fields: list[_Field] = []
        self.hidden: set[str] = set()
        self._groups: list[_Group] = []
        root = template.sections[0].ref.split("/")[1] if template.sections else "data"
        self._root = etree.Element(root)
        for section in template.sections:
            self._section(section)

    def _section(self, section: Section) -> None:
        node = etree.SubElement(self._root, section.ref.rpartition("/")[2])
        start = len(self.fields)
        for item in section.items:
            if isinstance(item, Repeat):
                self._repeat(item, node)
            else:
                self._field(item, item.path, node, None)
        self._groups.append(_Group(section.name, section.relevant, node, self.fields[start:]))

    def _repeat(self, repeat: Repeat, parent: Any) -> None:
        self.rows[repeat.path] = rows_of(self._answers, repeat.path)
        start = len(self.fields)
        for row in self.rows[repeat.path]:
            node = etree.SubElement(parent, repeat.ref.rpartition("/")[2])
            for question in repeat.questions:
                self._field(question, f"{row}/{question.name}", node, row)
        self._groups.append(_Group(repeat.path, repeat.relevant, parent, self.fields[start:]))

    def _field(self, question: Question, path: str, parent: Any, row: str | None) -> None:
        node = etree.SubElement(parent, question.ref.rpartition("/")[2])
        computed = question.kind is QuestionKind.CALCULATION
        value = (self._derived if computed else self._answers).get(path)
        node.text = _instance_text(question, value)
        self.fields.append(_Field(path, question, node, row, value, node.text))

    def settle(self) -> None:
        """Evaluate visibility and computed values until nothing moves that an expression could see."""
        for _ in range(_ROUNDS_MAX):
            for each in self.fields:
                each.broken.clear()
            if not self._show():
                return

    def _show(self) -> bool:
        """One pass in the form's order; whether any node's text has changed."""
        concealed: set[int] = set()
        self.hidden.clear()
        for group in self._groups:
            if not self._holds(group.relevant, group.node, next(iter(group.fields), None)):
                self.hidden.add(group.name)
                concealed.update(map(id, group.fields))
        moved = False
        for each in self.fields:
            each.visible = id(each) not in concealed and self._holds(each.question.relevant, each.node, each)
            if each.visible and each.question.calculation and each.path not in self._derived:
                each.value = self._computed(each)
                each.text = _instance_text(each.question, each.value)
            text = each.text if each.visible else ""
            if each.node.text != text:
                each.node.text = text
                moved = True
        return moved

    def _holds(self, expression: str, node: Any, at: _Field | None, otherwise: bool = True) -> bool:
        if not expression or expression == _ALWAYS:
            return True
        result = self._run(expression, node, at)
        return otherwise if result is None else truth_of(result)

    def _computed(self, each: _Field) -> Json:
        result = self._run(each.question.calculation, each.node, each)
        text = "" if result is None else text_of(result)
        return None if text in ("", "NaN", "Infinity", "-Infinity") else text

    def _run(self, expression: str, node: Any, at: _Field | None) -> Any:
        """The result of an expression; None, and a note at the question, when the expression itself is broken."""
        try:
            return run(expression, node)
        except BrokenFormula as error:
            if at is not None:
                at.broken.append(_broken_words(error))
            return None

    def broken(self) -> Iterator[Problem]:
        """Every formula that does not run, each tried once."""
        tried: list[tuple[str, str, Any, str]] = [(g.name, g.name, g.node, g.relevant) for g in self._groups]
        for each in self.fields:
            asked = each.question
            formulas = (asked.relevant, asked.required, asked.constraint, asked.calculation)
            tried += [(each.path, asked.label, each.node, formula) for formula in formulas]
        for path, label, node, formula in tried:
            try:
                if formula:
                    run(formula, node)
            except BrokenFormula as error:
                yield Problem(path, label, f"{formula}: {error}")

    def state(self) -> FormState:
        """What evaluating has found."""
        asked = {each.path: self._asked(each) for each in self.fields}
        too_few = [
            Problem(repeat.path, repeat.label, f"At least {repeat.rows_min} must be filled in.")
            for repeat in self._template.repeats()
            if repeat.path not in self.hidden and len(self.rows[repeat.path]) < repeat.rows_min
        ]
        return FormState(asked, self.rows, frozenset(self.hidden), tuple(too_few), dict(self._row_names()))

    def _row_names(self) -> Iterator[tuple[str, str]]:
        labels = {repeat.path: repeat.row_label for repeat in self._template.repeats()}
        for each in self.fields:
            if each.row and each.question.name == labels[each.row.partition("/")[0]]:
                yield each.row, value_text(each.question, each.value)

    def _asked(self, each: _Field) -> Asked:
        question = each.question
        required = (
            each.visible
            and bool(question.required)
            and self._holds(question.required, each.node, each, False)
        )
        wrong = tuple(self._wrong(each, required)) if each.visible else ()
        broken = tuple(dict.fromkeys(each.broken))
        return Asked(each.path, question, each.value, each.visible, required, (*wrong, *broken), broken)

    def _wrong(self, each: _Field, required: bool) -> Iterator[str]:
        if _blank(each.value):
            if required:
                yield "This must be answered."
            return
        misfit = misfit_words(each.question, each.value)
        if misfit:
            yield misfit
            return
        if each.question.constraint and not self._holds(each.question.constraint, each.node, each):
            yield each.question.constraint_message or "This answer does not fit the form's rule."


def _blank(value: Json) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _broken_words(error: BrokenFormula) -> str:
    return f"The form's own formula is broken ({str(error)[:80]}). Your answer is kept; tell the office."


def _instance_text(question: Question, value: Json) -> str:
    """An answer as the instance holds it: dates as day numbers, several choices separated by spaces."""
    if value is None:
        return ""
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if question.kind in _TIMES:
        days = days_of(text)
        text = "" if days is None else repr(days)
    # XML cannot hold control characters at all; they were never part of an answer's meaning.
    return _NOT_XML.sub("", text)

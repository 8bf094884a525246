"""What a form is: sections of questions and repeats, with their logic as XPath and their merge rules beside them.

A template version never changes; a submission keeps its version for ever. The JSON form of a template is what travels
to laptops as the body of a `form_template` record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bravetui.base.errors import BadInput
from bravetui.merge.rules import FieldRule, Rule
from bravetui.merge.state import ANSWERS, ROW_ID_LENGTH, rule_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class QuestionKind(StrEnum):
    """What an answer is."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    ACKNOWLEDGE = "acknowledge"
    CALCULATION = "calculation"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: the value that is stored, the label that is shown."""

    value: str
    label: str


@dataclass(frozen=True)
class Question:
    """One question. Expressions are XPath 1.0 with the ODK functions; an empty one means there is none."""

    path: str
    """`rain_in`, or within a repeat `controls/need`."""
    ref: str
    """Where it stands in the XForm's instance, e.g. `/data/trigger_page/rain_in`: what expressions refer to."""
    kind: QuestionKind
    label: str
    hint: str = ""
    required: str = ""
    relevant: str = ""
    constraint: str = ""
    constraint_message: str = ""
    calculation: str = ""
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    places: int = 0
    """Decimal places that are shown, for decimals."""
    default: str = ""
    rule: FieldRule = field(default_factory=FieldRule)
    carry_forward: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Repeat:
    """Questions that are asked once a row."""

    path: str
    ref: str
    label: str
    row_label: str
    """Name of the question that tells one row from another."""
    questions: tuple[Question, ...]
    rows: str = ""
    """Where the first rows come from: `project:controls`, `choices:p2_line`, or nowhere."""
    rows_min: int = 0
    fixed: bool = False
    """Whether the rows are given, and none may be added or removed."""
    relevant: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Section:
    """A page of the form."""

    name: str
    ref: str
    label: str
    items: tuple[Question | Repeat, ...]
    relevant: str = ""


@dataclass(frozen=True)
class Template:
    """One version of a form."""

    key: str
    version: int
    title: str
    category: str
    statement: str
    """What the signer certifies; empty where nothing is signed."""
    sections: tuple[Section, ...]

    def questions(self) -> Iterator[Question]:
        """All questions in order, those of repeats too."""
        for section in self.sections:
            for item in section.items:
                yield from (item,) if isinstance(item, Question) else item.questions

    def repeats(self) -> Iterator[Repeat]:
        """All repeats in order."""
        return (item for section in self.sections for item in section.items if isinstance(item, Repeat))

    def longest_path(self) -> str:
        """The longest path that an answer can have in a submission; stars stand for a row's id."""
        own = (item.path for section in self.sections for item in section.items if isinstance(item, Question))
        rows = (
            f"{repeat.path}/{'*' * ROW_ID_LENGTH}/{question.name}"
            for repeat in self.repeats()
            for question in repeat.questions
        )
        return f"{ANSWERS}/{max((*own, *rows), key=len, default='')}"

    @cached_property
    def _by_path(self) -> Mapping[str, Question]:
        return {question.path: question for question in self.questions()}

    @cached_property
    def choice_labels(self) -> Mapping[str, Mapping[str, str]]:
        """Labels by a question's `ref` and a choice's value, for expressions that speak of them."""
        return {
            question.ref: {choice.value: choice.label for choice in question.choices}
            for question in self.questions()
            if question.choices
        }

    def find(self, path: str) -> Question | None:
        """The question that an answer's path belongs to; None for a row's own path or an unknown one."""
        return self._by_path.get(rule_path(path))

    def field_rules(self) -> dict[str, FieldRule]:
        """The merge rule of every answer by rule path; whether a row is there is a union."""
        rules = {question.path: question.rule for question in self.questions()}
        return {**rules, **{repeat.path: FieldRule(Rule.UNION) for repeat in self.repeats()}}

    def to_json(self) -> str:
        """JSON text, the same for the same template."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Template:
        """Read what `to_json` wrote. Raises BadInput for anything else."""
        try:
            told = json.loads(text)
            sections = tuple(_section(section) for section in told["sections"])
            return Template(**{**_kept(Template, told), "sections": sections})
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise BadInput("This form cannot be read.", "Ask the office to publish it again.") from error


def _kept(shape: type[DataclassInstance], told: Mapping[str, Any]) -> dict[str, Any]:
    """What of `told` this version knows: a newer central may say more. Raises TypeError for a value of the wrong kind."""
    known = {each.name: each.type for each in fields(shape)}
    for name in known.keys() & told.keys():
        if known[name] in ("str", "int", "bool") and type(told[name]).__name__ != known[name]:
            raise TypeError(name)
    return {name: told[name] for name in known if name in told}


def _section(told: Mapping[str, Any]) -> Section:
    return Section(**{**_kept(Section, told), "items": tuple(_item(item) for item in told["items"])})


def _item(told: Mapping[str, Any]) -> Question | Repeat:
    if "questions" in told:
        questions = tuple(_question(question) for question in told["questions"])
        return Repeat(**{**_kept(Repeat, told), "questions": questions})
    return _question(told)


def _question(told: Mapping[str, Any]) -> Question:
    rule = told["rule"]
    return Question(
        **{
            **_kept(Question, told),
            "kind": QuestionKind(told["kind"]),
            "choices": tuple(Choice(**choice) for choice in told["choices"]),
            "rule": FieldRule(Rule(rule["rule"]), tuple(rule["order"]), rule["group"]),
        }
    )

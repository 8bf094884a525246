"""What a new form starts with: job facts carry over, observations never do.

Foremen who may copy yesterday's report change the date and nothing else; an inspection that was not made must not
be able to look complete. So only questions marked `carry` take over anything, and repeats start from the site's lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bravetui.base.canonical import Json
from bravetui.forms.engine import rows_of
from bravetui.forms.template import Question, Repeat, Template


def starting_answers(
    template: Template, job_facts: Mapping[str, Json], previous: Mapping[str, Json]
) -> dict[str, Json]:
    """The first answers. `job_facts` are known from the project and win over `previous`, the last report's answers.

    `job_facts["controls"]` holds the project's rows by path, for a repeat whose rows are `project:controls`.
    """
    answers: dict[str, Json] = {}
    for section in template.sections:
        for item in section.items:
            if isinstance(item, Repeat):
                answers.update(_rows(item, job_facts))
            else:
                answers.update(_carried(item, job_facts, previous))
    return answers


def _carried(
    question: Question, facts: Mapping[str, Json], previous: Mapping[str, Json]
) -> Iterator[tuple[str, Json]]:
    if question.carry_forward:
        value = facts.get(question.path, previous.get(question.path))
        if value is not None:
            yield question.path, value
    elif question.default:
        yield question.path, question.default


def _rows(repeat: Repeat, facts: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    source, _, name = repeat.rows.partition(":")
    if source == "choices":
        label = next(question for question in repeat.questions if question.name == repeat.row_label)
        for place, choice in enumerate(label.choices):
            yield f"{repeat.path}/{choice.value}", place
            yield f"{repeat.path}/{choice.value}/{repeat.row_label}", choice.value
    elif source == "project":
        listed = facts.get(name)
        known = (
            {f"{name}/{path}": value for path, value in listed.items()} if isinstance(listed, Mapping) else {}
        )
        for place, row in enumerate(rows_of(known, name)):
            path = f"{repeat.path}/{row.rpartition('/')[2]}"
            yield path, place
            if f"{row}/name" in known:
                yield f"{path}/{repeat.row_label}", known[f"{row}/name"]

"""Questions that are computed from each other in a circle: no order of computing them ever settles.

Pure. Finds references as XForms spell them: the whole path of a question, or one relative to where the formula stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from bravetui.forms.template import Question, Template

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_PATH = re.compile(r"(?:(?<![\w.\-\])/])/|(?:\.\./)+)[\w.\-]+(?:/[\w.\-]+)*")


def circular(template: Template) -> tuple[str, ...]:
    """The paths of questions that are computed in a circle, in its order, the first again at its end; empty without one."""
    computed = {question.ref: question for question in template.questions() if question.calculation}
    graph = {ref: _named(question, computed) for ref, question in computed.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(computed[ref].path for ref in error.args[1])
    return ()


def _named(question: Question, computed: Mapping[str, Question]) -> set[str]:
    """What other computed questions the formula speaks of."""
    found = set()
    for match in _PATH.finditer(_QUOTED.sub("''", question.calculation)):
        path = match[0]
        if path.startswith(".."):
            steps = path.count("../")
            parts = question.ref.split("/")
            path = "/".join([*parts[: len(parts) - steps], path.replace("../", "")])
        if path in computed:
            found.add(path)
    return found

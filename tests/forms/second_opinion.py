"""What rxeval, another XForms engine, says of the same form and the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import rxeval

from bravetui.base.canonical import Json
from bravetui.forms.engine import rows_of
from bravetui.forms.template import Question, QuestionKind, Template
from tests.forms.making import NOW


class Opinion:
    """rxeval's verdicts by our own paths."""

    def __init__(self, xform: str, template: Template, answers: Mapping[str, Json]) -> None:
        self._places: dict[str, str] = {}
        instance = self._instance(template, answers)
        session = rxeval.Session(
            xform, instance, today=f"{NOW:%Y-%m-%d}", now=f"{NOW:%Y-%m-%dT%H:%M:%S}.000-06:00"
        )
        self._told: dict[str, Any] = session.recompute()

    @property
    def unable(self) -> list[Any]:
        """Expressions that it could not judge."""
        return list(self._told["failed"])

    @property
    def visible(self) -> set[str]:
        """Questions that are asked."""
        return {
            self._places[ref]
            for ref, shown in self._told["relevant"].items()
            if shown and ref in self._places
        }

    @property
    def invalid(self) -> dict[str, str]:
        """Answers that break their rule, with the form's words."""
        return {self._places[ref]: says for ref, says in self._told["invalid"] if ref in self._places}

    @property
    def missing(self) -> set[str]:
        """Questions that must be answered and are not."""
        return {self._places[ref] for ref in self._told["missing"] if ref in self._places}

    @property
    def calculated(self) -> dict[str, str]:
        """What it computed, where that is not empty."""
        return {self._places[ref]: text for ref, text in self._told["calculated"].items() if text}

    def _instance(self, template: Template, answers: Mapping[str, Json]) -> str:
        root = ElementTree.Element("data", id=template.key, version=str(template.version))
        for section in template.sections:
            page = ElementTree.SubElement(root, section.name)
            for item in section.items:
                if isinstance(item, Question):
                    self._node(page, item, item.ref, item.path, answers)
                    continue
                rows = rows_of(answers, item.path)
                for place, row in enumerate(rows, 1):
                    card = ElementTree.SubElement(page, item.path)
                    for asked in item.questions:
                        # It counts rows only where there are several.
                        ref = f"{item.ref}[{place}]/{asked.name}" if len(rows) > 1 else asked.ref
                        self._node(card, asked, ref, f"{row}/{asked.name}", answers)
        return ElementTree.tostring(root, encoding="unicode")

    def _node(
        self, parent: ElementTree.Element, asked: Question, ref: str, path: str, answers: Mapping[str, Json]
    ) -> None:
        self._places[ref] = path
        value = answers.get(path)
        text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        if asked.kind is QuestionKind.TIME and text:
            text = f"{text}:00.000"
        ElementTree.SubElement(parent, asked.name).text = text

"""Reads an ODK XForm into a template: groups become sections, repeats stay repeats, binds bring logic and merge rules.

Any XForm of the types in `_KINDS` works, whoever authored it; a type or structure outside them is refused by name. Of
several languages the default one is taken. The XML comes from outside: no document type, no entities, no network,
limits on size and depth. Our own bind attributes are in the namespace `urn:bravetui:form:1`: `rule`, `order`, `group`,
`label` (a computed value has no control that could hold one), and `extra` with space-separated `carry`, `long`,
`fixed`, `statement`, `unit=`, `places=`, `rows=`, `min=`, `label=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from bravetui.base.errors import BadInput
from bravetui.forms.template import Choice, Question, QuestionKind, Repeat, Section, Template
from bravetui.merge.rules import FieldRule, Rule

XF = "{http://www.w3.org/2002/xforms}"
H = "{http://www.w3.org/1999/xhtml}"
JR = "{http://openrosa.org/javarosa}"
OURS = "{urn:bravetui:form:1}"

XML_BYTES_MAX = 4 * 1024 * 1024
_ITEXT = re.compile(r"jr:itext\('([^']*)'\)")

_KINDS: Mapping[str, QuestionKind] = {
    "string": QuestionKind.TEXT,
    "int": QuestionKind.INTEGER,
    "decimal": QuestionKind.DECIMAL,
    "date": QuestionKind.DATE,
    "time": QuestionKind.TIME,
    "dateTime": QuestionKind.DATETIME,
}
_RULES: Mapping[QuestionKind, Rule] = {
    QuestionKind.LONG_TEXT: Rule.TEXT,
    QuestionKind.CHOICES: Rule.UNION,
    QuestionKind.CALCULATION: Rule.DERIVED,
}
"""What merges a question whose author declared no rule; a person decides all others."""


@dataclass(frozen=True, slots=True)
class _Bind:
    """One bind's attributes."""

    attributes: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.attributes.get(name, "").strip()

    @property
    def extra(self) -> dict[str, str]:
        words = (word.partition("=") for word in self.get(f"{OURS}extra").split())
        return {name: value or "yes" for name, _, value in words}


class _Reader:
    """One XForm on its way to becoming a template."""

    def __init__(self, root: etree._Element) -> None:
        model = root.find(f".//{XF}model")
        body = root.find(f"{H}body")
        instance = model.find(f"{XF}instance") if model is not None else None
        if model is None or body is None or instance is None or not len(instance):
            raise _broken("it has no model, no instance or no body")
        self._data, self._body = instance[0], body
        self._title = root.findtext(f".//{H}title") or ""
        self._binds = {
            bind.get("nodeset", ""): _Bind({str(k): str(v) for k, v in bind.attrib.items()})
            for bind in model.iter(f"{XF}bind")
        }
        self._itext = _default_language(model)
        self._lists = {part.get("id", ""): self._choices(part) for part in model.findall(f"{XF}instance")[1:]}
        self._controls = {
            ref: control for control in body.iter() if (ref := control.get("ref") or control.get("nodeset"))
        }

    def template(self, category: str) -> Template:
        sections = tuple(self._sections())
        names = [question.path for section in sections for question in _asked(section)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise _broken(f"two questions are called {min(twice)!r}; names must be unique in a form")
        statement = next(
            (q.hint for s in sections for q in _asked(s) if self._bind(q.ref).extra.get("statement")), ""
        )
        return Template(
            key=self._data.get("id", ""),
            version=_number(self._data.get("version") or "1", "version"),
            title=self._title,
            category=category,
            statement=statement,
            sections=sections,
        )

    def _bind(self, ref: str) -> _Bind:
        return self._binds.get(ref, _Bind({}))

    def _sections(self) -> Iterator[Section]:
        root = f"/{_local(self._data)}"
        loose = [child for child in self._data if not self._is_section(f"{root}/{_local(child)}", child)]
        if any(_local(child) != "meta" for child in loose):
            raise _broken(
                "a question stands outside every group; put each one into a group, which becomes a page"
            )
        for child in self._data:
            ref = f"{root}/{_local(child)}"
            if child not in loose:
                items = tuple(self._items(child, ref, ""))
                yield Section(_local(child), ref, self._label(ref), items, self._bind(ref).get("relevant"))

    def _is_section(self, ref: str, node: etree._Element) -> bool:
        return bool(len(node)) and ref in self._controls

    def _items(self, node: etree._Element, ref: str, prefix: str) -> Iterator[Question | Repeat]:
        seen: set[str] = set()
        for child in node:
            name = _local(child)
            if name in seen:
                continue
            seen.add(name)
            child_ref = f"{ref}/{name}"
            if not len(child):
                yield self._question(child, child_ref, f"{prefix}{name}")
            elif prefix or f"{JR}template" not in child.attrib:
                raise _broken(f"the group {name!r} lies inside a page; only repeats may")
            else:
                yield self._repeat(child, child_ref, name)

    def _repeat(self, node: etree._Element, ref: str, name: str) -> Repeat:
        questions = tuple(item for item in self._items(node, ref, f"{name}/") if isinstance(item, Question))
        bind = self._bind(ref)
        return Repeat(
            path=name,
            ref=ref,
            label=self._label(ref),
            row_label=bind.extra.get("label") or questions[0].name,
            questions=questions,
            rows=bind.extra.get("rows", ""),
            rows_min=_number(bind.extra.get("min", "0"), "min="),
            fixed="fixed" in bind.extra,
            relevant=bind.get("relevant"),
            hint=self._text(ref, "hint"),
        )

    def _question(self, node: etree._Element, ref: str, path: str) -> Question:
        bind, control = self._bind(ref), self._controls.get(ref)
        kind = self._kind(bind, control, ref)
        choices = self._choices_of(control) if control is not None else ()
        if kind is QuestionKind.CHOICE and {choice.value for choice in choices} == {"yes", "no"}:
            kind = QuestionKind.YES_NO
        declared, order = bind.get(f"{OURS}rule"), tuple(bind.get(f"{OURS}order").split())
        return Question(
            path=path,
            ref=ref,
            kind=kind,
            label=self._label(ref) or bind.get(f"{OURS}label") or _named(path),
            hint=self._text(ref, "hint"),
            required="" if bind.get("required") in ("", "false()") else bind.get("required"),
            relevant=bind.get("relevant"),
            constraint=bind.get("constraint"),
            constraint_message=bind.get(f"{JR}constraintMsg"),
            calculation=bind.get("calculate"),
            choices=choices,
            unit=bind.extra.get("unit", ""),
            places=_number(bind.extra.get("places", "0"), "places="),
            default=(node.text or "").strip(),
            rule=FieldRule(_rule(declared, kind, path), order, bind.get(f"{OURS}group") or None),
            carry_forward="carry" in bind.extra,
        )

    def _kind(self, bind: _Bind, control: etree._Element | None, ref: str) -> QuestionKind:
        tag = "" if control is None else etree.QName(control).localname
        if bind.get("calculate") and not tag:
            return QuestionKind.CALCULATION
        by_tag = {
            "select1": QuestionKind.CHOICE,
            "select": QuestionKind.CHOICES,
            "trigger": QuestionKind.ACKNOWLEDGE,
        }
        if tag in by_tag:
            return by_tag[tag]
        declared = bind.get("type") or "string"
        if tag not in ("", "input") or declared not in _KINDS:
            raise _broken(
                f"{ref.rpartition('/')[2]!r} is of the type {tag or declared!r}, which this program cannot ask"
            )
        kind = _KINDS[declared]
        if bind.get("readonly") == "true()":
            return QuestionKind.NOTE
        return QuestionKind.LONG_TEXT if kind is QuestionKind.TEXT and "long" in bind.extra else kind

    def _label(self, ref: str) -> str:
        return self._text(ref, "label")

    def _text(self, ref: str, tag: str) -> str:
        """Label or hint; a repeat's stand at the group around it."""
        control = self._controls.get(ref)
        if control is None:
            return ""
        found = control.find(f"{XF}{tag}")
        if found is None and control.tag == f"{XF}repeat":
            around = control.getparent()
            found = None if around is None else around.find(f"{XF}{tag}")
        return "" if found is None else self._words(found)

    def _words(self, node: etree._Element) -> str:
        told = _ITEXT.fullmatch(node.get("ref") or "")
        return self._itext.get(told[1], "") if told else " ".join("".join(map(str, node.itertext())).split())

    def _choices_of(self, control: etree._Element) -> tuple[Choice, ...]:
        itemset = control.find(f"{XF}itemset")
        if itemset is None:
            return self._choices(control)
        nodeset = itemset.get("nodeset") or ""
        name = nodeset.partition("instance('")[2].partition("'")[0]
        if name not in self._lists:
            raise _broken(f"the list of choices {name!r} is not in it")
        if "[" in nodeset:
            raise _broken(f"the list of choices {name!r} is filtered, which this program cannot do")
        return self._lists[name]

    def _choices(self, place: etree._Element) -> tuple[Choice, ...]:
        """The items of a list, or those that stand in a control itself."""
        found = []
        for item in place.iter(f"{XF}item", "item"):
            parts = {_local(part): part for part in item}
            value = next((parts[name] for name in ("name", "value") if name in parts), None)
            if value is None:
                raise _broken("a choice has no name")
            label = self._words(parts["label"]) if "label" in parts else ""
            if "itextId" in parts:
                label = self._itext.get(parts["itextId"].text or "", "")
            name = (value.text or "").strip()
            found.append(Choice(name, label or name))
        return tuple(found)


def read_xform(xml: bytes, category: str) -> Template:
    """Read an XForm. Raises BadInput that says what in it cannot be used."""
    if len(xml) > XML_BYTES_MAX:
        raise _broken(f"it is larger than {XML_BYTES_MAX:,} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(xml, parser)
        if root.getroottree().docinfo.internalDTD is not None:
            raise _broken("it declares a document type, which no form needs")
        return _Reader(root).template(category)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _broken(str(error)) from error


def _broken(why: str) -> BadInput:
    return BadInput(f"This form cannot be used: {why}.", "Mend it where it was made and compile it again.")


def _rule(declared: str, kind: QuestionKind, path: str) -> Rule:
    if not declared:
        return _RULES.get(kind, Rule.REVIEW)
    if declared not in set(Rule):
        raise _broken(f"{path!r} declares the merge rule {declared!r}, which does not exist")
    return Rule(declared)


def _asked(section: Section) -> Iterator[Question]:
    for item in section.items:
        yield from (item,) if isinstance(item, Question) else item.questions


def _named(path: str) -> str:
    """What a question without a label is called: its own name, as words."""
    return path.rpartition("/")[2].replace("_", " ").capitalize()


def _local(node: etree._Element) -> str:
    return str(etree.QName(node).localname)


def _number(text: str, what: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise _broken(f"its {what} is {text!r}, which is not a whole number")
    return int(text)


def _default_language(model: etree._Element) -> Mapping[str, str]:
    """Texts by id in the language marked as default, else in the first."""
    languages = model.findall(f"{XF}itext/{XF}translation")
    chosen = next((each for each in languages if each.get("default")), languages[0] if languages else None)
    if chosen is None:
        return {}
    plain = ((text.get("id", ""), text.find(f"{XF}value")) for text in chosen)
    return {key: " ".join((value.text or "").split()) for key, value in plain if value is not None}

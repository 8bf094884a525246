"""Forms of other people, as tables and as XForms: what works, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.base.errors import BadInput
from bravetui.forms.engine import evaluate
from bravetui.forms.publish import compile_form
from bravetui.forms.template import Choice, Question, QuestionKind, Repeat, Template
from bravetui.forms.xform import XML_BYTES_MAX, read_xform
from bravetui.merge.rules import Rule
from tests.forms.making import NOW

HEAD = "| survey | | | | | | |\n| | type | name | label | relevant | constraint | bind::bravetui:rule |\n"
FOOT = (
    "| choices | | | |\n| | list_name | name | label |\n| | color | red | Red |\n| | color | blue | Blue |\n"
    "| settings | | | |\n| | form_title | form_id | version | namespaces |\n"
    '| | Trial | trial | {version} | bravetui="urn:bravetui:form:1" |\n'
)


def compiled(tmp_path: Path, *rows: str, version: str = "7") -> Template:
    """The form that the rows of a survey make, on one page unless they begin with `loose`."""
    lines = ["begin group | page | Page | | | ", *rows, "end group | | | | | "]
    if rows[0] == "loose":
        lines = list(rows[1:])
    table = HEAD + "".join(f"| | {line} |\n" for line in lines) + "\n" + FOOT.format(version=version)
    path = tmp_path / "trial.md"
    path.write_text(table, encoding="utf-8")
    return compile_form(path)


@pytest.mark.parametrize(
    ("repeat", "question", "fits"), [(70, 84, True), (70, 85, False), (0, 192, True), (0, 193, False)]
)
def test_a_form_whose_answers_could_not_be_handed_in_for_the_length_of_their_names_is_refused(
    tmp_path: Path, repeat: int, question: int, fits: bool
) -> None:
    """`answers/`, the repeat, a row's id and the question have to stay within two hundred characters."""
    rows = [f"text | {'q' * question} | Why? | | | "]
    if repeat:
        rows = [f"begin repeat | {'r' * repeat} | Part | | | ", *rows, "end repeat | | | | | "]
    if fits:
        assert len(compiled(tmp_path, *rows).longest_path()) == 200
        return
    with pytest.raises(BadInput, match="is 1 character too long, together with the repeat"):
        compiled(tmp_path, *rows)


def test_names_and_choices_are_spelled_as_answers_are_whatever_the_table_s_editor_does(
    tmp_path: Path,
) -> None:
    """An accent as a character of its own, as macOS writes it, made a question whose answers belonged to none."""
    template = compiled(tmp_path, "text | cafe\u0301 | Cafe\u0301? | | | ")
    assert [(question.path, question.label) for question in template.questions()] == [
        ("caf\u00e9", "Caf\u00e9?")
    ]


def test_a_table_becomes_a_form_that_runs(tmp_path: Path) -> None:
    """Kinds, choices, logic and merge rules arrive."""
    template = compiled(
        tmp_path,
        "select_one color | shade | Which color? | | | stricter",
        "text | why | Why? | ${shade} = 'red' | | ",
        "begin repeat | part | Part | | | ",
        "integer | count | How many? | | . < 9 | max",
        "end repeat | | | | | ",
        "note | advice | Take care | | | ",
    )
    assert (template.key, template.version, template.title) == ("trial", 7, "Trial")
    shade, why, part, advice = template.sections[0].items
    assert isinstance(shade, Question)
    assert (shade.kind, shade.label, shade.rule.rule) == (QuestionKind.CHOICE, "Which color?", Rule.STRICTER)
    assert shade.choices == (Choice("red", "Red"), Choice("blue", "Blue"))
    assert isinstance(part, Repeat)
    assert (part.label, part.questions[0].path, part.questions[0].rule.rule) == (
        "Part",
        "part/count",
        Rule.MAX,
    )
    assert isinstance(why, Question)
    assert why.rule.rule is Rule.REVIEW
    assert isinstance(advice, Question)
    assert advice.kind is QuestionKind.NOTE
    state = evaluate(template, {"shade": "red", "part/a": 0, "part/a/count": 9}, now=NOW)
    assert state.asked["why"].visible
    assert [problem.path for problem in state.problems()] == ["part/a/count"]
    assert Template.from_json(template.to_json()) == template


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param("geopoint | where | Where? | | | ", "cannot ask", id="a type that is not supported"),
        pytest.param("image | seen | Photo | | | ", "cannot ask", id="an upload"),
        pytest.param("text | a | A | frob(.) | | ", "formula of 'A' is broken", id="an unknown function"),
        pytest.param("text | a | A | | | loudest", "merge rule 'loudest'", id="an unknown rule"),
        pytest.param("text | a | A | ${nobody} = 1 | | ", "does not compile", id="a question that is not there"),
        pytest.param("begin group | inner | In | | | |\n| | text | a | A | | | |\n| | end group | | | | | ",
                     "lies inside a page", id="a group in a group"),
    ],
)  # fmt: skip
def test_what_a_table_asks_in_vain_is_refused_by_name(tmp_path: Path, row: str, why: str) -> None:
    """Before any laptop sees it."""
    with pytest.raises(BadInput, match=why) as told:
        compiled(tmp_path, row)
    assert told.value.todo


def test_a_question_outside_every_page_is_refused(tmp_path: Path) -> None:
    """Each group is a page."""
    with pytest.raises(BadInput, match="put each one into a group"):
        compiled(tmp_path, "loose", "text | a | A | | | ")


def test_a_version_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """Versions are ordered."""
    with pytest.raises(BadInput, match="version is 'v2'"):
        compiled(tmp_path, "text | a | A | | | ", version="v2")


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """And so is one that is not there."""
    with pytest.raises(BadInput, match=r"\.xlsx"):
        compile_form(tmp_path / "form.pdf")
    with pytest.raises(BadInput, match="not there"):
        compile_form(tmp_path / "form.md")


XFORM = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>Other</h:title><model>
 <itext><translation lang="es"><text id="q"><value>Lluvia</value></text></translation>
  <translation lang="en" default="true()"><text id="q"><value>Rain
   today?</value></text><text id="c0"><value>A lot</value></text></translation></itext>
 <instance><data id="other" version="3"><page><rain/><bare/></page></data></instance>
 <instance id="list"><root><item><itextId>c0</itextId><name>much</name></item>
  <item><name>some</name></item></root></instance>
 <bind nodeset="/data/page/rain" type="string"/><bind nodeset="/data/page/bare" type="string"/></model></h:head>
 <h:body><group ref="/data/page"><label>Page</label><hint>No hint of a question</hint>
  <select1 ref="/data/page/rain"><label ref="jr:itext('q')"/><itemset nodeset="instance('list')/root/item">
   <value ref="name"/><label ref="jr:itext(itextId)"/></itemset></select1>
  <input ref="/data/page/bare"/></group></h:body></h:html>"""


def test_an_xform_in_two_languages_is_read_in_its_default_one() -> None:
    """A choice without a text shows its name; a page's words are not taken for a question's."""
    rain, bare = read_xform(XFORM.encode(), "other").sections[0].items
    assert isinstance(rain, Question)
    assert (rain.label, rain.choices) == ("Rain today?", (Choice("much", "A lot"), Choice("some", "some")))
    assert isinstance(bare, Question)
    assert (bare.label, bare.hint) == ("Bare", "")


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        pytest.param("<not closed", "cannot be used", id="not XML"),
        pytest.param("<a/>", "no model", id="another XML"),
        pytest.param(
            "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "document type", id="entities"
        ),
        pytest.param(
            XFORM.replace('item">', 'item[name = /data/page/bare]">'), "filtered", id="a filtered list"
        ),
        pytest.param(
            XFORM.replace("instance('list')", "instance('gone')"), "'gone' is not in it", id="a missing list"
        ),
        pytest.param(
            XFORM.replace("<bare/>", "<bare/><rain/>"), None, id="the same node twice is one question"
        ),
        pytest.param(
            XFORM.replace("<name>some</name>", ""), "choice has no name", id="a choice without a name"
        ),
        pytest.param(" " * (XML_BYTES_MAX + 1), "larger than", id="far too large"),
        pytest.param("<a>" * 3_000 + "</a>" * 3_000, "cannot be used", id="far too deep"),
    ],
)
def test_an_xform_from_outside_does_no_harm(xml: str, why: str | None) -> None:
    """A sentence, and nothing of this machine in it."""
    if why is None:
        assert len(read_xform(xml.encode(), "other").sections[0].items) == 2
        return
    with pytest.raises(BadInput, match=why) as told:
        read_xform(xml.encode(), "other")
    assert "root:" not in str(told.value)


def test_two_questions_of_one_name_are_refused() -> None:
    """Answers are known by name."""
    xml = XFORM.replace("</page></data>", "</page><more><rain/></more></data>").replace(
        "</h:body>", "<group ref='/data/more'><input ref='/data/more/rain'/></group></h:body>"
    )
    with pytest.raises(BadInput, match="two questions are called 'rain'"):
        read_xform(xml.encode(), "other")

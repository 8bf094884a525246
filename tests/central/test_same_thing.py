"""What central takes for one thing logged twice, wherever it has the other: in its tables, or in the same request."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
from sqlalchemy import Column, Engine, MetaData, String, Table, bindparam, event, func, select

from bravetui.base.canonical import Json
from bravetui.central.shelf import _comparable, _says_the_same
from bravetui.central.tables import LEDGER, STATE
from tests.support.central import PROJECT, Site


@dataclass(frozen=True)
class Pair:
    """Two records of a kind, and whether they may be one thing."""

    kind: str
    first: dict[str, Json]
    second: dict[str, Json]
    is_one: bool


PAIRS = {
    "one day's log": Pair(
        "daily_log",
        {"log_date": "2026-08-03", "author_id": "carlos"},
        {"log_date": "2026-08-03", "author_id": " Carlos "},
        True,
    ),
    "the next day's log": Pair(
        "daily_log",
        {"log_date": "2026-08-03", "author_id": "carlos"},
        {"log_date": "2026-08-04", "author_id": "carlos"},
        False,
    ),
    "somebody else's log": Pair(
        "daily_log",
        {"log_date": "2026-08-03", "author_id": "carlos"},
        {"log_date": "2026-08-03", "author_id": "dana"},
        False,
    ),
    "a ticket of one supplier, however it is typed": Pair(
        "delivery",
        {"supplier": "Élan Rock", "ticket_number": "17"},
        {"supplier": " ÉLAN ROCK", "ticket_number": "17"},
        True,
    ),
    "a ticket of one supplier, with a tab behind it": Pair(
        "delivery",
        {"supplier": "Rio Ready-Mix\t", "ticket_number": "\xa017\r\n"},
        {"supplier": "Rio Ready-Mix", "ticket_number": "17"},
        True,
    ),
    "a ticket of one supplier, with blanks that nobody sees": Pair(
        "delivery",
        {"supplier": "\u3000Rio\u2003", "ticket_number": "17"},
        {"supplier": "\x1fRIO\x85", "ticket_number": "17"},
        True,
    ),
    "a ticket of one supplier, in letters of which two alphabets have a small one": Pair(
        "delivery",
        {"supplier": "İ \u212aILN ΟΔΟΣ", "ticket_number": "17"},
        {"supplier": "i\u0307 kiln οδος", "ticket_number": "17"},
        True,
    ),
    "a ticket of one supplier, in letters that databases know as one": Pair(
        "delivery",
        {"supplier": "οδος", "ticket_number": "17"},
        {"supplier": "οδοσ", "ticket_number": "17"},
        False,
    ),
    "a ticket of one supplier, with signs that stand for others": Pair(
        "delivery",
        {"supplier": "50%_\\Rock", "ticket_number": "17"},
        {"supplier": "50%_\\ROCK", "ticket_number": "17"},
        True,
    ),
    "a ticket of two suppliers, one with signs that stand for others": Pair(
        "delivery",
        {"supplier": "50%_\\Rock", "ticket_number": "17"},
        {"supplier": "501__Rock", "ticket_number": "17"},
        False,
    ),
    "a ticket of two suppliers": Pair(
        "delivery",
        {"supplier": "Groß", "ticket_number": "17"},
        {"supplier": "GROSS", "ticket_number": "17"},
        False,
    ),
    "a storm, twelve hours apart": Pair(
        "weather_event",
        {"kind": "rain", "threshold_reached_at": "2026-08-03T06:00:00Z"},
        {"kind": "rain", "threshold_reached_at": "2026-08-03T11:00:00-07:00"},
        True,
    ),
    "the next storm": Pair(
        "weather_event",
        {"kind": "rain", "threshold_reached_at": "2026-08-03T06:00:00Z"},
        {"kind": "rain", "threshold_reached_at": "2026-08-03T11:00:01-07:00"},
        False,
    ),
    "a storm in the first hour that a clock knows": Pair(
        "weather_event",
        {"kind": "rain", "threshold_reached_at": "0001-01-01T00:00:00Z"},
        {"kind": "rain", "threshold_reached_at": "0001-01-01T01:00:00Z"},
        True,
    ),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["in one request", "one after the other"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_what_says_the_same_in_its_key_is_asked_about(site: Site, pair: Pair, at_once: bool) -> None:
    laptop = site.laptop("carlos")
    first, second = (
        laptop.change(record_id, after, kind=pair.kind)
        for record_id, after in (("one", pair.first), ("two", pair.second))
    )
    for request in [(first, second)] if at_once else [(first,), (second,)]:
        laptop.sync(*request)
    assert len(own_counters(site.engine)) == pair.is_one


def test_no_letter_and_no_blank_is_another_to_the_database_than_to_the_program(site: Site) -> None:
    """What two texts have alike without blanks and capitals is found by the other; whatever letters there are."""
    capitals = [letter for letter in map(chr, range(sys.maxunicode + 1)) if letter != letter.lower()]
    blanks = [letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isspace()]
    asked = {f"a{letter}b": f"a{letter.lower()}b" for letter in capitals} | {
        f"{one}a{one}": "a" for one in blanks
    }
    words = Table("word", MetaData(), Column("word", String(20), primary_key=True), prefixes=["TEMPORARY"])
    query = select(words.c.word).where(_says_the_same(words.c.word), words.c.word == bindparam("word"))
    with site.engine.connect() as connection:
        words.create(connection)
        connection.execute(words.insert(), [{"word": word} for word in asked])
        missed = [
            word
            for word, other in asked.items()
            if not connection.execute(
                query, {"word": word, "same_word": _comparable(words.c.word, other)}
            ).all()
        ]
    assert len(asked) > 1400
    assert not missed


def test_a_request_that_asks_much_leaves_no_number_out_and_takes_few_statements(site: Site) -> None:
    asked: list[str] = []
    event.listen(site.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    laptop = site.laptop("carlos")
    changes = [
        laptop.change(f"{number}-{copy}", {"supplier": "Rio", "ticket_number": str(number)}, kind="delivery")
        for number in range(20)
        for copy in "ab"
    ]
    with site.engine.connect() as connection:
        before = connection.execute(select(STATE.c.counter)).scalar_one()
    laptop.sync(*changes)
    assert own_counters(site.engine) == [before + number for number in range(1, 21)]
    with site.engine.connect() as connection:
        assert connection.execute(select(STATE.c.counter)).scalar_one() == before + 20
    assert sum("SET counter=" in statement for statement in asked) <= 7


def own_counters(engine: Engine) -> list[int]:
    """The numbers of central's own changes that ask a question, in order."""
    query = select(LEDGER.c.counter).where(LEDGER.c.scope_id == PROJECT, LEDGER.c.kind == "conflict")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(LEDGER)).scalar_one()
        return list(connection.execute(query.order_by(LEDGER.c.counter)).scalars())

"""What a request may ask for is bounded: numbers, repetitions and bodies out of bounds are 400 and name the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bravetui.base.errors import BadInput
from bravetui.central.incoming import read
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import ASKS_MAX, PullAsk
from tests.support.central import ORGANIZATION, PROJECT, Site, only

GOOD: dict[str, Any] = {"device": 1, "sent_at": "2026-08-03T13:30:00Z"}
ASK: dict[str, Any] = {"scope_id": PROJECT, "lane": "critical"}
HUGE = (2**63, 2**64, 10**400, -1, "9" * 100)


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("field", ["device", "knows_devices", "protocol", "answer_bytes_max"])
def test_a_number_that_no_database_holds_is_named(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=field):
        read(json.dumps({**GOOD, field: value}).encode(), "")


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("field", ["after", "before", "agreed"])
def test_a_cursor_that_no_database_holds_is_named(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"pull.0.{field}"):
        read(json.dumps({**GOOD, "pull": [{**ASK, field: value}]}).encode(), "")


def test_the_same_page_asked_for_twice_is_refused() -> None:
    """Each costs a look at the database: ten thousand kept central busy for a minute."""
    with pytest.raises(BadInput, match="asks 2 times for site, critical"):
        read(json.dumps({**GOOD, "pull": [ASK, ASK]}).encode(), "")
    with pytest.raises(BadInput, match="pull"):
        asks = [{**ASK, "scope_id": str(number)} for number in range(ASKS_MAX + 1)]
        read(json.dumps({**GOOD, "pull": asks}).encode(), "")


def test_one_ask_for_each_scope_and_lane_is_answered(site: Site) -> None:
    asks = tuple(PullAsk(scope_id=scope, lane=lane) for scope in (PROJECT, ORGANIZATION) for lane in Lane)
    assert len(site.laptop("carlos").sync(pull=asks).pages) == len(asks)


@pytest.mark.parametrize("body", ["", "{{{", "null", "[]", '{"sections":[{}]}'])
def test_a_form_that_no_laptop_could_open_is_not_published(site: Site, body: str) -> None:
    olga = site.laptop("olga")
    change = olga.change(
        "form-9", {"key": "x", "title": "X", "body": body}, kind="form_template", scope_id=ORGANIZATION
    )
    verdict = only(olga.sync(change).verdicts)
    assert (verdict.code, verdict.field) == ("invalid_field", "body")
    assert "bravetui form compile" in (verdict.reason or "")

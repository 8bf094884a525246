"""What a request may ask for is bounded: numbers, repetitions and bodies out of bounds are 400 and name the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bravetui.base.errors import BadInput
from bravetui.central import incoming
from bravetui.central.checks import CHANGE_BYTES_MAX
from bravetui.central.incoming import CHANGES_MAX, read
from bravetui.wire.change import EDITS_MAX, Change
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, VALUES_MAX, TooLarge
from bravetui.wire.columns import pack
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import ASKS_MAX, PullAsk, SyncRequest
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


@pytest.mark.parametrize("name", ["pull", "push", "changes", "asks_known"])
def test_of_many_faults_one_is_looked_for(name: str) -> None:
    """Two bytes each, and kilobytes once all are told: 900 kB took two gigabytes, and packed they are 200 bytes."""
    empty: list[Any] = [{} for _ in range(1000)]
    told = {**GOOD, name: empty}
    if name == "changes":
        told = {**GOOD, "push": [{"lane": "critical", "changes": empty}]}
    with pytest.raises(ValidationError) as refused:
        SyncRequest.model_validate_json(json.dumps(told))
    assert refused.value.error_count() <= 10, "those of the first"
    with pytest.raises(BadInput):
        read(json.dumps(told).encode(), "")


def test_changes_are_counted_before_the_first_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "_change", lambda item, broken: pytest.fail("read"))
    changes = [{"dot": "1.1"}] * (CHANGES_MAX + 1)
    told = {**GOOD, "push": [{"lane": "critical", "changes": changes}]}
    with pytest.raises(TooLarge, match="20,001 changes"):
        read(json.dumps(told).encode(), "")


def test_a_broken_change_that_is_larger_than_any_is_not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canonical bytes of millions of values took minutes and gigabytes."""
    monkeypatch.setattr(incoming, "content_hash", lambda item: pytest.fail("hashed"))
    change = {"dot": "1.1", "more": "x" * CHANGE_BYTES_MAX}
    (broken,) = read(
        json.dumps({**GOOD, "push": [{"lane": "critical", "changes": [change]}]}).encode(), ""
    ).broken
    assert (str(broken.dot), broken.hash) == ("1.1", "")


@pytest.mark.parametrize("form", [JSON_TYPE, COLUMNS_TYPE])
def test_a_body_of_too_many_values_is_refused_unread(form: str) -> None:
    """A kilobyte and a half, packed, stood for five millions: minutes, and gigabytes."""
    told = {**GOOD, "more": [[]] * VALUES_MAX}
    body = pack(told) if form == COLUMNS_TYPE else json.dumps(told, separators=(",", ":")).encode()
    with pytest.raises(TooLarge):
        read(body, "", form)


def test_more_edits_than_a_change_has_fields_are_not_looked_into() -> None:
    edits: dict[str, Any] = {str(number): {} for number in range(EDITS_MAX + 1)}
    change = {"dot": "1.1", "edits": edits}
    (broken,) = read(
        json.dumps({**GOOD, "push": [{"lane": "critical", "changes": [change]}]}).encode(), ""
    ).broken
    with pytest.raises(ValidationError) as refused:
        Change.model_validate(change)
    assert all(error["loc"][0] != "edits" or len(error["loc"]) == 1 for error in refused.value.errors())
    assert broken.why.code == "invalid_change"


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

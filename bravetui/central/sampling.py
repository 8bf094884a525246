"""Puts the sample site into a central, through the same publishing that an office uses: nothing about it is special."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from bravetui.base.canonical import Json
from bravetui.central.service import Central, Writing
from bravetui.sample.site import ORGANIZATION_NAME, PROJECT_NAME, Site

_RECORDS_A_TIME = 500
_TRUE: Mapping[str, Mapping[str, Json]] = {"photo": {"blob_state": "here"}}
"""What is so at this central whatever the sample says: nobody has taken its photos, so their bytes are nowhere."""


def found_sample(central: Central, site: Site) -> None:
    """Make the organization, its people, the project and all records of the site, in order."""
    central.open_scope(site.organization_id, site.organization_id, "organization", ORGANIZATION_NAME)
    central.open_scope(site.project_id, site.organization_id, "project", PROJECT_NAME)
    for scope_id, records in groupby(site.records, key=lambda record: record.scope_id):
        writings = [Writing(one.kind, one.id, {**one.values, **_TRUE.get(one.kind, {})}) for one in records]
        for start in range(0, len(writings), _RECORDS_A_TIME):
            central.publish(scope_id, writings[start : start + _RECORDS_A_TIME])

"""A person signs in again on a laptop whose grant has run out: what `bravetui enrol --again` does, between two visits."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from zlib import crc32

from bravetui.auth.grant import Life, read_grant
from bravetui.auth.proof import Prover
from bravetui.base.clock import SeededIds
from bravetui.base.errors import BravetuiError, NeedsSignIn
from bravetui.central.callers import shown_by
from bravetui.central.enrolment import issue_code
from bravetui.central.service import Central
from bravetui.db.store import Identity
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.wire.messages import Enrol

_PLACE = "central.test/v1/enrol"


def sign_in_again(central: Central, laptop: SimulatedLaptop) -> bool:
    """Whether it was needed, and central let the laptop in under its number."""
    now, secrets = central.clock.now(), laptop.ring.load()
    who = Identity.parse(secrets.identity or "")
    if not _has_run_out(who, central):
        return False
    # By name: a copy has its original's number and key, and would show the same proof a second time.
    ids = SeededIds(central.clock, crc32(laptop.name.encode()))
    prover = Prover(secrets.device_key, str, central.clock, ids)
    headers = {name.lower(): told for name, told in prover.headers("POST", f"http://{_PLACE}").items()}
    code = issue_code(central.engine, now, who.organization_id, who.user_id)
    asked = Enrol(code=code, device_name=laptop.name, device=who.device)
    try:
        given = central.enrol(asked, shown_by("POST", _PLACE, headers, now, central.keys))
    except BravetuiError:
        return False
    laptop.ring.save(replace(secrets, identity=json.dumps(asdict(replace(who, grant=given.grant)))))
    return True


def _has_run_out(who: Identity, central: Central) -> bool:
    try:
        return read_grant(who.grant, who.central_key).life(central.clock.now()) is Life.EXPIRED
    except NeedsSignIn:
        return True

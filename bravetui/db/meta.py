"""Single values in the laptop's database, each with its name here: no other module spells a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from weakref import WeakKeyDictionary

from pydantic import ValidationError
from sqlalchemy import Connection, Transaction, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.db.device import Meta
from bravetui.merge.hlc import Hlc
from bravetui.wire.messages import Checkpoint

COUNTER = "counter"
"""Counter of the last dot this laptop minted."""
HLC = "hlc"
"""Last stamp of the hybrid logical clock."""
EPOCH = "epoch"
"""Central's epoch at the last contact."""
CHECKPOINT = "checkpoint"
"""The last genuine checkpoint of central's, as JSON: shown to it at every contact."""
LACKED_AT = "lacked_at"
"""When, by central's time, this laptop last found by itself that central lacks something (`sync.lacking`)."""
YES = "yes"
REFILLING = "refilling"
"""`YES` while a restored central is compared with what this laptop holds."""
NOT_REFILLED = "not_refilled"
"""The scopes, as JSON, that could not be read while the last restored central was refilled."""
COMPARED_ALL_AT = "compared_all_at"
"""When comparing everything with central was last begun."""
LAST_CONTACT_AT = "last_contact_at"
ALL_HANDED_IN_AT = "all_handed_in_at"
"""When the outbox was last seen empty and confirmed, and both ends were found equal."""
RATE = "rate"
"""Records and changes a second that exchanges moved lately, for the time left."""
BYTES_RATE = "bytes_rate"
"""Bytes a second at which photos went lately, for the time left."""
CLOSED = "closed"
"""Why central let nothing be read at the last contact (`SyncAnswer.closed`); empty where it did."""
TIME_FLOOR = "time_floor"
"""The floor of time as it was last written beside the key (`auth.time_floor`): neither can be rolled back alone."""
SIGNED_OUT = "signed_out"
"""Hash of the grant that this laptop's person put away by signing out."""
LINE = "line"
"""`up`, `down` or `held`, as the worker last saw it."""
LEFT_TO = "left_to"
"""The counter when the last rescue bundle was made: what is in it stays as it is, and so does all before it."""
IDENTITY = "identity"
"""What enrolment gave, as JSON."""
WRITABLE = "writable"
"""The scopes in which this person could write at the last contact, one a line; unset before it was first told."""
THEME = "theme"
"""The colours the foreman chose."""
SUPPORT = "support"
"""Who was here last as support, when, and what he did, a line each."""
LOCK_AFTER = "lock_after_min"
"""Minutes without a key after which the screen locks; 0: never; unset: as the program does by itself."""

_table = Meta.__table__  # type: ignore[attr-defined]


_ALL = select(_table.c.key, _table.c.value)
_PUT = insert(_table).values(key=bindparam("key"), value=bindparam("value"))
_PUT = _PUT.on_conflict_do_update(index_elements=["key"], set_={"value": _PUT.excluded.value})


_read: WeakKeyDictionary[Transaction, dict[str, str]] = WeakKeyDictionary()
"""The values as each transaction that is open sees them: they are few, an exchange asks for a dozen, and nobody else's word
can come in between."""


def get(connection: Connection, key: str, default: str = "") -> str:
    """The value of `key`, or `default`."""
    return _values(connection).get(key, default)


def put(connection: Connection, key: str, value: str) -> None:
    """Set `key`; nothing is written where that is its value already."""
    put_all(connection, {key: value})


def put_all(connection: Connection, wanted: Mapping[str, str]) -> None:
    """Set several at once."""
    here = _values(connection)
    changed = [{"key": key, "value": value} for key, value in wanted.items() if here.get(key) != value]
    if changed:
        connection.execute(_PUT, changed)
        here.update(wanted)


def _values(connection: Connection) -> dict[str, str]:
    transaction = connection.get_transaction()
    if transaction is None:  # the statement begins it
        return dict(connection.execute(_ALL).all())
    if transaction not in _read:
        _read[transaction] = dict(connection.execute(_ALL).all())
    return _read[transaction]


def is_refilling(connection: Connection) -> bool:
    """Whether a restored central is still being compared with what this laptop holds."""
    return get(connection, REFILLING) == YES


def get_counter(connection: Connection) -> int:
    """The counter of the last dot minted here; 0 before the first."""
    return int(get(connection, COUNTER, "0"))


def get_hlc(connection: Connection) -> Hlc:
    """The last stamp made or learnt here."""
    text = get(connection, HLC)
    return Hlc.parse(text) if text else Hlc(0)


def get_last_minted(connection: Connection) -> tuple[int, Hlc]:
    """Counter and stamp together, as every save needs them."""
    return get_counter(connection), get_hlc(connection)


def put_last_minted(connection: Connection, counter: int, hlc: Hlc) -> None:
    """Set both."""
    put_all(connection, {COUNTER: str(counter), HLC: str(hlc)})


def get_rate(connection: Connection, key: str = RATE) -> float | None:
    """Records and changes a second that exchanges moved lately, or bytes of photos (`BYTES_RATE`); None before any has."""
    text = get(connection, key)
    return float(text) if text else None


def get_checkpoint(connection: Connection) -> Checkpoint | None:
    """The last word of central's on what it holds; None before the first, or where it cannot be read any more."""
    text = get(connection, CHECKPOINT)
    try:
        return Checkpoint.model_validate_json(text) if text else None
    except ValidationError:
        return None


def get_moment(connection: Connection, key: str) -> datetime | None:
    """A time kept under `key`; None when there is none."""
    text = get(connection, key)
    return datetime.fromisoformat(text) if text else None

"""Central's half of comparing: a sum with the last page of a lane, digests where a laptop's sums differ, and the rows that
it then wants. Each answer stands alone; central remembers nothing of a comparison."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from bravetui.db.digest import bucket_of, differing, spelled, sums, total, window_digests
from bravetui.db.kinds import kinds_in
from bravetui.db.records import load_many
from bravetui.wire.messages import Page, PullAsk, Row, stamps_of


def compared(connection: Connection, ask: PullAsk, page: Page) -> Page:
    """The page with what the laptop needs to compare its rows with central's, as of the page's moment."""
    told: dict[str, object] = {}
    if ask.want:
        told["mended"] = tuple(_wanted(connection, ask))
    if ask.agreed is not None and not page.more and page.after > ask.agreed:
        window = (ask.agreed, page.after)
        digests = window_digests(connection, ask.scope_id, ask.lane, window, set(ask.without))
        told["sum"] = total(digests)
        if ask.sums:
            strange = differing(sums(digests), ask.sums)
            told["strange"] = tuple(sorted(strange))
            told["digests"] = {
                key: spelled(digest) for key, digest in digests.items() if bucket_of(key) in strange
            }
    return page.model_copy(update=told) if told else page


def _wanted(connection: Connection, ask: PullAsk) -> Iterable[Row]:
    by_kind: dict[str, list[str]] = {}
    for key in ask.want:
        name, _, record_id = key.partition("/")
        by_kind.setdefault(name, []).append(record_id)
    for kind in kinds_in(ask.lane):
        found = load_many(connection, kind, ask.scope_id, by_kind.get(kind.name, ()))
        for record_id, stored in found.items():
            state = stored.state
            yield Row(
                kind=kind.name, id=record_id, seq=stored.seq, whole=True,
                version=state.version, stamps=stamps_of(state),
            )  # fmt: skip

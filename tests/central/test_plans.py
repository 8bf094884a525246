"""PostgreSQL plans a request's statements once a connection: with row security, planning costs more than running them."""

from __future__ import annotations

from sqlalchemy import Connection, event, text

from bravetui.wire.lanes import Lane
from bravetui.wire.messages import PullAsk
from tests.support.central import PROJECT, Laptop, Site

TIMES = 4


def day(laptop: Laptop, number: int) -> None:
    """What a laptop says and asks in an exchange of an ordinary day."""
    change = laptop.change(f"fence-{number}", {"description": "fence down"}, kind="violation")
    asks = tuple(PullAsk(scope_id=PROJECT, lane=lane, after=number, agreed=0) for lane in Lane)
    laptop.sync(change, pull=asks)


def test_what_a_laptop_asks_again_is_not_planned_again(site: Site) -> None:
    """A transaction that only reads and ends in a ROLLBACK would make psycopg forget what was prepared."""
    laptop = site.laptop("carlos")
    site.engine.dispose()
    ended: list[Connection] = []
    event.listen(site.engine, "rollback", ended.append)
    for number in range(TIMES):
        day(laptop, number)
    assert ended == []
    query = text("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
    with site.engine.begin() as connection:
        kept = connection.execute(query).all()
    assert len(kept) > 20
    assert [row.statement for row in kept if row.custom_plans] == []

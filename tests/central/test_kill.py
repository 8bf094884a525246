"""Central is killed in the middle of its work, started again, and sent everything again: all is there, and there once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import func, select

from bravetui.auth.proof import Prover
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.central.ledger import audit
from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from bravetui.wire.change import Change
from bravetui.wire.codec import encode
from bravetui.wire.messages import Outcome, SyncAnswer
from tests.support.central import PROJECT, Laptop, Site

_SERVER = """
import os, signal, sys
from bravetui.base import fault
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.central.app import make_app
from bravetui.central.database import open_central_engine
from bravetui.central.keys import CentralKeys
from bravetui.central.serve import listen, serve

url, key, point, count = sys.argv[1:]
passed = 0

def kill(name):
    global passed
    passed += name == point
    if passed == int(count):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

fault.install(kill)
clock = SystemClock()
app = make_app(open_central_engine(url), CentralKeys(bytes.fromhex(key)), clock, SystemIds(clock))
serve(app, listen("127.0.0.1", 0), lambda address: print(address, flush=True))
"""


@contextmanager
def central_process(site: Site, point: str, count: int) -> Iterator[str]:
    """A central in a process of its own, killed when it passes `point` for the `count`th time."""
    command = [sys.executable, "-c", _SERVER, site.url, site.central.keys.private.hex(), point, str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def hand_in(address: str, laptop: Laptop, batch: list[Change]) -> SyncAnswer:
    clock = SystemClock()  # the other process's, too
    prover = Prover(laptop.key, lambda: laptop.grant, clock, SystemIds(clock))
    headers = {**prover.headers("POST", f"{address}/v1/sync"), "Content-Encoding": "zstd"}
    body = encode(laptop.request(*batch))
    with httpx.Client(transport=httpx.HTTPTransport(retries=3), timeout=30) as http:
        return SyncAnswer.model_validate_json(
            http.post(f"{address}/v1/sync", content=body, headers=headers).content
        )


@pytest.mark.parametrize("point", ["central_before_save", "central_before_commit", "central_after_commit"])
def test_a_central_killed_in_mid_batch_has_everything_once_after_all_is_sent_again(
    site: Site, point: str
) -> None:
    carlos = site.laptop("carlos")
    batches = [[carlos.change(f"i{part}-{n}", {"note": "x"}) for n in range(20)] for part in range(3)]
    handed_in = 0
    with central_process(site, point, count=2) as address:
        for batch in batches:
            try:
                hand_in(address, carlos, batch)
                handed_in += 1
            except httpx.HTTPError:
                break
    assert handed_in == 1
    with central_process(site, "", count=1) as address:
        answers = [hand_in(address, carlos, batch) for batch in batches]
    assert {verdict.outcome for answer in answers for verdict in answer.verdicts} == {Outcome.APPLIED}
    with site.engine.connect() as connection:
        mine = select(LEDGER.c.seq).where(LEDGER.c.device == carlos.device)
        assert len(connection.execute(mine).all()) == 60
        rows = select(func.count()).select_from(KINDS["inspection"].table)
        assert connection.execute(rows).scalar_one() == 60
        audit(connection, PROJECT)
    assert carlos.sync().checkpoint.held == ((1, 60),)

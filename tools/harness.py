"""bravetui as one peer of a sync benchmark: a client and a server process that take one command a line on standard input.

    python tools/harness.py server   apply_daily, apply_offline, dump PATH, quit; seeds central from project.jsonl first
    python tools/harness.py client   initial, local_daily, sync_daily, local_offline, sync_offline, reopen, dump PATH, quit

Each prints `@@READY {}` once it can work and `@@OK {json}` after every command. BT_DATA holds project.jsonl, daily.jsonl
and offline30.jsonl; BT_STATE is a folder of its own for each process (the server's beside the client's); BT_PORT is where
the server listens, BT_URL_PORT where the client connects (a counting proxy may stand between).

Nothing is cut short: the client is an enrolled laptop (encrypted database, journal, every save durable), the server is
central on PostgreSQL behind real HTTP. A record of the benchmark is a submission, a table is its form: long texts merge
as texts, all else is a person's to decide, as `review` says. Numbers with a fraction travel as text, as everywhere here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from bravetui import wiring
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.canonical import Json
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.collecting import collect_seldom
from bravetui.base.runner import ThreadRunner
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.founding import add_person, found_organization, open_project
from bravetui.central.keys import load_keys
from bravetui.central.postgres import embedded_postgres
from bravetui.central.serve import serving
from bravetui.central.service import Central, Writing
from bravetui.db.kinds import KINDS
from bravetui.db.records import rows_of, stored_from_row
from bravetui.forms.template import Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from bravetui.sync.worker import Worker

DATA, STATE = Path(os.environ.get("BT_DATA", ".")), Path(os.environ.get("BT_STATE", "."))
TEXTS = frozenset(
    {
        ("submissions", "observations"),
        ("submissions", "work_performed"),
        ("submissions", "corrective_actions"),
        ("daily_logs", "summary"),
        ("violations", "description"),
        ("inspections", "findings"),
    }
)
"""Tables and fields that several people write long texts in."""

ORGANIZATION, PROJECT, FOREMAN = "org", "site", "foreman"
CODE_FILE = "code"
SEED_BATCH = 200
FRACTION = "\u2042"
"""Stands before a number that travels as text."""

Command = Callable[[str], dict[str, Any] | None]


def rows(name: str) -> list[dict[str, Any]]:
    """The lines of one of the benchmark's files."""
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def branch(name: str, which: str) -> list[dict[str, Any]]:
    """One side's changes."""
    return [change for change in rows(name) if change["branch"] == which]


def values_of(fields: dict[str, Any]) -> dict[str, Json]:
    """The benchmark's fields as answers."""
    return {
        f"answers/{name}": f"{FRACTION}{value!r}" if isinstance(value, float) else value
        for name, value in fields.items()
    }


def created(change: dict[str, Any]) -> dict[str, Json]:
    """A new record: its form, its table's name, its fields."""
    return {
        "template_id": template_id(change["table"]),
        "title": change["table"],
        **values_of(change["fields"]),
    }


def template_id(table: str) -> str:
    """The form that a table is."""
    return f"form-{table}"


def forms() -> Iterator[Writing]:
    """One form a table, with a question a field."""
    tables: dict[str, list[str]] = {}
    for row in rows("project.jsonl"):
        tables.setdefault(row["table"], list(row["fields"]))
    for table, names in tables.items():
        questions = tuple(_question(table, name) for name in names)
        form = Template(table, 1, table, "benchmark", "", (Section("all", "/data/all", "All", questions),))
        told: dict[str, Json] = {"key": table, "title": table, "body": form.to_json()}
        yield Writing("form_template", template_id(table), told)


def _question(table: str, name: str) -> Question:
    long_text = (table, name) in TEXTS
    kind, rule = (QuestionKind.LONG_TEXT, Rule.TEXT) if long_text else (QuestionKind.TEXT, Rule.REVIEW)
    return Question(path=name, ref=f"/data/all/{name}", kind=kind, label=name, rule=FieldRule(rule))


def dump(connection: Connection, path: str) -> None:
    """Every record as `{"k": "table/id", "f": {field: value}}`, a line each."""
    kind = KINDS["submission"]
    with Path(path).open("w", encoding="utf-8") as file:
        for row in rows_of(connection, select(kind.table)):
            told = stored_from_row(kind, row).state.values()
            fields = {
                name.removeprefix("answers/"): _plain(value)
                for name, value in told.items()
                if name.startswith("answers/")
            }
            file.write(
                json.dumps({"k": f"{told['title']}/{row['id']}", "f": fields}, ensure_ascii=False) + "\n"
            )


def _plain(value: Json) -> Json | float:
    return float(value[1:]) if isinstance(value, str) and value.startswith(FRACTION) else value


def take_commands(commands: dict[str, Command]) -> None:
    """One a line, until `quit`."""
    _say("READY {}")
    for line in sys.stdin:
        name, _, argument = line.strip().partition(" ")
        if name == "quit":
            return
        began = time.perf_counter()
        told: dict[str, Any] = (commands[name](argument) or {}) if name in commands else {"skip": 1}
        _say(f"OK {json.dumps({'inner_s': time.perf_counter() - began, **told})}")


def _say(words: str) -> None:
    sys.stdout.write(f"@@{words}\n")
    sys.stdout.flush()


def serve() -> None:
    """Central, seeded; the other devices' changes are the office's, taken at once."""
    with ExitStack() as stack:
        url = stack.enter_context(embedded_postgres(STATE))
        engine = open_central_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        clock = SystemClock()
        central = Central(engine, load_keys(STATE / "signing.key"), clock, SystemIds(clock))
        _found(central)
        app = make_app(engine, central.keys, clock, central.ids)
        stack.enter_context(serving(app, port=int(os.environ["BT_PORT"])))

        def others(name: str) -> None:
            changes = branch(name, "down")
            for start in range(0, len(changes), SEED_BATCH):
                central.publish(PROJECT, [_writing(one) for one in changes[start : start + SEED_BATCH]])

        def dump_central(path: str) -> None:
            with engine.connect() as connection:
                dump(connection, path)

        take_commands(
            {
                "apply_daily": lambda _: others("daily.jsonl"),
                "apply_offline": lambda _: others("offline30.jsonl"),
                "dump": dump_central,
            }
        )


def _found(central: Central) -> None:
    found_organization(central, "Benchmark", new_id=ORGANIZATION)
    add_person(central, ORGANIZATION, "Foreman", "foreman", new_id=FOREMAN)
    central.publish(ORGANIZATION, list(forms()))
    open_project(central, ORGANIZATION, {"name": "Site"}, {FOREMAN: "foreman"}, new_id=PROJECT)
    records = [Writing("submission", row["id"], created(row)) for row in rows("project.jsonl")]
    for start in range(0, len(records), SEED_BATCH):
        central.publish(PROJECT, records[start : start + SEED_BATCH])
    code = issue_code(central.engine, central.clock.now(), ORGANIZATION, FOREMAN)
    (STATE / CODE_FILE).write_text(code, encoding="utf-8")


def _writing(change: dict[str, Any]) -> Writing:
    told = created(change) if change["op"] == "insert" else values_of(change["fields"])
    return Writing("submission", change["id"], told)


class Client:
    """A laptop that works and syncs when told."""

    def __init__(self) -> None:
        self._ring = SealedFile(STATE / wiring.KEYS, [Passphrase("benchmark", memory_kib=8 * 1024)])
        address = f"http://127.0.0.1:{os.environ['BT_URL_PORT']}"
        code = (STATE.parent / "server" / CODE_FILE).read_text(encoding="utf-8")
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(wiring.enrol(STATE, self._ring, address, code, "benchmark"))
        self._open()

    def _open(self) -> None:
        self._laptop = wiring.open_laptop(STATE, self._ring)
        self._runner = ThreadRunner()  # as `bravetui sync` has it
        self._worker: Worker = wiring.make_worker(self._laptop, lambda _: None, self._runner)

    def work(self, name: str) -> dict[str, Any]:
        """This device's changes, each saved by itself, durably."""
        changes = branch(name, "up")
        began = time.perf_counter()
        for change in changes:
            with self._laptop.store.write() as writing:
                if change["op"] == "insert":
                    writing.create("submission", PROJECT, created(change), record_id=change["id"])
                else:
                    writing.edit("submission", PROJECT, change["id"], values_of(change["fields"]))
        return {"queue_rate": len(changes) / (time.perf_counter() - began)}

    def sync(self, _: str) -> dict[str, Any]:
        """Until central has confirmed everything."""
        done = self._loop.run_until_complete(self._worker.run_once())
        with self._laptop.store.read() as connection:
            asked = connection.exec_driver_sql(
                "SELECT count(*) FROM conflict WHERE status = 'open'"
            ).scalar_one()
        return {"conflicts_detected": asked, "conflict_unit": "field", "handed_in": done}

    def reopen(self, _: str) -> dict[str, Any]:
        """From a shut laptop to the first record read."""
        self.close()
        began = time.perf_counter()
        self._open()
        with self._laptop.store.read() as connection:
            connection.exec_driver_sql("SELECT * FROM submission LIMIT 1").all()
        return {"reopen_s": time.perf_counter() - began}

    def dump(self, path: str) -> None:
        """All records."""
        with self._laptop.store.read() as connection:
            dump(connection, path)

    def close(self) -> None:
        """Shut the lid."""
        self._loop.run_until_complete(self._worker.close())
        self._runner.close()
        self._laptop.close()


def work() -> None:
    """One laptop."""
    client = Client()
    take_commands(
        {
            "initial": client.sync,
            "local_daily": lambda _: client.work("daily.jsonl"),
            "sync_daily": client.sync,
            "local_offline": lambda _: client.work("offline30.jsonl"),
            "sync_offline": client.sync,
            "reopen": client.reopen,
            "dump": client.dump,
        }
    )
    client.close()


if __name__ == "__main__":
    collect_seldom()
    {"server": serve, "client": work}[sys.argv[1]]()

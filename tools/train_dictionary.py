#!/usr/bin/env python3
"""Trains the compression dictionary of the wire on messages about a made-up site: `python tools/train_dictionary.py`.

The same program and the same zstd make the same bytes: first what JSON of the messages repeats, then what their columns do.
Free text is left out and every id, hash and signature is drawn anew for each message, so that the dictionary learns the
language of the protocol and not one site's words. After training, put the new file's name into `bravetui/wire/dictionary.py`
and keep the old file: laptops out there have it. To be done anew when the columnar form changes.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS
from bravetui.forms.library import shipped
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import ANSWERS, Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.sample.site import Form, Seed, make_site
from bravetui.wire.change import Change, Message, Op, make_change
from bravetui.wire.columns import pack
from bravetui.wire.dictionary import SUFFIX
from bravetui.wire.lanes import LANES, Lane
from bravetui.wire.messages import (
    Batch,
    Checkpoint,
    Outcome,
    Page,
    PullAsk,
    Row,
    ScopeGrant,
    SyncAnswer,
    SyncRequest,
    Verdict,
    stamps_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TODAY = date(2025, 3, 14)
SITE = 20_000
"""The seed of the site that is trained on, and of nothing else."""

FORM_BYTES = 12 * 1024
"""For each of the two forms. Columns, in which most messages travel, stand last: the nearer a match, the fewer its bits."""

MESSAGES = 3000
_ZSTD_HEADER_BYTES = 8
"""Magic number and id of zstd's own dictionary format, which RFC 9842 does not use."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[0-9a-f]{32,64}")
FOLDER = Path(__file__).resolve().parents[1] / "bravetui" / "wire" / "dictionaries"


def main() -> int:
    """Train, and write the file under its name."""
    data = train()
    path = FOLDER / f"{sha256(data).hexdigest()}{SUFFIX}"
    FOLDER.mkdir(exist_ok=True)
    path.write_bytes(data)
    print(f"{path.name}  {len(data):,} bytes")
    return 0


def train() -> bytes:
    """The dictionary's bytes."""
    samples = [message.model_dump_json(exclude_defaults=True).encode() for message in messages()]
    columns = [pack(json.loads(sample)) for sample in samples]
    return _trained(samples) + _trained(columns)


def _trained(samples: Sequence[bytes]) -> bytes:
    return bytes(zstd.train_dict(samples, FORM_BYTES).dict_content[_ZSTD_HEADER_BYTES:])


def messages() -> Iterator[Message]:
    """Small requests and answers, as the laptop and central make them."""
    form = shipped("cgp_site_inspection")
    site = make_site(
        Form(form.key, form.version, form.title, "EPA permit", form.to_json()), today=TODAY, seed=SITE
    )
    dice = random.Random(SITE)
    records = [seed for seed in site.records if seed.kind != "form_template"]
    by_kind: dict[str, list[Seed]] = {}
    for seed in records:
        by_kind.setdefault(seed.kind, []).append(seed)
    # Each kind alike: there are fifty times as many photos as storms, but a storm's message is as dear on a thin line.
    for _ in range(MESSAGES // 2):
        chosen = [dice.choice(by_kind[kind]) for kind in dice.choices(sorted(by_kind), k=dice.randint(1, 3))]
        drawing = _Drawing(dice, TODAY)
        yield drawing.request(chosen)
        yield drawing.answer(chosen)


class _Drawing:
    """One exchange, with ids, hashes and times of its own."""

    def __init__(self, dice: random.Random, today: date) -> None:
        self._dice = dice
        at = datetime(today.year, today.month, today.day, tzinfo=UTC)
        self._at = at + timedelta(days=dice.randint(0, 900), milliseconds=dice.randint(0, 86_399_999))
        self._device, self._scopes = dice.randint(1, 99), (self._id(), self._id())
        self._epoch = self._hex(16)

    def request(self, seeds: Sequence[Seed]) -> SyncRequest:
        pull = tuple(
            PullAsk(scope_id=scope, lane=policy.lane, after=self._dice.randint(1, 9999), rows_max=policy.page_rows)
            for policy in LANES
            if policy.page_rows
            for scope in self._scopes
        )  # fmt: skip
        push = [Batch(lane=KINDS[seed.kind].lane, changes=(self._change(seed),)) for seed in seeds]
        return SyncRequest(
            device=self._device, epoch=self._epoch, sent_at=self._at, push=tuple(push[:-1]), pull=pull
        )

    def answer(self, seeds: Sequence[Seed]) -> SyncAnswer:
        verdicts = tuple(
            Verdict(
                dot=self._dot(), hash=self._hex(64), outcome=self._outcome(), seq=self._dice.randint(1, 9999), at=self._at,
                epoch=self._epoch, signature=self._signature(),
            )
            for _ in seeds[:-1]
        )  # fmt: skip
        held = ((1, self._dice.randint(1, 9999)),)
        return SyncAnswer(
            epoch=self._epoch, now=self._at, verdicts=verdicts, pages=tuple(self._pages(seeds)),
            checkpoint=Checkpoint(
                device=self._device, epoch=self._epoch, held=held, at=self._at, signature=self._signature()
            ),
            scopes=(
                ScopeGrant(scope_id=self._scopes[0], name="", kind="organization"),
                ScopeGrant(scope_id=self._scopes[1], name="", kind="project"),
            ),
        )  # fmt: skip

    def _pages(self, seeds: Sequence[Seed]) -> Iterator[Page]:
        rows: dict[Lane, list[Row]] = {}
        for seed in seeds:
            rows.setdefault(KINDS[seed.kind].lane, []).append(self._row(seed))
        for policy in LANES:
            for scope in self._scopes if policy.page_rows else ():
                found = tuple(rows.pop(policy.lane, ()))
                after, total = self._dice.randint(1, 9999), self._hex(16)
                yield Page(
                    scope_id=scope,
                    lane=policy.lane,
                    rows=found,
                    after=after,
                    before=None,
                    more=False,
                    sum=total,
                )

    def _change(self, seed: Seed) -> Change:
        values = self._values(seed)
        op = Op.EDIT if self._dice.random() < 0.5 else Op.CREATE
        some = (
            dict(self._dice.sample(sorted(values.items()), min(len(values), 2))) if op is Op.EDIT else values
        )
        return make_change(
            dot=self._dot(), target=(self._scopes[1], seed.kind, self._id()), op=op,
            context=self._vector() if op is Op.EDIT else VersionVector(),
            before=dict.fromkeys(some) if op is Op.EDIT else {},
            after=some, hlc=self._hlc(), author_id=self._id(), at=self._at,
        )  # fmt: skip

    def _row(self, seed: Seed) -> Row:
        dots, hlc, values = (self._dot(),), self._hlc(), self._values(seed)
        whole = self._dice.random() < 0.5
        if not whole:
            values = dict(self._dice.sample(sorted(values.items()), min(len(values), 3)))
        state = RecordState({path: Cell(value, dots, hlc) for path, value in values.items()}, self._vector())
        return Row(
            kind=seed.kind, id=self._id(), seq=self._dice.randint(1, 9999), whole=whole, version=state.version,
            stamps=stamps_of(state),
        )  # fmt: skip

    def _values(self, seed: Seed) -> dict[str, Json]:
        """The record's values by path; what a person wrote is left out, ids are drawn anew."""
        flat: dict[str, Json] = {}
        for path, value in seed.values.items():
            if path == ANSWERS and isinstance(value, dict):
                flat |= {f"{ANSWERS}/{name}": answer for name, answer in value.items()}
            else:
                flat[path] = value
        return {path: self._anew(value) for path, value in flat.items()}

    def _anew(self, value: Json) -> Json:
        if isinstance(value, str):
            return "" if " " in value else _ID.sub(self._like, value)
        if isinstance(value, list):
            return [self._anew(item) for item in value]
        if isinstance(value, dict):
            return {_ID.sub(self._like, name): self._anew(item) for name, item in value.items()}
        return value

    def _like(self, found: re.Match[str]) -> str:
        return self._id() if "-" in found[0] else self._hex(len(found[0]))

    def _outcome(self) -> Outcome:
        return self._dice.choices([Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICT], [8, 1, 1])[0]

    def _dot(self) -> Dot:
        return Dot(self._device, self._dice.randint(1, 9999))

    def _vector(self) -> VersionVector:
        return VersionVector({device: self._dice.randint(1, 999) for device in {0, self._device}})

    def _hlc(self) -> Hlc:
        return Hlc(int(self._at.timestamp() * 1000), 0)

    def _id(self) -> str:
        digits = self._hex(32)
        return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"

    def _hex(self, digits: int) -> str:
        return f"{self._dice.getrandbits(digits * 4):0{digits}x}"

    def _signature(self) -> str:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return "".join(self._dice.choices(letters, k=86))


if __name__ == "__main__":
    sys.exit(main())

"""What central reads of strangers, and a laptop of a phone, fed with good input that was spoiled: nothing but errors of ours
may come of it.

Every input is a good one with bytes changed, cut, doubled or put in; texts and JSON are spoiled in their parts too. A seed
says everything, so a find is told by its number.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth import signing
from bravetui.auth.bundle import read_bundle, seal_bundle
from bravetui.auth.grant import Grant, read_grant, sign_grant
from bravetui.auth.proof import Prover, read_proof
from bravetui.auth.support_pass import SupportPass, read_support_pass, sign_support_pass
from bravetui.base.clock import ManualClock, SeededIds
from bravetui.base.errors import BadInput, BravetuiError
from bravetui.central.incoming import read
from bravetui.central.keys import CentralKeys
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.pictures.picture import Picture, Refusal, unpack
from bravetui.pictures.picture_process import CPU_S, answer
from bravetui.wire.change import Op, make_change
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, encode
from bravetui.wire.columns import pack
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Batch, PullAsk, SyncRequest
from tests.support.pictures import encoded, exif, image

NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
KEYS = CentralKeys(bytes(range(32)))

Parse = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, and good inputs of it."""

    name: str
    parse: Parse
    good: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Find:
    """An input that made something other than an answer or an error of ours."""

    target: str
    seed: int
    error: str

    def __str__(self) -> str:
        return f"{self.target}, seed {self.seed}: {self.error}"


def targets() -> tuple[Target, ...]:
    """Tokens, proof, batch in every form, bundle, picture."""
    clock = ManualClock(NOW)
    key = signing.new_private_key()
    prover = Prover(key, lambda: "", clock, SeededIds(clock))
    proof = prover.headers("POST", "http://central/v1/sync")["DPoP"].encode()
    grant = sign_grant(_grant(), KEYS.private_key).encode()
    given = SupportPass("p", "org", "nina", "Nina", "kim", 7, "thumb", NOW, NOW + timedelta(minutes=60))
    support_pass = sign_support_pass(given, KEYS.private_key).encode()
    request = _request()
    plain = encode(request, "identity")
    bundle = seal_bundle([encode(request)], 3, key, NOW, [KEYS.recovery])
    forms = {
        f"{name} in {encoding}": Target(
            f"{name} in {encoding}",
            lambda body, encoding=encoding, form=form: read(body, encoding, form),  # type: ignore[misc]
            [encode(request, encoding, media_type=form)],
        )
        for name, form in (("json", JSON_TYPE), ("columns", COLUMNS_TYPE))
        for encoding in ("identity", "zstd", "gzip", "dcz")
    }
    own = Ed25519PrivateKey.from_private_bytes(key)
    return (
        Target(
            "grant that central signed",
            lambda body: read_grant(_signed(body, KEYS.private_key), KEYS.public),
            [_unsigned(grant)],
        ),
        Target("proof that its key signed", lambda body: read_proof(_signed(body, own)), [_unsigned(proof)]),
        Target(
            "support pass that central signed",
            lambda body: read_support_pass(_signed(body, KEYS.private_key), KEYS.public),
            [_unsigned(support_pass)],
        ),
        Target("grant", lambda body: read_grant(body.decode("latin-1"), KEYS.public), [grant]),
        Target("proof", lambda body: read_proof(body.decode("latin-1")), [proof]),
        Target("packed values", lambda body: read(body, "", COLUMNS_TYPE), [pack(json.loads(plain))]),
        *forms.values(),
        Target("bundle", lambda body: read_bundle(body).opened([KEYS.recovery]), [bundle]),
        Target("picture", _opened, _pictures()),
    )


def _pictures() -> list[bytes]:
    """Small, so that most of what is spoiled is in the header."""
    told = exif(orientation=6, taken="2026:08:03 13:30:00", offset="-06:00", gps=(35.1876, -106.6781))
    small = image(24, 16)
    return [encoded(small, form, exif=told) for form in ("JPEG", "PNG", "WEBP")]


def _opened(body: bytes) -> Picture:
    """As the process of its own does, without the process: what would break it is found by its name.

    Raises BadInput for a refusal, AssertionError for an answer that the parent would not believe, and for one that took
    longer than the process may.
    """
    began_s = time.process_time()
    opened = unpack(answer(body))
    assert time.process_time() - began_s < CPU_S, "too slow"
    assert opened is not Refusal.STOPPED, "an answer that cannot be"
    if isinstance(opened, Refusal):
        raise BadInput(*opened.value)
    return opened


def _unsigned(token: bytes) -> bytes:
    """Header and claims of a token, a line each."""
    return b"\n".join(base64.urlsafe_b64decode(part + b"==") for part in token.split(b".")[:2])


def _signed(lines: bytes, key: Ed25519PrivateKey) -> str:
    """A token with a signature that holds, whatever it says."""
    header, _, claims = lines.partition(b"\n")
    told = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    return (told + b"." + base64.urlsafe_b64encode(key.sign(told)).rstrip(b"=")).decode()


def _grant() -> Grant:
    return Grant(
        id="g", generation=1, organization_id="org", user_id="carlos", device=3, role="foreman",
        scopes={"site": ("sign",)}, thumbprint="x" * 43, issued_at=NOW, expires_at=NOW + timedelta(days=30),
    )  # fmt: skip


def _request() -> SyncRequest:
    changes = tuple(
        make_change(
            dot=Dot(3, number), target=("site", "inspection", f"i{number}"), op=Op.CREATE,
            context=VersionVector({2: 5}), before={"note": None}, after={"note": f"text {number}", "n": [1, {"a": "2.5"}]},
            hlc=Hlc(1_700_000_000_000 + number), author_id="carlos", at=NOW, conflict_id=None, reason=None,
        )
        for number in range(1, 6)
    )  # fmt: skip
    push = (Batch(lane=Lane.CRITICAL, changes=changes),)
    return SyncRequest(device=3, sent_at=NOW, push=push, pull=(PullAsk(scope_id="site", lane=Lane.FORMS),))


def hunt(target: Target, seeds: range) -> list[Find]:
    """Try one spoiled input a seed."""
    finds = []
    for seed in seeds:
        body = spoiled(random.Random(f"{target.name} {seed}"), target.good)
        try:
            target.parse(body)
        except BravetuiError:
            continue
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is a find
            finds.append(Find(target.name, seed, f"{type(error).__name__}: {str(error)[:200]}"))
    return finds


def hunted(piece: tuple[str, int, int]) -> list[Find]:
    """The same for another process: the target's name, the first seed, and how many."""
    name, start, count = piece
    (target,) = [one for one in targets() if one.name == name]
    return hunt(target, range(start, start + count))


def spoiled(dice: random.Random, good: Sequence[bytes]) -> bytes:
    """A good input that was spoiled in one to eight places."""
    body = bytearray(dice.choice(good))
    if dice.random() < 0.4:
        body = bytearray(_spoiled_inside(dice, bytes(body)))
    for _ in range(dice.randint(0 if dice.random() < 0.3 else 1, 8)):
        dice.choice(_WAYS)(dice, body)
    return bytes(body)


def _flip(dice: random.Random, body: bytearray) -> None:
    if body:
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)


def _set(dice: random.Random, body: bytearray) -> None:
    if body:
        body[dice.randrange(len(body))] = dice.choice(_TELLING)


def _cut(dice: random.Random, body: bytearray) -> None:
    del body[dice.randint(0, len(body)) :]


def _drop(dice: random.Random, body: bytearray) -> None:
    at = dice.randint(0, len(body))
    del body[at : at + dice.randint(1, 20)]


def _double(dice: random.Random, body: bytearray) -> None:
    at, size = dice.randint(0, len(body)), dice.randint(1, 50)
    body[at:at] = body[at : at + size]


def _put(dice: random.Random, body: bytearray) -> None:
    at = dice.randint(0, len(body))
    body[at:at] = dice.choice(_WORDS)


_TELLING = b'\x00\x01\x7f\x80\xff"{}[]:,.-0129eE\\u'
_WORDS = (
    b"\xff" * 10, b"\x80" * 10, b"null", b"true", b"NaN", b"-0", b"1e999", b"9" * 400, b"[" * 300, b'{"":' * 50,
    b'"\\ud800"', b"\\u0000", b"..", b"=", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"2026-99-99T99:99:99Z",
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"18446744073709551616.1", b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
)  # fmt: skip
_WAYS = (_flip, _flip, _set, _set, _cut, _drop, _double, _put, _put)

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**64, 10**400, 1.5, "", "\x00", "\ud800", "x" * 5000, [], {}, [[]], {"": {}}, "1.1", "0.0",
    "-1.1", "9" * 30 + ".1", "2026-08-03", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", [None], {"a": None},
    float("inf"), float("nan"), "f" * 15, "g" * 15, {"3": 1}, {"x": 2**70}, [1, 2, 3],
)  # fmt: skip


def _spoiled_inside(dice: random.Random, body: bytes) -> bytes:
    """A line of JSON with values replaced, dropped or renamed; the parts of a token likewise, and signed no more."""
    lines = body.split(b"\n")
    at = dice.randrange(len(lines))
    try:
        told = json.loads(lines[at])
    except (ValueError, RecursionError):
        return _spoiled_token(dice, body)
    for _ in range(dice.randint(1, 3)):
        told = _odd(dice, told)
    lines[at] = json.dumps(told, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _spoiled_token(dice: random.Random, body: bytes) -> bytes:
    parts = body.split(b".")
    if len(parts) != 3:
        return body
    at = dice.randrange(2)
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[at] + b"=="))
    except ValueError:
        return body
    parts[at] = base64.urlsafe_b64encode(json.dumps(_odd(dice, told)).encode()).rstrip(b"=")
    return b".".join(parts)


def _odd(dice: random.Random, told: Any) -> Any:
    """The value with one part of it made odd."""
    if isinstance(told, dict) and told and dice.random() < 0.85:
        key = dice.choice(sorted(told))
        if dice.random() < 0.1:
            return {name: value for name, value in told.items() if name != key}
        return {**told, key: _odd(dice, told[key])}
    if isinstance(told, list) and told and dice.random() < 0.85:
        at = dice.randrange(len(told))
        return [*told[:at], _odd(dice, told[at]), *told[at + 1 :]]
    return dice.choice(_ODD)

"""Receipts: what central signed is genuine, and nothing else is."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bravetui.merge.version import Dot
from bravetui.wire.messages import Checkpoint, Outcome, Verdict
from bravetui.wire.receipt import is_genuine, sign, signed_bytes
from tests.wire.messages import checkpoints, moments, verdicts

CENTRAL = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
ROGUE = Ed25519PrivateKey.from_private_bytes(b"r" * 32)


def by(key: Ed25519PrivateKey) -> Any:
    """Sign as the holder of `key`."""
    return lambda data: base64.urlsafe_b64encode(key.sign(data)).decode()


def verify(data: bytes, signature: str) -> bool:
    """Whether central's key made the signature."""
    try:
        CENTRAL.public_key().verify(base64.urlsafe_b64decode(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


signed: st.SearchStrategy[Verdict | Checkpoint] = st.one_of(
    verdicts.map(lambda verdict: sign(verdict, by(CENTRAL))),
    checkpoints.map(lambda checkpoint: sign(checkpoint, by(CENTRAL))),
)


@given(signed)
def test_what_central_signed_is_genuine_and_still_so_after_the_wire(message: Verdict | Checkpoint) -> None:
    assert is_genuine(message, verify)
    for text in (message.model_dump_json(), message.model_dump_json(exclude_defaults=True)):
        assert is_genuine(type(message).model_validate_json(text), verify)


OTHER_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "dot": st.builds(Dot, st.integers(0, 3), st.integers(1, 3)), "hash": st.text(), "outcome": st.sampled_from(Outcome),
    "seq": st.integers(), "superseded": st.just(("note",)), "conflicts": st.just(("c",)), "code": st.text(),
    "field": st.text(), "reason": st.text(), "epoch": st.text(), "at": moments, "device": st.integers(),
    "held": st.just(((1, 99),)), "standing": st.text(),
}  # fmt: skip


@given(signed, st.data())
def test_any_altered_field_is_not_genuine(message: Verdict | Checkpoint, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(set(type(message).model_fields) - {"signature"})))
    forged = message.model_copy(update={field: data.draw(OTHER_VALUES[field])})
    if signed_bytes(forged) != signed_bytes(message):
        assert not is_genuine(forged, verify)
    else:
        assert getattr(forged, field) == getattr(message, field)


@given(signed, st.text(min_size=1), st.text())
def test_an_added_field_is_not_genuine(message: Verdict | Checkpoint, name: str, value: str) -> None:
    if name not in type(message).model_fields:
        assert not is_genuine(type(message).model_validate({**message.model_dump(), name: value}), verify)


@given(signed, st.data())
def test_an_altered_signature_is_not_genuine(message: Verdict | Checkpoint, data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(message.signature))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    forged = base64.urlsafe_b64encode(bytes(raw)).decode()
    assert not is_genuine(message.model_copy(update={"signature": forged}), verify)


@given(verdicts)
def test_no_signature_and_another_keys_signature_are_not_genuine(verdict: Verdict) -> None:
    assert not is_genuine(verdict, verify)
    assert not is_genuine(verdict, lambda data, signature: True)
    assert not is_genuine(sign(verdict, by(ROGUE)), verify)


@given(verdicts, checkpoints)
def test_a_signature_for_one_thing_never_passes_for_another(verdict: Verdict, checkpoint: Checkpoint) -> None:
    borrowed = sign(verdict, by(CENTRAL)).signature
    assert not is_genuine(checkpoint.model_copy(update={"signature": borrowed}), verify)
    assert signed_bytes(verdict).startswith(b"bravetui-verdict-1\n{")
    assert signed_bytes(checkpoint).startswith(b"bravetui-checkpoint-1\n{")


class NewerVerdict(Verdict):
    """A verdict as a later central knows it."""

    merged_with: tuple[str, ...] = ()
    weight: int = 0


NewerVerdict.__name__ = Verdict.__name__


@given(verdicts, st.sampled_from([(), ("3.17",)]))
def test_an_older_laptop_can_check_what_a_newer_central_signed(
    verdict: Verdict, merged: tuple[str, ...]
) -> None:
    newer = NewerVerdict.model_validate({**verdict.model_dump(), "merged_with": merged})
    sent = sign(newer, by(CENTRAL)).model_dump_json(exclude_defaults=True)
    assert is_genuine(Verdict.model_validate_json(sent), verify)


def test_a_checkpoint_vouches_for_what_lies_in_its_ranges_only() -> None:
    at = datetime(2025, 6, 1, tzinfo=UTC)
    checkpoint = Checkpoint(device=3, epoch="e", held=((1, 3), (7, 7)), at=at)
    assert [n for n in range(10) if checkpoint.covers(n)] == [1, 2, 3, 7]
    assert not Checkpoint(device=3, epoch="e", held=(), at=at).covers(1)

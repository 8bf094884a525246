"""Bodies packed with a shared dictionary (RFC 9842): smaller, bounded, and never with a dictionary that is not there."""

from __future__ import annotations

import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.wire.codec import DCZ_MAGIC, TooLarge, UnknownEncoding, decode, encode, unpack
from bravetui.wire.dictionary import CURRENT, current, dictionaries, named
from bravetui.wire.messages import SyncAnswer, SyncRequest
from tests.wire.messages import answers, requests

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROOT = Path(__file__).parents[2]


def test_every_dictionary_is_the_one_its_name_says() -> None:
    files = list((ROOT / "bravetui" / "wire" / "dictionaries").iterdir())
    assert [file.stem for file in files] == [sha256(file.read_bytes()).hexdigest() for file in files]
    assert current().digest.hex() == CURRENT
    assert len(dictionaries()) == len(files)


def test_training_again_makes_the_same_bytes() -> None:
    script = "import runpy, sys; sys.stdout.buffer.write(runpy.run_path(sys.argv[1])['train']())"
    tool = ROOT / "tools" / "train_dictionary.py"
    made = subprocess.run([sys.executable, "-c", script, tool], check=True, capture_output=True, cwd=ROOT)
    assert made.stdout == current().data


@given(requests)
def test_a_request_comes_back_as_it_was(request: SyncRequest) -> None:
    assert decode(SyncRequest, encode(request, "dcz"), "dcz") == request


@given(answers)
def test_an_answer_never_grows_by_more_than_the_header(answer: SyncAnswer) -> None:
    assert len(encode(answer, "dcz")) < len(encode(answer, "zstd")) + len(DCZ_MAGIC) + 32
    assert decode(SyncAnswer, encode(answer, "dcz"), "dcz") == answer


def test_the_header_is_the_one_of_the_rfc_and_a_plain_zstd_reader_skips_it(tmp_path: Path) -> None:
    raw = b'{"device":1}'
    packed = DCZ_MAGIC + current().digest + zstd.compress(raw)
    assert packed[:8] == bytes([0x5E, 0x2A, 0x4D, 0x18, 0x20, 0, 0, 0])
    assert zstd.decompress(packed) == raw


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    bomb = DCZ_MAGIC + current().digest + zstd.compress(bytes(64 * 1024 * 1024), zstd_dict=current().raw)
    assert len(bomb) < 10_000
    with pytest.raises(TooLarge):
        unpack(bomb, "dcz")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", BadInput),
        (b"{}", BadInput),
        (DCZ_MAGIC, BadInput),
        (DCZ_MAGIC + current().digest, BadInput),
        (DCZ_MAGIC + bytes(32) + zstd.compress(b"{}"), UnknownEncoding),
    ],
    ids=["nothing", "plain", "half a header", "header alone", "another dictionary"],
)
def test_what_is_no_dcz_body_is_refused(body: bytes, error: type[BadInput]) -> None:
    with pytest.raises(error):
        unpack(body, "dcz")


@given(requests, st.data())
def test_damage_is_bad_input_and_nothing_else(request: SyncRequest, data: st.DataObject) -> None:
    body = encode(request, "dcz")
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BadInput):
        unpack(body[:cut], "dcz")


def test_only_its_own_name_finds_a_dictionary() -> None:
    assert named(f" {current().name} ") is current()
    wrong = f":{'A' * 43}=:"
    assert [named(header) for header in ("", ":", wrong, current().name.strip(":"))] == [None] * 4


def test_the_dictionary_holds_no_words_of_the_made_up_site() -> None:
    from bravetui.sample import words

    said = random.Random(1).sample([*words.DEEDS, *words.WORK, *words.STATES], 12)
    assert not [text for text in said if " " in text and text.encode() in current().data]

"""The journal gives back what was appended, past any damage, and never anything else."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bravetui.base.errors import BadInput, StorageFull, WrongKey
from bravetui.db.frames import HEAD_BYTES, journal_cipher, scan
from bravetui.db.journal import Journal

KEY = bytes(range(32))
APPENDS = [[b"created"], [b"edited", b"deleted"], [b""], [b"signed " * 9]]
CIPHER = journal_cipher(KEY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def written(path: Path) -> tuple[bytes, list[int]]:
    """The bytes of a journal with `APPENDS`, and where each append ends."""
    journal = Journal.open(path, KEY)
    ends = [journal.size_bytes]
    for payloads in APPENDS:
        journal.append(payloads)
        ends.append(journal.size_bytes)
    return path.read_bytes(), ends


def flat(appends: list[list[bytes]]) -> list[bytes]:
    return [payload for payloads in appends for payload in payloads]


def is_part_of(found: list[bytes], whole: list[bytes]) -> bool:
    """Whether `found` is `whole` with some left out, in the same order."""
    left = iter(whole)
    return all(payload in left for payload in found)


def test_what_was_appended_comes_back_in_order(path: Path) -> None:
    written(path)
    journal = Journal.open(path, KEY)
    assert list(journal.frames()) == flat(APPENDS)
    assert journal.damage == ()


def test_nothing_readable_is_in_the_file(path: Path) -> None:
    data, _ = written(path)
    assert not [payload for payload in flat(APPENDS) if payload and payload in data]


def test_another_key_is_refused(path: Path) -> None:
    written(path)
    with pytest.raises(WrongKey, match="journal"):
        Journal.open(path, bytes(32))


def test_another_key_is_refused_even_where_the_head_is_damaged(path: Path) -> None:
    data, _ = written(path)
    path.write_bytes(bytes(HEAD_BYTES) + data[HEAD_BYTES:])
    with pytest.raises(WrongKey):
        Journal.open(path, bytes(32))


def test_a_journal_of_a_newer_version_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("bravetui.db.frames.VERSION", 2)
        data, _ = written(path)
    with pytest.raises(BadInput, match="newer"):
        Journal.open(path, KEY)
    assert path.read_bytes() == data


def test_cut_at_any_byte_all_whole_appends_come_back_and_saving_goes_on(path: Path) -> None:
    data, ends = written(path)
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        journal = Journal.open(path, KEY)
        journal.append([b"after the crash"])
        whole = sum(1 for end in ends[1:] if end <= cut)
        assert list(journal.frames()) == [*flat(APPENDS[:whole]), b"after the crash"], cut
        assert (journal.damage == ()) == (cut >= HEAD_BYTES), cut


def test_a_crash_leaves_all_of_an_append_or_nothing(path: Path) -> None:
    data, ends = written(path)
    for cut in range(ends[1], ends[2]):
        assert [frame.payloads for frame in scan(CIPHER, data[:cut]).frames] == [tuple(APPENDS[0])]


def test_any_flipped_bit_costs_at_most_the_append_it_is_in_and_is_reported(path: Path) -> None:
    data, ends = written(path)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        found = scan(CIPHER, bytes(flipped))
        hit = next(index for index, end in enumerate(ends) if bit // 8 < end)
        sound = APPENDS if hit == 0 else [*APPENDS[: hit - 1], *APPENDS[hit:]]
        assert [list(frame.payloads) for frame in found.frames] == sound, bit
        assert found.damage, bit


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_damage_raises_or_makes_a_frame_that_was_not_written(path: Path, data: st.DataObject) -> None:
    path.unlink(missing_ok=True)
    whole, _ = written(path)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 300)))
    damaged = whole[:start] + data.draw(st.binary(max_size=200)) + whole[end:]
    found = scan(CIPHER, damaged)
    payloads = [payload for frame in found.frames for payload in frame.payloads]
    assert is_part_of(payloads, flat(APPENDS))
    path.write_bytes(damaged)
    journal = Journal.open(path, KEY)
    journal.append([b"more"])
    assert list(journal.frames()) == [*payloads, b"more"]


@given(st.binary(max_size=2000))
def test_any_bytes_at_all_are_read_as_nothing(junk: bytes) -> None:
    assert scan(CIPHER, junk).frames == ()


def test_a_frame_taken_out_of_the_middle_is_noticed(path: Path) -> None:
    data, ends = written(path)
    found = scan(CIPHER, data[: ends[1]] + data[ends[2] :])
    assert [damage.what for damage in found.damage] == ["1 frame(s) lost"]
    assert len(found.frames) == 3


def test_frames_in_another_order_or_repeated_are_not_believed(path: Path) -> None:
    data, ends = written(path)
    first, second = data[ends[0] : ends[1]], data[ends[1] : ends[2]]
    swapped = scan(CIPHER, data[: ends[0]] + second + first + data[ends[2] :])
    repeated = scan(CIPHER, data[: ends[1]] + first + data[ends[1] :])
    assert [frame.number for frame in swapped.frames] == [2, 3, 4]
    assert [frame.number for frame in repeated.frames] == [1, 2, 3, 4]
    assert swapped.damage
    assert repeated.damage


def test_a_frame_of_another_journal_with_the_same_key_is_not_believed(path: Path, tmp_path: Path) -> None:
    data, ends = written(path)
    other, other_ends = written(tmp_path / "other")
    found = scan(CIPHER, data[: ends[1]] + other[other_ends[1] : other_ends[2]] + data[ends[2] :])
    assert [frame.number for frame in found.frames] == [1, 3, 4]


def test_after_a_damaged_end_saving_goes_on_and_the_bytes_stay(path: Path) -> None:
    data, ends = written(path)
    path.write_bytes(data[:-20] + b"?" + data[-19:])
    journal = Journal.open(path, KEY)
    journal.append([b"more"])
    assert path.read_bytes().startswith(data[: ends[-2]])
    assert path.stat().st_size > len(data)
    found = scan(CIPHER, path.read_bytes())
    assert [frame.number for frame in found.frames] == [1, 2, 3, 5]
    assert [damage.what for damage in found.damage] == ["1 frame(s) lost"]


def test_zeros_that_a_power_cut_leaves_at_the_end_are_cut_off_and_no_damage(path: Path) -> None:
    data, _ = written(path)
    path.write_bytes(data + bytes(5000))
    journal = Journal.open(path, KEY)
    assert path.read_bytes() == data
    assert journal.damage == ()


def test_rewriting_keeps_what_is_given_and_appending_goes_on(path: Path) -> None:
    written(path)
    journal = Journal.open(path, KEY)
    assert journal.rewrite([b"edited", b"signed"]) is None
    journal.append([b"more"])
    assert list(Journal.open(path, KEY).frames()) == [b"edited", b"signed", b"more"]
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


def test_rewriting_a_damaged_journal_keeps_it_aside_each_time(path: Path) -> None:
    data, _ = written(path)
    damaged = data[:100] + b"?" + data[101:]
    asides = []
    for _ in range(2):
        path.write_bytes(damaged)
        journal = Journal.open(path, KEY)
        asides.append(journal.rewrite(journal.frames(), "2026-11-23"))
        assert list(journal.frames()) == flat(APPENDS[1:])
        assert journal.damage == ()
    assert [aside.name for aside in asides if aside] == [
        "journal.damaged-2026-11-23",
        "journal.damaged-2026-11-23-2",
    ]
    assert all(aside and aside.read_bytes() == damaged for aside in asides)


def test_two_processes_append_in_turn_without_overwriting_each_other(path: Path) -> None:
    one, other = Journal.open(path, KEY), Journal.open(path, KEY)
    one.append([b"1"])
    other.append([b"2"])
    one.append([b"3"])
    other.rewrite([b"3"])
    one.append([b"4"])
    assert list(other.frames()) == [b"3", b"4"]
    assert other.damage == ()


def test_a_journal_that_vanishes_while_in_use_is_begun_anew_and_reported(path: Path) -> None:
    journal = Journal.open(path, KEY)
    journal.append([b"gone"])
    path.unlink()
    journal.append([b"more"])
    assert journal.damage
    assert list(journal.frames()) == [b"more"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX thing")
@pytest.mark.parametrize("room", [0, 1, 40, 200])
def test_a_full_disk_leaves_the_journal_as_it_was(path: Path, room: int) -> None:
    import resource

    data, _ = written(path)
    journal = Journal.open(path, KEY)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) + room, limits[1]))
    try:
        with pytest.raises(StorageFull):
            journal.append([b"x" * 1000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == data
    journal.append([b"more"])
    assert list(journal.frames()) == [*flat(APPENDS), b"more"]


KILLED = """
import os, sys
from pathlib import Path
from bravetui.base import fault
from bravetui.db.journal import Journal

journal = Journal.open(Path(sys.argv[1]), bytes(range(32)))
for number in range(20):
    if number == int(sys.argv[3]):
        fault.install(lambda name: os._exit(9) if name == sys.argv[2] else None)
    if sys.argv[2] == "before_replace" and number == int(sys.argv[3]):
        journal.rewrite([b"only this"])
    journal.append([b"%d" % number, b"again"])
    print(number, flush=True)
"""


@pytest.mark.parametrize("point", ["journal_written", "before_replace"])
@pytest.mark.parametrize("number", [0, 7])
def test_a_process_killed_at_any_point_loses_nothing_it_was_told_is_kept(
    path: Path, point: str, number: int
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path, point, str(number)], capture_output=True, check=False
    )
    assert killed.returncode == 9, killed.stderr
    told = killed.stdout.split()
    found = list(Journal.open(path, KEY).frames())[::2]
    assert found[: len(told)] == told
    assert len(found) - len(told) <= 1

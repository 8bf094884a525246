"""A replaced file is the old one or the new one, and errors of the system are sentences."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.base import files
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput, BravetuiError, Busy, Corrupt, StorageFull, Unusable
from bravetui.base.files import foreign_file_errors, free_name, replace_file


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EACCES, BadInput),
        (errno.EROFS, BadInput),
        (errno.EIO, Corrupt),
        (errno.EBUSY, Busy),
    ],
)
def test_each_error_of_the_system_becomes_what_to_do_next(number: int, expected: type[BravetuiError]) -> None:
    with pytest.raises(expected) as caught, foreign_file_errors():
        raise OSError(number, "", "/somewhere/bad\x1b[2Jname")
    assert caught.value.todo
    assert "\x1b" not in str(caught.value)


def test_an_error_that_is_the_programs_own_passes_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), foreign_file_errors():
        (tmp_path / "nothing").read_bytes()


def test_replacing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX thing")
def test_a_failed_replacement_keeps_the_old_file_and_no_part_of_the_new(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "file"
    replace_file(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(StorageFull):
            replace_file(path, b"new" * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="making links asks for rights on Windows")
def test_a_link_laid_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "file.new").symlink_to(victim)
    with pytest.raises((OSError, Unusable)):  # the number differs between systems
        replace_file(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"precious"


def test_a_free_name_is_never_one_that_exists(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        name = free_name(tmp_path / "aside")
        name.touch()
        names.append(name.name)
    assert names == ["aside", "aside-2", "aside-3"]


KILLED = """
import os, sys
from pathlib import Path
from bravetui.base import fault
from bravetui.base import files
from bravetui.base.copies import TwoCopies

left = int(sys.argv[2])
def stop(name):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
copies = TwoCopies(Path(sys.argv[1]))
copies.write(b"old")
fault.install(stop)
copies.write(b"new")
"""


@pytest.mark.parametrize(("steps", "expected"), [(0, b"old"), (1, b"new"), (2, b"new")])
def test_two_copies_killed_between_any_two_steps_read_as_old_or_new(
    tmp_path: Path, steps: int, expected: bytes
) -> None:
    path = tmp_path / "kept"
    subprocess.run([sys.executable, "-c", KILLED, path, str(steps)], check=False)
    copies = TwoCopies(path)
    assert copies.candidates()[0] == expected
    copies.write(b"newer")
    assert copies.candidates() == (b"newer", b"newer")


def test_a_new_folder_is_there_after_a_power_cut_with_what_is_kept_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is in the folder above, and that has to reach the disk too (fsync(2): the entry needs a call of its own)."""
    flushed: list[Path] = []
    monkeypatch.setattr(files, "flush_folder", flushed.append)
    files.make_private_folder(tmp_path / "photos" / "second")
    assert set(flushed) == {tmp_path, tmp_path / "photos"}
    flushed.clear()
    files.make_private_folder(tmp_path / "photos" / "second")
    assert not flushed

"""Whatever becomes of keyring, PIN, passphrase or account: every form that was never handed in comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from bravetui import wiring
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.unlocking import read_request
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BravetuiError, WrongKey
from bravetui.wiring import Laptop, key_ring
from bravetui.wiring.locking import KEYRING, lock_to_keyring, remove_pin, set_passphrase, set_pin, standing
from bravetui.wiring.recovering import ask_office, take_from_office
from tests.durability import foreman
from tests.durability.checking import Told, check
from tests.durability.foreman import MORNING, changes_in, make_template, ring_of
from tests.keys.office import OFFICE
from tests.support.keyrings import Held, MemoryKeyring, desktop, missing_programs

NEW, PIN_DIGITS = "another four words", "274913"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """The machine's keyring."""
    made = Held()
    for module in ("folder", "locking", "recovering", "rotating"):
        monkeypatch.setattr(f"bravetui.wiring.{module}.keyring_of", lambda folder: MemoryKeyring(made))
    return made


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def folder(tmp_path: Path, told: Told, held: Held, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A laptop with thirty saves that nobody has but it; keyring, passphrase and office open it."""
    monkeypatch.setattr("bravetui.db.ballast.Ballast.restore_if_room", lambda self: True)
    monkeypatch.setattr("tests.durability.foreman.OFFICE", OFFICE.public)
    made = tmp_path / "ada" / "laptop"
    make_template(made, told.hear)
    ring_of(made).add_lock(MemoryKeyring(held))
    assert [lock.name for lock in standing(made)] == ["keyring", "passphrase", "recovery"]
    return made


def quiet(folder: Path) -> SealedFile:
    """As a start of the program opens the keys when nobody types anything."""
    return key_ring(folder)


def by_passphrase(folder: Path) -> SealedFile:
    """As it does when the person types the passphrase."""
    return key_ring(folder, lambda: "a truck in the rain")


def everything(folder: Path, ring: SealedFile, told: Told) -> Laptop:
    """Open it, and find every unsent change."""
    clock = ManualClock(MORNING)
    clock.advance(hours=9)
    laptop = wiring.open_laptop(folder, ring, clock)
    unsent = {change["counter"]: change for change in changes_in(laptop.store)}
    photos = {change["record_id"] for change in unsent.values() if change["kind"] == "photo"}
    laptop.close()
    assert {number for number, change in unsent.items() if change["kind"] != "photo"} == set(told.owners())
    assert photos == set(told.photos)
    assert unsent
    with mock.patch.object(foreman, "ring_of", return_value=ring):
        check(folder, told)
    return laptop


@pytest.mark.parametrize(
    ("lose", "words"),
    [
        (lambda held: setattr(held, "state", "absent"), "no keyring"),
        (lambda held: setattr(held, "state", "locked"), "is locked"),
        (lambda held: setattr(held, "state", "corrupt"), "is damaged"),
        (lambda held: held.values.clear(), "holds no key"),
        (lambda held: held.values.update(dict.fromkeys(held.values, "A" * 43)), "another laptop"),
        (lambda held: held.values.update(dict.fromkeys(held.values, "?")), "is damaged"),
    ],
    ids=["gone", "locked", "corrupt", "wiped", "swapped", "entry damaged"],
)
def test_with_the_keyring_lost_the_passphrase_gives_everything_back(
    folder: Path, held: Held, told: Told, lose: Callable[[Held], None], words: str
) -> None:
    """And says what is the matter with the keyring, and, where its key is gone, how to lock to it again."""
    assert everything(folder, quiet(folder), told).notices == ()
    lose(held)
    if isinstance(held.state, str):
        from bravetui.auth.os_keyring import KeyringState

        held.state = KeyringState(held.state)
    with pytest.raises(WrongKey, match=words):
        quiet(folder).load()
    notices = everything(folder, by_passphrase(folder), told).notices
    if (
        held.state is None
    ):  # its key is gone for good; a keyring that is shut just now is nothing to warn of at each start
        assert words in notices[0]
        assert "bravetui keys keyring" in notices[0]
    else:
        assert notices == ()
    held.state = None
    lock_to_keyring(by_passphrase(folder), folder)
    assert everything(folder, quiet(folder), told).notices == ()


def test_with_the_passphrase_forgotten_the_keyring_sets_another(folder: Path, told: Told) -> None:
    """Nobody needs the office for that."""
    set_passphrase(quiet(folder), NEW)
    everything(folder, key_ring(folder, lambda: NEW), told)


def test_with_passphrase_and_keyring_lost_the_office_gives_everything_back(
    folder: Path, held: Held, told: Told
) -> None:
    """By request and answer; neither key nor work goes through the office's hands."""
    held.values.clear()
    request, code = ask_office(folder, NEW, MORNING)
    assert read_request(request).code == code
    take_from_office(folder, OFFICE.answer(request), NEW)
    everything(folder, key_ring(folder, lambda: NEW), told)
    assert [lock.name for lock in standing(folder)] == ["keyring", "passphrase", "recovery"]
    with pytest.raises(WrongKey):
        SealedFile(folder / wiring.KEYS, [Passphrase("a truck in the rain")]).load()


def test_with_the_pin_forgotten_the_passphrase_gives_everything_back(folder: Path, told: Told) -> None:
    """And takes the PIN away, or sets another."""
    set_pin(quiet(folder), folder, PIN_DIGITS)
    with pytest.raises(WrongKey):
        quiet(folder).load()
    everything(folder, by_passphrase(folder), told)
    remove_pin(by_passphrase(folder), folder)
    everything(folder, quiet(folder), told)


def test_with_pin_and_passphrase_forgotten_the_office_gives_everything_back(folder: Path, told: Told) -> None:
    """The forgotten PIN goes."""
    set_pin(quiet(folder), folder, PIN_DIGITS)
    request, _ = ask_office(folder, NEW, MORNING)
    take_from_office(folder, OFFICE.answer(request), NEW)
    everything(folder, quiet(folder), told)
    assert "pin" not in {lock.name for lock in standing(folder)}


def test_with_a_pin_and_the_keyring_lost_the_passphrase_gives_everything_back(
    folder: Path, held: Held, told: Told
) -> None:
    """The PIN alone is half a key, and is not even asked for."""
    set_pin(quiet(folder), folder, PIN_DIGITS)
    held.values.clear()

    def ask(wrong: str) -> str:
        raise AssertionError("a PIN that cannot open anything was asked for")

    (notice,) = everything(folder, key_ring(folder, lambda: "a truck in the rain", ask), told).notices
    assert "bravetui keys pin" in notice


def test_with_the_account_renamed_and_the_home_moved_the_keyring_opens_by_itself(
    folder: Path, tmp_path: Path, told: Told
) -> None:
    """The entry has a name of its own, kept in the key file."""
    moved = tmp_path / "grace" / "elsewhere"
    moved.parent.mkdir()
    shutil.move(folder, moved)
    assert everything(moved, quiet(moved), told).notices == ()


def test_an_entry_from_before_entries_had_names_gets_one_at_the_next_start(
    folder: Path, tmp_path: Path, held: Held, told: Told
) -> None:
    """From then on that home may be moved, too."""
    ring = by_passphrase(folder)
    ring.load()
    key_file = ring.wraps()[KEYRING]
    held.values["nobody"] = held.values.pop(key_file["entry"])
    ring.change_locks([_Nameless(held)])
    assert "entry" not in ring.wraps()[KEYRING]
    everything(folder, quiet(folder), told)
    assert "entry" in by_passphrase(folder).wraps()[KEYRING]
    assert "nobody" not in held.values


class _Nameless(MemoryKeyring):
    """Wraps as versions before did: the folder's path says which entry."""

    def put(self, key: bytes) -> dict[str, str]:
        told = super().put(key)
        self._held.values["nobody"] = self._held.values.pop(told["entry"])
        return {"key_id": told["key_id"]}


def test_with_one_key_file_damaged_the_other_gives_everything_back(folder: Path, told: Told) -> None:
    """And mends it."""
    (folder / "keys.a").write_bytes(b"damaged")
    (notice,) = everything(folder, by_passphrase(folder), told).notices
    assert "written again" in notice


def test_when_nothing_opens_it_nothing_is_lost_by_trying(folder: Path, held: Held, told: Told) -> None:
    """A thousand wrong passphrases later everything is still there for the right one."""
    held.values.clear()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for wrong in ("", "wrong words here", "a truck in the raim"):
        with pytest.raises(BravetuiError):
            wiring.open_laptop(folder, key_ring(folder, lambda wrong=wrong: wrong))  # type: ignore[misc]
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    everything(folder, by_passphrase(folder), told)


@pytest.mark.skipif(bool(missing_programs()), reason=f"no keyring: {missing_programs()}")
def test_a_real_keyring_and_a_pin_open_a_laptop_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set, used, the keyring restarted, used again, changed, taken away."""
    told, place = Told(), tmp_path / "laptop"
    monkeypatch.setattr("bravetui.db.ballast.Ballast.restore_if_room", lambda self: True)
    make_template(place, told.hear)
    with desktop() as desk:
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
        for name, value in desk.environment().items():
            monkeypatch.setenv(name, value)
        desk.start()
        set_pin(by_passphrase(place), place, PIN_DIGITS)
        everything(place, key_ring(place, ask_pin=lambda _: PIN_DIGITS), told)
        desk.stop()
        desk.start()
        set_pin(key_ring(place, ask_pin=lambda _: PIN_DIGITS), place, "628104")
        once = iter([PIN_DIGITS, ""])
        with pytest.raises(WrongKey, match="not the PIN"):
            key_ring(place, ask_pin=lambda _: next(once)).load()
        remove_pin(key_ring(place, ask_pin=lambda _: "628104"), place)
        everything(place, quiet(place), told)

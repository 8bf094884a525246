"""The rescue commands as a foreman, a colleague and an operator type them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.views.forms import templates
from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_support import opened
from tests.support.pictures import jpeg

FULL_DISK = """
mount -t tmpfs -o size=48m none "$DISK" || exit 77
cp -r "$LAPTOP" "$DISK/laptop"
cat /dev/zero > "$DISK/filler" 2>/dev/null
"$PYTHON" -m bravetui --folder "$DISK/laptop" rescue export "$STICK"
echo "exit code $?"
"$PYTHON" -m bravetui --folder "$DISK/laptop" rescue export "$DISK/laptop"
echo "exit code $?"
"""


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


def with_work(laptop: Terminal) -> str:
    """Everything from central, and then a form that nobody else has; returns its id."""
    laptop.run("sync", "--once")
    with opened(laptop) as (store, project_id):
        return forms.start_form(store, project_id, templates(store)[0].id).submission_id


def colleague(operator: Terminal, address: str, folder: Path) -> Terminal:
    """Another laptop of the company."""
    user = operator.run("central", "people").split()[0]
    code = operator.run("central", "code", "--user", user).split()[-1]
    made = Terminal(folder)
    made.run("enrol", address, code)
    return made


def test_work_travels_on_a_stick_by_a_colleague_and_by_the_operator(
    enrolled: Terminal, operator: Terminal, central: tuple[str, str], stick: Path, tmp_path: Path
) -> None:
    """Export, send, import: words and JSON, once and twice, and the laptop hears of it."""
    with_work(enrolled)
    said = enrolled.run("rescue", "export", str(stick))
    assert "1 change of 1 record: 1 form." in said
    assert "read back and compared" in said
    assert "Only central can open it" in said
    (bundle,) = stick.iterdir()
    truck = colleague(operator, central[0], tmp_path / "truck")
    assert "Laptop 1: 1 applied." in truck.run("rescue", "send", str(bundle))
    assert json.loads(truck.run("rescue", "send", str(bundle), "--json"))["outcomes"] == {"applied": 1}
    assert "Central holds all of it." in operator.run("central", "import", str(bundle))
    told = json.loads(operator.run("central", "import", str(bundle), "--json"))
    assert (told["outcomes"], len(told["verdicts"])) == ({"applied": 1}, 1)
    assert "All handed in" in enrolled.run("sync", "--once")
    assert "Nothing to rescue" in enrolled.run("rescue", "export", str(stick))
    assert json.loads(enrolled.run("rescue", "export", str(stick), "--json"))["path"] is None


def test_a_bundle_is_counted_by_what_it_holds_also_where_its_laptop_typed_on(
    enrolled: Terminal, operator: Terminal, stick: Path
) -> None:
    """Its laptop could not note what left, on a full disk: what was typed on went out under the same number."""
    enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id):
        template = templates(store)[0].id
        begun = [forms.start_form(store, project_id, template).submission_id for _ in range(8)]
        image = enrolled.folder.with_name("image")
        shutil.copytree(enrolled.folder, image)
        exporting = Terminal(image)
        exporting.folder = image
        assert "8 changes of 8 records" in exporting.run("rescue", "export", str(stick))
        forms.answer(store, project_id, begun[-1], {"summary": "Fence torn at gate 2."})
    enrolled.run("sync", "--once")
    (bundle,) = stick.iterdir()
    for _ in range(2):
        told = json.loads(operator.run("central", "import", str(bundle), "--json"))
        assert (sum(told["outcomes"].values()), len(told["verdicts"])) == (8, 8)
    (mine,) = (line for line in operator.run("central", "people").splitlines() if "Carlos Medina" in line)
    assert "  1 (also as " in mine


def test_a_stick_says_that_it_carries_what_was_confirmed_before(enrolled: Terminal, stick: Path) -> None:
    form = with_work(enrolled)
    assert "All handed in" in enrolled.run("sync", "--once")
    with opened(enrolled) as (store, project_id), store.write() as writing:
        writing.edit("submission", project_id, form, {"answers/note": "typed after that"})
    said = enrolled.run("rescue", "export", str(stick))
    assert "1 change of 1 record: 1 form." in said
    assert "With 1 earlier change of the same records, already confirmed" in said


def test_a_revoked_laptops_bundle_waits_for_a_manager(
    enrolled: Terminal, operator: Terminal, stick: Path
) -> None:
    """Listed with its reason until somebody vouches for it."""
    with_work(enrolled)
    enrolled.run("rescue", "export", str(stick))
    (bundle,) = stick.iterdir()
    operator.run("central", "revoke", "--device", "1")
    assert "Laptop 1 has been revoked. A manager" in operator.run("central", "import", str(bundle))
    (kept,) = json.loads(operator.run("central", "import", "--json"))
    assert kept["id"][:12] in operator.run("central", "import")
    assert "1 applied" in operator.run("central", "import", "--kept", kept["id"][:12], "--vouch")
    assert "No bundle waits" in operator.run("central", "import")
    assert "no one kept bundle" in operator.run("central", "import", "--kept", "nothing", code=2)


def test_what_cannot_be_is_a_sentence(
    enrolled: Terminal, operator: Terminal, stick: Path, tmp_path: Path
) -> None:
    """No stick, no file, another file, half a file, another central."""
    with_work(enrolled)
    assert "no folder" in enrolled.run("rescue", "export", str(stick / "gone"), code=2)
    enrolled.run("rescue", "export", str(stick))
    (bundle,) = stick.iterdir()
    half = tmp_path / "half"
    half.write_bytes(bundle.read_bytes()[:-20])
    other = tmp_path / "other"
    other.write_text("a shopping list", encoding="utf-8")
    for path, words in (
        (half, "cut short"),
        (other, "not a rescue bundle"),
        (tmp_path / "none", f"The file {tmp_path / 'none'} cannot be read"),
    ):
        assert words in enrolled.run("rescue", "send", str(path), code=2)
        assert words in operator.run("central", "import", str(path), code=2)
    assert "no black box" in operator.run("central", "import", str(stick), code=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAVETUI_CENTRAL_KEY", "11" * 32)
        assert "not locked to this recovery key" in operator.run("central", "import", str(bundle), code=1)


def test_a_black_box_is_kept_shown_and_read_back_when_the_laptop_is_dead(
    enrolled: Terminal, operator: Terminal, stick: Path
) -> None:
    """On, in step, out, dead: by the passphrase, and by central's key alone."""
    assert "keeps no black box" in enrolled.run("mirror")
    said = enrolled.run("mirror", str(stick))
    assert "The black box is in step" in said
    with_work(enrolled)
    assert f"Black box     in step, in {stick}" in enrolled.run("status").replace("\n", "")
    told = json.loads(enrolled.run("status", "--json"))
    assert told["black_box"]["state"] == "in step"
    shutil.rmtree(enrolled.folder)
    dead = Terminal(enrolled.folder)
    exports = stick / "out"
    exports.mkdir()
    assert "1 change of 1 record" in dead.run("rescue", "export", str(exports), "--from-mirror", str(stick))
    assert "no black box" in dead.run("rescue", "export", str(exports), "--from-mirror", str(exports), code=2)
    assert "1 applied" in operator.run("central", "import", str(stick))
    (bundle,) = exports.iterdir()
    assert "1 applied" in operator.run("central", "import", str(bundle))


def test_photos_go_with_the_work_onto_a_stick_and_onto_a_card(
    enrolled: Terminal, operator: Terminal, central: tuple[str, str], stick: Path, tmp_path: Path
) -> None:
    """Counted in words and JSON, by the laptop, its carrier and the operator."""
    with_work(enrolled)
    (tmp_path / "IMG_1.jpg").write_bytes(jpeg(600, 400))
    enrolled.run("photo", "add", str(tmp_path / "IMG_1.jpg"))
    said = enrolled.run("mirror", str(stick))
    assert "; 1 photo on it" in said
    assert json.loads(enrolled.run("mirror", "--json"))["photos_left"] == 0
    exports = tmp_path / "exports"
    exports.mkdir()
    assert "2 changes of 2 records: 1 form, 1 photo; 1 photo (" in enrolled.run(
        "rescue", "export", str(exports)
    )
    (bundle,) = exports.iterdir()
    told = json.loads(enrolled.run("rescue", "export", str(exports), "--json"))
    assert (told["changes"], told["photos"], told["photo_bytes"] > 1000) == (2, 1, True)
    truck = colleague(operator, central[0], tmp_path / "truck")
    for _ in range(2):
        assert "Laptop 1: 2 applied, 1 photo." in truck.run("rescue", "send", str(bundle))
    assert "Laptop 1: 2 applied, 1 photo." in operator.run("central", "import", str(bundle))
    told = json.loads(operator.run("central", "import", str(stick), "--json"))
    assert (told["photos"], told["kept"], len(told["bundles"])) == (1, False, 2)
    assert "All handed in" in enrolled.run("sync", "--once")
    assert "Nothing to rescue" in enrolled.run("rescue", "export", str(exports))


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_a_full_laptop_still_hands_its_work_to_a_stick(
    enrolled: Terminal, stick: Path, tmp_path: Path
) -> None:
    """And a full stick is a sentence."""
    with_work(enrolled)
    (tmp_path / "disk").mkdir()
    environment = {
        **os.environ, "DISK": str(tmp_path / "disk"), "LAPTOP": str(enrolled.folder), "STICK": str(stick),
        "PYTHON": sys.executable, "BRAVETUI_PASSPHRASE_FILE": str(enrolled.passphrase),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL_DISK],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "inside the program" not in said
    assert "1 change of 1 record" in said, said
    assert len(list(stick.iterdir())) == 1
    assert said.split("exit code ")[1].startswith("0"), said

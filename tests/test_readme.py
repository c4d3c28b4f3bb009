"""The README's commands are run as they stand; only the scan's path and the size of the work are replaced."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.cli.table import STAGES

pytestmark = pytest.mark.usefixtures("few_samples")
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SCAN = "/path/to/scene0005_00"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


O2RECON = [c for c in commands() if c.startswith(".venv/bin/o2recon")]
MAKE = [c for c in commands() if c.startswith("make")]
STUDIES = [c for c in O2RECON if " sweep.file=" in c]
"""Of hours; they are only planned."""
SWEEPS = [c for c in O2RECON if " -m " in c and c not in STUDIES]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all commands, as a reader would have."""
    return tmp_path_factory.mktemp("reader")


def test_the_readme_starts_with_its_two_commands() -> None:
    assert commands()[:2] == ["make demo", "make test"]
    assert set(commands()) == {*O2RECON, *MAKE}


@pytest.mark.parametrize("command", [c for c in O2RECON if c not in (*SWEEPS, *STUDIES)])
def test_command(command: str, place: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(command, place, tiny_room, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("command", SWEEPS)
def test_sweep(command: str, place: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(command, place, tiny_room, monkeypatch)


@pytest.mark.parametrize("command", STUDIES)
def test_study(command: str, place: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (place / "experiments").exists():
        (place / "experiments").symlink_to(ROOT / "experiments")
    _run(command.replace(" run ", " status "), place, tiny_room, monkeypatch)


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str, place: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    exec(code.replace(SCAN, str(tiny_room)).replace("object=2,", 'object=2, experiment="smoke",'), {})


def test_every_command_of_the_table_is_a_stage_and_every_stage_is_in_it() -> None:
    rows = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    named = [word for row in rows for word in re.findall(r"`(?:o2recon )?(\w+)`", row)]
    assert sorted(named) == sorted(STAGES)


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target(command: str) -> None:
    subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
def test_make_demo_sets_up_and_ends_by_naming_the_report(tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in tracked.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    make = ["make", "demo", f"PYTHON={sys.executable}"]
    shown = subprocess.run(make, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    report = shown.strip().splitlines()[-1]
    assert report.startswith("report: ") and (tmp_path / report.removeprefix("report: ")).is_file()


def _run(command: str, place: Path, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    argv = shlex.split(command.replace(SCAN, str(room)))[1:]
    assert status_of([*argv, "experiment=smoke", "device=cpu"]) == 0

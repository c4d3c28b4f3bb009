"""Every way a capture goes wrong ends in one line that names the file and the remedy, and in status 2."""

import re
import shutil
from pathlib import Path

import pytest
from reliability.bad_captures import CASES, LAYOUTS

from o2recon.cli.main import status_of

REMEDY = re.compile(
    r"\b(export|copy|give|set|save|put|paint|choose|name|remove|raise|lower|delete|write|add|register|run|run it|use|"
    r"install|convert|crop|take|check|try|record|undistort|must hold|must be|there are|need|needs|did you mean)\b"
)
WAS_HERE = Path("/tmp/o2recon_was_here")


@pytest.fixture(scope="session")
def good(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same small room in every layout."""
    folder = tmp_path_factory.mktemp("good")
    captures = {"scannet": tiny_room}
    for layout in LAYOUTS[1:]:
        captures[layout] = folder / layout / "tiny"
        own = [f"scene.root={tiny_room}", f"convert={layout}", f"convert.root={captures[layout]}"]
        assert status_of(["convert", *own]) == 0
    return captures


def typed(root: Path, layout: str, stage: str, options: list[str]) -> list[str]:
    scene = [] if any(o.startswith("scene.root=") for o in options) else [f"scene.root={root}"]
    places = [f"work={root.parent / 'work'}", f"outputs={root.parent / 'outputs'}"]
    return [stage, "experiment=smoke", "device=cpu", "reports=false", f"scene={layout}", *scene, *places, *options]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_one_line_with_file_and_remedy(
    name: str, good: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    root = tmp_path / "tiny"
    shutil.copytree(good[case.layout], root)
    options = case.broken(root)
    capsys.readouterr()
    status = status_of(typed(root, case.layout, case.stage, options))
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("o2recon: ")]
    assert status == 2, errors
    assert len(errors) == 1 and case.names in errors[0], errors
    assert "(unexpected;" not in errors[0] and "Error:" not in errors[0] and "Traceback" not in errors[0], errors
    assert REMEDY.search(errors[0].partition(":")[2]), errors
    assert not WAS_HERE.exists()


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_good_copies_are_good(layout: str, good: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(good[layout], tmp_path / "tiny")
    assert status_of([*typed(tmp_path / "tiny", layout, "prepare", ["object=1"])]) == 0


def test_there_are_at_least_sixty() -> None:
    assert len(CASES) >= 60

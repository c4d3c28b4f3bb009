"""A study as a file: what stands in it, what the command line changes, and what errors say."""

from pathlib import Path

import pytest

import o2recon
from o2recon.cli.hydra_line import quoted
from o2recon.cli.main import status_of
from o2recon.cli.options import all_keys, groups
from o2recon.cli.planning import combinations
from o2recon.cli.study import Study, with_study

TEXT = """
experiment: smoke
ablation: [none, no_normal]
seed: [0, 1]
baselines: []
volume.carve: true
mesh:
  spacing_m: 0.01
hydra/launcher: ray
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sweep.yaml").write_text(TEXT)
    return tmp_path / "first"


def read(folder: Path, *arguments: str) -> list[str]:
    return with_study("run", [*arguments, f"sweep.file={folder}"], sweeping=True)[0]


def test_every_key_is_an_override_and_a_list_is_swept(folder: Path) -> None:
    expected = ["study=first", "experiment=smoke", "ablation=none,no_normal", "seed=0,1", "baselines=[]"]
    expected += ["volume.carve=true", "mesh.spacing_m=0.01", "hydra/launcher=ray"]
    assert read(folder) == expected
    assert read(folder / "sweep.yaml") == expected
    found = combinations([a for a in expected if not a.startswith("hydra")])
    assert [(c["ablation"], c["seed"]) for c in found][1:3] == [
        ("ablation=none", "seed=1"),
        ("ablation=no_normal", "seed=0"),
    ]


def test_the_command_line_wins(folder: Path) -> None:
    told = read(folder, "+seed=5,6", "study=mine", "mesh.spacing_m=0.02", "hydra/launcher=basic")
    assert told[:4] == ["experiment=smoke", "ablation=none,no_normal", "baselines=[]", "volume.carve=true"]
    assert told[4:] == ["+seed=5,6", "study=mine", "mesh.spacing_m=0.02", "hydra/launcher=basic"]


@pytest.mark.parametrize(
    "text", ["plain", "/a/b c", "it's", "null", "1", "a=b", "x,y", "[1]", "C:\\rooms\\", "${a}", "ä"]
)
def test_a_text_stays_what_it_is(folder: Path, text: str) -> None:
    (folder / "sweep.yaml").write_text("scene: {root: [" + "'" + text.replace("'", "''") + "', '/b']}")
    override = read(folder)[1]
    assert override == f"scene.root={quoted(text)},/b"
    assert [c["scene.root"] for c in combinations([override])] == [f"scene.root={quoted(text)}", "scene.root=/b"]


def test_a_list_in_a_list_is_a_value(folder: Path) -> None:
    (folder / "sweep.yaml").write_text("baselines: [[tsdf, hull], []]")
    assert read(folder)[1] == "baselines=[tsdf,hull],[]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ablation: [none", "is no yaml"),
        ("- none", "write overrides as 'key: value'"),
        ("", "write overrides as 'key: value'"),
        ("1: none", "1 is no name of an option"),
        ("mesh.spacing_m: 1cm", "mesh.spacing_m=1cm is no number"),
        ("retry: faild", "retry=faild: choose"),
        ("sweep: {file: other}", "sweep.file names another file"),
        ("mesh: {spacing: 0.01}", "there is no option 'mesh.spacing'; did you mean 'mesh.spacing_m'?"),
        ("ablation: [none, no_mas]", "ablation=no_mas does not exist; did you mean 'no_mask'?"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_name_and_key(
    text: str, message: str, folder: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sweep.yaml").write_text(text)
    places = [f"scene.root={tiny_room}", f"outputs={folder / 'outputs'}", f"work={folder / 'work'}"]
    assert status_of(["status", "-m", f"sweep.file={folder}", "device=cpu", *places]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith(f"o2recon: {folder / 'sweep.yaml'}") and message in told[0]


def test_what_is_wrong_on_the_command_line_is_not_the_files() -> None:
    study = Study(Path("first.yaml"), ("experiment=smoke", "object=7"))
    with pytest.raises(ValueError, match=r"^first\.yaml: object 7 is not in tiny"), study.blamed():
        raise ValueError("object 7 is not in tiny")
    with pytest.raises(ValueError, match=r"^ablation=no_mas does not exist"), study.blamed():
        raise ValueError("ablation=no_mas does not exist")


def test_a_file_that_is_not_there_and_one_outside_of_sweeps_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    folder.rename(folder.parent / "experiments")
    (folder.parent / "experiments" / "first").mkdir()
    (folder.parent / "experiments" / "first" / "sweep.yaml").touch()
    with pytest.raises(ValueError, match=r"there is no experiments/firts; did you mean experiments/first\?"):
        with_study("run", ["sweep.file=experiments/firts"], sweeping=True)
    with pytest.raises(ValueError, match="put -m after the stage"):
        with_study("run", ["sweep.file=experiments"], sweeping=False)
    with pytest.raises(ValueError, match="is for sweeps"):
        o2recon.reconstruct("/data/room", overrides=["sweep.file=experiments"])
    assert with_study("run", ["sweep.file=null", "seed=1"], sweeping=False)[0] == ["sweep.file=null", "seed=1"]


@pytest.mark.parametrize(
    "name",
    ["ablations/sweep", "benchmark/sweep", "benchmark/smooth_sdf", "paper/sweep", "quick_cpu/sweep", "sweeps/sweep"],
)
def test_the_studies_of_the_repository_name_options_and_choices_that_there_are(name: str) -> None:
    file = Path(__file__).parents[2] / "experiments" / f"{name}.yaml"
    overrides = with_study("run", [f"sweep.file={file}"], sweeping=True)[0]
    assert overrides[0] == f"study={file.parent.name}"
    for combination in combinations(overrides):
        for key, text in (override.split("=") for override in combination.values()):
            assert key in all_keys() and (key not in groups() or text in groups()[key])

import subprocess
import sys
import time

import pytest

from o2recon.cli.main import status_of
from o2recon.cli.table import STAGES

O2RECON = [sys.executable, "-m", "o2recon"]


def test_help_comes_in_under_a_second_and_lists_every_stage() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        shown = subprocess.run([*O2RECON, "--help"], capture_output=True, text=True, check=True).stdout
        times.append(time.perf_counter() - start)
    assert min(times) < 1
    lines = shown.splitlines()
    for name, stage in STAGES.items():
        assert any(line.split()[:1] == [name] and stage.summary in line for line in lines)


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from o2recon.cli.main import status_of; status_of(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(f"'{heavy}'" in loaded for heavy in ("torch", "hydra", "numpy", "cv2", "rich"))


@pytest.mark.parametrize("stage", STAGES)
def test_help_of_a_stage_shows_its_groups_and_their_choices(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([stage, "--help"]) == 0
    shown = capsys.readouterr().out
    assert STAGES[stage].summary in shown
    for group in STAGES[stage].groups:
        assert f"\n{group}:\n" in shown


def test_help_of_a_stage_begins_with_what_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["status", "--help"]) == 0
    assert [line.split("=")[0].strip() for line in capsys.readouterr().out.splitlines()[2:]] == ["study", "outputs"]
    assert status_of(["synth", "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("  room=null")


def test_help_may_be_read_in_part() -> None:
    shown = subprocess.run(f"{' '.join(O2RECON)} run --help | head -1", shell=True, capture_output=True, text=True)
    assert shown.stdout.startswith("o2recon run: ") and shown.stderr == ""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["run", "objct=2"], "there is no option 'objct'; did you mean 'object'?"),
        (["run", "train.num_step=2"], "did you mean 'train.num_steps'?"),
        (["run", "experiment=quik"], "experiment=quik does not exist; did you mean 'quick'? (there are: "),
        (["run", "seed=1,2"], "seed=1,2 are several values: '-m' after the stage runs every one"),
        (["run", "/data/scan"], "write scene.root=/data/scan if it is the scan"),
        (["run", "quick"], "cannot read the override 'quick': write key=value"),
        (["run"], "scene.root is needed"),
        (["run", "scene.root=nowhere"], "nowhere is no folder"),
        (["run", "hydra/launcher=nothing"], "hydra/launcher=nothing does not exist"),
        (["run", "-m", "scene.root=nowhere", "seed=1,2"], "nowhere is no folder"),
        (["status", "study=nothing"], "does not exist"),
        (["report", "study=nothing"], "holds no runs"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    argv: list[str], expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(argv) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert errors[-1].startswith("o2recon: ") and expected in errors[-1]
    assert len(errors) == 1 or "-m" in argv
    assert not list(tmp_path.glob("outputs/**/result.json"))


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("O2RECON_DEBUG", "1")
    with pytest.raises(ValueError, match=r"scene\.root is needed"):
        status_of(["run"])


def test_no_stage_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([]) == 2
    assert "usage:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--version"]) == 0
    assert capsys.readouterr().out.strip()

"""Objects that memory does not suffice for, a device that is lost, and how much memory a run takes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from o2recon.cli import run as running
from o2recon.cli.chain import Chain, Outcome
from o2recon.cli.fitting import Fitting
from o2recon.cli.main import status_of
from o2recon.cli.selection import Wanted
from o2recon.scene import Kept

MAX_GIB = 2.0
"""Of experiment=quick with 70 frames of 640 x 480; measured 1.3 on 2026-11-22."""
MEASURED = """
import resource, subprocess, sys
status = subprocess.run([sys.executable, "-m", "o2recon.cli.main", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20)
"""


class Stand(Chain):
    """Stands for the chain: object 2 fails."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, kept: Kept, *, one: bool) -> Outcome:
        self.asked.append(kept.id)
        state = "failed" if kept.id == 2 else "ok"
        return Outcome(kept, state, {"status": state}, Path())


@pytest.mark.parametrize(("lost", "tried"), [(False, [1, 2, 3]), (True, [1, 2])])
def test_a_device_that_is_lost_ends_the_command_and_one_that_is_not_goes_on(
    lost: bool, tried: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "answers", lambda device: not lost)
    chain, asked = Stand(), Wanted(tuple(Kept(i, "chair", (), ()) for i in (1, 2, 3)), one=False)
    outcomes = running._one_after_the_other(chain, asked, "cuda")
    assert chain.asked == tried == [o.kept.id for o in outcomes]
    assert ("does not answer any more" in caplog.text) == lost


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), None], ids=repr
)
def test_an_object_too_large_for_the_memory_fails_alone(
    error: Exception | None,
    tiny_room: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train = Fitting._train

    def short(self: Fitting, folder: Any, *rest: Any, **options: Any) -> Any:
        if folder.path.name == "1":
            raise error or MemoryError(f"Unable to allocate {len(bytearray(2**60))} bytes")  # the real one
        return train(self, folder, *rest, **options)

    monkeypatch.setattr(Fitting, "_train", short)
    places = [f"scene.root={tiny_room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    assert status_of(["run", "experiment=smoke", "device=cpu", "object=1,2", "reports=false", *places]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("o2recon: ")]
    assert len(lines) == 1 and "1 of 2 objects failed: 1 (chair): memory is short" in lines[0]
    results = [
        json.loads((tmp_path / f"outputs/main/smoke/none/tiny/{i}/seed_0/result.json").read_text()) for i in (1, 2)
    ]
    assert [r["status"] for r in results] == ["failed", "ok"] and "memory is short" in results[0]["error"]
    assert [r["sample_share"] for r in results] == [None, 1.0]


@pytest.mark.slow
def test_after_a_lost_device_the_same_command_does_the_rest(
    tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train, lost = Fitting._train, [True]

    def breaking(self: Fitting, folder: Any, *rest: Any, **options: Any) -> Any:
        if folder.path.name == "1" and lost[0]:
            raise RuntimeError("CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA`")
        return train(self, folder, *rest, **options)

    monkeypatch.setattr(Fitting, "_train", breaking)
    monkeypatch.setattr(running, "answers", lambda device: not lost[0])
    places = [f"scene.root={tiny_room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    command = ["run", "experiment=smoke", "device=cpu", "object=1,2", "reports=false", *places]
    states = []
    for also in ([], [], ["retry=failed"]):
        states.append(status_of([*command, *also]))
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("o2recon: ")]
        files = [tmp_path / f"outputs/main/smoke/none/tiny/{i}/seed_0/result.json" for i in (1, 2)]
        states.append([json.loads(file.read_text())["status"] if file.is_file() else None for file in files])
        if lost[0]:
            assert len(told) == 1 and "the GPU failed (CUDA error: device-side assert triggered): the same" in told[0]
            assert told[0].endswith("; 1 were not tried")
        lost[0] = False
    assert states == [1, ["failed", None], 1, ["failed", "ok"], 0, ["ok", "ok"]]


@pytest.mark.slow
def test_quick_stays_within_its_budget(shared_data: Path, tmp_path: Path) -> None:
    places = [f"scene.root={shared_data / 'room_dining'}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'out'}"]
    options = ["experiment=quick", "masks=carve", "object=2", "device=cpu", "baselines=[]", "reports=false"]
    told = subprocess.run(
        [sys.executable, "-c", MEASURED, "run", *options, *places], check=True, capture_output=True, text=True
    )
    status, gib = told.stdout.split()[-2:]
    assert status == "0", told.stderr
    print(f"{float(gib):.2f} GiB")
    assert float(gib) < MAX_GIB

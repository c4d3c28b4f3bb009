"""Several processes train one object as one process would."""

import csv
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from shared_rays import FailingSecond, both_gradients, gradients, not_ready
from sphere_scene import sphere_scene
from sphere_training import Killed, fit_of, losses, sdf_error_cm, train

from o2recon.train import Ddp, TrainingDiverged, read_checkpoint
from o2recon.train.ddp import Join
from o2recon.train.peers import Peers
from o2recon.workspace import ObjectFolder

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def two() -> Ddp:
    return Ddp(devices=2, backend="auto", timeout_s=60)


def test_averaged_gradients_are_those_of_one_process_with_all_rays(folder: ObjectFolder) -> None:
    with two().processes(CPU, partial(both_gradients, folder.path)) as (peers, join):
        together, apart = both_gradients(folder.path, peers, join)
    alone = gradients(folder.path, Peers(CPU))
    assert len(alone) == len(together) and sum(float(g.abs().max()) > 0 for g in alone) > 5
    off, usual = (
        max(float((a - b).norm() / a.norm()) for a, b in zip(alone, shared, strict=True) if a.abs().max() > 0)
        for shared in (together, apart)
    )
    assert off < 2e-5 and usual > 2e-3  # usual: the mean of each process's own mean


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_two_processes_train_as_well_as_one_and_only_the_first_writes(folder: ObjectFolder, tmp_path: Path) -> None:
    one = train(folder, tmp_path / "one", fit_of(80, warm=3))
    both = train(folder, tmp_path / "two", fit_of(80, warm=3), ddp=two())
    errors = [sdf_error_cm(module.field) for module in (one, both)]
    assert max(errors) < 1.5 and abs(errors[0] - errors[1]) < 0.3
    assert both.block_means["train/loss/total"] == pytest.approx(one.block_means["train/loss/total"], rel=0.1)
    assert both.validation["val/silhouette_iou"] == pytest.approx(one.validation["val/silhouette_iou"], abs=0.02)
    rows = [_rows(tmp_path / run / "metrics.csv") for run in ("one", "two")]
    assert [r["step"] for r in rows[0]] == [r["step"] for r in rows[1]]
    files = [{f.relative_to(tmp_path / run) for f in (tmp_path / run).rglob("*")} for run in ("one", "two")]
    assert files[0] == files[1]
    first = [float(r[0]["train/loss/color"]) for r in rows]
    assert first[0] == pytest.approx(first[1], rel=0.02)  # the same rays, other places along them


@pytest.mark.slow
def test_a_killed_training_goes_on_with_any_number_of_processes(folder: ObjectFolder, tmp_path: Path) -> None:
    def killed_at_step_12(step: int, values: dict[str, float]) -> None:
        if step >= 12:
            raise Killed

    whole = train(folder, tmp_path / "whole", fit_of(24, warm=3), ddp=two())
    for processes in (2, 1):
        out = tmp_path / str(processes)
        with pytest.raises(Killed):
            train(folder, out, fit_of(24, warm=3), ddp=two(), watch=killed_at_step_12)
        assert read_checkpoint(out / "checkpoints/last.ckpt")["o2recon"]["step"] == 8
        resumed = train(folder, out, fit_of(24, warm=3), ddp=two() if processes == 2 else None)
        assert resumed.step == 24
        if processes == 2:
            assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in whole.state_dict().items())
        else:
            assert abs(sdf_error_cm(resumed.field) - sdf_error_cm(whole.field)) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reason"),
    [("killed", "it was ended by SIGKILL"), ("raised", "MemoryError: no room for more rays")],
)
def test_the_reason_of_another_process_is_told(folder: ObjectFolder, tmp_path: Path, how: str, reason: str) -> None:
    broken = {**losses(), "broken": {"weight": 1.0, "loss": FailingSecond(at=6, how=how)}}
    with pytest.raises(RuntimeError, match=f"process 2 of 2 failed: {reason}"):
        train(folder, tmp_path, fit_of(16), losses=broken, ddp=two())
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
def test_all_processes_see_a_diverged_training(folder: ObjectFolder, tmp_path: Path) -> None:
    rates = {"tables": float("nan"), "networks": 1e-3, "sharpness": 1e-3}
    with pytest.raises(TrainingDiverged, match="training diverged at step"):
        train(folder, tmp_path, fit_of(8, rates=rates), ddp=two())


SCRIPT = """
import os, sys, torch
from pathlib import Path
from shared_rays import FailingSecond
from sphere_training import fit_of, losses, train
from o2recon.train import Ddp
from o2recon.workspace import ObjectFolder

def watch(step, values):
    os.kill(os.getpid(), 9)

if __name__ == "__main__":
    ddp = Ddp(devices=2, backend="auto", timeout_s=60)
    train(ObjectFolder(Path(sys.argv[1])), Path(sys.argv[2]), fit_of(10**6), ddp=ddp, watch=watch)
"""


@pytest.mark.slow
def test_the_others_end_with_the_first(folder: ObjectFolder, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {"PYTHONPATH": ":".join(p for p in sys.path if p), "O2RECON_MARK": str(tmp_path), "PATH": "/usr/bin"}
    command = [sys.executable, str(script), str(folder.path), str(tmp_path / "out")]
    assert subprocess.run(command, env=environment, check=False).returncode == -9

    def left() -> list[str]:
        marked = f"O2RECON_MARK={tmp_path}".encode()
        return [f.parent.name for f in Path("/proc").glob("[0-9]*/environ") if marked in _read(f)]

    for _ in range(50):
        if not left():
            return
        time.sleep(0.1)
    raise AssertionError(left())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("devices", "backend", "told"),
    [("auto", "auto", "on the CPU give the number"), (0, "auto", "on the CPU give"), (2, "nccl", "needs GPUs")],
)
def test_what_a_cpu_cannot_do_is_said(devices: int | str, backend: str, told: str) -> None:
    with (
        pytest.raises(ValueError, match=told),
        Ddp(devices=devices, backend=backend, timeout_s=60).processes(CPU, _nothing),
    ):
        pass


def _nothing(peers: Peers, join: Join) -> None:
    pass


@pytest.mark.slow
def test_a_process_that_fails_before_it_is_ready_is_not_waited_for() -> None:
    began = time.perf_counter()
    reason = "process 2 of 2 failed: MemoryError: no room to begin with"
    with pytest.raises(RuntimeError, match=reason), two().processes(CPU, not_ready) as (_, join), join():
        pass
    assert time.perf_counter() - began < 50 and not torch.distributed.is_initialized()


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="backend=mpi"):
        Ddp(devices=2, backend="mpi", timeout_s=60)

"""On a real GPU: killed trainings, memory that really ends, and a device that really fails.

The figures are printed: `python -m pytest tests/reliability/test_gpu.py -m gpu -q -s`, about two minutes.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from sphere_scene import sphere_scene
from sphere_training import fit_of, train

from o2recon.cli.errors import one_line
from o2recon.machine import give_memory_back, out_of_memory
from o2recon.train import load_field, read_checkpoint
from o2recon.train.replay import Replay
from o2recon.workspace import ObjectFolder

pytestmark = pytest.mark.gpu

DEVICE = "cuda"
NUM_KILLED, NUM_STEPS = 3, 1000
LAST = "checkpoints/last.ckpt"
NUM_RAYS = 2**15
"""A step of so many takes memory that dwarfs all else."""
MIB = 2**20
KEPT = 200 * MIB
"""What may stay: cuBLAS keeps room for every stream that it was used on."""


@pytest.fixture(scope="module", autouse=True)
def _needs_cuda() -> None:
    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def started(what: str, folder: ObjectFolder, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """`alone.py`, its output in `out`.txt."""
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, str(Path(__file__).with_name("alone.py")), what, str(folder.path), str(out)]
    with open(out.with_suffix(".txt"), "ab") as log:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}
        return subprocess.Popen([*command, "--device", DEVICE, *options], stdout=log, stderr=log, env=environment)


def said(out: Path) -> str:
    return out.with_suffix(".txt").read_text(errors="replace")


# -- killed ------------------------------------------------------------------------------------------------------------


def newest_step(out: Path) -> int:
    if not (out / "metrics.csv").is_file():
        return 0
    with open(out / "metrics.csv", newline="") as opened:
        return max((int(row["step"]) for row in csv.DictReader(opened) if (row["step"] or "").isdigit()), default=0)


def kill_at(steps: dict[Path, int], running: dict[Path, subprocess.Popen[bytes]]) -> None:
    """SIGKILL for each training as soon as it has come to its step."""
    waiting, until = set(steps), time.monotonic() + 120
    while waiting:
        for out in sorted(waiting):
            if newest_step(out) >= steps[out]:
                running[out].kill()
                waiting.discard(out)
            else:
                assert running[out].poll() is None and time.monotonic() < until, said(out)
        time.sleep(0.002)


def sdf_of(out: Path) -> torch.Tensor:
    """The trained SDF at fixed points around the ball's true surface, centimetres."""
    scene, generator = sphere_scene(), torch.Generator().manual_seed(0)
    away = torch.nn.functional.normalize(torch.randn(4000, 3, generator=generator), dim=-1)
    radius = scene.radius + 0.02 * torch.randn(4000, 1, generator=generator)
    with torch.no_grad():
        sdf: torch.Tensor = load_field(out / LAST).sdf(away * radius / scene.frame.scale)
    return sdf * scene.frame.scale * 100


def furthest(one: Path, other: Path) -> float:
    """Largest difference of any weight; 0 is bit-equal."""
    a, b = (read_checkpoint(out / LAST)["state_dict"] for out in (one, other))
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in a)


def test_a_killed_training_ends_where_an_undisturbed_one_does(folder: ObjectFolder, tmp_path: Path) -> None:
    """Sums on a GPU have no fixed order, so that two runs of one seed differ; runs of two seeds differ more."""
    wholes = {name: tmp_path / name for name in ("whole", "same", "other")}
    killed = [tmp_path / f"killed_{number}" for number in range(NUM_KILLED)]
    steps, rng = ["--steps", str(NUM_STEPS)], random.Random(time.time_ns())
    seeds = {out: ["--seed", "1" if out.name == "other" else "0"] for out in (*wholes.values(), *killed)}
    running = {out: started("train", folder, out, *steps, *seed) for out, seed in seeds.items()}
    moments = {out: rng.randint(NUM_STEPS // 8, NUM_STEPS * 4 // 5) for out in killed}
    kill_at(moments, running)
    assert [running[out].wait(60) for out in killed] == NUM_KILLED * [-signal.SIGKILL]
    before = {out: read_checkpoint(out / LAST)["o2recon"]["step"] if (out / LAST).is_file() else 0 for out in killed}
    assert [running[out].wait(180) for out in wholes.values()] == [0, 0, 0], "".join(said(o) for o in wholes.values())
    resumed = {out: started("train", folder, out, *steps) for out in killed}
    assert [process.wait(180) for process in resumed.values()] == NUM_KILLED * [0], "".join(said(o) for o in killed)
    whole = sdf_of(wholes["whole"])
    apart = {out.name: float((sdf_of(out) - whole).abs().mean()) for out in (*list(wholes.values())[1:], *killed)}
    print(f"\nmean |SDF difference| to an undisturbed run, cm (error of that run: {float(whole_error(whole)):.4f}):")
    for out in (*list(wholes.values())[1:], *killed):
        where = f"killed at {moments[out]}, from {before[out]}" if out in moments else "undisturbed"
        print(f"  {out.name}: {apart[out.name]:.5f}, any weight {furthest(wholes['whole'], out):.2g} ({where})")
    for out in killed:
        assert before[out] > 0 and f"training continues from step {before[out]}" in said(out)
        assert read_checkpoint(out / LAST)["o2recon"]["step"] == NUM_STEPS
        assert apart[out.name] < apart["other"]


def whole_error(sdf: torch.Tensor) -> torch.Tensor:
    """Mean error of `sdf_of` in closed form, centimetres."""
    generator = torch.Generator().manual_seed(0)
    torch.randn(4000, 3, generator=generator)
    return (sdf - 2 * torch.randn(4000, 1, generator=generator).reshape(sdf.shape)).abs().mean()


# -- memory ------------------------------------------------------------------------------------------------------------


def trained(folder: ObjectFolder, out: Path, *, num_steps: int = 12, num_rays: int = NUM_RAYS) -> float:
    """The share of the samples that it ended with."""
    module = train(folder, out, fit_of(num_steps, warm=2, device=DEVICE), num_rays=num_rays)
    assert module.step == num_steps and module.replay.graph is not None
    return module.data.sample_share


def held() -> int:
    """Bytes of the GPU that this process's allocator holds, with nothing to give back."""
    give_memory_back()
    return int(torch.cuda.memory_reserved())


def kept_since(before: int) -> int:
    kept = held() - before
    print(f"\n{kept / MIB:.1f} MiB more than before are held")
    return kept


@contextmanager
def at_most(num_bytes: int) -> Iterator[None]:
    """The allocator may hold no more."""
    torch.cuda.set_per_process_memory_fraction(num_bytes / torch.cuda.get_device_properties(DEVICE).total_memory)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@contextmanager
def full_but_for(num_bytes: int) -> Iterator[None]:
    """All else of the GPU is taken, so that the driver refuses."""
    held()
    free, _ = torch.cuda.mem_get_info()
    ballast = torch.empty(free - num_bytes, dtype=torch.uint8, device=DEVICE)
    try:
        yield
    finally:
        del ballast
        held()


@pytest.fixture(scope="module")
def need(folder: ObjectFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[float, int]:
    """Share of the rays -> bytes that a training with so many holds at once, beyond what is held before it."""
    needs = {}
    for share in (1.0, 0.125):
        before = held()
        torch.cuda.reset_peak_memory_stats()
        trained(folder, tmp_path_factory.mktemp("need"), num_rays=int(NUM_RAYS * share))
        needs[share] = torch.cuda.max_memory_allocated() - before
        print(f"\n{share:g} of the rays: {(torch.cuda.max_memory_reserved() - before) / MIB:.0f} MiB reserved")
    print("\na step needs", ", ".join(f"{n / MIB:.0f} MiB with {share:g} of the rays" for share, n in needs.items()))
    return needs


@pytest.mark.parametrize("limited", [at_most, full_but_for], ids=["allocator", "driver"])
def test_what_does_not_fit_is_halved_until_it_does(
    limited: Any, folder: ObjectFolder, tmp_path: Path, need: dict[float, int], caplog: pytest.LogCaptureFixture
) -> None:
    before = held()
    room = int(0.8 * need[1.0])
    with limited(room + (before if limited is at_most else 0)):
        share = trained(folder, tmp_path)
    lines = [r.getMessage() for r in caplog.records if "memory is short" in r.getMessage()]
    print(f"\n{room / MIB:.0f} MiB left: share {share:g}\n  " + "\n  ".join(lines))
    assert share in (0.5, 0.25, 0.125) and 2 ** -len(lines) == share  # a graph's capture needs more than steps do
    assert read_checkpoint(tmp_path / LAST)["o2recon"]["sample_share"] == share
    assert kept_since(before) < KEPT


@pytest.mark.parametrize(("number", "share"), [(0, 0.0), (2, 0.5)], ids=["warm start", "step"])
def test_memory_that_ends_while_a_graph_is_captured(
    number: int,
    share: float,
    folder: ObjectFolder,
    tmp_path: Path,
    need: dict[float, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The warm start captures two graphs; capture `number` has that share of what a step needs."""
    captured, calls, failed, before = Replay._captured, [], [], held()

    def short(self: Replay, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        calls.append(stream)
        if len(calls) != number + 1:
            return captured(self, stream)
        try:
            with at_most(held() + int(share * need[1.0])):
                return captured(self, stream)
        except RuntimeError as error:
            failed.append((type(error).__name__, out_of_memory(error) is not None))
            raise

    monkeypatch.setattr(Replay, "_captured", short)
    assert trained(folder, tmp_path) == 0.5
    print(f"\na capture without memory ended in {failed}")
    assert failed == [(failed[0][0], True)] and "with 0.5 of the rays and points" in caplog.text
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    calls.clear()
    assert kept_since(before) < KEPT


def refused(folder: ObjectFolder, out: Path) -> str:
    try:
        trained(folder, out)
    except RuntimeError as error:
        return one_line(error)
    raise AssertionError("it found memory")


def test_what_never_fits_is_one_line_and_gives_its_memory_back(
    folder: ObjectFolder, tmp_path: Path, need: dict[float, int], caplog: pytest.LogCaptureFixture
) -> None:
    before = held()
    with at_most(before + need[0.125] // 2):
        line = refused(folder, tmp_path / "first")
    print(f"\n{line}")
    assert line.startswith("memory is short (CUDA out of memory") and "lower data.num_rays" in line
    assert "\n" not in line and len(line) < 300
    assert "with 0.125 of the rays" in caplog.text and kept_since(before) < KEPT
    assert trained(folder, tmp_path / "second") == 1  # the next object


# -- a device that fails -----------------------------------------------------------------------------------------------


def test_a_device_that_fails_is_one_failed_object_and_a_new_process_goes_on(
    folder: ObjectFolder, tmp_path: Path
) -> None:
    out = tmp_path / "several"
    began = time.monotonic()
    status = started("several", folder, out, "--broken", "2").wait(180)
    first, seconds = said(out), time.monotonic() - began
    told = [line for line in first.splitlines() if line.startswith("o2recon: ")]
    print(f"\nstatus {status} after {seconds:.0f} s: {told}")
    assert status == 1 and len(told) == 1 and "Traceback" not in first, first[-4000:]
    assert "states: ['ok', 'failed']" in first and "does not answer any more" in first
    assert "2 (ball): the GPU failed (" in told[0] and "device-side assert" in told[0] and "3 (" not in told[0]
    assert not (out / "3").exists()
    saved = read_checkpoint(out / "2" / LAST)["o2recon"]["step"]
    assert saved > 0
    again = started("several", folder, out).wait(180)
    second = said(out)[len(first) :]
    assert again == 0 and "states: ['ok', 'ok', 'ok']" in second, second[-4000:]
    assert f"training continues from step {saved} of 40" in second

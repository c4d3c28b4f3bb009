"""One object trained by one process and by several: milliseconds a step, seconds, accuracy, side by side.

usage: python ddp.py OUT.csv TRUTH OBJECT [--only CASE,...] [--processes 1,2] [--seconds S] [--override KEY=VALUE]...

TRUTH: folder of scenes with `groundtruth/`. OBJECT: a prepared object's folder. Before everything else the averaged
gradients of one step are compared with those of one process. OUT.csv gets a row per training, and the table is printed
again after each. A case's rays are those of a step in total (strong scaling); cases that differ only in rays show weak
scaling. `train_s` is from reading the views to the last checkpoint, with the start of the processes; `ms_per_step` is
the median over blocks of steps. No training begins after `S` seconds.
"""

import argparse
import csv
import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from o2recon.cli.build import build
from o2recon.train import Ddp, Reconstruction, build_field
from o2recon.train.ddp import Join
from o2recon.train.peers import Peers
from o2recon.workspace import ObjectFolder

sys.path.insert(0, str(Path(__file__).parents[1] / "speed"))
from accuracy import DEVICE, Accuracy


def fast(rays: int, steps: int) -> list[str]:
    """`fast` with so many rays a step, and points in proportion."""
    points = f"{{num_uniform: {rays // 2}, num_surface: {rays}, num_carved: {rays // 2}}}"
    return ["experiment=fast", f"data.num_rays={rays}", f"data.points={points}", f"train.num_steps={steps}"]


def paper(rays: int, steps: int) -> list[str]:
    """The paper's networks; of its schedule only a fifth is the coarse stage here, the rest both fields."""
    schedule = ["train.stages.coarse_share=0.2", f"train.num_steps={steps}", "train.log_every=10"]
    return ["experiment=o2recon", f"data.num_rays={rays}", "train.steps_per_block=10", *schedule]


CASES = {
    "fast_32768": (fast(32768, 600), (0,)),
    "fast_4096": (fast(4096, 2000), (0, 1)),
    "paper_4096": (paper(4096, 100), (0,)),
    "fast_65536": (fast(65536, 300), (0,)),
    "fast_16384": (fast(16384, 600), (0,)),
    "paper_512": (paper(512, 300), (0,)),
    "fast_131072": (fast(131072, 150), (0,)),
}
"""Overrides and seeds; a second seed says how much trainings differ anyhow."""
SCORED = ("fast_4096", "fast_16384", "fast_32768")
COLUMNS = (
    *("case", "processes", "seed", "device", "steps", "ms_per_step", "speed_up", "train_s", "warm_s", "held_out_cm"),
    *("psnr_db", "loss", "chamfer_cm", "f1", "f2", "hidden_chamfer_cm", "visible_chamfer_cm", "error"),
)


class Clock:
    """When each block of steps ended."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.times: list[tuple[int, float]] = []

    def __call__(self, step: int, values: dict[str, float]) -> None:
        if "train/loss/total" in values:
            self.times.append((step, time.perf_counter() - self.start))

    def ms_per_step(self) -> float | None:
        """Median over the blocks of the second half, when everything is compiled and captured."""
        gaps = [1000 * (t - s) / (b - a) for (a, s), (b, t) in zip(self.times, self.times[1:], strict=False)]
        return statistics.median(gaps[len(gaps) // 2 :]) if gaps else None


def trained(config: DictConfig, folder: ObjectFolder, ddp: Ddp | None, clock: Clock, out: Path) -> Reconstruction:
    plain = OmegaConf.to_container(config.field, resolve=True)
    return build(config.train)(  # type: ignore[no-any-return]
        folder,
        out,
        data=build(config.data),
        field=build_field(plain, seed=config.seed),  # type: ignore[arg-type]
        renderer=build(config.render),
        losses=build(config.loss),
        seed=config.seed,
        config={"field": plain},
        resume=False,
        watch=clock,
        ddp=ddp,
    )


def measured(config: DictConfig, folder: ObjectFolder, ddp: Ddp | None, accuracy: Accuracy | None) -> dict[str, Any]:
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        module = trained(config, folder, ddp, clock, Path(scratch))
    seconds = time.perf_counter() - clock.start
    ms = clock.ms_per_step()
    row: dict[str, Any] = {"steps": module.step, "ms_per_step": ms, "train_s": seconds}
    row["warm_s"] = seconds - (ms or 0.0) * module.step / 1000
    row["loss"] = module.block_means["train/loss/total"]
    row["held_out_cm"] = module.validation.get("val/depth_residual_cm")
    row["psnr_db"] = module.validation.get("val/psnr_db")
    return row if accuracy is None else row | accuracy(module.field.to(DEVICE).eval(), resolution=512)


def gradients(config: DictConfig, folder: ObjectFolder, peers: Peers, join: Join) -> list[torch.Tensor]:
    """Of one step, averaged; no noise along the rays."""
    torch.set_float32_matmul_precision("highest")
    data = build(config.data)(folder=folder, seed=0)
    data.setup()
    data.share = peers.share
    data.move_to(peers.device)
    plain, train = OmegaConf.to_container(config.field, resolve=True), build(config.train)
    module = Reconstruction(
        field=build_field(plain, seed=0).to(peers.device),  # type: ignore[arg-type]
        renderer=build(config.render),
        losses=build(config.loss),
        optimizer=train.optimizer,
        stages=train.stages,
        search=train.search,
        num_steps=1,
        seed=0,
        scale=1.0,
        graph=False,
        config=None,
        peers=peers,
    ).to(peers.device)
    module.generator = torch.Generator(peers.device).manual_seed(0)
    module.noise = None  # type: ignore[assignment]
    with join():
        module.losses(data.draw(module.generator))["total"].backward()
        found = [p.grad for p in module.field.parameters() if p.grad is not None]
        peers.average(found)
    return found


def compare_gradients(folder: ObjectFolder, ddp: Ddp) -> None:
    config = composed([*fast(4096, 10), "render.num_eikonal_samples=0"])
    device = torch.device(DEVICE, 0) if DEVICE == "cuda" else torch.device("cpu")
    alone = gradients(config, folder, Peers(device), nullcontext)
    with ddp.processes(device, partial(gradients, config, folder)) as (peers, join):
        together = gradients(config, folder, peers, join)
    off = [float((a - b).norm() / a.norm()) for a, b in zip(alone, together, strict=True) if a.abs().max() > 0]
    print(f"gradients of {peers.size} processes ({peers.backend}) differ from one's by {max(off):.1e} of their length")


def composed(overrides: list[str]) -> DictConfig:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        return compose("config", overrides=["stage=train", f"device={DEVICE}", "semantic=none", *overrides])


def shown(rows: list[dict[str, Any]]) -> None:
    names = [name for name in COLUMNS if name not in ("device", "f1", "visible_chamfer_cm")]
    cells = [names] + [
        [f"{v:.4g}" if isinstance(v := row.get(name), float) else "" if v is None else str(v) for name in names]
        for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    print("\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("out", "truth", "object"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(CASES))
    parser.add_argument("--processes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--override", action="append", default=[], help="for every case, last")
    return parser.parse_args()


def main() -> None:
    given, began, rows = options(), time.perf_counter(), []
    folder = ObjectFolder(given.object)
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    several = max(given.processes)
    if several > 1:
        compare_gradients(folder, Ddp(devices=several, backend="auto", timeout_s=300))
    for case in given.only:
        overrides, seeds = CASES[case]
        accuracy = Accuracy(folder, given.truth) if case in SCORED else None
        for processes, seed in [(n, seed) for seed in seeds for n in given.processes]:
            if time.perf_counter() - began > given.seconds:
                break
            config = composed([*overrides, f"seed={seed}", *given.override])
            ddp = None if processes == 1 else Ddp(devices=processes, backend="auto", timeout_s=300)
            row = {"case": case, "processes": processes, "seed": seed, "device": device}
            try:
                row |= measured(config, folder, ddp, accuracy)
            except Exception as error:  # the next training may do
                row["error"] = repr(error)[:120]
            one = next((r.get("ms_per_step") for r in rows if r["case"] == case and r["processes"] == 1), None)
            if one and row.get("ms_per_step"):
                row["speed_up"] = one / row["ms_per_step"]  # type: ignore[operator]
            rows.append(row)
            print(f"== {time.perf_counter() - began:.0f} s")
            shown(rows)
            with open(given.out, "w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
                writer.writeheader()
                writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in r.items()} for r in rows)


if __name__ == "__main__":
    main()

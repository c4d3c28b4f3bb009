"""Training of prepared objects inside the Trainer: seconds, step time, memory, accuracy, and accuracy over seconds.

usage: python train.py VARIANTS.yaml OUT TRUTH OBJECT... [--only NAME,...] [--seeds 0,1] [--at 0,100,...]
                       [--seconds S]

VARIANTS: name -> list of overrides (`experiment=fast`, ...). TRUTH: folder of scenes with `groundtruth/`. OBJECT: a
prepared object's folder. OUT/runs.csv gets a row per run, OUT/curves.csv one per step of `--at` (in steps of a training
of 2000; others in proportion). Seconds there are those of training: the clock stands while accuracy is measured. A few
steps of the first variant are trained beforehand, so that kernels are compiled. No run begins after `S` seconds.
"""

import argparse
import csv
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from accuracy import DEVICE, Accuracy, field_mesh
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf
from torch import nn

from o2recon.cli.build import build
from o2recon.train import Reconstruction, Stages, build_field
from o2recon.workspace import ObjectFolder

ACCURACY = ("chamfer_cm", "f1", "f2", "hidden_chamfer_cm", "hidden_f1", "hidden_f2", "visible_chamfer_cm")
OBSERVED = ("completeness_cm", "recall1", "recall2")
"""Of an observed point set instead of a closed mesh."""
KEYS = ("scene", "object", "variant", "seed")
RUN = (
    *(*KEYS, "device", "steps", "train_s", "first_step_s", "ms_per_step", "memory_gb", "mesh512_s", "held_out_cm"),
    *("within_2cm", "psnr_db", *ACCURACY, *OBSERVED, "error"),
)
CURVE = (*KEYS, "step", "seconds", *ACCURACY, *OBSERVED)


class Clocked:
    """Stands in for the stages of a training, whose calls tell the time. It stands while accuracy is measured, before
    the steps `at`."""

    def __init__(self, stages: Stages, accuracy: Accuracy | None, at: set[int], block: int) -> None:
        self.stages, self.accuracy, self.at, self.block = stages, accuracy, at, block
        self.start, self.stood, self.memory = time.perf_counter(), 0.0, 0
        self.times: dict[int, float] = {}
        """Seconds of training at the first step of each block."""
        self.curve: list[dict[str, Any]] = []

    def apply(self, field: nn.Module, step: int, num_steps: int) -> None:
        if step % self.block == 0:
            self.times[step] = self.seconds()
            if step in self.at:
                self.measure(field, step)
        self.stages.apply(field, step, num_steps)

    def seconds(self) -> float:
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - self.start - self.stood

    def measure(self, field: nn.Module, step: int, *, resolution: int = 256) -> dict[str, float]:
        seconds, found = self.seconds(), {}
        before = time.perf_counter()
        if DEVICE == "cuda":
            self.memory = max(self.memory, torch.cuda.max_memory_allocated())
        if self.accuracy is not None:
            found = self.accuracy(field, resolution=resolution)
            self.curve.append({"step": step, "seconds": seconds, **found})
        if DEVICE == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self.stood += time.perf_counter() - before
        return found

    def ms_per_step(self) -> float | None:
        gaps = [(self.times[b] - self.times[a]) / (b - a) for a, b in pairwise(sorted(self.times))]
        return 1000 * sorted(gaps)[len(gaps) // 2] if gaps else None


def fit(config: DictConfig, folder: ObjectFolder, clock: Clocked, out: Path) -> Reconstruction:
    """Train as `o2recon train` does, from reading the views to the last checkpoint."""
    trainer = build(config.train)
    clock.stages, trainer.stages, clock.block = trainer.stages, clock, trainer.steps_per_block
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    clock.start = time.perf_counter()
    plain = OmegaConf.to_container(config.field, resolve=True)
    parts = {"renderer": build(config.render), "losses": build(config.loss), "config": {"field": plain}}
    field = build_field(plain, seed=config.seed)  # type: ignore[arg-type]
    data = build(config.data)
    return trainer(folder, out, data=data, field=field, seed=config.seed, resume=False, **parts)  # type: ignore[no-any-return]


def run(config: DictConfig, folder: ObjectFolder, truths: Path, at: list[int], out: Path) -> tuple[dict, list[dict]]:
    """One training; its row of runs.csv and those of curves.csv."""
    accuracy, total = Accuracy(folder, truths), config.train.num_steps
    block = config.train.steps_per_block
    steps = {round(step / 2000 * total / block) * block for step in at if step < 2000}
    clock = Clocked(None, accuracy, steps, block)  # type: ignore[arg-type]
    module = fit(config, folder, clock, out)
    row: dict[str, Any] = {"steps": module.step, "train_s": clock.seconds(), "first_step_s": clock.times.get(0)}
    row |= {"ms_per_step": clock.ms_per_step()}
    names = {"depth_residual_cm": "held_out_cm", "depth_within_2cm": "within_2cm", "psnr_db": "psnr_db"}
    row |= {name: module.validation.get(f"val/{key}") for key, name in names.items()}
    field = module.field.to(DEVICE).eval()
    last = clock.measure(field, module.step, resolution=512)
    clock.curve[-1]["seconds"] = row["train_s"]
    last["mesh512_s"] = last.pop("mesh_s", float("nan"))
    return row | last | {"memory_gb": clock.memory / 1e9}, clock.curve


def compile_kernels(config: DictConfig, folder: ObjectFolder, out: Path) -> None:
    few: dict[str, Any] = {"num_steps": 3 * config.train.steps_per_block}
    if config.train.warm_start is not None:
        few["warm_start"] = {"num_coarse_steps": 3, "num_fine_steps": min(config.train.warm_start.num_fine_steps, 3)}
    if config.train.stages.coarse_share < 1:
        few["stages"] = {"coarse_share": 0.0, "fade_share": 0.0}
    module = fit(OmegaConf.merge(config, {"train": few}), folder, Clocked(None, None, set(), 1), out)  # type: ignore[arg-type]
    field_mesh(module.field.to(DEVICE).eval(), folder.read_record().frame, 64)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("variants", "out", "truth"):
        parser.add_argument(name, type=Path)
    parser.add_argument("objects", type=Path, nargs="+")
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--seeds", type=lambda text: [int(x) for x in text.split(",")], default=[0])
    parser.add_argument("--at", type=lambda text: [int(x) for x in text.split(",") if x])
    parser.set_defaults(at=[0, 100, 200, 300, 500, 700, 1000, 1500])
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--override", action="append", default=[], help="for every variant, last")
    return parser.parse_args()


def append(path: Path, columns: tuple[str, ...], rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        if is_new:
            writer.writeheader()
        writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def main() -> None:
    given = options()
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    variants = yaml.safe_load(given.variants.read_text())
    began, is_compiled = time.perf_counter(), DEVICE == "cpu"
    for name in given.only or variants:
        for seed in given.seeds:
            overrides = ["stage=train", f"device={DEVICE}", f"seed={seed}", *(variants[name] or []), *given.override]
            with initialize_config_module("o2recon.conf", version_base="1.3"):
                config = compose("config", overrides=overrides)
            for path in given.objects:
                if time.perf_counter() - began > given.seconds:
                    return
                folder = ObjectFolder(path)
                record = folder.read_record()
                keys = {"scene": record.scene, "object": record.object, "variant": name, "seed": seed}
                row: dict[str, Any] = {}
                curve: list[dict] = []
                try:
                    with tempfile.TemporaryDirectory() as scratch:
                        if not is_compiled:
                            compile_kernels(config, folder, Path(scratch) / "first")
                            is_compiled = True
                        row, curve = run(config, folder, given.truth, given.at, Path(scratch) / "run")
                except Exception as error:  # the next run may do
                    row["error"] = repr(error)[:300]
                append(given.out / "runs.csv", RUN, [{**keys, "device": device, **row}])
                append(given.out / "curves.csv", CURVE, [{**keys, **point} for point in curve])
                print({**keys, **row}, flush=True)


if __name__ == "__main__":
    main()

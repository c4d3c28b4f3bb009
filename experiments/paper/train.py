"""The paper's field, rendering, losses and schedule beside `fast`, on the same prepared objects.

usage: python train.py OUT TRUTH OBJECT... [--variants VARIANTS.yaml] [--only NAME,...] [--seed N] [--stop STEP]

TRUTH: folder of scenes with `groundtruth/`. OBJECT: a prepared object's folder. OUT/curves.csv gets a row per object,
variant and step at which the field is measured: seconds of training (the clock stands meanwhile), milliseconds a step
since the row before, distances to the truth. Rows are there as soon as they are measured. `--stop`: the paper's
variants end at this step of the schedule of the whole training; 20010 is the end of its first stage.
"""

import argparse
import csv
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf
from torch import nn

from o2recon.cli.build import build
from o2recon.train import Reconstruction, Stages, build_field
from o2recon.workspace import ObjectFolder

sys.path.insert(0, str(Path(__file__).parents[1] / "speed"))
from accuracy import DEVICE, Accuracy

ACCURACY = ("chamfer_cm", "f1", "f2", "hidden_chamfer_cm", "hidden_f1", "hidden_f2", "visible_chamfer_cm")
COLUMNS = (
    *("scene", "object", "variant", "seed", "device", "step", "seconds", "ms_per_step", "memory_gb", *ACCURACY),
    *("held_out_cm", "psnr_db", "inv_s"),
)


HELD_OUT = {"held_out_cm": "depth_residual_cm", "psnr_db": "psnr_db"}


class Stopped(Exception):
    """The training got as far as it was asked to."""


class Watch:
    """Stands in for the stages of a training, whose calls tell how far it is; measures the field before steps `at`, and
    hands each row to `tell`."""

    def __init__(
        self, stages: Stages, accuracy: Accuracy, at: Sequence[int], stop: int | None, tell: Callable[[dict], None]
    ) -> None:
        self.stages, self.accuracy, self.at, self.stop, self.tell = stages, accuracy, set(at), stop, tell
        self.first: tuple[int, float] | None = None
        """Step and second from which the next row's time a step counts."""
        self.start = time.perf_counter()
        self.stood = 0.0

    def apply(self, field: nn.Module, step: int, num_steps: int) -> None:
        if step in self.at:
            self.measure(field, step)
        if step == self.stop:
            raise Stopped
        if self.first is None and step >= 1:  # the first steps compile and capture
            self.first = (step, self.seconds())
        self.stages.apply(field, step, num_steps)

    def seconds(self) -> float:
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - self.start - self.stood

    @torch.no_grad()
    def measure(self, field: nn.Module, step: int, **more: Any) -> None:
        seconds, before = self.seconds(), time.perf_counter()
        row: dict[str, Any] = {"step": step, "seconds": seconds, "inv_s": float(field.inv_s), **more}  # type: ignore[operator, arg-type]
        if self.first is not None:
            row["ms_per_step"] = 1000 * (seconds - self.first[1]) / (step - self.first[0])
        if DEVICE == "cuda":
            row["memory_gb"] = torch.cuda.max_memory_allocated() / 1e9
        row |= self.accuracy(field, resolution=512 if DEVICE == "cuda" else 96)
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        self.stood += time.perf_counter() - before
        self.first = (step, seconds)
        print(row, flush=True)
        self.tell(row)


def train(
    config: DictConfig,
    folder: ObjectFolder,
    truths: Path,
    at: list[int],
    stop: int | None,
    tell: Callable[[dict], None],
) -> None:
    """As `o2recon train` does, without the semantic loss; `tell` gets the rows of the steps that are measured."""
    fit, accuracy = build(config.train), Accuracy(folder, truths)
    block = fit.steps_per_block
    kept = [round(step / block) * block for step in at]
    watch = Watch(fit.stages, accuracy, [*kept, *([stop] if stop else [])], stop, tell)
    fit.stages = watch
    plain = OmegaConf.to_container(config.field, resolve=True)
    field = build_field(plain, seed=config.seed)  # type: ignore[arg-type]
    parts = {"renderer": build(config.render), "losses": build(config.loss), "config": {"field": plain}}
    with tempfile.TemporaryDirectory() as out:
        try:
            module: Reconstruction = fit(
                folder, Path(out), data=build(config.data), field=field, seed=config.seed, resume=False, **parts
            )
        except Stopped:
            return
    found = {key: module.validation.get(f"val/{name}") for key, name in HELD_OUT.items()}
    watch.measure(module.field.to(DEVICE).eval(), module.step, **found)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("objects", type=Path, nargs="+")
    parser.add_argument("--variants", type=Path, default=Path(__file__).parent / "variants.yaml")
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stop", type=int)
    parser.add_argument("--override", action="append", default=[], help="for every variant, last")
    return parser.parse_args()


def main() -> None:
    given = options()
    variants = yaml.safe_load(given.variants.read_text())
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    given.out.mkdir(parents=True, exist_ok=True)
    for path in given.objects:
        folder = ObjectFolder(path)
        record = folder.read_record()
        for name in given.only or variants:
            overrides = [*variants[name]["overrides"], *given.override]
            with initialize_config_module("o2recon.conf", version_base="1.3"):
                config = compose("config", ["stage=train", f"device={DEVICE}", f"seed={given.seed}", *overrides])
            stop = given.stop if name != "fast" else None
            about = {"scene": record.scene, "object": record.object, "variant": name, "seed": given.seed}
            tell = functools.partial(_append, given.out / "curves.csv", {**about, "device": device})
            train(config, folder, given.truth, variants[name]["at"], stop, tell)


def _append(path: Path, about: dict[str, Any], row: dict[str, Any]) -> None:
    is_new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        if is_new:
            writer.writeheader()
        content = {**about, **row}
        writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in content.items()})


if __name__ == "__main__":
    main()

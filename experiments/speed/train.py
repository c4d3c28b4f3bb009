"""Training of prepared objects inside the Trainer: seconds, step time against the bare graph, distance to truth.

usage: python train.py VARIANTS OUT OBJECT...

VARIANTS: a YAML file, name -> list of overrides (`experiment=fast`, ...). OBJECT: a prepared object's folder; where it
holds `truth.npz` (points, seen), the field's surface is compared with it. Every field is kept in OUT, and one line of
JSON per object and variant in OUT/results.jsonl.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import peaks
import torch
import yaml
from hydra import compose, initialize_config_module
from torch import Tensor

from o2recon.cli.build import build
from o2recon.data import ObjectData
from o2recon.train import Reconstruction, build_field
from o2recon.transforms import world_to_object
from o2recon.workspace import ObjectFolder

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def surface(field: torch.nn.Module, half_extents: Tensor, count: int = 200_000) -> Tensor:
    """Points spread evenly over the field's zero level, object frame: those of a grid near it, moved onto it."""
    n = 320
    axes = [torch.linspace(-float(h), float(h), int(n * float(h / half_extents.max()))) * 1.02 for h in half_extents]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    step = 2 * float(half_extents.max()) / n
    kept = []
    for part in grid.split(2**20):
        part = part.to(DEVICE)
        kept.append(part[field.sdf(part).abs() < step])
    points = torch.cat(kept)
    points = points[torch.randperm(len(points), device=points.device)[:count]]
    for _ in range(4):
        out = field.sdf_and_gradient(points)
        points = points - out.sdf[:, None] * out.gradient / out.gradient.square().sum(-1, keepdim=True).clamp(min=0.1)
    return points[field.sdf(points).abs() < 0.2 * step]


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of every point to its nearest of `others`, and which one that is; right to some 0.3 mm."""
    found = [torch.cdist(part, others).min(-1) for part in points.split(4096)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


@torch.no_grad()
def scores(field: torch.nn.Module, folder: ObjectFolder) -> dict[str, float]:
    """Centimetres and F-scores against the truth, complete and by what was seen."""
    frame = folder.read_record().frame
    truth = np.load(folder.path / "truth.npz")
    seen = torch.from_numpy(truth["seen"]).to(DEVICE)
    points = torch.from_numpy(world_to_object(frame, truth["points"].astype(float)) * frame.scale).float().to(DEVICE)
    found = surface(field, torch.from_numpy(frame.half_extents / frame.scale).float()) * frame.scale
    to_truth, which = nearest(found, points)
    to_field, _ = nearest(points, found)
    result = {}
    for name, of_found, of_truth in (
        ("complete", torch.ones_like(which, dtype=torch.bool), torch.ones_like(seen)),
        ("hidden", ~seen[which], ~seen),
        ("visible", seen[which], seen),
    ):
        accuracy, completeness = to_truth[of_found], to_field[of_truth]
        result[f"{name}_chamfer_cm"] = 50 * float(accuracy.mean() + completeness.mean())
        for cm in (1, 2):
            precision, recall = (
                float((accuracy < cm / 100).float().mean()),
                float((completeness < cm / 100).float().mean()),
            )
            result[f"{name}_f{cm}"] = 2 * precision * recall / max(precision + recall, 1e-9)
    return result


def bare_step(module: Reconstruction) -> list[float]:
    """Milliseconds of a replay, before Lightning takes the field away; the field stays as it was."""
    graph = module.replay.graph
    if graph is None:
        return []
    kept = [parameter.detach().clone() for parameter in module.field.parameters()]
    module.row.zero_()
    time_ms = peaks.event_time(lambda: (module.row.zero_(), graph.replay()))
    with torch.no_grad():
        for parameter, value in zip(module.field.parameters(), kept, strict=True):
            parameter.copy_(value)
    return [time_ms]


def train(folder: ObjectFolder, overrides: list[str], out: Path) -> dict:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=train", f"device={DEVICE}", *overrides])
    bare: list[float] = []
    Reconstruction.on_train_end = lambda module: bare.extend(bare_step(module))  # type: ignore[method-assign]
    start = time.perf_counter()
    field = build_field(build_plain(config.field), seed=config.seed)
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    module: Reconstruction = build(config.train)(
        folder,
        out,
        data=cached(config),
        field=field,
        renderer=build(config.render),
        losses=build(config.loss),
        seed=config.seed,
        config={"field": build_plain(config.field)},
        resume=False,
    )
    result = {"train_s": time.perf_counter() - start, "steps": module.step, **module.validation}
    result["inv_s"] = module.block_means["train/inv_s"]
    if DEVICE == "cuda":
        result["memory_gb"] = torch.cuda.max_memory_allocated() / 1e9
    rows = [line.split(",") for line in (out / "metrics.csv").read_text().splitlines()[1:]]
    times = {int(row[0]): float(row[1]) for row in reversed(rows)}
    steps = sorted(times)
    gaps = [1000 * (times[b] - times[a]) / (b - a) for a, b in pairwise(steps)]
    result["loop_s"] = times[steps[-1]]
    result["trainer_ms"] = float(np.median(gaps)) if gaps else None
    if bare:
        result["bare_ms"] = bare[0]
    field.to(DEVICE).eval()
    if (folder.path / "truth.npz").is_file():
        result |= scores(field, folder)
    torch.save(field.state_dict(), out / "field.pt")
    return result


READ: dict[str, ObjectData] = {}


def cached(config) -> Callable[..., ObjectData]:  # type: ignore[no-untyped-def]
    """The data are read once per process: `train_s` of later variants is without the reading."""

    def data(folder: ObjectFolder, seed: int) -> ObjectData:
        key = f"{folder.path} {seed} {build_plain(config.data)}"
        READ.setdefault(key, build(config.data)(folder=folder, seed=seed))
        return READ[key]

    return data


def build_plain(config) -> dict:  # type: ignore[no-untyped-def]
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


def main() -> None:
    variants = yaml.safe_load(Path(sys.argv[1]).read_text())
    out = Path(sys.argv[2])
    for name, overrides in variants.items():
        for path in map(Path, sys.argv[3:]):
            folder = out / f"{name}__{path.name}"
            folder.mkdir(parents=True, exist_ok=True)
            try:
                result = train(ObjectFolder(path), overrides or [], folder)
            except Exception as error:  # the next variant may do
                if len(sys.argv) == 4:
                    raise
                result = {"error": repr(error)[:500]}
            line = {"variant": name, "object": path.name, **{k: _short(v) for k, v in result.items()}}
            print(json.dumps(line), flush=True)
            with open(out / "results.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")


def _short(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()

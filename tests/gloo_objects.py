"""Objects with random samples, and a process that scores some of them: importable by a spawned child."""

import json
from pathlib import Path

import torch

from o2recon.evaluate.accumulators import SurfaceDistances

THRESHOLDS = (1, 2.5, 5)


def objects() -> list[tuple[torch.Tensor, torch.Tensor, int]]:
    """Five objects, the second of which failed: prediction, truth, number of predicted points."""
    generator = torch.Generator().manual_seed(0)
    every = []
    for n in range(5):
        prediction, truth = (0.1 * torch.rand(1, count, 3, generator=generator) for count in (40, 30 + n))
        every.append((prediction, truth, 0 if n == 1 else 40 - n))
    return every


def fill(numbers: list[int]) -> SurfaceDistances:
    metric, every = SurfaceDistances(thresholds_cm=THRESHOLDS), objects()
    for n in numbers:
        prediction, truth, count = every[n]
        metric.update(prediction, truth, prediction_counts=torch.tensor([count]))
    return metric


def report(rank: int, folder: str, cases: list[list[list[int]]]) -> None:
    """One process of several: sees its share of the objects of every case, writes what `compute` says there."""
    store = (Path(folder) / "store").as_uri()
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=len(cases[0]))
    told = [{key: float(value) for key, value in fill(shares[rank]).compute().items()} for shares in cases]
    (Path(folder) / f"{rank}.json").write_text(json.dumps(told))
    torch.distributed.destroy_process_group()

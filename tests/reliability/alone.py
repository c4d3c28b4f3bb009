"""Objects that are trained in a process of their own, which tests kill, or whose device they break.

usage: python alone.py train FOLDER OUT [--device D] [--seed N] [--steps N]     one training, continued when it can be
       python alone.py several FOLDER OUT [--device D] [--broken N]             three objects, as `run` takes them

FOLDER: a prepared object (`sphere_scene`). `several` ends like a command: with one line and status 1 when some object
failed. In its object `--broken` a kernel reads beside its table at step 20 of 40, which ends a GPU's context.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sphere_training import fit_of, losses, train

from o2recon.cli import run as running
from o2recon.cli.chain import Chain, Outcome
from o2recon.cli.errors import one_line
from o2recon.cli.selection import Wanted
from o2recon.scene import Kept
from o2recon.train import Reconstruction
from o2recon.workspace import ObjectFolder

CHECKPOINT_EVERY = 40
BROKEN_AT, NUM_STEPS = 20, 40


class Broken:
    """A loss of 0 that reads beside its table from its call number `first` on, also when a CUDA graph replays it."""

    def __init__(self, first: int, device: str) -> None:
        self.first, self.calls = first, torch.zeros((), dtype=torch.long, device=device)
        self.table = torch.zeros(4, device=device)

    def __call__(self, output: Any, rays: Any, points: Any) -> torch.Tensor:
        self.calls += 1
        row = torch.where(self.calls > self.first, 10**6, 0)
        return output.sdf.mean() * 0 + self.table[row[None]].sum()


def one_training(folder: Path, out: Path, *, device: str, seed: int, steps: int) -> Reconstruction:
    fit = fit_of(steps, warm=20, device=device)
    fit.checkpoint_every = fit.validate_every = CHECKPOINT_EVERY
    return train(ObjectFolder(folder), out, fit, seed=seed)


class Balls(Chain):
    """Stands for the chain: every object is the ball in `folder`; that of number `broken` breaks its device."""

    def __init__(self, folder: Path, out: Path, device: str, broken: int | None) -> None:
        self.folder, self.out, self.device, self.broken = ObjectFolder(folder), out, device, broken

    def __call__(self, kept: Kept, *, one: bool) -> Outcome:
        out = self.out / str(kept.id)
        terms: dict[str, Any] = losses()
        if kept.id == self.broken:
            terms["broken"] = {"weight": 1.0, "loss": Broken(BROKEN_AT, self.device)}
        try:
            module = train(self.folder, out, fit_of(NUM_STEPS, warm=4, device=self.device), losses=terms)
        except Exception as error:
            return Outcome(kept, "failed", {"status": "failed", "error": one_line(error)}, out)
        return Outcome(kept, "ok", {"status": "ok", "steps": module.step}, out)


def several(chain: Callable[..., Outcome], device: str) -> int:
    """Exit status; says what became of each object, as the command does."""
    asked = Wanted(tuple(Kept(number, "ball", (), ()) for number in (1, 2, 3)), one=False)
    outcomes = running._one_after_the_other(chain, asked, device)  # type: ignore[arg-type]
    print(f"states: {[outcome.state for outcome in outcomes]}", flush=True)
    if any(outcome.failed for outcome in outcomes):
        print(f"o2recon: {running._failures(outcomes)}", file=sys.stderr, flush=True)
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "several"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--broken", type=int)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    if given.what == "several":
        return several(Balls(given.folder, given.out, given.device, given.broken), given.device)
    one_training(given.folder, given.out, device=given.device, seed=given.seed, steps=given.steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What processes do that train one object together in tests: importable by a spawned child."""

import os
import signal
from pathlib import Path
from typing import Any

import torch
from sphere_scene import point_options, ray_options
from sphere_training import FIELD, fit_of, losses

from o2recon.data import ObjectData, RayBuilder
from o2recon.losses import NormalLoss, PriorLoss, ResidualLoss, SurfaceAreaLoss
from o2recon.render import Renderer
from o2recon.train import Reconstruction, build_field
from o2recon.train.ddp import Join
from o2recon.train.peers import Peers
from o2recon.workspace import ObjectFolder


def prepared(folder: Path, share: slice) -> ObjectData:
    data = ObjectData(
        folder=ObjectFolder(folder),
        rays=RayBuilder(**ray_options()),
        shares={"visible": 0.5, "hidden": 0.1, "background": 0.2, "boundary": 0.2},
        one_view=False,
        num_rays=129,  # does not divide by two
        points=point_options(),
        num_val_rays=400,
        val_chunk=200,
        hull_margin=None,
        seed=0,
    )
    data.setup()
    data.share = share
    return data


def module_of(peers: Peers) -> Reconstruction:
    fit = fit_of(8)
    every = losses() | {
        "normal": {"weight": 0.1, "loss": NormalLoss()},
        "prior": {"weight": 20.0, "loss": PriorLoss(truncation=0.1)},
        "surface_area": {"weight": 0.01, "loss": SurfaceAreaLoss(width=0.02)},
        "residual": {"weight": 0.05, "loss": ResidualLoss()},
    }
    renderer = Renderer(
        num_free_samples=4,
        num_band_samples=8,
        num_importance_samples=6,
        num_importance_rounds=1,
        num_gradient_sections=2,
        num_eikonal_samples=0,
        band_sigmas=3.0,
        min_band=0.06,
        min_opacity=0.01,
    )
    return Reconstruction(
        field=build_field(FIELD, seed=0),
        renderer=renderer,
        losses=every,
        optimizer=fit.optimizer,
        stages=fit.stages,
        search=fit.search,
        num_steps=8,
        seed=0,
        scale=1.0,
        graph=False,
        config=None,
        peers=peers,
    )


def gradients(folder: Path, peers: Peers, *, together: bool = True) -> list[torch.Tensor]:
    """Of step 0 without noise along the rays. Not `together`: every process divides by its own weights."""
    module = module_of(peers if together else Peers(peers.device))
    data = prepared(folder, peers.share)
    module.noise = None  # type: ignore[assignment]
    module.generator = torch.Generator().manual_seed(0)
    module.losses(data.draw(module.generator))["total"].backward()
    found = [p.grad for p in module.field.parameters() if p.grad is not None]
    peers.average(found)
    return found


def both_gradients(folder: Path, peers: Peers, join: Join) -> list[list[torch.Tensor]]:
    with join():
        return [gradients(folder, peers, together=together) for together in (True, False)]


def not_ready(peers: Peers, join: Join) -> None:
    raise MemoryError("no room to begin with")


class FailingSecond:
    """A loss that fails at its `at`-th call in the second process."""

    def __init__(self, *, at: int, how: str) -> None:
        self.at, self.how, self.calls = at, how, 0

    def __call__(self, output: Any, rays: Any, points: Any) -> torch.Tensor:
        self.calls += 1
        if self.calls == self.at and torch.distributed.get_rank() == 1:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise MemoryError("no room for more rays")
        return output.sdf.square().mean()

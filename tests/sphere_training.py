"""Training on the sphere of `sphere_scene`, small enough for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from sphere_scene import point_options, ray_options, sphere_scene

from o2recon.data import ObjectData, RayBuilder
from o2recon.losses import ColorLoss, DepthLoss, EikonalLoss, FreeSpaceLoss, HullLoss, MaskLoss, SdfLoss
from o2recon.render import Renderer
from o2recon.train import Fit, GroupedAdam, Reconstruction, Stages, SurfaceSearch, WarmStart, build_field
from o2recon.workspace import ObjectFolder

GRID = {
    "_target_": "o2recon.field.HashGrid",
    "num_levels": 2,
    "num_features": 2,
    "min_resolution": 4,
    "max_resolution": 16,
    "log2_rows": 13,
    "interpolation": "smooth",
    "initial_scale": 1e-4,
    "backend": "auto",
}
FIELD = {
    "_target_": "o2recon.field.Cascade",
    "coarse_encoding": GRID,
    "fine_encoding": {**GRID, "min_resolution": 16, "max_resolution": 32},
    "num_hidden": 16,
    "num_coarse_layers": 1,
    "num_fine_layers": 1,
    "num_color_layers": 1,
    "num_feature_channels": 3,
    "softplus_beta": 100.0,
    "initial_radius": 0.3,
    "initial_sharpness": 0.3,
}
RATES = {"tables": 1e-2, "networks": 2e-3, "sharpness": 1e-3}


def losses() -> dict[str, Any]:
    return {
        "color": {"weight": 1.0, "loss": ColorLoss()},
        "mask": {"weight": 0.5, "loss": MaskLoss(clip=1e-3)},
        "depth": {"weight": 1.0, "loss": DepthLoss(max_error=0.2)},
        "eikonal": {"weight": 0.1, "loss": EikonalLoss()},
        "sdf": {"weight": 5.0, "loss": SdfLoss(truncation=0.06, truncation_behind=0.015, min_cosine=0.2)},
        "free_space": {"weight": 1.0, "loss": FreeSpaceLoss()},
        "hull": {"weight": 1.0, "loss": HullLoss()},
        "normal": None,
    }


def renderer() -> Renderer:
    return Renderer(
        num_free_samples=4,
        num_band_samples=8,
        num_importance_samples=6,
        num_importance_rounds=1,
        num_gradient_sections=2,
        num_eikonal_samples=1,
        band_sigmas=3.0,
        min_band=0.06,
        min_opacity=0.01,
    )


def fit_of(num_steps: int, *, warm: int = 0, rates: dict[str, float] = RATES, device: str = "cpu") -> Fit:
    warm_start = WarmStart(
        num_coarse_steps=warm,
        num_fine_steps=warm,
        num_near=512,
        num_uniform=256,
        band=0.03,
        truncation=0.1,
        learning_rates=RATES,
    )
    return Fit(
        optimizer=GroupedAdam(
            learning_rates=rates, betas=(0.9, 0.99), epsilon=1e-15, warm_up_steps=3, final_share=0.05
        ),
        stages=Stages(coarse_share=0.25, fade_share=0.25, inv_s_floor=(50.0, 200.0)),
        search=SurfaceSearch(num_steps=12, step_share=0.95, min_step=0.02),
        warm_start=warm_start if warm else None,
        early_stop=None,
        num_steps=num_steps,
        steps_per_block=4,
        log_every=4,
        validate_every=8,
        checkpoint_every=8,
        cuda_graph=True,
        matmul_precision="highest",
        device=device,
    )


def train(
    folder: ObjectFolder, out: Path, fit: Fit, *, seed: int = 0, num_rays: int = 128, **options: Any
) -> Reconstruction:
    data = partial(
        ObjectData,
        rays=RayBuilder(**ray_options()),
        shares={"visible": 0.5, "hidden": 0.1, "background": 0.2, "boundary": 0.2},
        one_view=False,
        num_rays=num_rays,
        points=point_options(),
        num_val_rays=400,
        val_chunk=200,
        hull_margin=None,
    )
    return fit(
        folder,
        out,
        data=data,
        field=build_field(FIELD, seed=seed),
        renderer=renderer(),
        losses=options.pop("losses", losses()),
        seed=seed,
        config={"field": FIELD},
        **options,
    )


def sdf_error_cm(field: torch.nn.Module) -> float:
    """Mean |sdf| on the true sphere, centimetres."""
    scene = sphere_scene()
    directions = torch.nn.functional.normalize(torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    with torch.no_grad():
        return float(field.sdf(directions * scene.radius / scene.frame.scale).abs().mean()) * scene.frame.scale * 100


class Killed(Exception):
    """Stands for the kill signal."""


@contextmanager
def killed_at(killing: int) -> Iterator[None]:
    """A training in here ends so before the block of that step."""
    step = Reconstruction.training_step

    def training_step(self: Reconstruction, block: Any, index: int) -> None:
        if self.step >= killing:
            raise Killed
        step(self, block, index)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Reconstruction, "training_step", training_step)
        yield

"""A wall z = 0.5 seen from z = 1.5 under known angles, rendered perfectly: every term is zero there."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from o2recon.tensors import FieldPoints, RayBatch, RenderOutput

NUM_RAYS = 6


def wall(points: torch.Tensor) -> torch.Tensor:
    """Half-space z < 0.5 is solid."""
    return points[..., 2] - 0.5


@pytest.fixture
def make_rays() -> Callable[..., RayBatch]:
    def build(**changes: torch.Tensor) -> RayBatch:
        tilt = torch.linspace(0, 1, NUM_RAYS)
        directions = functional.normalize(torch.stack([tilt, 0 * tilt, -torch.ones(NUM_RAYS)], -1), dim=-1)
        distance = -1 / directions[:, 2]
        ones = torch.ones(NUM_RAYS)
        values: dict = {
            "origins": torch.tensor([0.0, 0.0, 1.5]).expand(NUM_RAYS, 3),
            "directions": directions,
            "near": 0.2 * ones,
            "far": 2 * ones,
            "color": torch.full((NUM_RAYS, 3), 0.5),
            "normal": torch.tensor([0.0, 0.0, 1.0]).expand(NUM_RAYS, 3),
            "surface_distance": distance,
            "free_distance": distance - 0.05,
            "sigma": 0.01 * ones,
            "opacity": ones,
            "opacity_weight": ones,
            "confidence": ones,
            "view": torch.zeros(NUM_RAYS, dtype=torch.long),
        }
        return RayBatch(**(values | changes))

    return build


@pytest.fixture
def make_output(make_rays: Callable[..., RayBatch]) -> Callable[..., RenderOutput]:
    """The perfect rendering of the wall; `offset` is added to its SDF."""

    def build(*, offset: float | torch.Tensor = 0.0, **changes: torch.Tensor) -> RenderOutput:
        rays = make_rays()
        t = torch.linspace(0.2, 2, 40).expand(NUM_RAYS, 40)
        points = rays.origins[:, None] + t[..., None] * rays.directions[:, None]
        values: dict = {
            "color": rays.color,
            "ray_distance": rays.surface_distance,
            "normal": rays.normal,
            "opacity": torch.ones(NUM_RAYS),
            "t": t,
            "sdf": wall(points) + offset,
            "weights": torch.zeros(NUM_RAYS, 39),
            "gradient": rays.normal,
        }
        return RenderOutput(**(values | changes))

    return build


@pytest.fixture
def make_points() -> Callable[..., FieldPoints]:
    """Points on the column z = -0.9 ... 0.9 and what the true wall says there."""

    def build(**changes: torch.Tensor) -> FieldPoints:
        points = torch.zeros(19, 3)
        points[:, 2] = torch.linspace(-0.9, 0.9, 19)
        values: dict = {
            "points": points,
            "sdf": wall(points),
            "gradient": torch.tensor([0.0, 0.0, 1.0]).expand(19, 3),
            "residual": torch.zeros(19),
            "evidence": torch.zeros(19),
            "prior_sdf": wall(points),
            "hull_distance": (points[:, 2] - 0.6).clamp(min=0),
        }
        return FieldPoints(**(values | changes))

    return build

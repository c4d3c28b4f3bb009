"""Fields given by formulas, and rays towards them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from o2recon.tensors import FieldOutput, RayBatch


@dataclass(frozen=True)
class FormulaField:
    """A closed-form SDF; colour is the normal mapped to [0, 1]."""

    formula: Callable[[Tensor], Tensor]
    inv_s: Tensor

    def sdf(self, points: Tensor) -> Tensor:
        return self.formula(points)

    def sdf_and_gradient(self, points: Tensor, *, gradient: bool = True) -> FieldOutput:
        with torch.enable_grad():
            moving = points.detach().requires_grad_()
            sdf = self.formula(moving)
            (slope,) = torch.autograd.grad(sdf.sum(), moving)
        zeros = torch.zeros_like(sdf)
        return FieldOutput(sdf=sdf.detach(), gradient=slope, feature=zeros[:, None], residual=zeros)

    def color(self, points: Tensor, directions: Tensor | None, gradient: Tensor, feature: Tensor) -> Tensor:
        return 0.5 + 0.5 * functional.normalize(gradient, dim=-1)


def sphere(points: Tensor) -> Tensor:
    return points.norm(dim=-1) - 0.5


def box(points: Tensor) -> Tensor:
    """Exact SDF of the box with half extents (0.5, 0.3, 0.4)."""
    apart = points.abs() - torch.tensor([0.5, 0.3, 0.4])
    return apart.clamp(min=0).norm(dim=-1) + apart.amax(-1).clamp(max=0)


@pytest.fixture
def make_field() -> Callable[[Callable[[Tensor], Tensor]], FormulaField]:
    """A field of the given SDF."""
    return lambda formula: FormulaField(formula, torch.tensor(2000.0))


@pytest.fixture
def sphere_field() -> FormulaField:
    return FormulaField(sphere, torch.tensor(2000.0))


@pytest.fixture
def box_field() -> FormulaField:
    return FormulaField(box, torch.tensor(2000.0))


@pytest.fixture
def make_rays() -> Callable[..., RayBatch]:
    """Rays from a sphere of radius 2 towards random points within `spread` of the centre; nothing known about them."""

    def build(num_rays: int = 200, *, spread: float = 0.25, **known: Tensor) -> RayBatch:
        generator = torch.Generator().manual_seed(3)
        origins = 2 * functional.normalize(torch.randn(num_rays, 3, generator=generator), dim=-1)
        targets = spread * (2 * torch.rand(num_rays, 3, generator=generator) - 1)
        zeros, ones, zeros3 = torch.zeros(num_rays), torch.ones(num_rays), torch.zeros(num_rays, 3)
        values: dict = {
            "origins": origins,
            "directions": functional.normalize(targets - origins, dim=-1),
            "near": ones,
            "far": 3 * ones,
            "color": zeros3,
            "normal": zeros3,
            "surface_distance": zeros,
            "free_distance": zeros,
            "sigma": 0.005 * ones,
            "opacity": zeros,
            "opacity_weight": zeros,
            "confidence": zeros,
            "view": torch.zeros(num_rays, dtype=torch.long),
        }
        return RayBatch(**(values | known))

    return build

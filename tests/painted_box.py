"""A painted box, known in closed form, and rays of eight views of it."""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.data import RayTable, Role, box_interval
from o2recon.data.table import PARTS, concatenated
from o2recon.tensors import FieldOutput
from o2recon.train import PoseRefinement
from o2recon.train.alignment import rotations

HALF = torch.tensor([0.5, 0.4, 0.3])
SCALE = 0.5
"""Metres per object unit."""
SIZE = 36
"""Pixels of a view, each way."""


class PaintedBox(torch.nn.Module):
    """A box whose faces are painted with waves."""

    def sdf(self, points: Tensor) -> Tensor:
        q = points.abs() - HALF
        return q.clamp(min=0).norm(dim=-1) + q.amax(-1).clamp(max=0)

    def sdf_and_gradient(self, points: Tensor) -> FieldOutput:
        steps = 1e-3 * torch.eye(3)
        slopes = [(self.sdf(points + s) - self.sdf(points - s)) / 2e-3 for s in steps]
        nothing = torch.zeros(len(points))
        return FieldOutput(self.sdf(points), torch.stack(slopes, -1), nothing[:, None], nothing)

    def color(self, points: Tensor, directions: Tensor, gradient: Tensor, feature: Tensor) -> Tensor:
        return 0.5 + 0.4 * torch.sin(14 * points + torch.tensor([0.0, 1.0, 2.0]))


def looking_in(eye: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    forward = -eye / np.linalg.norm(eye)
    right = np.cross(forward, [0.1, 0.2, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], 1)


def seen_from(eye: np.ndarray, width: float, noise: float, seed: int) -> RayTable:
    """Rays of one view that spans `width` object units at the centre; depth with `noise` (object units)."""
    steps = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    right, down = np.meshgrid(steps, steps)
    rays = np.stack([width * right, width * down, np.full_like(right, np.linalg.norm(eye))], -1).reshape(-1, 3)
    directions = torch.from_numpy(rays @ looking_in(eye).T / np.linalg.norm(rays, axis=1, keepdims=True)).float()
    origin = torch.from_numpy(eye[None]).float()
    near, far = box_interval(origin.expand_as(directions), directions, HALF)
    hit = far > near
    edge = torch.from_numpy(np.abs(np.gradient(hit.reshape(SIZE, SIZE).numpy().astype(float))).sum(0) > 0).flatten()
    count, box = len(directions), PaintedBox()
    points = origin + near[:, None] * directions
    off = noise * torch.randn(count, generator=torch.Generator().manual_seed(seed))
    half = partial(torch.full, (count,), dtype=torch.float16)
    return RayTable(
        view_origins=origin,
        box=HALF * 1.4,
        view=torch.zeros(count, dtype=torch.int16),
        directions=directions,
        color=(255 * box.color(points, *[points] * 3)).round().to(torch.uint8),
        normal=torch.where(hit[:, None], box.sdf_and_gradient(points).gradient, 0).half(),
        surface_distance=torch.where(hit, near + off, 0),
        free_distance=torch.where(hit, near, 9.0),
        sigma=half(0.006),
        opacity_weight=half(1),
        confidence=hit.half(),
        role=torch.where(hit, int(Role.VISIBLE), int(Role.BACKGROUND)).to(torch.uint8),
        boundary=edge,
        start=torch.zeros(count, dtype=torch.uint8),
        end=torch.full((count,), PARTS, dtype=torch.uint8),
    )


@cache
def views(width: float, noise: float, above: bool) -> RayTable:
    """Eight views around the box, or all from above."""
    angles = 2 * np.pi * np.arange(8) / 8
    eyes = [np.array([np.cos(a), np.sin(a), 9.0 if above else 0.8 * (-1) ** n]) for n, a in enumerate(angles)]
    eyes = [2.5 * e / np.linalg.norm(e) for e in eyes]
    return concatenated([seen_from(e, width, noise, n) for n, e in enumerate(eyes)])


def moved_away(table: RayTable, motion: Tensor) -> RayTable:
    copy = replace(table, **{k: getattr(table, k).clone() for k in ("view_origins", "directions", "normal")})
    copy.move_views(rotations(motion[:, :3]), motion[:, 3:])
    return copy


def drift(degrees: float, cm: float) -> Tensor:
    """Of eight views; on the whole they move nowhere."""
    motion = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    motion -= motion.mean(0)
    turn, shift = (part / part.norm(dim=1).max() for part in motion.split(3, 1))
    return torch.cat([np.radians(degrees) * turn, cm / 100 / SCALE * shift], 1)


def rule(**changes: Any) -> PoseRefinement:
    options = {"num_points": 400, "iterations": 12, "absolute": [3.0, 5.0], "largest": [4.0, 6.0]}
    overrides = ("poses=refined", *(f"poses.in_training.{k}={v}" for k, v in (options | changes).items()))
    made = build(composed("run", overrides).poses.in_training)
    assert isinstance(made, PoseRefinement)
    return made

"""Views moved to where a field explains them best: robust damped Gauss-Newton on depth, colour and silhouettes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from o2recon.data import RayTable, Role
from o2recon.tensors import RayBatch

LOOKS = 32
"""Points along a ray among which the one closest to the surface, or deepest below it, is looked for."""
COLOR_STEP = 0.004
"""Object units, to each side, over which the slope of the field's colour is taken."""
LEAST_ERROR = 0.25
"""Standard deviations below which errors are not made to count more."""


@dataclass(frozen=True)
class Sample:
    """Rays of the training views, as many of each one: `rows` of the table [views rays], where `is_there`."""

    rows: Int[Tensor, "views rays"]
    is_there: Bool[Tensor, "views rays"]

    def of(self, table: RayTable) -> RayBatch:
        return table.batch(self.rows.flatten())


@dataclass(frozen=True)
class Residuals:
    """Of each view's rays, with what moving the view (turn about the object's centre, shift) changes of them."""

    value: Float[Tensor, "views rays"]
    slope: Float[Tensor, "views rays 6"]
    weight: Float[Tensor, "views rays"]


def sampled(table: RayTable, rows: Int[Tensor, "rays"], *, count: int, generator: torch.Generator) -> Sample:
    """At most `count` of `rows` a view, at random."""
    views = len(table.view_origins)
    rows = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
    view = table.view[rows].long()
    order = torch.argsort(view, stable=True)
    rows, view = rows[order], view[order]
    first = torch.searchsorted(view, torch.arange(views, device=view.device))
    place = torch.arange(len(rows), device=rows.device) - first[view]
    chosen, there = rows.new_zeros(views, count), torch.zeros(views, count, dtype=torch.bool, device=rows.device)
    kept = place < count
    chosen[view[kept], place[kept]] = rows[kept]
    there[view[kept], place[kept]] = True
    return Sample(chosen, there)


def measured_rows(table: RayTable) -> Int[Tensor, "rays"]:
    """Rays of which a sensor saw the object's surface."""
    return torch.nonzero((table.role == Role.VISIBLE) & (table.surface_distance > 0)).flatten()


def outline_rows(table: RayTable) -> Int[Tensor, "rays"]:
    """Rays beside the object's outline and on it that say which of the two they are."""
    on = (table.role == Role.VISIBLE) | (table.role == Role.BACKGROUND)
    return torch.nonzero(table.boundary & on & (table.opacity_weight > 0)).flatten()


def moved(rays: RayBatch, motion: Float[Tensor, "views 6"]) -> tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays 3"]]:
    """Origins and directions with each view moved."""
    turn = rotations(motion[:, :3])[rays.view]
    return (
        (turn * rays.origins[:, None]).sum(-1) + motion[rays.view, 3:],
        (turn * rays.directions[:, None]).sum(-1),
    )


def rotations(turn: Float[Tensor, "views 3"]) -> Float[Tensor, "views 3 3"]:
    """Rotation matrices of rotation vectors (Rodrigues)."""
    angle = turn.norm(dim=-1).clamp(min=1e-12)[:, None, None]
    x, y, z = (turn / angle[:, 0]).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    eye = torch.eye(3, dtype=turn.dtype, device=turn.device)
    return eye + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def _slopes(points: Float[Tensor, "n 3"], gradient: Float[Tensor, "n 3"]) -> Float[Tensor, "n 6"]:
    return torch.cat([torch.linalg.cross(points, gradient), gradient], -1)


class Explained:
    """How well `field` explains rays of the views, wherever these are moved to. All lengths are object units.

    Depth: the SDF at measured points, in standard deviations of the sensor. Colour (with `color`): that of the
    field there less what was seen, without the mean difference of a view. Silhouettes: rays beside the object must
    miss its surface and rays on it must meet it, to within `outline_sigma`.
    """

    def __init__(
        self, field: nn.Module, table: RayTable, points: Sample, outline: Sample, *, color: bool, outline_sigma: float
    ) -> None:
        self.field, self.points, self.outline, self.with_color = field, points, outline, color
        self.rays, self.outline_rays, self.outline_sigma = points.of(table), outline.of(table), outline_sigma

    def errors(self, motion: Float[Tensor, "views 6"]) -> list[Float[Tensor, "views rays"]]:
        """|SDF| at measured points and, with colour, the mean difference there; nan where there is none."""
        points, there = self._measured(motion), self.points.is_there
        sdf = self.field.sdf(points).abs().reshape(there.shape)  # type: ignore[operator]
        found = [torch.where(there, sdf, torch.nan)]
        if self.with_color:
            difference = (self._shown(points, moved(self.rays, motion)[1]) - self.rays.color).reshape(*there.shape, 3)
            difference = torch.where(there[..., None], difference, torch.nan)
            found.append((difference - difference.nanmean(1, keepdim=True)).abs().mean(-1))
        return found

    def __call__(self, motion: Float[Tensor, "views 6"]) -> list[Residuals]:
        """Of depth, silhouettes and, where asked for, the three colours."""
        shape, there = self.points.rows.shape, self.points.is_there
        points = self._measured(motion)
        out = self.field.sdf_and_gradient(points)  # type: ignore[operator]
        sigma = self.rays.sigma
        slope = _slopes(points, out.gradient) / sigma[:, None]
        found = [_robust((out.sdf / sigma).reshape(shape), slope.reshape(*shape, 6), there), self._silhouette(motion)]
        return found + (self._color(motion, points) if self.with_color else [])

    def _measured(self, motion: Tensor) -> Tensor:
        origins, directions = moved(self.rays, motion)
        return origins + self.rays.surface_distance[:, None] * directions

    def _color(self, motion: Tensor, points: Tensor) -> list[Residuals]:
        shape, there = self.points.rows.shape, self.points.is_there
        _, directions = moved(self.rays, motion)
        steps = COLOR_STEP * torch.eye(3, device=points.device, dtype=points.dtype)
        here = self._shown(points, directions) - self.rays.color
        slopes = [self._shown(points + s, directions) - self._shown(points - s, directions) for s in steps]
        gradient = torch.stack(slopes, -1) / (2 * COLOR_STEP)
        found = []
        for channel in range(3):
            value = here[:, channel].reshape(shape)
            slope = _slopes(points, gradient[:, channel]).reshape(*shape, 6)
            share = (there / there.sum(1, keepdim=True).clamp(min=1)).to(value.dtype)
            value = value - (share * value).sum(1, keepdim=True)
            slope = slope - (share[..., None] * slope).sum(1, keepdim=True)
            found.append(_robust(value, slope, there, least=1e-3))
        return found

    def _shown(self, points: Tensor, directions: Tensor) -> Tensor:
        out = self.field.sdf_and_gradient(points)  # type: ignore[operator]
        return self.field.color(points, directions, out.gradient, out.feature)  # type: ignore[operator, no-any-return]

    def _silhouette(self, motion: Tensor) -> Residuals:
        shape, rays = self.outline.rows.shape, self.outline_rays
        origins, directions = moved(rays, motion)
        beside = rays.opacity == 0
        free = torch.where(rays.free_distance > 0, rays.free_distance, rays.far)
        end = torch.where(beside, torch.minimum(rays.far, free), rays.far)
        share = (torch.arange(LOOKS, device=origins.device) + 0.5) / LOOKS
        t = rays.near[:, None] + share * (end - rays.near).clamp(min=0)[:, None]
        points = origins[:, None] + t[..., None] * directions[:, None]
        sdf = self.field.sdf(points.reshape(-1, 3)).reshape(t.shape)  # type: ignore[operator]
        at = points.gather(1, sdf.argmin(1)[:, None, None].expand(-1, 1, 3))[:, 0]
        out = self.field.sdf_and_gradient(at)  # type: ignore[operator]
        wrong = torch.where(beside, out.sdf < -self.outline_sigma, out.sdf > self.outline_sigma) & (end > rays.near)
        value = torch.where(beside, out.sdf + self.outline_sigma, out.sdf - self.outline_sigma) / self.outline_sigma
        slope = _slopes(at, out.gradient) / self.outline_sigma
        weight = (wrong.reshape(shape) & self.outline.is_there) / (1 + (0.5 * value.reshape(shape)) ** 2) ** 2
        return Residuals(value.reshape(shape), slope.reshape(*shape, 6), weight)


def _robust(value: Tensor, slope: Tensor, there: Tensor, *, least: float = LEAST_ERROR) -> Residuals:
    """In units of their own spread; weights of Geman and McClure."""
    known = value[there].abs()
    spread = (1.4826 * known.median()).clamp(min=least) if len(known) else value.new_ones(())
    value, slope = value / spread, slope / spread
    return Residuals(value, slope, there / (1 + (0.5 * value) ** 2) ** 2)


def gauss_newton(
    found: Sequence[Residuals], counts: Sequence[float], total: Float[Tensor, "views 6"], deviations: Sequence[float]
) -> Float[Tensor, "views 6"]:
    """The step of every view. A view's residuals of a kind count as at most so many independent ones (`counts`);
    `deviations`: of the `total` turns (radians) and shifts so far, which are held at 0 by them."""
    held = total.new_tensor(deviations).double().repeat_interleave(3) ** -2
    matrix = torch.diag(held).expand(len(total), 6, 6).clone()
    right = -held * total.double()
    for residuals, count in zip(found, counts, strict=True):
        number = (residuals.weight > 0).sum(1, keepdim=True).clamp(min=1)
        weight = (residuals.weight * (count / number).clamp(max=1)).double()
        slope, value = residuals.slope.double(), residuals.value.double()
        matrix += torch.einsum("vnp,vn,vnq->vpq", slope, weight, slope)
        right -= torch.einsum("vnp,vn->vp", slope, weight * value)
    return torch.linalg.solve(matrix, right).to(total.dtype)

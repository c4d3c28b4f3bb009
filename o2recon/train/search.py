"""Where the field's own surface lies along rays whose surface nobody measured, so that the renderer samples there.

A thin part is easily missed by samples spread over the whole box. A ray on the object that misses it would push the
surface outwards wherever it is sampled, and one beside the object would not notice surface that should not be there.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.tensors import RayBatch

Sdf = Callable[[Tensor], Tensor]


class SurfaceSearch:
    """Sphere tracing with at most `num_steps` steps of `step_share` x sdf, none under `min_step` (object units)."""

    def __init__(self, *, num_steps: int, step_share: float, min_step: float) -> None:
        self.num_steps, self.step_share, self.min_step = num_steps, step_share, min_step

    @torch.no_grad()
    def closest(self, sdf: Sdf, rays: RayBatch) -> tuple[Float[Tensor, "rays"], Float[Tensor, "rays"]]:
        """Distance along each ray to the first crossing of the surface, or else to where it passes closest, and the
        SDF there (<= 0 where it was crossed). The crossing is interpolated between the last two steps.

        The CPU goes on with the rays that have not arrived; an accelerator with all of them, and waits for nothing."""
        return (self._compacted if rays.near.device.type == "cpu" else self._fixed)(sdf, rays)

    def _compacted(self, sdf: Sdf, rays: RayBatch) -> tuple[Tensor, Tensor]:
        t = rays.near.clone()
        best_t, best = t.clone(), torch.full_like(t, float("inf"))
        before_t, before = t.clone(), torch.full_like(t, float("inf"))
        active = torch.arange(len(t), device=t.device)
        for _ in range(self.num_steps):
            at = t[active]
            value = sdf(rays.origins[active] + at[:, None] * rays.directions[active])
            share = (before[active] / (before[active] - value).clamp(min=1e-9)).clamp(0, 1)
            crossing = torch.lerp(before_t[active], at, torch.where(before[active].isfinite(), share, 1.0))
            closer = value < best[active]
            best_t[active] = torch.where(closer, torch.where(value < 0, crossing, at), best_t[active])
            best[active] = torch.where(closer, value, best[active])
            before_t[active], before[active] = at, value
            t[active] = at + (self.step_share * value).clamp(min=self.min_step)
            active = active[(value > 0) & (t[active] < rays.far[active])]
            if len(active) == 0:
                break
        return best_t, best

    def _fixed(self, sdf: Sdf, rays: RayBatch) -> tuple[Tensor, Tensor]:
        """A ray that has arrived stays where it is, so that what is found there is no closer."""
        t = before_t = best_t = rays.near
        value = before = best = sdf(torch.addcmul(rays.origins, t[:, None], rays.directions))
        for _ in range(self.num_steps - 1):
            before_t, before = t, value
            further = t + (self.step_share * value).clamp(min=self.min_step)
            t = torch.where((value > 0) & (further < rays.far), further, t)
            value = sdf(torch.addcmul(rays.origins, t[:, None], rays.directions))
            share = (before / (before - value).clamp(min=1e-9)).clamp(0, 1)
            reached = torch.where(value < 0, torch.lerp(before_t, t, share), t)
            best_t, best = torch.where(value < best, reached, best_t), torch.minimum(value, best)
        return best_t, best

    def guided(self, sdf: Sdf, rays: RayBatch) -> RayBatch:
        """The rays as the renderer should see them: with the field's own surface where none is known."""
        if rays.near.device.type != "cpu":
            known = rays.surface_distance > 0
            surface = torch.where(known, rays.surface_distance, self.closest(sdf, rays)[0].clamp(min=1e-4))
            return replace(rays, surface_distance=surface, sigma=rays.sigma * known)
        unknown = torch.nonzero(rays.surface_distance <= 0).flatten()
        if len(unknown) == 0:
            return rays
        some = replace(rays, **{name: getattr(rays, name)[unknown] for name in rays.__dataclass_fields__})
        found, _ = self.closest(sdf, some)
        surface, sigma = rays.surface_distance.clone(), rays.sigma.clone()
        surface[unknown], sigma[unknown] = found.clamp(min=1e-4), 0.0
        return replace(rays, surface_distance=surface, sigma=sigma)

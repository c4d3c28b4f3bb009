"""Rays and a field -> distance, normal, colour, opacity (NeuS volume rendering)."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.render.alpha import crossing_share, log_survival, mean_share, section_weights
from o2recon.render.sampling import known_surface_samples, searched_samples
from o2recon.tensors import FieldOutput, RayBatch, RenderOutput


@runtime_checkable
class Field(Protocol):
    """All that rendering needs to know of a field; points in the object frame."""

    @property
    def inv_s(self) -> Float[Tensor, ""]: ...

    def sdf(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]: ...

    def sdf_and_gradient(self, points: Float[Tensor, "points 3"], *, gradient: bool = True) -> FieldOutput: ...

    def color(
        self,
        points: Float[Tensor, "points 3"],
        directions: Float[Tensor, "points 3"] | None,
        gradient: Float[Tensor, "points 3"],
        feature: Float[Tensor, "points channels"],
    ) -> Float[Tensor, "points 3"]: ...


class Renderer:
    """Opacity from the SDF at section ends; gradient and colour only where the weight is.

    Every ray gets `num_free_samples` + `num_band_samples` samples. With a known surface: that many before it and across
    surface_distance +- max(`band_sigmas` * sigma, `min_band`). Without: `num_importance_samples` of them are drawn in
    `num_importance_rounds` rounds where the field puts weight, the others stratified from near to far.
    Gradients are taken at the `num_gradient_sections` sections of largest weight of each ray, at the SDF's zero inside
    the section, and at `num_eikonal_samples` random samples per ray. `min_band` is in object units.
    """

    def __init__(
        self,
        *,
        num_free_samples: int,
        num_band_samples: int,
        num_importance_samples: int,
        num_importance_rounds: int,
        num_gradient_sections: int,
        num_eikonal_samples: int,
        band_sigmas: float,
        min_band: float,
        min_opacity: float,
    ) -> None:
        total = num_free_samples + num_band_samples
        if not 0 <= num_importance_samples <= total - 2:
            raise ValueError(
                f"num_importance_samples={num_importance_samples}: must lie in 0..{total - 2}, "
                "num_free_samples + num_band_samples - 2"
            )
        if not 1 <= num_gradient_sections <= total - 1:
            raise ValueError(f"num_gradient_sections={num_gradient_sections}: must lie in 1..{total - 1}")
        self.num_free_samples = num_free_samples
        self.num_band_samples = num_band_samples
        self.num_importance_samples = num_importance_samples
        self.num_importance_rounds = num_importance_rounds
        self.num_gradient_sections = num_gradient_sections
        self.num_eikonal_samples = num_eikonal_samples
        self.band_sigmas = band_sigmas
        self.min_band = min_band
        self.min_opacity = min_opacity

    def __call__(
        self,
        field: Field,
        rays: RayBatch,
        *,
        generator: torch.Generator | None = None,
        cos_anneal_ratio: float = 1.0,
    ) -> RenderOutput:
        """Without a generator samples lie at the middles of their parts: same rays, same picture.

        `cos_anneal_ratio` is NeuS's and has no effect here: opacities come from the SDF at section ends, where no
        cosine enters.

        `color` and `normal` are averages over the gradient sections with their weights, not multiplied by the opacity;
        `normal` is shorter than 1 where the sections disagree. `ray_distance` is sum(w t) / max(opacity, min_opacity).
        `gradient` holds rays x num_gradient_sections gradients in ray order, then those of the random samples.
        """
        t = self.sample(field, rays, generator)
        points = rays.origins[:, None] + t[..., None] * rays.directions[:, None]
        sdf = field.sdf(points.reshape(-1, 3)).view(t.shape)
        start, end = sdf[:, :-1], sdf[:, 1:]
        weights, opacity = section_weights(log_survival(start, end, field.inv_s))
        length = t[:, 1:] - t[:, :-1]
        mean = t[:, :-1] + mean_share(start, end, field.inv_s) * length
        distance = (weights * mean).sum(-1) / opacity.clamp(min=self.min_opacity)
        surface = t[:, :-1] + crossing_share(start, end).detach() * length
        top, sections = weights.topk(self.num_gradient_sections, -1, sorted=False)
        color, normal, gradient = self._shade(field, rays, surface.gather(1, sections), top, t, generator)
        return RenderOutput(
            color=color,
            ray_distance=distance,
            normal=normal,
            opacity=opacity,
            t=t,
            sdf=sdf,
            weights=weights,
            gradient=gradient,
        )

    @torch.no_grad()
    def sample(self, field: Field, rays: RayBatch, generator: torch.Generator | None) -> Float[Tensor, "rays samples"]:
        """Sorted sample distances. The CPU searches the rays without a known surface, an accelerator, where shapes must
        stay fixed and nothing may wait, all of them."""
        far = torch.maximum(rays.far, rays.near)
        known = rays.surface_distance > 0
        half_width = (self.band_sigmas * rays.sigma).clamp(min=self.min_band)
        t = known_surface_samples(
            rays.near, far, rays.surface_distance, half_width, self.num_free_samples, self.num_band_samples, generator
        )
        unknown = (~known).nonzero()[:, 0] if t.device.type == "cpu" else slice(None)
        searched = searched_samples(
            field.sdf,
            rays.origins[unknown],
            rays.directions[unknown],
            rays.near[unknown],
            far[unknown],
            t.shape[1] - self.num_importance_samples,
            self.num_importance_samples,
            self.num_importance_rounds,
            generator,
        )
        if isinstance(unknown, slice):
            return torch.where(known[:, None], t, searched)
        return t.index_copy(0, unknown, searched)

    def _shade(
        self,
        field: Field,
        rays: RayBatch,
        t_top: Float[Tensor, "rays top"],
        top: Float[Tensor, "rays top"],
        t: Float[Tensor, "rays samples"],
        generator: torch.Generator | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Colour and normal averaged over the top sections, and all gradients."""
        count = self.num_gradient_sections
        choice = torch.randint(t.shape[1], (t.shape[0], self.num_eikonal_samples), generator=generator, device=t.device)
        at = torch.cat([t_top, t.gather(1, choice)], -1)
        points = rays.origins[:, None] + at[..., None] * rays.directions[:, None]
        shaded = points[:, :count].reshape(-1, 3)
        out = field.sdf_and_gradient(torch.cat([shaded, points[:, count:].reshape(-1, 3)]))
        assert out.gradient is not None
        gradient = out.gradient[: len(shaded)]
        directions = rays.directions[:, None].expand(-1, count, -1).reshape(-1, 3)
        rgb = field.color(shaded, directions, gradient, out.feature[: len(shaded)])
        share = (top / top.sum(-1, keepdim=True).clamp(min=self.min_opacity))[..., None]
        shape = (-1, count, 3)
        return (share * rgb.view(shape)).sum(1), (share * gradient.view(shape)).sum(1), out.gradient

"""NeuS rendering as it was published: opacity from the SDF and the cosine at section middles, every sample shaded."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.render.alpha import log_survival, section_weights
from o2recon.render.renderer import Field
from o2recon.render.sampling import searched_samples
from o2recon.tensors import RayBatch, RenderOutput

LENGTH = 2.0
"""Of the sampled part of a ray: the diameter of the unit sphere, object units."""


class NeusRenderer:
    """`num_uniform_samples` + `num_importance_samples` in `num_importance_rounds` rounds, for t from 0 to 2.

    t = 0 is the point of the ray that is 1 before its closest approach to the centre, so that the whole unit sphere is
    sampled; with `from_camera` it is the camera, as in the original, which sees nothing of objects farther away than 2.
    A section's opacity comes from the SDF at its middle plus and minus half the section along the cosine, which goes
    from half of what the surface's slope says to all of it over the first `cos_anneal_steps` steps (NeuS, supplement).
    `ray_distance` is sum(w t) / max(opacity, `min_opacity`) with `per_opacity`, else sum(w t), as in the original;
    `color` and `normal` are sum(w color) and sum(w gradient). `gradient` holds all samples' gradients in ray order.
    """

    def __init__(
        self,
        *,
        num_uniform_samples: int,
        num_importance_samples: int,
        num_importance_rounds: int,
        cos_anneal_steps: int,
        from_camera: bool,
        per_opacity: bool,
        min_opacity: float,
    ) -> None:
        if num_uniform_samples < 2:
            raise ValueError(f"render.num_uniform_samples={num_uniform_samples}: at least 2 are needed")
        self.num_uniform_samples = num_uniform_samples
        self.num_importance_samples = num_importance_samples
        self.num_importance_rounds = num_importance_rounds
        self.cos_anneal_steps = cos_anneal_steps
        self.from_camera, self.per_opacity, self.min_opacity = from_camera, per_opacity, min_opacity
        self._ratio = 1.0
        self._tensor: Tensor | None = None

    def set_step(self, step: int) -> None:
        """Where training stands. Without it, and after training, the cosine counts in full."""
        self._ratio = min(step / self.cos_anneal_steps, 1.0) if self.cos_anneal_steps else 1.0
        if self._tensor is not None:
            self._tensor.fill_(self._ratio)

    def _cos_anneal_ratio(self, device: torch.device) -> Float[Tensor, ""]:
        """One and the same tensor from call to call: a CUDA graph sees it change."""
        if self._tensor is None or self._tensor.device != device:
            self._tensor = torch.full((), self._ratio, device=device)
        return self._tensor

    def __call__(self, field: Field, rays: RayBatch, *, generator: torch.Generator | None = None) -> RenderOutput:
        """Without a generator samples lie at the middles of their parts: same rays, same picture."""
        t, length = self.sections(field, rays, generator)
        middle = t + 0.5 * length
        points = (rays.origins[:, None] + middle[..., None] * rays.directions[:, None]).reshape(-1, 3)
        directions = rays.directions[:, None].expand(*t.shape, 3).reshape(-1, 3)
        out = field.sdf_and_gradient(points)
        assert out.gradient is not None
        cosine = annealed_cosine((directions * out.gradient).sum(-1), self._cos_anneal_ratio(t.device))
        half = 0.5 * cosine.view(t.shape) * length
        sdf = out.sdf.view(t.shape)
        weights, opacity = section_weights(log_survival(sdf - half, sdf + half, field.inv_s))
        rgb = field.color(points, directions, out.gradient, out.feature)
        distance = (weights * middle).sum(-1)
        if self.per_opacity:
            distance = distance / opacity.clamp(min=self.min_opacity)
        return RenderOutput(
            color=(weights[..., None] * rgb.view(*t.shape, 3)).sum(1),
            ray_distance=distance,
            normal=(weights[..., None] * out.gradient.view(*t.shape, 3)).sum(1),
            opacity=opacity,
            t=middle,
            sdf=sdf,
            weights=weights,
            gradient=out.gradient,
        )

    @torch.no_grad()
    def sections(
        self, field: Field, rays: RayBatch, generator: torch.Generator | None
    ) -> tuple[Float[Tensor, "rays samples"], Float[Tensor, "rays samples"]]:
        """Where sections start, sorted, and how long they are; the last one is as long as a uniform one."""
        near = torch.zeros_like(rays.near)
        if not self.from_camera:
            near = (-(rays.origins * rays.directions).sum(-1) - 0.5 * LENGTH).clamp(min=0)
        t = searched_samples(
            field.sdf,
            rays.origins,
            rays.directions,
            near,
            near + LENGTH,
            self.num_uniform_samples,
            self.num_importance_samples,
            self.num_importance_rounds,
            generator,
        )
        last = torch.full_like(t[:, :1], LENGTH / self.num_uniform_samples)
        return t, torch.cat([t[:, 1:] - t[:, :-1], last], -1)


def annealed_cosine(cosine: Float[Tensor, "points"], ratio: Float[Tensor, ""]) -> Float[Tensor, "points"]:
    """The slope of the SDF along a ray, at most 0, from cosine = direction . gradient.

    -(ratio relu(-cosine) + (1 - ratio) relu(0.5 - 0.5 cosine)): at first also sections that leave the surface count.
    """
    early, late = functional.relu(0.5 - 0.5 * cosine), functional.relu(-cosine)
    return -(early + ratio * (late - early))

"""Where along a ray the SDF is asked: a few samples in free space, a dense band where the surface is known to be."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.render.alpha import log_survival, section_weights

Sdf = Callable[[Float[Tensor, "points 3"]], Float[Tensor, "points"]]


def stratified(
    start: Float[Tensor, "rays"],
    end: Float[Tensor, "rays"],
    num_samples: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "rays samples"]:
    """One sample per equal part of [start, end]: uniform inside it with a generator, else its middle."""
    steps = torch.arange(num_samples, device=start.device, dtype=start.dtype)
    shape = (start.shape[0], num_samples)
    jitter = (
        torch.rand(shape, generator=generator, device=start.device, dtype=start.dtype) if generator is not None else 0.5
    )
    share = (steps + jitter) / num_samples
    return start[:, None] + share.expand(shape) * (end - start)[:, None]


def invert_cdf(
    edges: Float[Tensor, "rays samples"],
    weights: Float[Tensor, "rays sections"],
    num_samples: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "rays new"]:
    """Samples distributed as the piecewise constant density `weights` over the sections between `edges`."""
    mass = weights + 1e-5
    cdf = _with_zero(torch.cumsum(mass / mass.sum(-1, keepdim=True), -1))
    zeros = torch.zeros_like(edges[:, 0])
    wanted = stratified(zeros, torch.ones_like(zeros), num_samples, generator).contiguous()
    right = torch.searchsorted(cdf, wanted, right=True).clamp(1, cdf.shape[-1] - 1)
    low, high = cdf.gather(1, right - 1), cdf.gather(1, right)
    share = ((wanted - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    start, end = edges.gather(1, right - 1), edges.gather(1, right)
    return start + share * (end - start)


def _with_zero(cdf: Tensor) -> Tensor:
    """The CDF with a zero before its first entry."""
    return torch.cat([torch.zeros_like(cdf[:, :1]), cdf], -1)


def known_surface_samples(
    near: Float[Tensor, "rays"],
    far: Float[Tensor, "rays"],
    surface: Float[Tensor, "rays"],
    half_width: Float[Tensor, "rays"],
    num_free: int,
    num_band: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "rays samples"]:
    """`num_free` samples before the band, `num_band` across surface +- half_width; sorted, within [near, far]."""
    start = torch.minimum(torch.maximum(surface - half_width, near), far)
    end = torch.minimum(torch.maximum(surface + half_width, near), far)
    free = stratified(near, start, num_free, generator)
    return torch.cat([free, stratified(start, end, num_band, generator)], -1)


@torch.no_grad()
def searched_samples(
    sdf: Sdf,
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    near: Float[Tensor, "rays"],
    far: Float[Tensor, "rays"],
    num_uniform: int,
    num_importance: int,
    num_rounds: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "rays samples"]:
    """Stratified samples, then `num_rounds` rounds of samples drawn where the field as it is now puts weight.

    Round r takes inv_s = 64 * 2^r as NeuS does: first broad, then sharp. Sorted.
    """
    t = stratified(near, far, num_uniform, generator)
    if num_importance == 0:
        return t
    values = _along(sdf, origins, directions, t)
    shares = [num_importance // num_rounds + (r < num_importance % num_rounds) for r in range(num_rounds)]
    for r, count in enumerate(shares):
        inv_s = torch.full((), 64.0 * 2**r, device=t.device, dtype=t.dtype)
        weights, _ = section_weights(log_survival(values[:, :-1], values[:, 1:], inv_s))
        new = invert_cdf(t, weights, count, generator)
        t, order = torch.sort(torch.cat([t, new], -1), -1)
        if r + 1 < num_rounds:
            values = torch.cat([values, _along(sdf, origins, directions, new)], -1).gather(1, order)
    return t


def _along(sdf: Sdf, origins: Tensor, directions: Tensor, t: Tensor) -> Tensor:
    points = origins[:, None] + t[..., None] * directions[:, None]
    return sdf(points.reshape(-1, 3)).view(t.shape)

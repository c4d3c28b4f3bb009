"""A step as training takes it (quick's field and renderer, made-up rays): launched one by one, and as one CUDA graph.

usage: python render_step.py [RAYS ...]
"""

import dataclasses
import sys
from collections.abc import Callable

import peaks
import torch
from torch.nn import functional

from o2recon.field import Cascade, HashGrid
from o2recon.render import Renderer
from o2recon.tensors import RayBatch


def make_field() -> Cascade:
    """conf/field/cascade.yaml."""
    torch.manual_seed(0)
    grid = {"num_features": 2, "interpolation": "smooth", "initial_scale": 1e-4, "backend": "auto", "log2_rows": 16}
    field = Cascade(
        coarse_encoding=HashGrid(num_levels=4, min_resolution=4, max_resolution=32, **grid),
        fine_encoding=HashGrid(num_levels=6, min_resolution=32, max_resolution=160, **grid),
        num_hidden=32,
        num_coarse_layers=1,
        num_fine_layers=1,
        num_color_layers=2,
        num_feature_channels=13,
        softplus_beta=100.0,
        initial_radius=0.5,
        initial_sharpness=0.3,
    )
    field.set_progress(1.0, 6.0)
    return field.cuda()


def make_rays(count: int) -> RayBatch:
    """Rays towards the middle; the surface of six in ten is known."""
    origins = functional.normalize(torch.randn(count, 3, device="cuda"), dim=-1) * 2
    directions = functional.normalize((torch.rand(count, 3, device="cuda") - 0.5) * 0.8 - origins, dim=-1)
    one = torch.ones(count, device="cuda")
    known = {"origins": origins, "directions": directions, "normal": -directions, "far": 3 * one, "sigma": 0.01 * one}
    known |= {"color": torch.rand(count, 3, device="cuda")}
    known |= {"surface_distance": torch.where(torch.rand(count, device="cuda") < 0.6, 1.6 * one, 0.0)}
    names = [field.name for field in dataclasses.fields(RayBatch)]
    return RayBatch(**{name: known.get(name, one) for name in names})


def make_step(rays: RayBatch, generator: torch.Generator) -> Callable[[], None]:
    renderer = Renderer(
        num_free_samples=8,
        num_band_samples=16,
        num_importance_samples=12,
        num_importance_rounds=2,
        num_gradient_sections=4,
        num_eikonal_samples=1,
        band_sigmas=3.0,
        min_band=0.06,
        min_opacity=0.01,
    )
    field = make_field()
    optimizer = torch.optim.Adam(field.parameters(), lr=1e-3, fused=True, capturable=True)
    points = torch.rand(2 * len(rays.near), 3, device="cuda") * 1.6 - 0.8

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        out, free = renderer(field, rays, generator=generator), field.sdf_and_gradient(points)
        assert free.gradient is not None
        slopes = torch.cat([out.gradient, free.gradient]).norm(dim=-1)
        loss = (out.color - rays.color).abs().mean() + (out.ray_distance - 1.6).abs().mean() + out.opacity.mean()
        (
            loss + (slopes - 1).square().mean() + (out.normal - rays.normal).abs().mean() + free.sdf.abs().mean()
        ).backward()
        optimizer.step()

    return step


def main() -> None:
    for precision in ("highest", "high", "medium"):
        torch.set_float32_matmul_precision(precision)
        for count in [int(text) for text in sys.argv[1:]] or [1024, 8192]:
            generator = torch.Generator("cuda").manual_seed(0)
            step = make_step(make_rays(count), generator)
            launched, replayed = peaks.event_time(step), peaks.graph_time(step, generator=generator)
            print(
                f"{count} rays, precision {precision}: launched {launched:.2f} ms, graph {replayed:.3f} ms", flush=True
            )


if __name__ == "__main__":
    main()

"""The accelerator gives what the CPU gives."""

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch

from o2recon.field import Cascade, HashGrid
from o2recon.render import Renderer
from o2recon.tensors import RayBatch


def cascade() -> Cascade:
    torch.manual_seed(0)
    grid = {"num_features": 2, "interpolation": "smooth", "initial_scale": 0.1, "backend": "auto", "log2_rows": 12}
    field = Cascade(
        coarse_encoding=HashGrid(num_levels=2, min_resolution=4, max_resolution=8, **grid),
        fine_encoding=HashGrid(num_levels=4, min_resolution=8, max_resolution=64, **grid),
        num_hidden=16,
        num_coarse_layers=1,
        num_fine_layers=1,
        num_color_layers=1,
        num_feature_channels=5,
        softplus_beta=100.0,
        initial_radius=0.5,
        initial_sharpness=0.4,
    )
    torch.nn.init.normal_(field.fine.output.weight, std=0.1)
    field.set_progress(1.0, 3.5)
    return field


@pytest.mark.gpu
def test_rendering_and_its_gradient_agree_between_devices(make_rays: Callable[..., RayBatch]) -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    renderer = Renderer(
        num_free_samples=16,
        num_band_samples=16,
        num_importance_samples=16,
        num_importance_rounds=2,
        num_gradient_sections=2,
        num_eikonal_samples=0,
        band_sigmas=3.0,
        min_band=0.05,
        min_opacity=0.01,
    )
    rays, gradients, distances = make_rays(), [], []
    for device in ("cpu", "cuda"):
        field = cascade().to(device)
        moved = RayBatch(**{f.name: getattr(rays, f.name).to(device) for f in fields(rays)})
        out = renderer(field, moved)
        (out.ray_distance.sum() + out.gradient.square().sum() + out.color.sum()).backward()
        gradients.append(field.coarse.output.weight.grad.cpu())
        distances.append(out.ray_distance.detach().cpu())
    torch.testing.assert_close(distances[0], distances[1], atol=1e-3, rtol=0)
    assert (gradients[0] - gradients[1]).norm() < 0.02 * gradients[0].norm()

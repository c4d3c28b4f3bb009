"""Points in the volume against the sphere's closed form."""

import numpy as np
import pytest
import torch
from sphere_scene import sphere_scene

from o2recon.data import PointSampler, VolumeField
from o2recon.types import Volume

SPACING = 0.02


@pytest.fixture(scope="module")
def field() -> VolumeField:
    return VolumeField(sphere_scene().volume(SPACING))


def test_the_prior_is_the_volumes_sdf_in_object_units(field: VolumeField) -> None:
    scene = sphere_scene()
    points = torch.rand(500, 3) * 0.8 - 0.4
    points = points[points.norm(dim=-1) > 0.1]
    truth = points.norm(dim=-1) - scene.radius / scene.frame.scale
    assert (field(points).prior_sdf - truth).abs().max() < 0.1 * SPACING / scene.frame.scale


def test_hull_distance_is_zero_inside_and_metric_outside(field: VolumeField) -> None:
    scene = sphere_scene()
    radius = (scene.radius + 0.02) / scene.frame.scale
    directions = torch.nn.functional.normalize(torch.randn(200, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    inside = field(directions * (radius - SPACING / scene.frame.scale))
    assert inside.hull_distance.max() < 0.5 * SPACING / scene.frame.scale
    outside = field(directions * (radius + 0.04 / scene.frame.scale))
    assert (outside.hull_distance * scene.frame.scale - 0.04).abs().max() < SPACING


def test_outside_the_grid_distances_grow_with_the_way_to_it(field: VolumeField) -> None:
    x = float(field.box[0])
    at, beyond = field(torch.tensor([[x, 0.0, 0.0]])), field(torch.tensor([[x + 0.5, 0.0, 0.0]]))
    assert beyond.prior_sdf - at.prior_sdf == pytest.approx(0.5, abs=SPACING)
    assert beyond.hull_distance - at.hull_distance == pytest.approx(0.5, abs=SPACING)


def test_pools_are_where_they_should_be(field: VolumeField) -> None:
    scale = sphere_scene().frame.scale
    sampler = PointSampler(
        field,
        num_uniform=100,
        num_surface=200,
        num_carved=50,
        band=0.03,
        carved_reach=0.1,
        box_inflation=1.0,
        scale=scale,
    )
    batch = sampler(torch.Generator().manual_seed(0))
    assert batch.points.shape == (350, 3)
    assert (batch.points[:100].abs() <= field.box).all()
    assert batch.prior_sdf[100:300].abs().max() * scale < 0.03 + SPACING
    assert batch.hull_distance[300:].min() >= 0 and batch.hull_distance[300:].max() * scale < 0.1 + SPACING


def test_a_volume_that_permits_nothing_is_refused() -> None:
    volume = sphere_scene().volume(0.1)
    with pytest.raises(ValueError, match="permits no voxel"):
        VolumeField(Volume(volume.grid, np.zeros_like(volume.permitted), volume.sdf, volume.evidence))

"""Rays cut to the carved hull: nothing permitted is lost, and what is cut off is empty."""

from dataclasses import replace

import pytest
import torch
from sphere_scene import point_options, ray_options, sphere_scene

from o2recon.data import ObjectData, RayBuilder, VolumeField
from o2recon.data.hull import limited_to_hull, permitted_interval
from o2recon.data.table import RayTable
from o2recon.tensors import RayBatch
from o2recon.workspace import ObjectFolder

MARGIN = 0.05
"""Object units; a voxel of the volume is 0.03."""


def data_of(folder: ObjectFolder, hull_margin: float | None = None) -> ObjectData:
    return ObjectData(
        folder=folder,
        rays=RayBuilder(**ray_options()),
        shares={"visible": 0.6, "background": 0.4},
        one_view=False,
        num_rays=64,
        points=point_options(),
        num_val_rays=300,
        val_chunk=128,
        hull_margin=hull_margin,
        seed=0,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=32).write(tmp_path_factory.mktemp("work") / "1")


@pytest.fixture(scope="module")
def data(folder: ObjectFolder) -> ObjectData:
    data = data_of(folder)
    data.setup()
    return data


def rays_of(table: RayTable) -> RayBatch:
    return table.batch(torch.arange(len(table)))


def is_permitted(volume: VolumeField, rays: RayBatch, t: torch.Tensor) -> torch.Tensor:
    """Whether the voxel that holds origin + t x direction is permitted."""
    points = rays.origins[:, None] + t[..., None] * rays.directions[:, None]
    index = (points / volume.spacing + (volume.shape - 1) / 2).round().long()
    outside = ((index < 0) | (index >= volume.shape)).any(-1)
    x, y, z = torch.minimum(index.clamp(min=0), volume.shape - 1).unbind(-1)
    return (volume.values[0, 0][x, y, z] == 0) & ~outside


def test_no_permitted_voxel_on_a_ray_is_cut_off(data: ObjectData) -> None:
    rays = rays_of(data.train_table)
    t = rays.near[:, None] + torch.linspace(0, 1, 400) * (rays.far - rays.near)[:, None]
    permitted = is_permitted(data.volume, rays, t)
    assert 0.1 < permitted.any(1).float().mean() < 0.9
    for margin in (0.02, MARGIN, 0.2):
        near, far = permitted_interval(data.volume, rays, margin=margin)
        assert not (permitted & ((t < near[:, None] - 1e-5) | (t > far[:, None] + 1e-5))).any()
        limited = rays_of(limited_to_hull(data.train_table, data.volume, margin=margin))
        assert not (permitted & ((t < limited.near[:, None] - 1e-5) | (t > limited.far[:, None] + 1e-5))).any()


def test_what_remains_ends_near_the_hull_and_other_rays_keep_everything(data: ObjectData) -> None:
    whole, limited = rays_of(data.train_table), rays_of(limited_to_hull(data.train_table, data.volume, margin=MARGIN))
    share = (limited.far - limited.near) / (whole.far - whole.near)
    cut = share < 1
    reach = 3 * MARGIN + 2 * 1.74 * data.volume.spacing
    for t in (limited.near, limited.far):
        ends = (limited.origins + t[:, None] * limited.directions)[cut]
        assert data.volume(ends).hull_distance.max() < reach
    assert cut.float().mean() > 0.3 and share[cut].mean() < 0.9
    assert torch.equal(whole.near[~cut], limited.near[~cut]) and torch.equal(whole.far[~cut], limited.far[~cut])


def test_where_everything_is_permitted_nothing_changes(data: ObjectData, folder: ObjectFolder) -> None:
    volume = folder.read_volume()
    everything = VolumeField(replace(volume, permitted=torch.ones(volume.permitted.shape).bool().numpy()))
    table = limited_to_hull(data.train_table, everything, margin=MARGIN)
    assert torch.equal(rays_of(table).near, rays_of(data.train_table).near)
    assert torch.equal(rays_of(table).far, rays_of(data.train_table).far)


def test_only_training_is_cut_and_only_once(folder: ObjectFolder, data: ObjectData) -> None:
    cut = data_of(folder, hull_margin=0.03)
    cut.setup()
    for _ in range(2):
        cut.move_to(torch.device("cpu"))
        assert cut.val_table is not None and data.val_table is not None
        assert torch.equal(rays_of(cut.val_table).far, rays_of(data.val_table).far)
    expected = limited_to_hull(data.train_table, data.volume, margin=0.03 / sphere_scene().frame.scale)
    assert torch.equal(rays_of(cut.train_table).near, rays_of(expected).near)
    assert (rays_of(cut.train_table).near >= rays_of(data.train_table).near).all()


def test_a_margin_that_is_no_length_is_refused(folder: ObjectFolder) -> None:
    with pytest.raises(ValueError, match=r"hull_margin=0\.0: must be > 0"):
        data_of(folder, hull_margin=0.0)

"""The data module: what it serves, and that draws depend on seed and step alone."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from sphere_scene import point_options, ray_options, sphere_scene

from o2recon.data import Draw, ObjectData, RayBuilder, step_seed
from o2recon.workspace import ObjectFolder


def data_of(folder: ObjectFolder, seed: int = 0) -> ObjectData:
    return ObjectData(
        folder=folder,
        rays=RayBuilder(**ray_options()),
        shares={"visible": 0.6, "background": 0.4},
        one_view=False,
        num_rays=64,
        points=point_options(),
        num_val_rays=300,
        val_chunk=128,
        hull_margin=None,
        seed=seed,
    )


def draw_of(data: ObjectData, step: int) -> Draw:
    return data.draw(torch.Generator().manual_seed(step_seed(data.seed, step)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=32).write(tmp_path_factory.mktemp("work") / "1")


def test_a_draw_depends_on_seed_and_step_alone(folder: ObjectFolder) -> None:
    one, two = data_of(folder), data_of(folder)
    one.setup(), two.setup()
    draw_of(one, 1)
    assert torch.equal(draw_of(one, 5).rays.directions, draw_of(two, 5).rays.directions)
    assert torch.equal(draw_of(one, 5).points.points, draw_of(two, 5).points.points)
    assert not torch.equal(draw_of(one, 5).rays.directions, draw_of(one, 6).rays.directions)
    three = data_of(folder, seed=1)
    three.setup()
    assert not torch.equal(draw_of(one, 5).rays.directions, draw_of(three, 5).rays.directions)


def test_blocks_go_on_from_the_first_step(folder: ObjectFolder) -> None:
    data = data_of(folder)
    data.setup()
    data.first_step, data.steps_per_block, data.num_steps = 20, 4, 26
    blocks = iter(data.train_dataloader())
    assert list(next(blocks)) == [20, 21, 22, 23]
    assert list(next(blocks)) == [24, 25]
    assert next(blocks, None) is None


def test_held_out_views_are_validated_and_never_trained(folder: ObjectFolder) -> None:
    data = data_of(folder)
    data.setup()
    chunks = data.val_dataloader()
    assert sum(len(c.near) for c in chunks) == 300
    held_out, trained = data.val_table.view_origins, data.train_table.view_origins
    assert held_out.shape[0] == 1 and trained.shape[0] == 7
    assert torch.cdist(held_out, trained).min() > 0.1


def test_without_held_out_views_there_is_no_validation(tmp_path: Path) -> None:
    data = data_of(sphere_scene(num_views=3, size=24).write(tmp_path))
    data.setup()
    assert len(data.val_dataloader()) == 0 and list(data.val_dataloader()) == []


def test_no_view_at_the_object_is_refused(tmp_path: Path) -> None:
    folder = sphere_scene(num_views=2, size=24).write(tmp_path)
    record = folder.read_record()
    away = tuple(
        replace(v, camera_to_world=v.camera_to_world @ torch.diag(torch.tensor([-1.0, 1, -1, 1])).numpy())
        for v in record.views
    )
    folder.write_record(replace(record, views=away))
    with pytest.raises(ValueError, match="no training view"):
        data_of(folder).setup()


def test_an_unprepared_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"object\.json is missing"):
        data_of(ObjectFolder(tmp_path)).setup()


def test_every_field_of_a_batch_is_finite(folder: ObjectFolder) -> None:
    data = data_of(folder)
    data.setup()
    rays = draw_of(data, 0).rays
    assert all(torch.isfinite(getattr(rays, f.name)).all() for f in fields(rays))
    assert (rays.far > rays.near).all()

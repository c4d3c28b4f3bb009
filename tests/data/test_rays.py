"""What rays say, on a sphere whose depth and normal are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sphere_scene import OCCLUDER_DISTANCE, SphereScene, ray_options, sphere_scene

from o2recon.data import RayBuilder, RayTable, Role, box_interval, concatenated
from o2recon.transforms import object_to_world


def table_of(scene: SphereScene, **options: float) -> RayTable:
    builder = RayBuilder(**ray_options(**options))
    return concatenated([builder(view, scene.frame) for view in scene.views])


def rays_of(table: RayTable, chosen: torch.Tensor | None = None):
    rows = torch.arange(len(table)) if chosen is None else torch.nonzero(chosen).flatten()
    return table.batch(rows)


@pytest.mark.parametrize("world", [{}, {"turn": 0.7, "shift": (3.0, -2.0, 1.0)}, {"scale": 2.5, "turn": -1.2}])
def test_surface_points_lie_on_the_sphere_wherever_the_world_stands(world: dict) -> None:
    scene = sphere_scene(**world)
    rays = rays_of(table_of(scene))
    claimed = rays.surface_distance > 0
    points = (rays.origins + rays.directions * rays.surface_distance[:, None])[claimed]
    assert claimed.sum() > 1000
    distance = scene.sdf(object_to_world(scene.frame, points.numpy().astype(float)))
    assert np.abs(distance).max() < 1e-5 * scene.frame.scale


def test_rays_do_not_depend_on_where_the_world_stands() -> None:
    one, other = (rays_of(table_of(sphere_scene(**w))) for w in ({}, {"turn": 1.0, "shift": (1.0, 2.0, 3.0)}))
    for name in ("origins", "directions", "near", "far", "surface_distance", "free_distance", "normal"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=2e-3), name


def test_normals_are_the_spheres() -> None:
    scene = sphere_scene(turn=0.4)
    rays = rays_of(table_of(scene))
    seen = rays.confidence > 0
    points = (rays.origins + rays.directions * rays.surface_distance[:, None])[seen]
    radial = points / points.norm(dim=-1, keepdim=True)
    agreement = (radial * rays.normal[seen]).sum(-1)[rays.surface_distance[seen] > 0]
    assert agreement.min() > 0.995


def test_free_distance_passes_neither_the_surface_nor_the_occluder() -> None:
    scene = sphere_scene(num_views=1)
    view = scene.views[0]
    table = table_of(scene)
    rays = rays_of(table)
    seen = (table.role == Role.VISIBLE) & (rays.surface_distance > 0)
    assert (rays.free_distance < rays.surface_distance)[seen].all()
    axis = torch.from_numpy(scene.frame.rotation.T @ view.camera_to_world[:3, 2]).float()
    occluder = OCCLUDER_DISTANCE / scene.frame.scale / (rays.directions @ axis)
    hidden = table.role == Role.HIDDEN
    assert hidden.any()
    assert (rays.free_distance < occluder)[hidden].all()
    assert (rays.free_distance > occluder - 0.1)[hidden].all()


def test_background_is_free_through_the_whole_box() -> None:
    scene = sphere_scene(num_views=1)
    table = table_of(scene)
    rays = rays_of(table)
    axis = torch.from_numpy(scene.frame.rotation.T @ scene.views[0].camera_to_world[:3, 2]).float()
    wall = 4.0 / scene.frame.scale / (rays.directions @ axis)
    clear = (table.role == Role.BACKGROUND) & ~table.boundary & (rays.free_distance > wall - 0.3)
    assert clear.any()
    assert (rays.free_distance > rays.far)[clear].all()
    assert (rays.opacity == 0)[clear].all() and (rays.opacity_weight == 1)[clear].all()


def test_unknown_pixels_have_no_ray() -> None:
    scene = sphere_scene()
    for view in scene.views:
        table = RayBuilder(**ray_options())(view, scene.frame)
        said = np.zeros(view.unknown.shape, bool)
        pixels = _pixels(scene, table, view)
        said[pixels[:, 1], pixels[:, 0]] = True
        assert not (said & view.unknown).any()


def _pixels(scene: SphereScene, table: RayTable, view) -> np.ndarray:
    rotation = scene.frame.rotation.T @ view.camera_to_world[:3, :3]
    local = table.directions.numpy() @ rotation
    return np.floor(local[:, :2] / local[:, 2:] * view.camera.intrinsics[0, 0] + view.camera.width / 2).astype(int)


def test_possible_pixels_are_silent_but_free_up_to_the_occluder() -> None:
    scene = sphere_scene(num_views=1)
    view = scene.views[0]
    possible = view.__class__(**{**view.__dict__, "possible": view.hidden, "hidden": np.zeros_like(view.hidden)})
    table = RayBuilder(**ray_options())(possible, scene.frame)
    rays = rays_of(table, table.role == Role.POSSIBLE)
    assert len(rays.near) > 100
    assert (rays.opacity_weight == 0).all() and (rays.confidence == 0).all() and (rays.surface_distance == 0).all()
    assert (rays.free_distance > 0).all()


def test_hidden_pixels_weigh_what_is_claimed_and_are_less_sharp() -> None:
    table = table_of(sphere_scene())
    hidden = rays_of(table, (table.role == Role.HIDDEN) & ~table.boundary)
    visible = rays_of(table, (table.role == Role.VISIBLE) & ~table.boundary)
    assert torch.allclose(hidden.opacity_weight, torch.tensor(0.9), atol=1e-3)
    assert torch.allclose(hidden.confidence, torch.tensor(0.8), atol=1e-3)
    assert hidden.sigma.min() > visible.sigma.max()


def test_depth_between_two_surfaces_is_not_believed() -> None:
    scene = sphere_scene(num_views=1)
    view = scene.views[0]
    row, column = np.argwhere(view.visible)[view.visible.sum() // 2]
    depth = view.object_depth.copy()
    depth[row, column] += 0.5
    spoilt = view.__class__(
        **{**view.__dict__, "object_depth": depth, "depth": np.where(view.visible, depth, view.depth)}
    )
    before, after = (RayBuilder(**ray_options())(v, scene.frame) for v in (view, spoilt))
    assert (after.surface_distance == 0).sum() == (before.surface_distance == 0).sum() + 1


def test_the_cap_on_rays_is_kept_and_reproducible() -> None:
    scene = sphere_scene(num_views=2)
    one, two = table_of(scene, max_rays=200), table_of(scene, max_rays=200)
    assert len(one) == 400
    assert torch.equal(one.directions, two.directions)


def test_forty_large_views_fit_in_the_memory_promised() -> None:
    scene = sphere_scene(num_views=1, size=128)
    table = table_of(scene)
    assert table.num_bytes / len(table) * 40 * 640 * 480 < 600e6


def test_a_ray_meets_the_box_where_it_should() -> None:
    origins = torch.tensor([[0.0, 0.0, -3.0], [0.0, 0.0, 0.0], [2.0, 0.0, -3.0]])
    directions = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    near, far = box_interval(origins, directions, torch.tensor([0.5, 0.6, 0.7]))
    assert torch.allclose(near[:2], torch.tensor([2.3, 0.0])) and torch.allclose(far[:2], torch.tensor([3.7, 0.6]))
    assert far[2] <= near[2]


def test_without_confidence_painted_pixels_count_as_seen_ones() -> None:
    table = table_of(sphere_scene(num_views=2), use_confidence=False, outline_silent=0)
    hidden = table.role == Role.HIDDEN
    assert hidden.any() and (table.confidence[hidden] == 1).all() and (table.opacity_weight[hidden] == 1).all()


def test_without_completed_depth_only_visible_pixels_have_depth_and_normals() -> None:
    table = table_of(sphere_scene(num_views=2), completed_depth=False)
    hidden = table.role == Role.HIDDEN
    assert not table.surface_distance[hidden].any() and not table.normal[hidden].any()
    assert (table.confidence[hidden] > 0).all(), "their colours still count"
    assert table.surface_distance[table.role == Role.VISIBLE].any()


def test_what_is_unknown_can_count_as_background() -> None:
    scene = sphere_scene(num_views=1)
    view = replace(scene.views[0], possible=scene.views[0].hidden, hidden=np.zeros_like(scene.views[0].hidden))
    tables = [
        RayBuilder(**ray_options(unknown_is_silent=silent, outline_silent=0))(view, scene.frame)
        for silent in (True, False)
    ]
    assert (tables[0].role == Role.POSSIBLE).any() and (tables[0].opacity_weight == 0).any()
    assert not (tables[1].role == Role.POSSIBLE).any() and (tables[1].opacity_weight == 1).all()
    assert len(tables[1]) > len(tables[0])

import numpy as np
import pytest

from o2recon.cameras import pixel_centers, project, unnormalized_rays, unproject
from o2recon.scene.synth.camera_path import look_at
from o2recon.scene.synth.layout import Item, arrange
from o2recon.scene.synth.render import Room
from o2recon.scene.synth.shell import furniture_surfaces, lights_of, shell
from o2recon.types import Camera

SIZE = (4.0, 3.6, 2.5)
CAMERA = Camera(np.array([[140.0, 0, 80], [0, 140.0, 60], [0, 0, 1]]), 160, 120)
POSE = look_at(np.array([2.0, 0.5, 1.3]), np.array([2.1, 3.0, 0.6]), roll=0.05)


@pytest.fixture(scope="module")
def empty():
    return Room(surfaces=shell(SIZE, 0)[:6], lights=lights_of(SIZE), ambient=0.4)


@pytest.fixture(scope="module")
def furnished():
    placed = arrange((Item("chair", "free", shift=0.0), Item("box", "before", of=0)), SIZE, 0)
    surfaces = shell(SIZE, 0) + furniture_surfaces(placed)
    return Room(surfaces=surfaces, lights=lights_of(SIZE), ambient=0.4)


def test_depth_of_an_empty_room_is_the_closed_form(empty):
    rendered = empty.render(CAMERA, POSE, np.random.default_rng(0))
    rays = unnormalized_rays(CAMERA, pixel_centers(CAMERA)) @ POSE[:3, :3].T
    far = np.where(rays > 0, np.array(SIZE), 0.0)
    expected = ((far - POSE[:3, 3]) / rays).min(-1)
    np.testing.assert_allclose(rendered.depth, expected, atol=1e-9)
    axis = ((far - POSE[:3, 3]) / rays).argmin(-1)
    inward = -np.sign(np.take_along_axis(rays, axis[..., None], -1)) * np.eye(3)[axis]
    np.testing.assert_allclose(rendered.normal, inward, atol=1e-9)
    labels = {0: 1, 1: 1, 2: 3}
    assert (rendered.label == np.vectorize(labels.get)(axis) + 38 * ((axis == 2) & (rays[..., 2] > 0))).all()
    assert (rendered.instance == 0).all()


def test_two_views_agree_on_the_surface(furnished):
    other = look_at(np.array([2.6, 0.7, 1.2]), np.array([2.0, 3.0, 0.5]))
    first, second = (furnished.render(CAMERA, p, np.random.default_rng(0)) for p in (POSE, other))
    points = unproject(CAMERA, POSE, pixel_centers(CAMERA), first.depth)
    pixels, z = project(CAMERA, other, points)
    corner = np.floor(pixels - 0.5).astype(int)
    inside = (corner >= 0).all(-1) & (corner < (CAMERA.width - 1, CAMERA.height - 1)).all(-1) & (z > 0)
    corner, share = corner[inside], (pixels[inside] - 0.5) - corner[inside]
    normal, z, points = first.normal[inside], z[inside], points[inside]
    others = unproject(CAMERA, other, pixel_centers(CAMERA), second.depth)
    inverse, same = np.zeros(len(z)), np.ones(len(z), bool)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = corner[:, 0] + dx, corner[:, 1] + dy
        weight = np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
        inverse += weight / second.depth[row, column]
        same &= ((second.normal[row, column] - normal) ** 2).sum(1) < 1e-9
        same &= np.abs(((others[row, column] - points) * normal).sum(1)) < 2e-3
        same &= np.abs(second.depth[row, column] - z) < 0.2
    assert same.sum() > 4000
    assert np.abs(1 / inverse[same] - z[same]).max() < 1e-3


def test_shading_is_repeatable_and_neither_black_nor_burnt(furnished):
    first, again = (furnished.render(CAMERA, POSE, np.random.default_rng(5)).color for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0.3 < first.mean() < 0.8
    assert (first.max(-1) > 0.99).mean() < 0.05 and (first.max(-1) < 0.02).mean() < 0.05


def test_furniture_casts_shadows(furnished, empty):
    lit, dimmed = (room.render(CAMERA, POSE, np.random.default_rng(0)) for room in (empty, furnished))
    floor = (lit.label == 3) & (dimmed.label == 3)
    assert (lit.color - dimmed.color)[floor].max() > 0.05
    assert np.median(np.abs(lit.color - dimmed.color)[floor]) < 0.02

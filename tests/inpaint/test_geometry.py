import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.inpaint import CompletedGeometry, complete_geometry, depth_normals, replaced_geometry
from o2recon.types import Camera

SHAPE = (20, 30)


def test_sensor_where_visible_surface_where_hidden_membrane_elsewhere() -> None:
    visible, hidden = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    visible[:, :10], hidden[:, 10:25] = True, True
    sensor = np.full(SHAPE, 2.0, np.float32)
    sensor[:, 10:] = 1.0
    surface = np.where(np.arange(30) < 20, 2.02, 0.0) * np.ones(SHAPE)
    normal = np.zeros((*SHAPE, 3), np.float32)
    normal[..., 2] = -1
    found = complete_geometry(sensor, visible, hidden, surface.astype(np.float32), normal, np.where(hidden, sensor, 0))
    np.testing.assert_allclose(found.depth[:, :10], 2.0)
    np.testing.assert_allclose(found.depth[:, 10:20], 2.02, rtol=1e-5)
    np.testing.assert_allclose(found.depth[:, 20:25], 2.02, rtol=1e-3)
    assert not found.depth[:, 25:].any()
    np.testing.assert_allclose(found.normal[hidden], [[0, 0, -1]] * np.count_nonzero(hidden), atol=1e-4)


def test_completed_depth_is_never_in_front_of_what_covers_it() -> None:
    visible, hidden = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    visible[:, :10], hidden[:, 10:] = True, True
    sensor = np.full(SHAPE, 1.0, np.float32)
    sensor[:, 10:] = 1.5
    nothing = np.zeros(SHAPE, np.float32)
    found = complete_geometry(sensor, visible, hidden, nothing, np.zeros((*SHAPE, 3)), np.where(hidden, sensor, 0))
    assert (found.depth[hidden] >= 1.5).all()


CAMERA = Camera(np.array([[40.0, 0, 15], [0, 40, 10], [0, 0, 1]]), 30, 20)


def plane(normal: np.ndarray, distance: float) -> np.ndarray:
    """z-depth of the plane normal . x = -distance."""
    return (-distance / (unnormalized_rays(CAMERA, pixel_centers(CAMERA)) @ normal)).astype(np.float32)


def test_normals_of_a_planes_depth_are_the_planes_and_face_the_camera() -> None:
    normal = np.array([0.3, -0.2, -0.9]) / np.linalg.norm([0.3, -0.2, -0.9])
    found = depth_normals(plane(normal, 1.8), CAMERA)
    np.testing.assert_allclose(found[1:-1, 1:-1], np.broadcast_to(normal, (18, 28, 3)), atol=2e-3)
    assert not found[0].any() and not found[:, -1].any()


def test_another_depth_is_taken_where_asked_with_its_normals_but_never_in_front_of_what_covers_it() -> None:
    old = CompletedGeometry(np.full(SHAPE, 2.0, np.float32), np.tile(np.float32([0, 0, -1]), (*SHAPE, 1)))
    normal = np.array([0.6, 0.0, -0.8])
    depth = plane(normal, 1.8)
    where = np.zeros(SHAPE, bool)
    where[5:15, 5:25] = True
    nearest = np.where(np.arange(30) < 10, 9.0, 0.0) * np.ones(SHAPE)
    new = replaced_geometry(old, CAMERA, depth, where, nearest.astype(np.float32))
    np.testing.assert_array_equal(new.depth[~where], 2.0)
    np.testing.assert_allclose(new.depth[5:15, 10:25], depth[5:15, 10:25])
    assert (new.depth[5:15, 5:10] == 9).all()
    np.testing.assert_allclose(new.normal[7:13, 12:23], np.broadcast_to(normal, (6, 11, 3)), atol=2e-3)
    np.testing.assert_array_equal(new.normal[~where], old.normal[~where])

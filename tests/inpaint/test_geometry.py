import numpy as np

from o2recon.inpaint import complete_geometry

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

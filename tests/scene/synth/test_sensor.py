import numpy as np
import pytest

from o2recon.scene.synth.sensor import Sensor

SETTINGS = dict(
    noise=1.0,
    sigma_offset=0.0012,
    sigma_slope=0.0019,
    blotch=8.0,
    shadow=3.0,
    max_incidence=75.0,
    depth_range=(0.4, 4.5),
    exposure=0.07,
    grain=1.0,
)
SENSOR = Sensor(**SETTINGS)
PERFECT = Sensor(**SETTINGS | {"noise": 0.0})
FACING = np.ones((480, 640))


@pytest.mark.parametrize("z", [0.8, 2.0, 3.5])
def test_depth_error_has_the_stated_size_and_is_blotchy(z):
    depth = np.full((480, 640), z)
    error = SENSOR.depth(depth, FACING, np.random.default_rng(0)) - depth
    assert error.std() == pytest.approx(0.0012 + 0.0019 * (z - 0.4) ** 2, rel=0.15)
    assert np.corrcoef(error[:, 1:].ravel(), error[:, :-1].ravel())[0, 1] > 0.95
    assert abs(np.corrcoef(error[:, 60:].ravel(), error[:, :-60].ravel())[0, 1]) < 0.15


def test_depth_is_lost_behind_jumps_at_grazing_angles_and_out_of_range():
    depth = np.full((480, 640), 2.0)
    depth[:, :320] = 1.0
    depth[:50] = 5.0
    depth[-50:] = 0.3
    cosine = FACING.copy()
    cosine[200:220, 500:] = np.cos(np.deg2rad(80))
    measured = SENSOR.depth(depth, cosine, np.random.default_rng(0))
    assert (measured[:50] == 0).all() and (measured[-50:] == 0).all() and (measured[200:220, 500:] == 0).all()
    middle = measured[240:400]
    assert (middle[:, 320] == 0).all()
    assert (middle[:, :319] > 0).all() and (middle[:, 325:] > 0).all()
    assert 0 < (middle[:, 321:324] == 0).mean() < 1


def test_a_perfect_sensor_only_keeps_its_range():
    depth = np.linspace(0.1, 6, 480 * 640).reshape(480, 640)
    valid = (depth >= 0.4) & (depth <= 4.5)
    measured = PERFECT.depth(depth, 0 * FACING, np.random.default_rng(0))
    np.testing.assert_array_equal(measured, np.where(valid, depth, 0))
    np.testing.assert_array_equal(PERFECT.gains(9, np.random.default_rng(0)), 1)
    color = np.random.default_rng(0).random((4, 5, 3))
    np.testing.assert_array_equal(PERFECT.color(color, 1.0, np.random.default_rng(0)), np.rint(color * 255))


def test_exposure_drifts_slowly_by_the_stated_share():
    gains = np.log(SENSOR.gains(4000, np.random.default_rng(0)))
    assert gains.std() == pytest.approx(0.07, rel=0.15)
    assert np.abs(np.diff(gains)).max() < 0.07

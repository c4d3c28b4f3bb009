import numpy as np
import pytest

from o2recon.scene.synth.texture import _PATTERN, Texture, noise


@pytest.mark.parametrize("pattern", sorted(_PATTERN))
def test_colours_are_in_range_and_vary(pattern):
    rng = np.random.default_rng(0)
    points = rng.uniform(-2, 2, (500, 3))
    normals = np.tile([0.0, -1.0, 0.0], (500, 1))
    color = Texture(pattern, ((0.2, 0.3, 0.4), (0.7, 0.6, 0.5)), 0.07)(points, normals)
    assert color.min() >= 0 and color.max() <= 1
    assert color.std(axis=0).min() > 0.005


def test_noise_is_continuous_across_its_tile_and_through_zero():
    line = np.zeros((4001, 3))
    line[:, 0] = np.linspace(-2, 2, 4001)
    assert np.abs(np.diff(noise(line, 0.03))).max() < 0.15

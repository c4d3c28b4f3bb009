import itertools

import numpy as np
import torch

from o2recon.volume.enclosure import enclosure


def walk(state: np.ndarray, outside: float) -> np.ndarray:
    """The definition, voxel by voxel."""
    result = np.zeros(state.shape)
    directions = [d for d in itertools.product((-1, 0, 1), repeat=3) if 0 < sum(map(abs, d)) <= 2]
    for start in np.ndindex(state.shape):
        total = weights = 0.0
        for d in directions:
            at, hit = np.array(start), outside
            while ((at >= 0) & (at < state.shape)).all():
                if state[tuple(at)] >= 0:
                    hit = state[tuple(at)]
                    break
                at = at + d
            weight = 1.0 if sum(map(abs, d)) == 1 else 0.5
            total, weights = total + weight * hit, weights + weight
        result[start] = total / weights
    return result


def test_agrees_with_walking_each_direction():
    rng = np.random.default_rng(0)
    kind = rng.choice(4, size=(7, 8, 6), p=[0.1, 0.1, 0.1, 0.7])
    own, free, other = (torch.from_numpy(kind == k) for k in range(3))
    state = np.select([kind == 0, kind == 1, kind == 2], [1.0, 0.0, 0.3], -1.0)
    np.testing.assert_allclose(
        enclosure(own, free, other, neutral=0.3, outside=0.2).numpy(), walk(state, 0.2), atol=1e-6
    )


def test_the_inside_of_a_closed_shell_is_fully_enclosed():
    own = torch.zeros(9, 9, 9, dtype=torch.bool)
    own[1:8, 1:8, 1:8] = True
    own[2:7, 2:7, 2:7] = False
    nothing = torch.zeros_like(own)
    assert float(enclosure(own, nothing, nothing, neutral=0.0, outside=0.0)[3:6, 3:6, 3:6].min()) == 1.0


def test_air_below_a_board_is_hardly_enclosed():
    own = torch.zeros(11, 11, 11, dtype=torch.bool)
    own[:, :, 9] = True
    free = torch.zeros_like(own)
    free[0], free[-1], free[:, 0], free[:, -1], free[:, :, 0] = True, True, True, True, True
    assert float(enclosure(own, free, torch.zeros_like(own), neutral=0.3, outside=0.3)[5, 5, 5]) < 0.3

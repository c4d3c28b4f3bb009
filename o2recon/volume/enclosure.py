"""How much an unseen place is enclosed by the object's own surface: what tells the inside of a box from the air below a
table top, when neither was ever seen."""

import itertools

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_DIRECTIONS = [d for d in itertools.product((-1, 0, 1), repeat=3) if 0 < sum(map(abs, d)) <= 2]


def enclosure(
    own: Bool[Tensor, "x y z"],
    free: Bool[Tensor, "x y z"],
    other: Bool[Tensor, "x y z"],
    *,
    neutral: float,
    outside: float,
) -> Float[Tensor, "x y z"]:
    """Share of 18 directions in which the first known thing is the object's surface, met from behind.

    `own`: just behind the observed surface; `free`: seen to be empty; `other`: on another surface. Everything else is
    unknown and looked through. Another surface counts as `neutral`, the end of the grid as `outside`, both in [0, 1].
    The 12 diagonals count half.
    """
    state = torch.full(own.shape, -1.0)
    state[free] = 0.0
    state[other] = neutral
    state[own] = 1.0
    total, weights = torch.zeros_like(state), 0.0
    for direction in _DIRECTIONS:
        weight = 1.0 if sum(map(abs, direction)) == 1 else 0.5
        total += weight * _first_hit(state, direction, outside)
        weights += weight
    return total / weights


def _first_hit(state: Float[Tensor, "x y z"], direction: tuple[int, ...], outside: float) -> Float[Tensor, "x y z"]:
    """Value of the first voxel >= 0 met along `direction`, starting at the voxel itself."""
    axis = next(a for a in range(3) if direction[a])
    sideways = [(k, direction[a]) for k, a in enumerate(a for a in range(3) if a != axis) if direction[a]]
    slabs = (state if direction[axis] > 0 else state.flip(axis)).movedim(axis, 0)
    result = torch.empty(slabs.shape)
    hit = torch.full(slabs.shape[1:], outside)
    for i in range(slabs.shape[0] - 1, -1, -1):
        for k, sign in sideways:
            shifted, n = torch.full_like(hit, outside), hit.shape[k] - 1
            shifted.narrow(k, 0 if sign > 0 else 1, n).copy_(hit.narrow(k, 1 if sign > 0 else 0, n))
            hit = shifted
        hit = torch.where(slabs[i] < 0, hit, slabs[i])
        result[i] = hit
    result = result.movedim(0, axis)
    return result if direction[axis] > 0 else result.flip(axis)

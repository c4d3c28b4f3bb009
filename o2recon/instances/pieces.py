"""Which object a surface belongs to where boxes overlap: smooth pieces go whole to the box that has them alone."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from o2recon.instances.cloud import SurfaceCloud, step_of

HALF_OF_NEIGHBORS = [(x, y, z) for x in (0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)]


def smooth_pieces(cloud: SurfaceCloud, use: Bool[np.ndarray, "cells"], *, max_angle: float) -> Int[np.ndarray, "cells"]:
    """Number of the piece of every used cell (-1: not used): neighbours whose normals differ by up to `max_angle`
    degrees."""
    first, second = [], []
    for offset in HALF_OF_NEIGHBORS:
        other = cloud.find(cloud.cells + step_of(offset))
        rows = np.flatnonzero((other >= 0) & use)
        rows = rows[use[other[rows]]]
        agree = (cloud.normals[rows] * cloud.normals[other[rows]]).sum(1) > np.cos(np.deg2rad(max_angle))
        first.append(rows[agree])
        second.append(other[rows[agree]])
    rows, columns = np.concatenate(first), np.concatenate(second)
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(len(use), len(use)))
    _, piece = connected_components(graph, directed=False)
    return np.where(use, piece, -1)


def owners(
    piece: Int[np.ndarray, "cells"],
    held: Bool[np.ndarray, "boxes cells"],
    volumes: Sequence[float],
    *,
    max_outside: float,
) -> Int[np.ndarray, "cells"]:
    """Box (its row) that each cell belongs to, -1 for none.

    `held`: which boxes a cell is in. A piece belongs to that of its boxes which holds most of it alone, or to the one
    of least volume when none does, and to none when more than the share `max_outside` of it lies in no box.
    """
    number = held.sum(0)
    count = int(piece.max(initial=-1)) + 1
    used = piece >= 0
    total = np.bincount(piece[used], minlength=count)
    outside = np.bincount(piece[used & (number == 0)], minlength=count)
    alone: Float[np.ndarray, "boxes pieces"] = np.stack(
        [np.bincount(piece[used & row & (number == 1)], minlength=count) for row in held]
    ).astype(float)
    score = alone - 1e-9 * np.argsort(np.argsort(volumes))[:, None]
    wanted = np.where(held[:, used], score[:, piece[used]], -np.inf)
    owner = np.full(piece.shape, -1)
    strange = outside > max_outside * np.maximum(total, 1)
    owner[used] = np.where((number[used] > 0) & ~strange[piece[used]], wanted.argmax(0), -1)
    return owner

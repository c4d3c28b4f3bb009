"""Marching cubes with coarse-to-fine evaluation: the field is asked only where its surface can be.

The grid's nodes span the object's box exactly. Blocks of `block` cells a side are kept when the smallest |sdf| of their
corners allows a surface inside: |sdf| <= safety * L * half the block's diagonal, with L the largest slope measured. A
kept block is evaluated in full; where the surface leaves it into a skipped one, that one is added too, until the
surface is complete. The solid is intersected with the box, so the mesh is always closed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float
from skimage.measure import marching_cubes
from torch import Tensor

from o2recon.transforms import object_to_world
from o2recon.types import ObjectFrame

_LOG = logging.getLogger(__name__)
Sdf = Callable[[Float[Tensor, "points 3"]], Float[Tensor, "points"]]


@dataclass(frozen=True)
class NodeGrid:
    """Nodes over the object's box, in the object frame: node i of axis a lies at `-half[a] + i * step[a]`."""

    half: Float[np.ndarray, "3"]
    cells: tuple[int, int, int]

    @property
    def step(self) -> Float[np.ndarray, "3"]:
        return 2 * self.half / np.array(self.cells)

    @property
    def nodes(self) -> tuple[int, int, int]:
        return self.cells[0] + 1, self.cells[1] + 1, self.cells[2] + 1


def extract(
    sdf: Sdf,
    frame: ObjectFrame,
    *,
    resolution: int | None = None,
    spacing_m: float | None = None,
    block: int = 8,
    safety: float = 1.5,
    chunk: int = 65536,
    device: str | torch.device = "cpu",
) -> trimesh.Trimesh:
    """The zero surface of `sdf` as a closed mesh in world metres, faces outward.

    `sdf` takes points in the object frame and gives object units, > 0 outside. Give either `spacing_m` (cell size in
    metres) or `resolution` (cells along the box's longest side). `block` 1 evaluates every node. ValueError when the
    field is not finite, has no surface in the box, or is inside out.
    """
    grid = _grid_over(frame, resolution=resolution, spacing_m=spacing_m, block=block)
    values = _surface_values(sdf, grid, block=block, safety=safety, chunk=chunk, device=device)
    vertices, faces, _, _ = marching_cubes(values, 0.0, gradient_direction="descent", method="lewiner")
    points = object_to_world(frame, vertices.astype(np.float64) * grid.step - grid.half)
    mesh = trimesh.Trimesh(points, faces, process=False)
    if mesh.volume <= 0:
        raise ValueError(f"the extracted surface encloses {mesh.volume:.2e} m3: the sdf must be > 0 outside the object")
    return mesh


def _grid_over(frame: ObjectFrame, *, resolution: int | None, spacing_m: float | None, block: int) -> NodeGrid:
    """Whole blocks over the box; cells are at most as large as asked for."""
    if (resolution is None) == (spacing_m is None):
        raise ValueError("give exactly one of mesh.resolution and mesh.spacing_m")
    size = 2 * frame.half_extents
    spacing = float(size.max()) / resolution if resolution is not None else float(spacing_m or 0.0)
    if not spacing > 0 or size.max() / spacing > 2048:
        raise ValueError(
            f"cells of {spacing:.2e} m over a box of {size.max():.2f} m: 1 to 2048 cells a side are possible"
        )
    blocks = np.maximum(np.ceil(size / (spacing * block) - 1e-6).astype(int), 1)
    cells = blocks * block if block > 1 else np.maximum(blocks, 2)
    return NodeGrid(frame.half_extents / frame.scale, (int(cells[0]), int(cells[1]), int(cells[2])))


def _surface_values(
    sdf: Sdf, grid: NodeGrid, *, block: int, safety: float, chunk: int, device: str | torch.device
) -> Float[np.ndarray, "x y z"]:
    """The field at all nodes near the surface, and values of the right sign everywhere else."""
    values = np.zeros(grid.nodes, np.float32)
    known = np.zeros(grid.nodes, bool)

    def evaluate(wanted: Bool[np.ndarray, "x y z"]) -> None:
        index = np.argwhere(wanted & ~known)
        values[tuple(index.T)] = _evaluate(sdf, grid, index, chunk=chunk, device=device)
        known[tuple(index.T)] = True

    corner = np.zeros(grid.nodes, bool)
    corner[::block, ::block, ::block] = True
    evaluate(corner)
    if block > 1:
        coarse = values[::block, ::block, ::block]
        slope = max(_slope(sdf, grid, chunk=chunk, device=device), 1e-6)
        reach = safety * slope * 0.5 * float(np.linalg.norm(block * grid.step))
        low, high = _extremes(coarse)
        kept = (low < 0) != (high < 0)
        kept |= np.minimum(np.abs(low), np.abs(high)) <= reach
        sign = np.where(low < 0, -1.0, 1.0).astype(np.float32)
        evaluate(_nodes_of(kept, block))
        while (added := _leaking(values, known, kept, sign, block)).any():
            kept |= added
            evaluate(_nodes_of(kept, block))
        fill = np.repeat(np.repeat(np.repeat(sign * reach, block, 0), block, 1), block, 2)
        fill = np.pad(fill, ((0, 1),) * 3, mode="edge")
        values = np.where(known, values, fill)
        _LOG.info("evaluated %d of %d nodes (%.1f %%)", known.sum(), known.size, 100 * known.mean())
    _check_signs(values)
    return _closed_at_box(values, grid)


def _evaluate(
    sdf: Sdf, grid: NodeGrid, index: np.ndarray, *, chunk: int, device: str | torch.device
) -> Float[np.ndarray, "nodes"]:
    points = torch.from_numpy((index * grid.step - grid.half).astype(np.float32))
    return _ask(sdf, points, chunk=chunk, device=device)


def _ask(sdf: Sdf, points: Tensor, *, chunk: int, device: str | torch.device) -> Float[np.ndarray, "points"]:
    """ValueError when the field is not finite somewhere."""
    with torch.no_grad():
        parts = [sdf(part.to(device)).detach().float().cpu().reshape(-1) for part in points.split(chunk)]
    values = torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise ValueError(
            f"the sdf is not finite at {bad} of {len(values)} points: training diverged; lower the learning rate"
        )
    return values


def _slope(sdf: Sdf, grid: NodeGrid, *, chunk: int, device: str | torch.device, count: int = 8192) -> float:
    """The largest slope between points one cell apart, over random places of the box; about 1 for a distance."""
    generator = np.random.default_rng(0)
    start = (generator.random((count, 3)) * 2 - 1) * grid.half
    towards = generator.normal(size=(count, 3))
    length = float(grid.step.max())
    end = start + length * towards / np.linalg.norm(towards, axis=1, keepdims=True)
    both = _ask(sdf, torch.from_numpy(np.concatenate([start, end]).astype(np.float32)), chunk=chunk, device=device)
    return float(np.abs(both[count:] - both[:count]).max() / length)


def _extremes(coarse: Float[np.ndarray, "x y z"]) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest corner value of every block."""
    low = high = coarse
    for axis in range(3):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        low, high = np.minimum(low[first], low[second]), np.maximum(high[first], high[second])
    return low, high


def _nodes_of(kept: Bool[np.ndarray, "bx by bz"], block: int) -> Bool[np.ndarray, "x y z"]:
    """All nodes of the kept blocks, their shared faces included."""
    cells = np.repeat(np.repeat(np.repeat(kept, block, 0), block, 1), block, 2)
    nodes = np.zeros(tuple(n + 1 for n in cells.shape), bool)
    for dx, dy, dz in np.ndindex(2, 2, 2):
        nodes[dx : dx + cells.shape[0], dy : dy + cells.shape[1], dz : dz + cells.shape[2]] |= cells
    return nodes


def _leaking(
    values: np.ndarray, known: np.ndarray, kept: np.ndarray, sign: np.ndarray, block: int
) -> Bool[np.ndarray, "bx by bz"]:
    """Skipped blocks that the surface enters: a known node on their boundary has the other sign."""
    added = np.zeros_like(kept)
    for bx, by, bz in np.argwhere(~kept & _touching(kept)):
        part = (slice(bx * block, bx * block + block + 1), slice(by * block, by * block + block + 1))
        part3 = (*part, slice(bz * block, bz * block + block + 1))
        mine = values[part3][known[part3]]
        added[bx, by, bz] = ((mine < 0) != (sign[bx, by, bz] < 0)).any()
    return added


def _touching(kept: np.ndarray) -> np.ndarray:
    """Blocks with a kept one among their 26 neighbours."""
    padded = np.pad(kept, 1)
    near = np.zeros_like(kept)
    for dx, dy, dz in np.ndindex(3, 3, 3):
        near |= padded[dx : dx + kept.shape[0], dy : dy + kept.shape[1], dz : dz + kept.shape[2]]
    return near


def _check_signs(values: Float[np.ndarray, "x y z"]) -> None:
    """ValueError when there is no surface, or when most of the box's boundary is inside the solid."""
    if not (values < 0).any():
        raise ValueError("the sdf is positive in the whole box: the object vanished; train longer or check the masks")
    shell = np.ones(values.shape, bool)
    shell[1:-1, 1:-1, 1:-1] = False
    inside = float((values[shell] < 0).mean())
    if not (values > 0).any() or inside > 0.7:
        raise ValueError(
            f"the sdf is negative on {100 * inside:.0f} % of the box's boundary (at most 70 % are possible): "
            "the field is inside out or did not learn free space; train longer or check the masks"
        )


def _closed_at_box(values: Float[np.ndarray, "x y z"], grid: NodeGrid) -> Float[np.ndarray, "x y z"]:
    """Intersect the solid with the box: max of the field and the box's own distance; no node is exactly zero."""
    tiny = np.float32(1e-3 * grid.step.min())
    for axis, (count, step) in enumerate(zip(grid.nodes, grid.step, strict=True)):
        node = np.arange(count)
        wall = tiny - np.minimum(node, count - 1 - node) * step
        shape = [1, 1, 1]
        shape[axis] = count
        values = np.maximum(values, wall.reshape(shape).astype(np.float32))
    return np.where(np.abs(values) < 0.1 * tiny, np.where(values < 0, -0.1, 0.1) * tiny, values).astype(np.float32)

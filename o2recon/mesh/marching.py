"""Marching cubes with coarse-to-fine evaluation, on any device: the field is asked only where its surface can be.

The grid's nodes span the object's box exactly. Cubes of cells are kept when the smallest |sdf| of their corners allows
a surface inside: |sdf| <= safety * L * half the cube's diagonal, with L the largest slope measured; kept cubes are
halved, down to 2 cells a side, which are evaluated in full. Where the surface leaves one of those into a skipped one,
that one is added too, until the surface is complete. The solid is intersected with the box: the mesh is always closed.
"""

import logging

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float, Int
from torch import Tensor

from o2recon.mesh.cases import CENTER, CORNERS, EDGES, FACES, all_cases
from o2recon.mesh.nodes import NodeGrid, Sdf, SparseNodes
from o2recon.transforms import object_to_world
from o2recon.types import ObjectFrame

_LOG = logging.getLogger(__name__)


def extract(
    sdf: Sdf,
    frame: ObjectFrame,
    *,
    resolution: int | None = None,
    spacing_m: float | None = None,
    block: int = 8,
    safety: float = 1.3,
    chunk: int = 65536,
    device: str | torch.device = "cpu",
) -> trimesh.Trimesh:
    """The zero surface of `sdf` as a closed mesh in world metres, faces outward.

    `sdf` takes points in the object frame and gives object units, > 0 outside. Give either `spacing_m` (cell size in
    metres) or `resolution` (cells along the box's longest side). `block`: cells a side of the largest cubes, a power of
    two; `safety` infinite evaluates every node. ValueError when the field is not finite, has no surface in the box, or
    is inside out.
    """
    grid = _grid_over(frame, resolution=resolution, spacing_m=spacing_m, block=block)
    nodes = SparseNodes(sdf, grid, block=block, chunk=chunk, device=device)
    cells, values = _surface_cells(nodes, _kept_cubes(nodes, grid, block=block, safety=safety))
    total = int(np.prod([c + 1 for c in grid.cells]))
    _LOG.info("evaluated %d of %d nodes (%.1f %%)", nodes.asked, total, 100 * nodes.asked / total)
    if len(cells) == 0:
        raise ValueError("the sdf is positive in the whole box: the object vanished; train longer or check the masks")
    vertices, faces = _triangulated(nodes, cells, values)
    mesh = trimesh.Trimesh(object_to_world(frame, vertices * grid.step - grid.half), faces, process=False)
    corners = vertices[faces]  # Trimesh.volume also integrates inertia, ten times as long
    volume = np.einsum("fd,fd->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    if volume <= 0:
        raise ValueError(f"the extracted surface encloses {volume:.0f} cells: the sdf must be > 0 outside the object")
    return mesh


def _grid_over(frame: ObjectFrame, *, resolution: int | None, spacing_m: float | None, block: int) -> NodeGrid:
    """Whole blocks over the box; cells are at most as large as asked for."""
    if (resolution is None) == (spacing_m is None):
        raise ValueError("give exactly one of mesh.resolution and mesh.spacing_m")
    if block not in (2, 4, 8, 16, 32):
        raise ValueError(f"mesh.block={block} is not possible: 2, 4, 8, 16 or 32 cells a side")
    size = 2 * frame.half_extents
    spacing = float(size.max()) / resolution if resolution is not None else float(spacing_m or 0.0)
    if not spacing > 0 or size.max() / spacing > 2048:
        raise ValueError(
            f"cells of {spacing:.2e} m over a box of {size.max():.2f} m: 1 to 2048 cells a side are possible"
        )
    cells = block * np.maximum(np.ceil(size / (spacing * block) - 1e-6).astype(int), 1)
    return NodeGrid(frame.half_extents / frame.scale, (int(cells[0]), int(cells[1]), int(cells[2])))


def _kept_cubes(nodes: SparseNodes, grid: NodeGrid, *, block: int, safety: float) -> Int[Tensor, "cubes 3"]:
    """Lowest corners of the cubes of 2 cells a side that the surface may enter."""
    reach = safety * max(nodes.slope(), 1e-6) * 0.5 * float(np.linalg.norm(grid.step))
    roots = torch.nonzero(torch.ones_like(nodes.coarse[1:, 1:, 1:]))
    corners = nodes.coarse[tuple((roots[:, None] + roots.new_tensor(CORNERS)).unbind(-1))]
    kept = block * roots[_may_hold(corners, block * reach)]
    side = block
    while side > 2:
        halves, corners = _halves(kept, nodes.ask(kept, side=side), side=side)
        side //= 2
        kept = halves[_may_hold(corners, side * reach)]
    return kept


def _halves(
    cubes: Int[Tensor, "cubes 3"], values: Float[Tensor, "cubes 27"], *, side: int
) -> tuple[Int[Tensor, "halves 3"], Float[Tensor, "halves 8"]]:
    """The eight halves of every cube by their lowest corners, and their corner values."""
    of_half = cubes.new_tensor((CORNERS[:, None] + CORNERS) @ [9, 3, 1])
    return (cubes[:, None] + side // 2 * cubes.new_tensor(CORNERS)).flatten(0, 1), values[:, of_half].flatten(0, 1)


def _may_hold(corners: Float[Tensor, "cubes 8"], reach: float) -> Bool[Tensor, "cubes"]:
    """Cubes whose corners differ in sign or come as near to the surface as `reach`."""
    return _mixed(corners) | (corners.abs().amin(1) <= reach)


def _surface_cells(
    nodes: SparseNodes, cubes: Int[Tensor, "cubes 3"]
) -> tuple[Int[Tensor, "cells 3"], Float[Tensor, "cells 8"]]:
    """Cells that the surface crosses, and their corner values: in the given cubes of 2 cells a side, and on from them
    wherever it leaves through a face."""
    found = [_halves(cubes[:0], nodes.coarse.new_zeros((0, 27)), side=2)]
    while len(cubes):
        values = nodes.ask(cubes, side=2)
        mixed = _mixed(values)
        cubes, values = cubes[mixed], values[mixed]
        cells, corners = _halves(cubes, values, side=2)
        mixed = _mixed(corners)
        found.append((cells[mixed], corners[mixed]))
        lattice, entered = values.reshape(-1, 3, 3, 3), []
        for axis, upper in np.ndindex(3, 2):
            beyond = cubes[_mixed(lattice.select(1 + axis, 2 * upper).flatten(1))]
            beyond[:, axis] += 4 * upper - 2
            entered.append(beyond[~nodes.known(beyond + 1)])  # a cube's middle is known when the cube was asked for
        cubes = torch.unique(torch.cat(entered), dim=0)
    return torch.cat([cells for cells, _ in found]), torch.cat([corners for _, corners in found])


def _mixed(values: Float[Tensor, "rows values"]) -> Bool[Tensor, "rows"]:
    inside = values < 0
    return inside.any(1) & ~inside.all(1)


def _triangulated(
    nodes: SparseNodes, cells: Int[Tensor, "cells 3"], values: Float[Tensor, "cells 8"]
) -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "faces 3"]]:
    """Vertices, in cells from the grid's first node, and faces.

    The three edges at a cell's lowest corner are its own, and so are the vertices on them. A crossed edge is inside the
    box, since the box's sides are outside; so the cell that owns it is among `cells`.
    """
    inside = values < 0
    own = inside[:, :1] != inside[:, [4, 2, 1]]
    number = torch.cumsum(own.ravel(), 0).reshape(-1, 3) - 1
    owner, axis = torch.nonzero(own, as_tuple=True)
    low, high = values[owner, 0], values[owner, cells.new_tensor([4, 2, 1])[axis]]
    vertices = cells[owner].cpu().double()
    vertices[torch.arange(len(vertices)), axis.cpu()] += (low / (low - high)).cpu().double()

    of_face, edges = _faces(values)
    axes, lowest = [cells.new_tensor([*column, column[0]]) for column in zip(*EDGES, strict=True)]
    at = torch.full((nodes.capacity,), -1, dtype=torch.int64, device=cells.device)
    at[nodes.place(cells)] = torch.arange(len(cells), device=cells.device)
    owners = at[nodes.place(cells[of_face][:, None] + cells.new_tensor(CORNERS)[lowest[edges]])]
    return _with_centers(vertices, number[owners, axes[edges]].cpu(), of_face.cpu(), edges.cpu())


def _faces(values: Float[Tensor, "cells 8"]) -> tuple[Int[Tensor, "faces"], Int[Tensor, "faces 3"]]:
    """The cell and the three edges of every face."""
    cases, device = all_cases(), values.device
    code = ((values < 0) * torch.tensor([1 << c for c in range(8)], device=device)).sum(1)
    ambiguous = torch.tensor(cases.ambiguous, device=device)[code]
    rows = torch.nonzero(ambiguous.any(1))[:, 0]
    a, b, c, d = values[rows][:, torch.tensor(FACES, device=device)].unbind(2)
    joins = torch.where(a < 0, a * c > b * d, b * d > a * c) & ambiguous[rows]  # the face's saddle is inside
    code[rows] += 256 * (joins * torch.tensor([1 << f for f in range(6)], device=device)).sum(1)
    count = torch.tensor(cases.count, device=device)[code]
    cell = torch.repeat_interleave(torch.arange(len(code), device=device), count)
    before = torch.cumsum(count, 0) - count
    row = torch.arange(len(cell), device=device) + (torch.tensor(cases.first, device=device)[code] - before)[cell]
    return cell, torch.tensor(cases.edges, device=device)[row]


def _with_centers(
    vertices: Float[Tensor, "vertices 3"],
    faces: Int[Tensor, "faces 3"],
    of_face: Int[Tensor, "faces"],
    edges: Int[Tensor, "faces 3"],
) -> tuple[Float[np.ndarray, "_ 3"], Int[np.ndarray, "faces 3"]]:
    """Give the fans around a loop's centre that vertex, the mean of the loop."""
    rows = torch.nonzero(edges[:, 2] == CENTER)[:, 0]
    cells, fan = torch.unique(of_face[rows], return_inverse=True)
    faces[rows, 2] = len(vertices) + fan
    centers = vertices.new_zeros((len(cells), 3)).index_add(0, fan, vertices[faces[rows, 0]])
    centers /= torch.bincount(fan, minlength=len(cells))[:, None]
    return torch.cat([vertices, centers]).numpy(), faces.numpy()

"""A box's node grid, and the values of a field at the few nodes that were asked for, on any device."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from o2recon.mesh.chunks import InChunks

_BATCH = 2**18
Sdf = Callable[[Float[Tensor, "points 3"]], Float[Tensor, "points"]]


@dataclass(frozen=True)
class NodeGrid:
    """Nodes over the object's box, in the object frame: node i of axis a lies at `-half[a] + i * step[a]`."""

    half: Float[np.ndarray, "3"]
    cells: tuple[int, int, int]

    @property
    def step(self) -> Float[np.ndarray, "3"]:
        return 2 * self.half / np.array(self.cells)


class SparseNodes:
    """A field at nodes of `grid`: known at every `block`-th node, and wherever else it was asked.

    The solid is intersected with the box (max of the field and the box's own distance), so that the nodes on its sides
    are outside, and no value is exactly zero. Storage comes in blocks of `block` nodes a side, a power of two. `chunk`:
    points given to the field at once, fewer where memory is short. ValueError when it is not finite, or inside on over
    70 % of the box's sides.
    """

    def __init__(self, sdf: Sdf, grid: NodeGrid, *, block: int, chunk: int, device: str | torch.device) -> None:
        self._block, self._asked = block, InChunks(lambda p: sdf(p).detach().float().reshape(-1), chunk=chunk)
        self._bits = block.bit_length() - 1
        self._cells = torch.tensor(grid.cells, device=device)
        self._step = torch.tensor(grid.step, dtype=torch.float32, device=device)
        self._half = torch.tensor(grid.half, dtype=torch.float32, device=device)
        self._tiny = 1e-3 * float(grid.step.min())
        blocks = [c // block + 1 for c in grid.cells]
        self._slot = torch.full(blocks, -1, device=device)
        self._origin = torch.zeros((0, 3), dtype=torch.int64, device=device)
        self._values = torch.zeros(0, device=device)
        self._known = torch.zeros(0, dtype=torch.bool, device=device)
        nodes = block * torch.nonzero(self._slot < 0)
        raw = self._field(self.points(nodes))
        _check_sides(raw, ((nodes == 0) | (nodes == self._cells)).any(1))
        self.coarse = self._closed(raw, nodes).reshape(blocks)
        self.asked = len(nodes)

    def points(self, nodes: Float[Tensor, "nodes 3"] | Int[Tensor, "nodes 3"]) -> Float[Tensor, "nodes 3"]:
        """Object frame."""
        return nodes.float() * self._step - self._half

    @property
    def capacity(self) -> int:
        """Every `place` of a known node is below."""
        return len(self._values)

    def place(self, nodes: Int[Tensor, "*shape 3"]) -> Int[Tensor, "*shape"]:
        """Where a node's value is stored; negative when its block has no storage."""
        slot = self._slot[tuple((nodes >> self._bits).unbind(-1))]
        x, y, z = (nodes & self._block - 1).unbind(-1)
        return ((slot << self._bits | x) << self._bits | y) << self._bits | z

    def known(self, nodes: Int[Tensor, "*shape 3"]) -> Bool[Tensor, "*shape"]:
        """True where the field was asked."""
        place = self.place(nodes)
        return (place >= 0) & self._known[place.clamp(min=0)]

    def ask(self, cubes: Int[Tensor, "cubes 3"], *, side: int) -> Float[Tensor, "cubes 27"]:
        """Values at the corners of cubes of `side` cells, given by their lowest corners, and midway between them."""
        self._allot(cubes, side)
        wanted = torch.zeros_like(self._known)
        for part in cubes.split(_BATCH):
            wanted[self._places(part, side)] = True
        places = torch.nonzero(wanted & ~self._known)[:, 0]
        bits, last = self._bits, self._block - 1
        local = torch.stack([places >> 2 * bits & last, places >> bits & last, places & last], 1)
        nodes = self._origin[places >> 3 * bits] + local
        self._values[places] = self._closed(self._field(self.points(nodes)), nodes)
        self._known[places] = True
        self.asked += len(places)
        return torch.cat([self._values[self._places(part, side)] for part in cubes.split(_BATCH)])

    def _places(self, cubes: Int[Tensor, "cubes 3"], side: int) -> Int[Tensor, "cubes 27"]:
        """A node midway lies in the same block as the corner before it."""
        corners = self.place(cubes[:, None] + side * cubes.new_tensor(list(np.ndindex(2, 2, 2))))
        offsets = cubes.new_tensor(list(np.ndindex(3, 3, 3)))
        before = (offsets // 2 * offsets.new_tensor([4, 2, 1])).sum(1)
        strides = offsets.new_tensor([self._block**2, self._block, 1])
        return corners[:, before] + (offsets % 2 * (side // 2) * strides).sum(1)

    def slope(self, *, count: int = 8192) -> float:
        """The largest slope between points one cell apart, over random places of the box; about 1 for a distance."""
        generator = torch.Generator().manual_seed(0)
        start = (torch.rand((count, 3), generator=generator).to(self._half) * 2 - 1) * self._half
        towards = torch.nn.functional.normalize(torch.randn((count, 3), generator=generator), dim=1).to(self._half)
        length = float(self._step.max())
        return float((self._field(start + length * towards) - self._field(start)).abs().max()) / length

    def _field(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]:
        with torch.no_grad():
            parts = self._asked(points)
        values = torch.cat(parts) if parts else points[:, 0]
        bad = len(values) - int(torch.isfinite(values).sum())
        if bad:
            raise ValueError(
                f"the sdf is not finite at {bad} of {len(values)} points: training diverged; lower the learning rate"
            )
        return values

    def _closed(self, values: Float[Tensor, "nodes"], nodes: Int[Tensor, "nodes 3"]) -> Float[Tensor, "nodes"]:
        depth = (torch.minimum(nodes, self._cells - nodes) * self._step).amin(1)
        values = torch.maximum(values, self._tiny - depth)
        least = 0.1 * self._tiny
        return torch.where(values.abs() < least, torch.where(values < 0, -least, least), values)

    def _allot(self, cubes: Int[Tensor, "cubes 3"], side: int) -> None:
        """Storage for the blocks of these cubes' nodes."""
        fresh = torch.zeros_like(self._slot, dtype=torch.bool)
        for corner in np.ndindex(2, 2, 2):
            fresh[tuple((cubes + side * cubes.new_tensor(corner) >> self._bits).unbind(1))] = True
        fresh &= self._slot < 0
        blocks = torch.nonzero(fresh)
        values = self._values.new_zeros((len(blocks), self._block**3))
        known = self._known.new_zeros(values.shape)
        values[:, 0], known[:, 0] = self.coarse[fresh], True
        self._slot[fresh] = len(self._origin) + torch.arange(len(blocks), device=cubes.device)
        self._origin = torch.cat([self._origin, blocks << self._bits])
        self._values, self._known = torch.cat([self._values, values.ravel()]), torch.cat([self._known, known.ravel()])


def _check_sides(values: Float[Tensor, "nodes"], on_side: Bool[Tensor, "nodes"]) -> None:
    inside = float((values[on_side] < 0).float().mean())
    if inside > 0.7:
        raise ValueError(
            f"the sdf is negative on {100 * inside:.0f} % of the box's boundary (at most 70 % are possible): "
            "the field is inside out or did not learn free space; train longer or check the masks"
        )

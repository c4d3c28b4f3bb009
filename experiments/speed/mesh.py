"""How long meshing takes on this GPU: extraction at 512 cells along the longest side, of a distance and trained fields.

usage: python mesh.py [CHECKPOINT FOLDER]...     FOLDER: the prepared object (work/<scene>/objects/<id>)
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

from o2recon.mesh import extract, split, vertex_colors
from o2recon.mesh.nodes import NodeGrid
from o2recon.train import load_field
from o2recon.types import ObjectFrame
from o2recon.workspace import ObjectFolder

RESOLUTION = 512
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def table(points: Tensor) -> Tensor:
    """A plate on four legs, rounded: an exact distance outside, in object units."""
    parts = [((0.0, 0.0, 0.2), (0.5, 0.4, 0.03))]
    parts += [((0.45 * x, 0.35 * y, -0.1), (0.03, 0.03, 0.3)) for x in (-1, 1) for y in (-1, 1)]
    distances = []
    for center, half in parts:
        q = (points - points.new_tensor(center)).abs() - points.new_tensor(half)
        distances.append(q.clamp(min=0).norm(dim=-1) + q.amax(-1).clamp(max=0))
    return torch.stack(distances).amin(0) - 0.01


class Counted:
    """Counts the points and the seconds that a field is asked for."""

    def __init__(self, field: Callable[[Tensor], Tensor]) -> None:
        self.field, self.points, self.seconds = field, 0, 0.0

    def __call__(self, points: Tensor) -> Tensor:
        synchronize()
        start = time.perf_counter()
        values = self.field(points)
        synchronize()
        self.seconds += time.perf_counter() - start
        self.points += len(points)
        return values


def dense(sdf: Callable[[Tensor], Tensor], frame: ObjectFrame) -> trimesh.Trimesh:
    """Every node on the device, marching cubes of scikit-image on the CPU; open where the solid leaves the box."""
    size = frame.half_extents / frame.half_extents.max()
    grid = NodeGrid(frame.half_extents / frame.scale, tuple(int(c) for c in 8 * np.ceil(RESOLUTION * size / 8 - 1e-6)))
    axes = [torch.linspace(-h, h, c + 1, device=DEVICE) for h, c in zip(grid.half, grid.cells, strict=True)]
    values = torch.empty([c + 1 for c in grid.cells])
    with torch.no_grad():
        for i, x in enumerate(axes[0]):
            y, z = torch.meshgrid(axes[1], axes[2], indexing="ij")
            values[i] = sdf(torch.stack([x.expand_as(y), y, z], -1).reshape(-1, 3)).reshape(y.shape).cpu()
    vertices, faces, _, _ = marching_cubes(values.numpy(), 0.0, gradient_direction="descent")
    return trimesh.Trimesh(vertices, faces, process=False)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    synchronize()
    start = time.perf_counter()
    mesh = run()
    synchronize()
    return mesh, time.perf_counter() - start


def measure(name: str, sdf: Callable[[Tensor], Tensor], frame: ObjectFrame) -> trimesh.Trimesh:
    nodes = float(np.prod(RESOLUTION * frame.half_extents / frame.half_extents.max() + 1))
    extract(sdf, frame, resolution=RESOLUTION, device=DEVICE)  # compiles
    for chunk in (2**16, 2**18, 2**20):
        if DEVICE == "cuda":
            torch.cuda.reset_peak_memory_stats()
        ways = {"resolution": RESOLUTION, "chunk": chunk, "device": DEVICE}
        runs = [timed(partial(extract, sdf, frame, **ways))[1] for _ in range(3)]
        counted = Counted(sdf)
        mesh = extract(counted, frame, **ways)
        memory = torch.cuda.max_memory_allocated() / 1e9 if DEVICE == "cuda" else float("nan")
        print(
            f"{name}, chunk {chunk}: {np.median(runs):.3f} s, of it the field {counted.seconds:.3f} s; "
            f"{counted.points / 1e6:.2f} M points, {100 * counted.points / nodes:.1f} %; {memory:.2f} GB; "
            f"{len(mesh.faces)} faces, {split(mesh).count} pieces, closed {mesh.is_watertight}",
            flush=True,
        )
    every, seconds = timed(partial(extract, sdf, frame, **ways, safety=np.inf))
    same = len(every.faces) == len(mesh.faces) and np.abs(every.bounds - mesh.bounds).max() < 1e-6
    print(f"  every node, same code: {seconds:.3f} s, {split(every).count} pieces, the same mesh {same}", flush=True)
    reference, seconds = timed(partial(dense, sdf, frame))
    print(f"  every node, scikit-image: {seconds:.3f} s, {len(reference.faces)} faces, {split(reference).count} pieces")
    return mesh


def color(field: Any, points: Tensor, normals: Tensor) -> Tensor:
    out = field.sdf_and_gradient(points)
    return field.color(points, -normals, out.gradient, out.feature)


def main() -> None:
    print(torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu", torch.__version__)
    measure("table", table, ObjectFrame(np.zeros(3), np.eye(3), np.full(3, 0.6)))
    for checkpoint, folder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        field = load_field(Path(checkpoint)).to(DEVICE)
        frame = ObjectFolder(Path(folder)).read_record().frame
        mesh = measure(folder, field.sdf, frame)

        for _ in range(2):
            fresh = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
            colors = partial(vertex_colors, fresh, partial(color, field), frame, chunk=2**18, device=DEVICE)
            _, seconds = timed(colors)
        print(f"  vertex colours: {seconds:.3f} s")


if __name__ == "__main__":
    main()

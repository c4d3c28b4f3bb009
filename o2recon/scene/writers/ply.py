"""Points as a PLY file."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

HEADER = "ply\nformat binary_little_endian 1.0\nelement vertex {}\n{}end_header\n"


def write_ply_points(
    path: Path, points: Float[np.ndarray, "points 3"], colors: UInt8[np.ndarray, "points 3"] | None = None
) -> None:
    """x y z as float, red green blue as uchar (grey where none are given): what point cloud readers expect."""
    row = np.dtype([*((axis, "<f4") for axis in "xyz"), *((name, "u1") for name in ("red", "green", "blue"))])
    rows = np.full(len(points), 128, row)
    for i, (axis, name) in enumerate(zip("xyz", ("red", "green", "blue"), strict=True)):
        rows[axis] = points[:, i]
        if colors is not None:
            rows[name] = colors[:, i]
    lines = "".join(f"property {'float' if row[name].kind == 'f' else 'uchar'} {name}\n" for name in row.names or ())
    path.write_bytes(HEADER.format(len(points), lines).encode() + rows.tobytes())

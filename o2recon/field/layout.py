"""Where the rows of a multi-resolution grid lie: resolution, row count and first row of every level."""

from dataclasses import dataclass

import numpy as np

PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True)
class GridLayout:
    """Levels of one object's table: dense where its (resolution + 1)^3 vertices fit the allowed rows, else hashed.

    Every level begins at an even row, so that two rows which differ in the last bit only are aligned neighbours.
    """

    resolutions: tuple[int, ...]
    rows: tuple[int, ...]
    offsets: tuple[int, ...]
    dense: tuple[bool, ...]

    @property
    def total_rows(self) -> int:
        return self.offsets[-1] + self.rows[-1] + self.rows[-1] % 2


def grid_layout(*, num_levels: int, min_resolution: int, max_resolution: int, log2_rows: int) -> GridLayout:
    """Resolutions in geometric progression; at most 2^log2_rows rows per level."""
    if num_levels < 1 or not 1 <= min_resolution <= max_resolution:
        raise ValueError(
            f"grid of {num_levels} levels from {min_resolution} to {max_resolution}: needs at least 1 level and "
            "1 <= min_resolution <= max_resolution"
        )
    if not 4 <= log2_rows <= 24:
        raise ValueError(f"log2_rows={log2_rows}: must lie in 4..24")
    resolutions = np.round(np.geomspace(min_resolution, max_resolution, num_levels)).astype(int)
    vertices = (resolutions + 1) ** 3
    rows = np.minimum(vertices, 2**log2_rows)
    offsets = np.concatenate([[0], np.cumsum(rows + rows % 2)[:-1]])
    return GridLayout(
        resolutions=tuple(resolutions.tolist()),
        rows=tuple(rows.tolist()),
        offsets=tuple(offsets.tolist()),
        dense=tuple((vertices <= 2**log2_rows).tolist()),
    )

"""Depth of one camera as another one beside it sees it."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Shaped

from o2recon.cameras import pixel_centers, project, unproject
from o2recon.scene.capture import Lens, Shot
from o2recon.types import Camera

MAX_WIDTH = 4
"""Pixels of the target that one of the source covers at most, along each axis."""


def seen_from(
    depth: Shaped[np.ndarray, "rows columns"],
    source: Camera,
    target: Camera,
    target_to_source: Float[np.ndarray, "4 4"],
) -> Float[np.ndarray, "height width"]:
    """Every measured point of `source` in the pixel of `target` on which it falls, the nearest where several do.

    `depth` and the translation share one unit; 0: none. Points are as wide as their pixel was, so that a longer focal
    length leaves no gaps between them; what only `target` sees stays 0.
    """
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns].astype(float)
    points = unproject(source, np.eye(4), pixel_centers(source)[rows, columns], z)
    pixels, distances = project(target, target_to_source, points)
    order = np.argsort(-distances, kind="stable")  # of several on one pixel the last that is written stays
    order = order[distances[order] > 0]
    pixels, distances, z = pixels[order], distances[order], z[order]
    ratio = np.diag(target.intrinsics)[:2] / np.diag(source.intrinsics)[:2]
    widths = ratio * (z / distances)[:, None]
    steps = int(np.clip(np.ceil(widths.max(initial=1.0) - 1e-6), 1, MAX_WIDTH))
    shifts = (np.arange(steps) + 0.5) / steps - 0.5
    result = np.full((target.height, target.width), np.inf, np.float32)
    for shift in np.stack(np.meshgrid(shifts, shifts), -1).reshape(-1, 2):
        at = np.floor(pixels + shift * widths)
        inside = ((at >= 0) & (at < [target.width, target.height])).all(1)
        column, row = at[inside].astype(np.int64).T
        layer = np.full_like(result, np.inf)
        layer[row, column] = distances[inside]
        np.minimum(result, layer, out=result)
    return np.where(np.isfinite(result), result, np.float32(0))


def on_color(shot: Shot, color_offset: Float[np.ndarray, "3"], unit: float) -> Shot:
    """A frame whose pose is that of its depth camera, its depth carried to the colour camera beside it.

    `color_offset`: position of the colour camera in the depth camera's axes, metres; both look the same way. `unit`:
    metres per unit of depth. Lenses without distortion; 65535 is no depth.
    """
    assert shot.depth is not None and shot.depth_lens is not None
    picture, source, target = shot.depth, shot.depth_lens.camera, shot.lens.camera
    moved = np.eye(4)
    moved[:3, 3] = color_offset

    def read() -> Float[np.ndarray, "rows columns"]:
        depth = picture.read()
        metres = np.where(depth < 65535, depth, 0).astype(np.float64) * unit
        return seen_from(metres, source, target, moved) / np.float32(unit)

    carried = replace(
        picture,
        size=(target.width, target.height),
        stamp=f"{picture.stamp} {color_offset.tolist()} {source} {target}",
        read=read,
    )
    pose = shot.camera_to_world @ moved
    return replace(shot, camera_to_world=pose, depth=carried, depth_lens=Lens(target))

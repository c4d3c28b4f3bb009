"""A few frames of a scan at low resolution, and the pairs of them that are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import Camera

WIDTH = 160
"""Pixels across at which depth is compared: a few milliseconds for all pairs under one hypothesis."""
TURNS = (0.25, 0.6)
"""Wanted turns of a pair, in halves of the horizontal field of view: its images share much, but are not the same."""
FAR_IN_TIME = 0.2
"""What the whole scan between two frames costs against a turn off by half a field of view."""


@dataclass(frozen=True)
class Views:
    """Frames as the capture gives them: poses before the scene turned its world, translations in metres."""

    indices: tuple[int, ...]
    camera: Camera
    """Of `depth`."""
    depth: Float[np.ndarray, "views height width"]
    """Metres as the scene has them, every n-th pixel, 0 where nothing was measured."""
    poses: Float[np.ndarray, "views 4 4"]
    neighbors: dict[int, Float[np.ndarray, "views 4 4"]]
    """Poses of the frames so many places later (or earlier, below 0) in the scan; nan beyond its ends."""
    pairs: Int[np.ndarray, "pairs 2"]
    """Places in `indices`: pixels of the first are looked up in the second."""
    pictures: tuple[tuple[UInt8[np.ndarray, "rows columns 3"], Float[np.ndarray, "rows columns"]], ...]
    """Colour and depth of each frame at the scene's resolution."""
    ids: tuple[Int[np.ndarray, "rows columns"], ...] = ()
    """Object ids of each frame, likewise."""


def read_views(scene: Scene, *, anchors: int, shifts: Sequence[int]) -> Views:
    """The frames of at most 2 `anchors` pairs spread over the scan, each pair in both directions.

    Which pairs: nothing that a wrong convention changes decides it. The angle between two cameras is the same for
    inverted poses, transposed rotations and other axes.
    """
    poses = captured_poses(scene)
    order = sorted(poses)
    half = np.arctan(scene.camera.width / 2 / scene.camera.intrinsics[0, 0])
    pairs = choose_pairs(np.array([poses[i][:3, :3] for i in order]), half_view=float(half), anchors=anchors)
    frames = {}
    wanted = sorted({order[place] for pair in pairs for place in pair})
    for index, frame in track(scene.each(scene.frame, wanted), description="check: frames", total=len(wanted)):
        frames[index] = frame
    used = sorted(frames)
    kept = [(used.index(order[a]), used.index(order[b])) for a, b in pairs if order[a] in frames and order[b] in frames]
    step = max(1, round(scene.camera.width / WIDTH))
    start = step // 2
    return Views(
        indices=tuple(used),
        camera=every_nth(scene.camera, step),
        depth=np.array([frames[i].depth[start::step, start::step] for i in used], np.float64),
        poses=np.array([poses[i] for i in used]),
        neighbors={s: np.array([_neighbor(poses, order, i, s) for i in used]) for s in shifts},
        pairs=np.array([*kept, *((b, a) for a, b in kept)], int).reshape(-1, 2),
        pictures=tuple((frames[i].color, frames[i].depth) for i in used),
        ids=tuple(frames[i].instance for i in used),
    )


def _neighbor(poses: dict[int, np.ndarray], order: list[int], index: int, places: int) -> np.ndarray:
    place = order.index(index) + places
    return poses[order[place]] if 0 <= place < len(order) else np.full((4, 4), np.nan)


def captured_poses(scene: Scene) -> dict[int, Float[np.ndarray, "4 4"]]:
    """camera_to_world in the capture's own world, metres: what inverting it means depends on where its origin is."""
    to_world = np.asarray(getattr(scene, "capture_to_world", np.eye(4)), float)
    scale = np.cbrt(np.linalg.det(to_world[:3, :3]))
    back = np.eye(4)
    back[:3, :3] = (to_world[:3, :3] / scale).T
    back[:3, 3] = -back[:3, :3] @ to_world[:3, 3]
    return {index: back @ pose for index, pose in scene.poses.items()}


def every_nth(camera: Camera, step: int) -> Camera:
    """The camera whose pixels are every `step`-th of `camera`'s, from the `step // 2`-th on."""
    start = step // 2
    k = camera.intrinsics.copy()
    k[:2, 2] -= start + 0.5
    k[:2] /= step
    k[:2, 2] += 0.5
    return Camera(k, len(range(start, camera.width, step)), len(range(start, camera.height, step)))


def choose_pairs(
    rotations: Float[np.ndarray, "frames 3 3"], *, half_view: float, anchors: int
) -> list[tuple[int, int]]:
    """Pairs (a < b) of frames, each anchor with one partner for each wanted turn. `half_view` in radians.

    A scan that hardly turns has its pairs at a fifth and a half of its length.
    """
    count = len(rotations)
    pairs = set()
    for a in np.unique(np.linspace(0, count - 1, min(anchors, count)).round().astype(int)):
        cosine = (np.einsum("ij,kij->k", rotations[a], rotations) - 1) / 2
        turn = np.arccos(np.clip(cosine, -1, 1)) / half_view
        away = np.abs(np.arange(count) - a) / count
        for wanted in TURNS:
            off = np.abs(turn - wanted) + FAR_IN_TIME * away
            if turn.max() < wanted / 2:
                off = np.abs(away - wanted * 0.8)
            off[a] = np.inf
            b = int(off.argmin())
            if b != a:
                pairs.add((min(int(a), b), max(int(a), b)))
    return sorted(pairs)

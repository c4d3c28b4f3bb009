"""What people get wrong about poses, depth and intrinsics, each as a hypothesis that can be compared with the data."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.check.agreement import Hypothesis
from o2recon.check.views import Views
from o2recon.types import Camera

Poses = Float[np.ndarray, "views 4 4"]
SCALES = np.exp(np.arange(np.log(1e-7), np.log(1.2e7), np.log(1.25)))
"""Of depth: half the pixels still agree at a factor that is off by a fifth."""
SIZES = np.exp(np.arange(np.log(0.2), np.log(5.1), np.log(1.08)))


@dataclass(frozen=True)
class Mistake:
    """A hypothesis with its name. `values` are what its sentence and remedy need: reading and axes of the poses, places
    (frames), factor (of depth), size and focal (factors), shift (of the principal point, shares of the width)."""

    name: str
    hypothesis: Hypothesis
    values: dict[str, Any] = field(default_factory=dict)
    rank: int = 1
    """Of hypotheses that fit alike, the lowest is meant; 0 is what the config says."""

    @property
    def factor(self) -> float:
        """The one of depth, image size or focal length."""
        return float(next(self.values[key] for key in ("factor", "size", "focal") if key in self.values))


def given(views: Views) -> Mistake:
    """No mistake: everything as the scene has it."""
    return Mistake("none", Hypothesis(views.poses, views.camera), rank=0)


# ---- poses ----


def transposed(poses: Poses) -> Poses:
    """Rotations transposed, translations kept."""
    turned = poses.copy()
    turned[:, :3, :3] = poses[:, :3, :3].transpose(0, 2, 1)
    return turned


READINGS: dict[str, Callable[[Poses], Poses]] = {
    "same": lambda poses: poses,
    "inverted": np.linalg.inv,
    "transposed_rotation": transposed,
    "mixed": lambda poses: np.linalg.inv(transposed(poses)),
}
"""How a matrix may be meant. `mixed`: camera-to-world rotation with world-to-camera translation."""


def axes() -> Iterator[tuple[tuple[str, str, str], Float[np.ndarray, "4 4"]]]:
    """All 48 ways in which right, down and forward can be axes of the files' cameras, OpenCV's first.

    The matrix takes points from OpenCV's axes to the files'.
    """
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.zeros((4, 4))
            matrix[3, 3] = 1
            for column, (row, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[row, column] = sign
            right, down, forward = (("-" if s < 0 else "") + "xyz"[o] for o, s in zip(order, signs, strict=True))
            yield (right, down, forward), matrix


def posed(start: Mistake, *, readings: tuple[str, ...] = tuple(READINGS)) -> Iterator[Mistake]:
    """Every reading of the matrices with every set of camera axes."""
    for reading in readings:
        poses = READINGS[reading](start.hypothesis.poses)
        for names, matrix in axes():
            if reading == "same" and names == ("x", "y", "z"):
                continue
            yield Mistake(
                _pose_name(reading, names, matrix),
                replace(start.hypothesis, poses=poses @ matrix),
                start.values | {"reading": reading, "axes": names},
                rank=1 + (reading != "same") + (names != ("x", "y", "z")) + 2 * bool(np.linalg.det(matrix) < 0),
            )


def _pose_name(reading: str, names: tuple[str, str, str], matrix: np.ndarray) -> str:
    if names == ("x", "y", "z"):
        return {"inverted": "inverted_pose", "mixed": "mixed_pose"}.get(reading, reading)
    kinds = {("x", "-y", "-z"): "opengl_axes", ("-x", "-y", "z"): "upside_down"}
    name = kinds.get(names, "swapped_axes" if np.linalg.det(matrix) > 0 else "mirrored_axes")
    return name if reading == "same" else f"{reading}_and_{name}"


def shifted(views: Views) -> Iterator[Mistake]:
    """Poses of frames a few places away in the scan."""
    for places, poses in views.neighbors.items():
        if places:
            yield Mistake("shifted_poses", Hypothesis(poses, views.camera), {"places": places}, rank=2)


# ---- depth and intrinsics ----


def scaled(start: Mistake, factors: Float[np.ndarray, "n"] = SCALES, kind: str = "z") -> Iterator[Mistake]:
    """Depth of this kind times each of the factors."""
    names = {"z": "depth_scale", "distance": "ray_distance", "inverse": "inverse_depth"}
    name = names[kind] if start.name == "none" else f"{start.name}_and_{names[kind]}"
    for factor in factors:
        hypothesis = replace(start.hypothesis, scale=float(factor), kind=kind)
        yield Mistake(name, hypothesis, start.values | {"factor": float(factor)}, rank=start.rank + 1 + (kind != "z"))


def resized(start: Mistake, factors: Float[np.ndarray, "n"] = SIZES) -> Iterator[Mistake]:
    """Intrinsics that belong to images 1 / factor times as large."""
    for factor in factors:
        k = np.diag([factor, factor, 1.0]) @ start.hypothesis.camera.intrinsics
        yield _with_camera(start, "intrinsics_of_another_size", k, {"size": float(factor)}, rank=1)


def focused(start: Mistake, factors: Float[np.ndarray, "n"] = SIZES) -> Iterator[Mistake]:
    """Another focal length about the same principal point."""
    for factor in factors:
        k = start.hypothesis.camera.intrinsics @ np.diag([factor, factor, 1.0])
        yield _with_camera(start, "focal_length", k, {"focal": float(factor)}, rank=2)


def recentered(start: Mistake, middle: tuple[float, float], *, reach: float, steps: int) -> Iterator[Mistake]:
    """The principal point moved by up to `reach` of the image's width around `middle`, on a grid."""
    camera = start.hypothesis.camera
    offsets = np.linspace(-reach, reach, 2 * steps + 1)
    for across, along in itertools.product(offsets, offsets):
        shift = np.array([middle[0] + across, middle[1] + along]) * camera.width
        k = camera.intrinsics.copy()
        k[:2, 2] += shift
        yield _with_camera(start, "principal_point", k, {"shift": (shift / camera.width).tolist()}, rank=3)


def _with_camera(start: Mistake, name: str, k: np.ndarray, values: dict[str, Any], rank: int) -> Mistake:
    camera = start.hypothesis.camera
    hypothesis = replace(start.hypothesis, camera=Camera(k, camera.width, camera.height))
    return Mistake(name, hypothesis, start.values | values, rank=rank)

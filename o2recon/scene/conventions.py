"""How a capture's pose matrices are meant, where a reader cannot know."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Capture

POSES = ("camera_to_world", "world_to_camera")
AXES = {"opencv": ("x", "y", "z"), "opengl": ("x", "-y", "-z")}
"""The files' camera axes that point right, down and forward."""


class Conventions:
    """`pose`: camera_to_world or world_to_camera. `axes`: opencv, opengl, or the three camera axes of the files that
    point right, down and forward, such as [y, -x, z]. ValueError for anything else.

    Left-handed axes mean a left-handed world too (Unity's): its x is mirrored with them.
    """

    def __init__(self, *, pose: str, axes: str | Sequence[str]) -> None:
        if pose not in POSES:
            raise ValueError(f"scene.pose={pose}: choose {' or '.join(POSES)}")
        names = AXES.get(axes) if isinstance(axes, str) else tuple(axes)
        if names is None or sorted(name.removeprefix("-") for name in names) != ["x", "y", "z"]:
            raise ValueError(
                f"scene.axes={axes}: choose {', '.join(AXES)}, or the files' camera axes that point right, down and"
                " forward, each once, such as [y,-x,z]"
            )
        self._inverted = pose == "world_to_camera"
        self._axes = np.zeros((4, 4))
        self._axes[3, 3] = 1
        for column, name in enumerate(names):
            self._axes["xyz".index(name[-1]), column] = -1 if name.startswith("-") else 1
        self._mirror = np.diag([np.linalg.det(self._axes[:3, :3]), 1, 1, 1])

    def applied(self, capture: Capture) -> Capture:
        """The capture with its poses, as the reader gives them, read this way."""
        if not self._inverted and (self._axes == np.eye(4)).all():
            return capture
        shots = tuple(replace(shot, camera_to_world=self(shot.camera_to_world)) for shot in capture.shots)
        points = None if capture.points is None else capture.points @ self._mirror[:3, :3]
        return replace(capture, shots=shots, points=points)

    def __call__(self, matrix: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
        """camera_to_world in OpenCV's axes from a rigid matrix of the capture."""
        if self._inverted:
            rotation = matrix[:3, :3].T
            matrix = np.block([[rotation, -rotation @ matrix[:3, 3:]], [matrix[3:]]])
        return self._mirror @ matrix @ self._axes

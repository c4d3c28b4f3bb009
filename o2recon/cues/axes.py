"""Which way the axes of a normal map point, for every source of normals."""

import numpy as np
from jaxtyping import Bool, Float

SIGNS = {
    "opencv": (1, 1, 1),
    "omnidata": (1, 1, 1),
    "snu": (-1, -1, -1),
    "marigold": (1, -1, -1),
}
"""Factors of (x, y, z) that lead to ours: OpenCV's camera frame, +x right, +y down, +z forward, with normals that face
the camera, so that a wall seen head on has (0, 0, -1) and a floor (0, -1, 0).

`omnidata` (also what MonoSDF reads): the same axes. `snu`: +x left, +y up, +z towards the camera. `marigold`: +x right,
+y up, +z towards the camera.
"""


def to_opencv(normal: Float[np.ndarray, "height width 3"], convention: str) -> Float[np.ndarray, "height width 3"]:
    """Unit normals in our camera frame; 0 stays 0."""
    assert convention in SIGNS, convention
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    unit = np.where(length > 1e-6, normal / np.maximum(length, 1e-6), 0)
    return (unit * np.array(SIGNS[convention])).astype(np.float32)


def faces_camera(
    normal: Float[np.ndarray, "height width 3"], rays: Float[np.ndarray, "height width 3"]
) -> Bool[np.ndarray, "height width"]:
    """True where a surface with this normal can be seen along its ray; both in our camera frame."""
    return (normal * rays).sum(-1) < 0

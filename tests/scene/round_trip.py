"""For the tests of every layout: opening a capture with given options, and what "the same scene" means."""

from pathlib import Path
from typing import Any

import numpy as np

from o2recon.scene import RecordedScene, Scene
from o2recon.scene.capture import Reader

OPTIONS: dict[str, Any] = {
    "frame_skip": 1,
    "max_bad_share": 0.1,
    "depth_scale": 0.001,
    "depth_noise": (0.0012, 0.0019, 0.4),
    "sketches": None,
    "up": "auto",
    "scale": 1.0,
    "width": None,
    "pose": "camera_to_world",
    "axes": "opencv",
    "color_offset": None,
    "ids_on": "auto",
}
"""As in conf/scene/scannet.yaml."""


def opened(root: Path, reader: Reader, **options: Any) -> RecordedScene:
    """The scene that `reader` finds in `root`."""
    return RecordedScene(root=root, reader=reader, **{**OPTIONS, **options})


def assert_same_scene(
    first: Scene, second: Scene, *, cameras: float = 1e-6, depth: float = 1e-3, color: float | None = None
) -> None:
    """Same frames; poses and intrinsics to `cameras` (relative), depth to `depth` metres, ids and labels to the pixel.

    `color`: largest mean difference of a frame's colours, 0 to 255; None does not look at them.
    """
    assert first.indices == second.indices
    assert (first.camera.width, first.camera.height) == (second.camera.width, second.camera.height)
    np.testing.assert_allclose(second.camera.intrinsics, first.camera.intrinsics, rtol=cameras, atol=cameras)
    for index in first.indices:
        np.testing.assert_allclose(second.poses[index], first.poses[index], rtol=0, atol=cameras)
        a, b = first.frame(index), second.frame(index)
        assert ((a.depth > 0) == (b.depth > 0)).all(), f"frame {index}: depth is missing elsewhere"
        assert np.abs(a.depth - b.depth).max() <= depth, f"frame {index}"
        np.testing.assert_array_equal(b.instance, a.instance, err_msg=f"frame {index}")
        np.testing.assert_array_equal(second.instance(index), a.instance, err_msg=f"frame {index}")
        if color is not None:
            assert np.abs(a.color.astype(float) - b.color).mean() <= color, f"frame {index}"


def assert_same_labels(first: Scene, second: Scene) -> None:
    """Every label that a pixel has is the same row of the table in both scenes."""
    for index in first.indices:
        a, b = first.label(index), second.label(index)
        np.testing.assert_array_equal(b, a, err_msg=f"frame {index}")
        for label in np.unique(a[a > 0]).tolist():
            assert second.labels.get(label) == first.labels.get(label)

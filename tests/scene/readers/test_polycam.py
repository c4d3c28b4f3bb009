"""Polycam: what a keyframe's files say and what may be wrong in them."""

from pathlib import Path

import numpy as np
import phone_layouts as layouts
import pytest

from o2recon.scene.readers import PolycamReader

POLYCAM = """{
  "t_00": 0, "t_01": 0, "t_02": -1, "t_03": 0.25, "t_10": 0, "t_11": 1, "t_12": 0, "t_13": 1.5, "t_20": 1, "t_21": 0,
  "t_22": 0, "t_23": -0.5, "fx": 750.5, "fy": 751, "cx": 510.25, "cy": 382, "width": 1024, "height": 768,
  "blur_score": 115.28, "timestamp": 638443502, "center_depth": 1.9, "manual_keyframe": false, "neighbors": []
}"""
"""Keys as Polycam's help page lists them. The camera stands at (0.25, 1.5, -0.5) and looks along +x, level."""
LOOKS_ALONG_X = [[0, 0, 1, 0.25], [0, -1, 0, 1.5], [1, 0, 0, -0.5], [0, 0, 0, 1]]
"""OpenCV axes in that world, +y up: right is +z, down is -y."""


def polycam_keyframe(root: Path, time: int, camera: str, *, prefix: str = "corrected_") -> None:
    for name, image in (
        (f"{prefix}images/{time}.jpg", np.full((768, 1024, 3), 90, np.uint8)),
        (f"depth/{time}.png", np.full((192, 256), 1250, np.uint16)),
        (f"confidence/{time}.png", np.tile(np.uint8([0, 127, 255, 255]), (192, 64))),
    ):
        layouts.write_image(root / "keyframes" / name, image)
    file = root / "keyframes" / f"{prefix}cameras" / f"{time}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(camera)


@pytest.mark.parametrize(("least", "kept"), [(0, 1.0), (1, 0.75), (2, 0.5)])
def test_a_keyframe_of_polycam(tmp_path: Path, least: int, kept: float) -> None:
    polycam_keyframe(tmp_path, 638443502123456, POLYCAM)
    capture = PolycamReader(corrected=True, min_confidence=least)(tmp_path)
    (shot,) = capture.shots
    np.testing.assert_array_equal(shot.camera_to_world, LOOKS_ALONG_X)
    np.testing.assert_array_equal(capture.up, [0, 1, 0])
    np.testing.assert_array_equal(shot.lens.camera.intrinsics, [[750.5, 0, 510.25], [0, 751, 382], [0, 0, 1]])
    assert shot.depth is not None and shot.depth.size == (256, 192) and shot.depth_lens is None
    depth = shot.depth.read()
    assert set(np.unique(depth)) <= {0, 1250}
    assert (depth > 0).mean() == kept


def test_uncorrected_images_are_used_where_poses_were_not_optimised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    polycam_keyframe(tmp_path, 2, POLYCAM, prefix="")
    with caplog.at_level("WARNING"):
        capture = PolycamReader(corrected=True, min_confidence=1)(tmp_path)
    assert "/images/2.jpg" in capture.shots[0].color.source
    assert "not optimised" in caplog.text
    polycam_keyframe(tmp_path, 2, POLYCAM.replace("0.25", "0.26"))
    assert "corrected" in PolycamReader(corrected=True, min_confidence=1)(tmp_path).shots[0].color.source
    assert "/images/" in PolycamReader(corrected=False, min_confidence=1)(tmp_path).shots[0].color.source


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ("{", r"is no JSON"),
        ("[" * 100_000, r"is no JSON"),
        ("[]", r"has no finite number 'fx'"),
        (POLYCAM.replace("750.5", "NaN"), r"has no finite number 'fx'"),
        (POLYCAM.replace('"t_23": -0.5', '"t_23": null'), r"has no finite number 't_23'"),
        (POLYCAM.replace('"t_00": 0', '"t_00": 0.5'), r"no rigid motion"),
        (POLYCAM.replace('"width": 1024', '"width": 0'), r"without pixels"),
        (POLYCAM.replace("510.25", "5102"), r"does not fit images of 1024x768"),
    ],
)
def test_a_damaged_camera_of_polycam_is_a_damaged_frame(tmp_path: Path, camera: str, message: str) -> None:
    polycam_keyframe(tmp_path, 10, POLYCAM)
    polycam_keyframe(tmp_path, 9, camera)
    capture = PolycamReader(corrected=True, min_confidence=1)(tmp_path)
    assert [shot.index for shot in capture.shots] == [1]
    with pytest.raises(ValueError, match=message):
        raise ValueError(capture.damaged[0])
    assert "9.json" in capture.damaged[0]

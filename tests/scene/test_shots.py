"""Colour that lies beside depth, and ids drawn on it, are brought back by `color_offset`; depth stays where it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from round_trip import opened

from o2recon.scene.capture import Capture
from o2recon.scene.readers import ScanNetReader

BORDER = 8
"""Pixels from which nothing comes after the picture was moved."""


def moved(root: Path, right: int, down: int, *, ids: bool = True) -> Path:
    """The scan with colour, and ids drawn on it, moved by whole pixels."""
    for file in [*(root / "color").iterdir(), *((root / "instance-filt").iterdir() if ids else ())]:
        image = np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
        affine = np.array([[1.0, 0, right], [0, 1, down]])
        image = cv2.warpAffine(image, affine, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        file.unlink()
        cv2.imwrite(str(file.with_suffix(".png")), image)
    return root


@pytest.mark.parametrize("size", [(160, 120), (320, 240)])
def test_colour_and_ids_come_back_to_where_depth_has_them(
    write_scan: Callable[..., Path], tmp_path: Path, size: tuple[int, int]
) -> None:
    clean = opened(moved(write_scan(tmp_path / "a", count=2, color=size), 0, 0), ScanNetReader())
    scan = moved(write_scan(tmp_path / "b", count=2, color=size), 6, -4)
    mended = opened(scan, ScanNetReader(), color_offset=[6, -4])
    np.testing.assert_array_equal(mended.camera.intrinsics, clean.camera.intrinsics)
    inner = (slice(BORDER, -BORDER),) * 2
    for index in clean.indices:
        a, b = clean.frame(index), mended.frame(index)
        assert not np.array_equal(opened(scan, ScanNetReader()).instance(index)[inner], a.instance[inner])
        np.testing.assert_array_equal(b.instance[inner], a.instance[inner])
        np.testing.assert_array_equal(b.color[inner], a.color[inner])
        np.testing.assert_array_equal(b.depth[inner], a.depth[inner])


def test_ids_of_depth_s_own_size_stay_with_depth(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    scan = moved(write_scan(tmp_path / "a", count=1, color=(320, 240), ids=(160, 120)), 6, -4, ids=False)
    given, mended = opened(scan, ScanNetReader()), opened(scan, ScanNetReader(), color_offset=[6, -4])
    np.testing.assert_array_equal(mended.instance(0), given.instance(0))
    np.testing.assert_array_equal(mended.frame(0).depth, given.frame(0).depth)


def test_ids_may_lie_on_depth_though_they_have_colour_s_size(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    clean = opened(write_scan(tmp_path / "a", count=2), ScanNetReader())
    scan = moved(write_scan(tmp_path / "b", count=2), 6, -4, ids=False)
    offset: dict[str, Any] = {"color_offset": [6, -4]}
    for ids_on, same in (("depth", True), ("color", False), ("auto", False)):
        scene = opened(scan, ScanNetReader(), **offset, ids_on=ids_on)
        assert np.array_equal(scene.instance(1), clean.instance(1)) == same
        assert np.array_equal(scene.label(1), clean.label(1)) == same
    with pytest.raises(ValueError, match="choose auto, color, depth"):
        opened(scan, ScanNetReader(), ids_on="both")


def test_masks_painted_on_colour_go_with_it(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    scene = opened(write_scan(tmp_path / "a", count=1), ScanNetReader(), color_offset=[6, -4])
    painted = np.zeros((120, 160), np.int32)
    painted[50:60, 70:90] = 1
    assert np.argwhere(scene.carried(0, painted)).min(0).tolist() == [54, 64]


@pytest.mark.parametrize("offset", [[1.0], [1, 2, 3], [float("nan"), 0]])
def test_what_is_no_offset_is_refused(scan: Path, offset: list[float]) -> None:
    with pytest.raises(ValueError, match=r"scene\.color_offset is .*\[right, down\]"):
        opened(scan, ScanNetReader(), color_offset=offset)


def test_without_depth_there_is_nothing_to_lie_beside(scan: Path) -> None:
    def colour_alone(root: Path) -> Capture:
        found = ScanNetReader()(root)
        return replace(found, shots=tuple(replace(shot, depth=None, depth_lens=None) for shot in found.shots))

    with pytest.raises(ValueError, match="there is no depth"):
        opened(scan, colour_alone, color_offset=[1, 0])


def test_what_is_made_of_a_scene_is_made_anew_when_it_is_seen_otherwise(scan: Path) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"color_offset": [6, -4]},
        {"width": 80},
        {"depth_scale": 0.002},
        {"scale": 2.0},
    ]
    options += [{"up": [0, 1, 0]}, {"ids_on": "depth"}]
    assert len({opened(scan, ScanNetReader(), **given).fingerprint() for given in options}) == len(options)
    assert opened(scan, ScanNetReader()).fingerprint() == opened(scan, ScanNetReader()).fingerprint()

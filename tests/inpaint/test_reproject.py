from dataclasses import replace
from pathlib import Path

import numpy as np
from sphere_capture import SphereCapture, prepared

from o2recon.cameras import pixel_centers, unproject
from o2recon.inpaint import Reproject, SourceView, source_view
from o2recon.workspace import ObjectFolder


def reproject(**changes: float) -> Reproject:
    options = {
        "tolerance": 0.01,
        "num_sigmas": 2.0,
        "erode_px": 1,
        "num_views": 4,
        "min_cosine": 0.15,
        "color_sigma": 20.0,
        "single_confidence": 0.8,
        "exposure_samples": 500,
        "exposure_min_shared": 10,
    }
    return Reproject(**{**options, **changes})  # type: ignore[arg-type]


def sources_of(capture: SphereCapture, folder: ObjectFolder) -> list[SourceView]:
    found = []
    for record in folder.read_record().views:
        view = capture.views[record.index]
        color = capture.frame(record.index).color
        found.append(source_view(record, color, view.depth, view.visible, erode_px=1))
    return found


def hidden_points(capture: SphereCapture, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """World points and normals of the covered part of a view, and its true colours."""
    view = capture.views[index]
    pixels = pixel_centers(view.camera)[view.hidden]
    points = unproject(view.camera, view.camera_to_world, pixels, view.object_depth[view.hidden].astype(float))
    normals = view.normal[view.hidden] @ view.camera_to_world[:3, :3].T
    return points, normals, 128 + 60 * np.sin(3 * normals + np.array([0.0, 1.0, 2.0]))


def test_copied_colours_are_those_of_the_covered_surface_in_the_targets_exposure(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path, gains=np.array([0.8, 1.0, 1.2, 0.9, 1.1, 1.0, 1.05, 0.95]))
    sources = sources_of(capture, folder)
    copier = reproject()
    gains = copier.gains(
        [replace(s, depth=np.where(s.usable, s.depth, 0)) for s in sources], capture.depth_sigma, seed=0
    )
    points, normals, truth = hidden_points(capture, 0)
    copied = copier(points, normals, gains[0], sources[1:], gains[1:], capture.depth_sigma)
    found = copied.confidence > 0
    assert found.mean() > 0.5
    assert np.abs(copied.color - 0.8 * truth)[found].mean() < 4
    assert copied.confidence[copied.num_views > 1].mean() > 0.9


def test_points_that_no_view_saw_have_no_confidence(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    points, normals, _ = hidden_points(capture, 0)
    ones = np.ones((7, 3))
    deep = reproject()(points * 0.5, normals, ones[0], sources_of(capture, folder)[1:], ones, capture.depth_sigma)
    assert not deep.confidence.any()


def test_views_that_disagree_lower_the_confidence_and_one_view_alone_is_worth_what_it_says(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    points, normals, _ = hidden_points(capture, 0)
    sources, ones = sources_of(capture, folder)[1:], np.ones((7, 3))
    agreed = reproject()(points, normals, ones[0], sources, ones, capture.depth_sigma)
    odd = [replace(s, color=(255 - s.color) if k % 2 else s.color) for k, s in enumerate(sources)]
    disagreed = reproject()(points, normals, ones[0], odd, ones, capture.depth_sigma)
    several = agreed.num_views > 1
    assert disagreed.confidence[several].mean() < agreed.confidence[several].mean() - 0.1
    single = reproject()(points, normals, ones[0], sources[:1], ones[:1], capture.depth_sigma)
    assert set(np.round(np.unique(single.confidence), 3)) <= {0.0, 0.8}


def test_order_of_the_views_does_not_matter(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    points, normals, _ = hidden_points(capture, 8 * 5)
    sources, ones = sources_of(capture, folder), np.ones((8, 3))
    forward = reproject()(points, normals, ones[0], sources, ones, capture.depth_sigma)
    backward = reproject()(points, normals, ones[0], sources[::-1], ones, capture.depth_sigma)
    np.testing.assert_allclose(forward.color, backward.color, atol=1e-3)
    np.testing.assert_allclose(forward.confidence, backward.confidence, atol=1e-5)

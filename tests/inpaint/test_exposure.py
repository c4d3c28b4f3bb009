from pathlib import Path

import numpy as np
from sphere_capture import prepared

from o2recon.inpaint import exposure_gains, source_view


def test_gains_of_views_of_one_surface_are_found_up_to_their_mean(tmp_path: Path) -> None:
    true = np.array([0.8, 1.0, 1.2, 0.9, 1.1, 1.0, 1.05, 0.95])
    capture, folder = prepared(tmp_path, gains=true)
    views = []
    for record in folder.read_record().views:
        frame = capture.frame(record.index)
        visible = capture.views[record.index].visible
        depth = np.where(visible, frame.depth, 0)
        views.append(source_view(record, frame.color, depth, visible, erode_px=1))
    gains = exposure_gains(
        views, capture.depth_sigma, num_samples=800, min_shared=10, margin=0.01, num_sigmas=2.0, seed=0
    )
    np.testing.assert_allclose(np.exp(np.log(gains).mean(0)), 1, rtol=1e-3)
    expected = true / np.exp(np.log(true).mean())
    np.testing.assert_allclose(gains, np.repeat(expected[:, None], 3, 1), rtol=0.03)


def test_views_that_share_nothing_keep_their_exposure(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    record = folder.read_record().views[0]
    frame = capture.frame(record.index)
    view = source_view(record, frame.color, frame.depth, capture.views[0].visible, erode_px=1)
    gains = exposure_gains(
        [view], capture.depth_sigma, num_samples=100, min_shared=10, margin=0.01, num_sigmas=2.0, seed=0
    )
    np.testing.assert_array_equal(gains, np.ones((1, 3)))

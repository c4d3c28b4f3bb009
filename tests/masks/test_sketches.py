import numpy as np

from o2recon.masks import LiftedSketch, lift, pixel_labels, splat_depth
from o2recon.masks.crop import Crop
from o2recon.masks.sketches import carry, trimmed
from o2recon.types import Camera

CAMERA = Camera(np.array([[80.0, 0, 40], [0, 80, 30], [0, 0, 1]]), 80, 60)


def lifted_wall() -> tuple[np.ndarray, LiftedSketch]:
    """The left half of an object at z = 2 is measured, its right half sketched."""
    measured = np.zeros((60, 80), np.float32)
    measured[10:50, 10:40] = 2.0
    sketch = np.zeros((60, 80), bool)
    sketch[10:50, 40:70] = True
    nothing = np.zeros_like(measured)
    return sketch, lift(sketch, measured, nothing, CAMERA, np.eye(4), slack_px=0)


def moved(x: float, z: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = (x, 0, z)
    return pose


def test_sketch_is_lifted_to_the_depth_around_it() -> None:
    _, lifted = lifted_wall()
    np.testing.assert_allclose(lifted.points[:, 2], 2.0, rtol=1e-4)
    np.testing.assert_allclose(lifted.spacing, 2.0 / 80, rtol=1e-4)


def test_lifted_sketch_lands_where_the_surface_projects_without_gaps() -> None:
    sketch, lifted = lifted_wall()
    assert np.mean((splat_depth(lifted, CAMERA, np.eye(4)) > 0) != sketch) < 0.005
    closer = splat_depth(lifted, CAMERA, moved(0.5, 1.0))
    inside = closer[3:-3, 12:56]
    np.testing.assert_allclose(inside, 1.0, rtol=1e-3)


def test_sketch_is_claimed_only_behind_something_or_where_nothing_was_measured() -> None:
    _, lifted = lifted_wall()
    depth = np.full((60, 80), 1.0, np.float32)
    depth[:, 50:60] = 3.0
    depth[:, 60:] = 0
    labels = pixel_labels(np.zeros((60, 80), int), depth, 1, dropout_px=3)
    margin = np.full((60, 80), 0.03, np.float32)
    claimed = carry(lifted, labels, margin, CAMERA, np.eye(4), Crop(0, 0, 60, 80))
    assert claimed[12:48, 41:50].all() and not claimed[:, 50:60].any() and claimed[12:48, 61:70].all()


def test_rim_that_nothing_confirms_is_left_out_and_thin_strokes_keep_their_middle() -> None:
    sketch = np.zeros((60, 80), bool)
    sketch[10:50, 40:70] = True
    measured = np.zeros((60, 80), np.float32)
    measured[10:50, 10:40] = 2.0
    kept = trimmed(sketch | (measured > 0), slack_px=4)
    assert kept[15:45, 15:65].all() and not kept[:13].any() and not kept[47:].any() and not kept[:, 67:].any()
    stroke = np.zeros((60, 80), bool)
    stroke[10:50, 40:47] = True
    assert trimmed(stroke, slack_px=6)[14:46, 42:45].all()
    confirmed = np.where(sketch, 2.0, 0).astype(np.float32)
    assert len(lift(sketch, measured, confirmed, CAMERA, np.eye(4), slack_px=3).points) == np.count_nonzero(sketch)


def test_sketch_without_any_depth_gives_no_points() -> None:
    nothing = np.zeros((60, 80), np.float32)
    lifted = lift(np.ones((60, 80), bool), nothing, nothing, CAMERA, np.eye(4), slack_px=0)
    assert len(lifted.points) == 0
    assert not splat_depth(lifted, CAMERA, np.eye(4)).any()


def test_line_around_what_the_surface_confirms_is_left_out() -> None:
    sketch = np.zeros((60, 80), bool)
    sketch[10:50, 30:60] = True
    surface = np.zeros((60, 80), np.float32)
    surface[14:46, 34:56] = 2.0
    lifted = lift(sketch, np.zeros_like(surface), surface, CAMERA, np.eye(4), slack_px=4)
    assert len(lifted.points) == np.count_nonzero(surface)

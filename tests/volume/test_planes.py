import numpy as np

from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import ObjectFrame
from o2recon.volume import PlaneSearch

GRID = grid_over(ObjectFrame(np.array([1.0, 0.5, 0.6]), np.eye(3), np.array([0.5, 0.4, 0.3])), 0.01)
SEARCH = PlaneSearch(tolerance=0.008, max_angle=20.0, min_area=0.01, min_share=0.01, thickness=0.012, max_planes=12)


def tilted_top(covered: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tilted square top, 60 cm wide, with a round unseen patch of radius `covered`; height above its plane."""
    p = voxel_centers(GRID) - GRID.frame.center
    normal = np.array([0.1, 0.2, 1.0]) / np.linalg.norm([0.1, 0.2, 1.0])
    height = p @ normal
    top = (np.abs(p[..., :2]) < 0.3).all(-1)
    seen = (np.abs(height) < 0.006) & top & (np.hypot(p[..., 0], p[..., 1]) > covered)
    return seen, height, top


def test_a_top_goes_on_under_what_stands_on_it():
    seen, height, top = tilted_top(covered=0.12)
    parts = SEARCH(GRID, seen, height)
    assert len(parts) == 1
    continued = SEARCH.continued(GRID, parts)
    slab = top & (height < -0.004) & (height > -0.011)
    assert continued[slab].mean() > 0.97
    assert not continued[height > 0.002].any() and not continued[height < -0.02].any()
    p = voxel_centers(GRID) - GRID.frame.center
    assert not continued[(np.abs(p[..., :2]) > 0.32).any(-1)].any()


def test_separate_pieces_of_one_plane_are_not_joined():
    seen, height, _ = tilted_top(covered=0.0)
    p = voxel_centers(GRID) - GRID.frame.center
    seen &= np.abs(p[..., 0]) > 0.1
    parts = SEARCH(GRID, seen, height)
    assert len(parts) == 2
    assert not SEARCH.continued(GRID, parts)[np.abs(p[..., 0]) < 0.08].any()


def test_a_ball_has_no_large_flat_part():
    p = voxel_centers(GRID) - GRID.frame.center
    distance = np.linalg.norm(p, axis=-1) - 0.25
    assert all(len(part.voxels) * 0.01**2 < 0.06 for part in SEARCH(GRID, np.abs(distance) < 0.006, distance))


def test_little_surface_gives_no_part():
    seen, height, _ = tilted_top(covered=0.0)
    p = voxel_centers(GRID) - GRID.frame.center
    assert SEARCH(GRID, seen & (np.abs(p[..., :2]) < 0.03).all(-1), height) == []

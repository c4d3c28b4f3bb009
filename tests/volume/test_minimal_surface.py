import torch

from o2recon.volume.minimal_surface import minimal_surface


def plates(gap: int) -> torch.Tensor:
    """Two plates of 24 x 24 x 2 voxels, `gap` apart."""
    known = torch.zeros(32, 32, 40)
    known[4:28, 4:28, 4:6] = 1
    known[4:28, 4:28, 6 + gap : 8 + gap] = 1
    return known


def solve(known: torch.Tensor, cost: float = 0.0) -> torch.Tensor:
    allowed = torch.zeros_like(known)
    allowed[1:-1, 1:-1, 1:-1] = 1
    return minimal_surface(torch.full_like(known, cost), known, allowed, iterations=150) > 0.5


def test_a_gap_closes_only_where_its_rim_is_smaller_than_its_faces():
    # two faces of 24^2 against a rim of 4 * 24 * gap: the tie is at a gap of 12
    for gap, filled in ((4, True), (22, False)):
        middle = solve(plates(gap))[10:22, 10:22, 6 : 6 + gap]
        assert bool(middle.all()) == filled and bool(middle.any()) == filled


def test_what_is_known_is_kept_and_what_is_forbidden_stays_empty():
    known = plates(4)
    allowed = torch.ones_like(known)
    allowed[:, :, 7:9] = 0
    occupied = minimal_surface(torch.zeros_like(known), known, allowed, iterations=60) > 0.5
    assert bool(occupied[known > 0].all()) and not bool(occupied[:, :, 7:9].any())


def test_a_cost_against_matter_leaves_only_what_is_known():
    known = plates(4)
    assert torch.equal(solve(known, cost=1.0), known > 0)


def test_a_reward_fills_what_is_allowed():
    known = plates(22)
    allowed = torch.zeros_like(known)
    allowed[4:28, 4:28, 4:30] = 1
    occupied = minimal_surface(torch.full_like(known, -0.5), known, allowed, iterations=150) > 0.5
    # surface tension rounds edges and corners; nothing else is missing
    assert int((occupied != (allowed > 0)).sum()) < 0.01 * float(allowed.sum())

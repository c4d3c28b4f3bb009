"""Where samples lie."""

import torch

from o2recon.render.sampling import invert_cdf, known_surface_samples, searched_samples, stratified


def test_there_is_one_sample_in_every_equal_part() -> None:
    start, end = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0])
    t = stratified(start, end, 10, torch.Generator().manual_seed(0))
    part = ((t - start[:, None]) / (end - start)[:, None] * 10).floor()
    assert torch.equal(part, torch.arange(10.0).expand(2, 10))


def test_known_surfaces_get_their_band_and_nothing_leaves_the_ray() -> None:
    surface = torch.tensor([1.5, 1.02, 2.9, 5.0])
    near, far, width = torch.ones(4), torch.full((4,), 3.0), torch.full((4,), 0.1)
    t = known_surface_samples(near, far, surface, width, 6, 8, torch.Generator().manual_seed(0))
    assert t.shape == (4, 14)
    assert (t >= 1).all() and (t <= 3).all() and (t.diff() >= 0).all()
    assert ((t[0] - 1.5).abs() <= 0.1).sum() == 8


def test_importance_samples_gather_at_the_surface() -> None:
    origins = torch.tensor([[0.0, 0.0, -2.0]]).repeat(5, 1)
    directions = torch.tensor([[0.0, 0.0, 1.0]]).repeat(5, 1)
    ones = torch.ones(5)
    t = searched_samples(lambda p: p.norm(dim=-1) - 0.5, origins, directions, ones, 3 * ones, 16, 16, 2, None)
    assert t.shape == (5, 32) and (t.diff() >= 0).all()
    assert (((t - 1.5).abs() < 0.07).sum(1) >= 12).all()


def test_inverted_cdf_spreads_samples_as_the_weights_say() -> None:
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    t = invert_cdf(edges, torch.tensor([[0.25, 0.0, 0.75]]), 1000, torch.Generator().manual_seed(0))
    assert abs((t < 1).float().mean() - 0.25) < 0.01
    assert ((t > 1) & (t < 2)).float().mean() < 0.01

"""Opacity and weights of sections."""

import torch

from o2recon.render import log_survival, section_alpha, section_weights
from o2recon.render.alpha import crossing_share, mean_share


def test_alpha_is_zero_where_the_ray_leaves_the_surface() -> None:
    start = torch.tensor([[-0.1, 0.0, 0.2]])
    assert torch.equal(section_alpha(start, start + 0.1, torch.tensor(100.0)), torch.zeros(1, 3))


def test_alpha_is_the_share_of_the_logistic_cdf_that_is_lost() -> None:
    start, end = torch.rand(2, 4, 5, dtype=torch.float64) - 0.5
    inv_s = torch.tensor(13.0, dtype=torch.float64)
    cdf_start, cdf_end = torch.sigmoid(13 * start), torch.sigmoid(13 * end)
    expected = ((cdf_start - cdf_end) / cdf_start).clamp(min=0)
    torch.testing.assert_close(section_alpha(start, end, inv_s), expected)


def test_alpha_and_its_gradient_are_finite_where_both_cdfs_saturate() -> None:
    sdf = torch.tensor([[5.0, 4.0, -4.0, -5.0]], requires_grad=True)
    alpha = section_alpha(sdf[:, :-1], sdf[:, 1:], torch.tensor(5000.0))
    alpha.sum().backward()
    assert alpha.isfinite().all() and sdf.grad.isfinite().all()
    assert alpha[0, 0] == 0 and alpha[0, 1] == 1


def test_weights_are_alpha_times_transmittance_and_sum_to_the_opacity() -> None:
    start, end = torch.rand(2, 6, 9, dtype=torch.float64) - 0.5
    inv_s = torch.tensor(20.0, dtype=torch.float64)
    alpha = section_alpha(start, end, inv_s)
    transmittance = torch.cumprod(torch.cat([torch.ones(6, 1), 1 - alpha[:, :-1]], 1), 1)
    weights, opacity = section_weights(log_survival(start, end, inv_s))
    torch.testing.assert_close(weights, alpha * transmittance)
    torch.testing.assert_close(opacity, weights.sum(-1))


def test_the_surface_of_a_section_is_at_its_zero_or_at_the_nearer_end() -> None:
    start = torch.tensor([[0.1, 0.5, -0.1, 0.1]])
    end = torch.tensor([[-0.3, 0.2, -0.2, 0.3]])
    torch.testing.assert_close(crossing_share(start, end), torch.tensor([[0.25, 1.0, 0.0, 0.5]]))


def test_the_mean_of_a_section_is_that_of_many_small_ones() -> None:
    start = torch.tensor([[0.1, 0.5, 0.02, 0.3]], dtype=torch.float64)
    end = torch.tensor([[-0.3, 0.2, -0.2, 0.29]], dtype=torch.float64)
    inv_s = torch.tensor(15.0, dtype=torch.float64)
    edges = torch.linspace(0, 1, 2001, dtype=torch.float64)
    sdf = start[0, :, None] + (end - start)[0, :, None] * edges
    weights, opacity = section_weights(log_survival(sdf[:, :-1], sdf[:, 1:], inv_s))
    expected = (weights * (edges[1:] + edges[:-1]) / 2).sum(-1) / opacity
    counts = torch.sigmoid(15 * start) - torch.sigmoid(15 * end) > 1e-3
    assert counts.tolist() == [[True, True, True, True]]
    torch.testing.assert_close(mean_share(start, end, inv_s)[0], expected, atol=1e-5, rtol=1e-5)

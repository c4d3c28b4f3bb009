"""Batches of point sets as tensors: the numbers of the single sets, whatever the padding, the chunks and the device."""

import numpy as np
import pytest
import torch
import trimesh

from o2recon.evaluate import batched_distance_values, batched_nearest, sample_surface
from o2recon.evaluate.batched import all_pairs_nearest
from o2recon.evaluate.distances import nearest
from o2recon.evaluate.metrics import distance_values


def sets(*counts: int, most: int = 60, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random sets padded with nan, which must never be looked at, and their counts."""
    points = torch.full((len(counts), most, 3), torch.nan, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    for entry, count in enumerate(counts):
        points[entry, :count] = 0.2 * torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return points, torch.tensor(counts)


def test_padded_sets_have_the_values_of_the_sets_alone():
    prediction, predicted = sets(60, 17, 1)
    truth, true = sets(5, 44, 33, most=50, seed=1)
    values = batched_distance_values(prediction, truth, prediction_counts=predicted, truth_counts=true)
    for entry, (p, t) in enumerate(zip(predicted, true, strict=True)):
        a, b = prediction[entry, :p].numpy(), truth[entry, :t].numpy()
        expected = distance_values(nearest(a, b).distance, nearest(b, a).distance)
        assert set(values) == set(expected)
        for key, value in expected.items():
            assert float(values[key][entry]) == pytest.approx(value, abs=1e-9), key


def test_a_failed_entry_has_shares_of_zero_and_no_distances():
    prediction, predicted = sets(0, 9)
    truth, _ = sets(60, 60, seed=1)
    values = batched_distance_values(prediction, truth, prediction_counts=predicted)
    assert values["f_score_5cm"][0] == values["precision_5cm"][0] == values["recall_5cm"][0] == 0
    assert values["chamfer_cm"].isnan().tolist() == values["chamfer_squared_cm2"].isnan().tolist() == [True, False]


def test_padding_is_marked_in_what_comes_back():
    queries, asked = sets(3, 0)
    distance, index = batched_nearest(queries, sets(4, 4)[0][:, :4], query_counts=asked)
    assert torch.isinf(distance[0, 3:]).all() and torch.isinf(distance[1]).all() and (index[1] == -1).all()
    assert torch.isfinite(distance[0, :3]).all() and (index[0, :3] >= 0).all()


@pytest.mark.parametrize("max_pairs", [1, 7, 100, 10**6])
def test_chunks_do_not_matter(max_pairs):
    a, b = torch.rand(41, 3, dtype=torch.float64), torch.rand(53, 3, dtype=torch.float64)
    expected = nearest(a.numpy(), b.numpy()).index
    np.testing.assert_array_equal(all_pairs_nearest(a, b, max_pairs=max_pairs), expected)


def test_single_precision_far_from_the_origin_keeps_its_digits():
    a, b = torch.rand(200, 3) * 0.1 + 100, torch.rand(300, 3) * 0.1 + 100
    chosen = all_pairs_nearest(a, b)
    exact = nearest(a.numpy().astype(float), b.numpy().astype(float)).distance
    np.testing.assert_allclose((a.double() - b.double()[chosen]).norm(dim=1), exact, atol=1e-8)


def test_counts_that_do_not_fit_are_errors():
    points = torch.rand(2, 5, 3)
    for counts in (torch.tensor([6, 1]), torch.tensor([-1, 1])):
        with pytest.raises(ValueError, match="do not fit"):
            batched_nearest(points, points, query_counts=counts)
    with pytest.raises(ValueError, match="at least one true point"):
        batched_distance_values(points, points, truth_counts=torch.tensor([5, 0]))


@pytest.mark.gpu
@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_the_accelerator_gives_the_values_of_the_cpu(shift):
    assert torch.cuda.is_available(), "this test needs an accelerator"
    meshes = (trimesh.creation.box([0.8, 0.5, 0.7]), trimesh.creation.icosphere(subdivisions=4, radius=0.5))
    a, b = (np.stack([sample_surface(m, count=50_000, seed=s).points for m in meshes]) + [5, -3, 1] for s in (0, 1))
    prediction, truth = torch.tensor(a + [shift, 0, 0]).float(), torch.tensor(b).float()
    counts = torch.tensor([50_000, 20_000])
    expected = batched_distance_values(prediction, truth, prediction_counts=counts)
    values = batched_distance_values(prediction.cuda(), truth.cuda(), prediction_counts=counts.cuda())
    for key, value in expected.items():
        torch.testing.assert_close(values[key].cpu(), value, rtol=1e-5, atol=1e-4)


@pytest.mark.gpu
def test_200k_points_both_ways_on_the_accelerator():
    """Measured time is printed (pytest -s); the bound only catches a wrong order of magnitude."""
    import time

    a, b = torch.rand(1, 200_000, 3, device="cuda"), torch.rand(1, 200_000, 3, device="cuda")
    batched_distance_values(a[:, :1000], b[:, :1000])
    torch.cuda.synchronize()
    start, before = time.perf_counter(), torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    batched_distance_values(a, b)
    torch.cuda.synchronize()
    took, grown = time.perf_counter() - start, torch.cuda.max_memory_allocated() - before
    print(f"200k x 200k both ways: {took:.2f} s, {grown / 2**20:.0f} MiB")
    assert took < 10 and grown < 2**28

import numpy as np
import pytest
from scipy import stats

from o2recon.report.bootstrap import bootstrap_interval, object_means


def test_one_seed_gives_scipys_percentile_interval() -> None:
    sample = np.random.default_rng(3).gamma(2.0, size=25)
    for statistic in (np.mean, np.median):
        theirs = stats.bootstrap((sample,), statistic, n_resamples=20_000, method="percentile", rng=1)
        ours = bootstrap_interval([[x] for x in sample], reduce=statistic, draws=20_000)
        assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    sample = np.random.default_rng(0).normal(5.0, 2.0, 400)
    interval = bootstrap_interval([[x] for x in sample], draws=10_000)
    half = 1.96 * sample.std() / np.sqrt(len(sample))
    assert interval == pytest.approx((sample.mean() - half, sample.mean() + half), abs=0.03)


def test_seeds_add_the_variance_of_their_means() -> None:
    """(variance between objects + mean variance within / seeds) / objects, both taken over the population."""
    values = np.random.default_rng(1).normal(size=(60, 1)) + np.random.default_rng(2).normal(0.0, 2.0, (60, 3))
    variance = (values.mean(1).var() + values.var(1).mean() / 3) / 60
    low, high = bootstrap_interval(values.tolist(), draws=10_000) or (0, 0)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(variance), rel=0.04)


def test_objects_count_the_same_however_many_seeds_they_have() -> None:
    assert object_means([[1.0, 1.0, 1.0], [0.0], []]).tolist() == [1.0, 0.0]
    assert bootstrap_interval([[1.0, 1.0, 1.0], [0.0], []]) == (0.0, 1.0)


def test_the_same_values_give_the_same_interval_and_equal_values_none_of_any_width() -> None:
    values = np.random.default_rng(5).random((7, 2)).tolist()
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval([[0.25, 0.25], [0.25]]) == (0.25, 0.25)


def test_a_single_number_has_no_interval() -> None:
    assert bootstrap_interval([[0.5]]) is None and bootstrap_interval([]) is None
    assert bootstrap_interval([[0.4, 0.6]]) is not None

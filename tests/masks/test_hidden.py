import numpy as np
import pytest

from o2recon.masks import Claims, carved_claims, covered, occlusion_margin, pixel_labels

SHAPE = (30, 40)
MARGIN = np.full(SHAPE, 0.03, np.float32)


def claims_of(surface: float, evidence: float, depth: float, permitted: bool = True) -> Claims:
    labels = pixel_labels(np.zeros(SHAPE, int), np.full(SHAPE, depth, np.float32), 1, dropout_px=5)
    return carved_claims(
        labels,
        np.zeros(SHAPE, bool),
        np.full(SHAPE, surface, np.float32),
        np.full(SHAPE, evidence, np.float32),
        np.full(SHAPE, permitted),
        MARGIN,
        observed_evidence=0.5,
        observed_confidence=1.0,
        completed_confidence=0.3,
    )


@pytest.mark.parametrize(("evidence", "expected"), [(1.0, 1.0), (0.0, 0.3)])
def test_covered_surface_is_claimed_with_the_confidence_of_its_evidence(evidence: float, expected: float) -> None:
    np.testing.assert_allclose(claims_of(2.0, evidence, 1.5).confidence, expected)


def test_surface_touching_or_in_front_of_a_measured_one_is_not_claimed() -> None:
    for surface in (1.52, 1.5, 1.0):
        claims = claims_of(surface, 1.0, 1.5, permitted=False)
        assert not claims.hidden.any() and not claims.possible.any() and not claims.unknown.any()


def test_only_permitted_is_possible_and_nothing_measured_is_unknown() -> None:
    assert claims_of(0.0, 0.0, 1.5).possible.all()
    unmeasured = claims_of(0.0, 0.0, 0.0)
    assert unmeasured.unknown.all() and not unmeasured.possible.any()


def test_observed_surface_is_claimed_where_nothing_was_measured() -> None:
    assert (claims_of(2.0, 1.0, 0.0).confidence == 1).all()


def test_masks_are_exclusive() -> None:
    rng = np.random.default_rng(0)
    instance = np.zeros(SHAPE, int)
    instance[10:20, 10:30] = 1
    depth = rng.choice([0.0, 1.0, 2.0], SHAPE).astype(np.float32)
    labels = pixel_labels(instance, depth, 1, dropout_px=3)
    claims = carved_claims(
        labels,
        instance == 1,
        rng.choice([0.0, 1.5, 2.5], SHAPE).astype(np.float32),
        rng.random(SHAPE).astype(np.float32),
        rng.random(SHAPE) > 0.5,
        MARGIN,
        observed_evidence=0.5,
        observed_confidence=1.0,
        completed_confidence=0.3,
    )
    total = (instance == 1).astype(int) + claims.hidden + claims.possible + claims.unknown
    assert total.max() == 1


def test_margin_grows_with_the_noise() -> None:
    sigma = np.array([[0.001, 0.01]])
    np.testing.assert_allclose(occlusion_margin(sigma, margin=0.02, num_sigmas=2.0), [[0.022, 0.04]], rtol=1e-5)


def test_nothing_is_covered_where_no_surface_is_hit() -> None:
    labels = pixel_labels(np.zeros(SHAPE, int), np.full(SHAPE, 1.0, np.float32), 1, dropout_px=5)
    assert not covered(labels, np.zeros(SHAPE, np.float32), MARGIN).any()


@pytest.mark.parametrize(("beside", "claimed"), [(4.0, False), (1.0, True)])
def test_dropout_along_the_object_s_edge_is_claimed_only_beside_a_cover(beside: float, claimed: bool) -> None:
    instance = np.zeros(SHAPE, int)
    instance[:, 20:] = 1
    depth = np.where(instance == 1, 2.0, beside).astype(np.float32)
    depth[:, 18:20] = 0
    labels = pixel_labels(instance, depth, 1, dropout_px=5)
    over = covered(labels, np.full(SHAPE, 2.0, np.float32), MARGIN)
    assert labels.unknown[:, 18:20].all() and (over[:, 18:20] == claimed).all()

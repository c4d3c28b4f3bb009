import numpy as np
import pytest

from o2recon.scene.synth.furniture import KINDS, build


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_piece_is_one_closed_outward_body_on_the_floor(kind):
    for seed in range(12):
        mesh = build(kind, np.random.default_rng(seed)).mesh
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0, seed
        assert mesh.body_count == 1, seed
        assert abs(mesh.bounds[0, 2]) < 1e-9, seed


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_drawn_and_the_truth_have_the_same_outer_surface(kind):
    piece = build(kind, np.random.default_rng(3))
    parts = piece.parts
    assert all(part.mesh.is_watertight and part.mesh.volume > 0 for part in parts)
    np.testing.assert_allclose(
        [np.min([p.mesh.bounds[0] for p in parts], 0), np.max([p.mesh.bounds[1] for p in parts], 0)],
        piece.mesh.bounds,
        atol=1e-6,
    )
    rng = np.random.default_rng(0)
    points = rng.uniform(*piece.mesh.bounds, (2000, 3))
    in_parts = np.any([part.mesh.contains(points) for part in parts], axis=0)
    assert (in_parts == piece.mesh.contains(points)).mean() > 0.999


def test_seeds_reproduce_and_differ():
    first, again, other = (build("chair", np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.mesh.vertices, again.mesh.vertices)
    assert first.mesh.extents.tolist() != other.mesh.extents.tolist()


def test_chair_legs_are_thin():
    mesh = build("chair", np.random.default_rng(0)).mesh
    section = mesh.section((0, 0, 1), (0, 0, 0.15))
    assert len(section.discrete) == 4
    assert all(np.ptp(loop, axis=0).max() < 0.045 for loop in section.discrete)


def test_unknown_kind_names_the_choices():
    with pytest.raises(ValueError, match="chair, table, sofa, shelf, lamp, box"):
        build("piano", np.random.default_rng(0))

"""Mass properties against closed forms; convex parts that are convex, closed and about the body."""

import numpy as np
import pytest
import trimesh
from closed_bodies import bowl, dense, l_shape

from o2recon.export import Body, Collider, body_of, density_of, is_closed, is_physical


def collider(**changes) -> Collider:
    options = {"method": "coacd", "max_faces": 2000, "threshold": 0.1, "max_parts": 8, "max_part_vertices": 32}
    return Collider(**{**options, "seed": 0, **changes})


def test_the_inertia_of_a_box_is_that_of_the_textbook():
    box = trimesh.creation.box([0.4, 0.6, 1.0])
    box.apply_translation([100, 50, 2])
    body = body_of(box, density=500)
    assert body.mass == pytest.approx(0.24 * 500)
    np.testing.assert_allclose(body.center, [100, 50, 2], atol=1e-9)
    expected = body.mass / 12 * np.array([0.6**2 + 1, 0.4**2 + 1, 0.4**2 + 0.6**2])
    np.testing.assert_allclose(body.inertia, np.diag(expected), rtol=1e-6, atol=1e-9)


def test_a_turned_body_has_turned_inertia():
    box = trimesh.creation.box([0.4, 0.6, 1.0])
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3])
    straight = body_of(box, density=1.0)
    turned = body_of(box.copy().apply_transform(turn), density=1.0)
    np.testing.assert_allclose(turned.inertia, turn[:3, :3] @ straight.inertia @ turn[:3, :3].T, atol=1e-12)


def test_inertia_that_no_body_has_is_told_apart():
    assert is_physical(Body(1.0, np.zeros(3), np.diag([1.0, 1.0, 1.9])))
    assert not is_physical(Body(1.0, np.zeros(3), np.diag([1.0, 1.0, 2.1])))
    assert not is_physical(Body(1.0, np.zeros(3), np.diag([1.0, 1.0, -0.1])))
    assert not is_physical(Body(0.0, np.zeros(3), np.eye(3)))


def test_an_open_mesh_has_no_mass_and_no_parts_and_says_why():
    half = bowl(2)
    for refuses in (lambda: body_of(half, density=1.0), lambda: collider()(half)):
        with pytest.raises(ValueError, match=r"open \(\d+ border edges\).*closes surfaces"):
            refuses()


def test_parts_are_convex_closed_and_cover_the_body():
    pytest.importorskip("coacd")
    pytest.importorskip("fast_simplification")
    body = dense(l_shape(), 0.1)
    body.apply_translation([20, 0, 0])
    shape = collider()(body)
    assert len(shape.parts) >= 2 and is_closed(shape.closed)
    for part in shape.parts:
        assert is_closed(part) and part.volume == pytest.approx(part.convex_hull.volume, rel=1e-4)
    assert shape.covered > 0.97
    assert 0.97 < shape.volume_ratio < 1.15 < body.convex_hull.volume / body.volume


def test_one_hull_is_made_when_asked_for():
    shape = collider(method="hull")(l_shape())
    assert len(shape.parts) == 1
    assert shape.volume_ratio == pytest.approx(l_shape().convex_hull.volume / l_shape().volume, rel=1e-4)


@pytest.mark.parametrize(("key", "value"), [("method", "vhacd"), ("threshold", 0.0)])
def test_bad_options_are_named(key, value):
    with pytest.raises(ValueError, match=f"export.collider.{key}={value}"):
        collider(**{key: value})


def test_density_goes_by_category_then_by_its_last_word_then_by_default():
    table = {"default": 300, "chair": 400, "office chair": 150}
    assert density_of("Office chair", table) == 150
    assert density_of("wooden chair", table) == 400
    assert density_of("piano", table) == 300
    assert density_of("", table) == 300

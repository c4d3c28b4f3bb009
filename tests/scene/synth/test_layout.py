from itertools import combinations

import numpy as np
import pytest
import trimesh

from o2recon.scene.synth.layout import Item, arrange, checked_items

OBJECTS = ["sofa", "table", "chair", "chair", "box", "shelf", "lamp"]
ROOM = (4.8, 4.4, 2.6)


@pytest.mark.parametrize("seed", range(4))
def test_furniture_is_inside_the_room_and_does_not_intersect(seed):
    placed = arrange(checked_items(OBJECTS), ROOM, seed)
    assert [p.instance for p in placed] == list(range(1, len(OBJECTS) + 1))
    for piece in placed:
        assert (piece.mesh.bounds[0, :2] > 0).all() and (piece.mesh.bounds[1] < ROOM).all()
        assert piece.mesh.bounds[0, 2] == pytest.approx(0, abs=1e-9)
    for first, second in combinations(placed, 2):
        low = np.maximum(first.mesh.bounds[0], second.mesh.bounds[0])
        high = np.minimum(first.mesh.bounds[1], second.mesh.bounds[1])
        if (low < high).all():
            points, _ = trimesh.sample.sample_surface(first.mesh, 3000, seed=0)
            points = points[((points > low) & (points < high)).all(1)]
            assert not second.mesh.contains(points).any() if len(points) else True


def test_a_chair_is_pushed_under_its_table():
    table, chair = arrange(checked_items(["table", "chair"]), ROOM, 0)
    assert chair.instance == 2
    overlap = np.minimum(table.mesh.bounds[1, :2], chair.mesh.bounds[1, :2])
    overlap -= np.maximum(table.mesh.bounds[0, :2], chair.mesh.bounds[0, :2])
    assert (overlap > 0.1).all()


def test_wall_furniture_stands_at_a_wall():
    (sofa,) = arrange((Item("sofa", "wall", shift=0.0),), ROOM, 0)
    assert 0.01 < ROOM[1] - sofa.mesh.bounds[1, 1] < 0.05


def test_unscored_furniture_has_no_instance_id():
    items = checked_items([{"kind": "box", "place": "wall", "scored": False}, {"kind": "shelf"}])
    assert [p.instance for p in arrange(items, ROOM, 0)] == [0, 1]


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (["piano"], r"synth\.objects\[0\] is 'piano'"),
        ([{"kind": "box", "place": "roof"}], "choose from wall, under, before, free"),
        ([{"kind": "box", "place": "before", "of": 0}], "needs an earlier item"),
        ([{"sort": "box"}], "'kind' is needed"),
        ([{"kind": "box", "place": "wall", "scored": False}], "no scored object"),
    ],
)
def test_wrong_descriptions_are_named(objects, message):
    with pytest.raises(ValueError, match=message):
        checked_items(objects)


def test_too_much_furniture_is_refused():
    with pytest.raises(ValueError, match=r"enlarge synth\.room_size"):
        arrange(checked_items(["sofa"] * 3), (2.2, 2.2, 2.5), 0)

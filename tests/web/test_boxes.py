"""Boxes drawn in a page: what is saved is what objects.boxes takes."""

import urllib.request
from pathlib import Path

import numpy as np
import pytest

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.instances import read_boxes
from o2recon.scene import Scene
from o2recon.web.boxes import Drawn, DrawnBox, colored_points

pytest.importorskip("viser")


@pytest.fixture(scope="module")
def scene(tiny_room: Path) -> Scene:
    found: Scene = build(composed("run", (f"scene.root={tiny_room}",)).scene)
    return found


def test_what_is_saved_is_read_back_as_the_same_boxes(tmp_path: Path) -> None:
    drawn = Drawn(tmp_path / "new" / "boxes.yaml")
    with pytest.raises(ValueError, match="no box to save"):
        drawn.save()
    drawn.boxes = {4: DrawnBox(4, "arm chair", (1.0, -2.0, 0.5), (0.4, 0.6, 1.0), 30.0)}
    drawn.add((0.0, 0.0, 0.4))
    drawn.save()
    first, second = read_boxes(drawn.file, np.eye(4))
    assert (first.id, first.category, second.id, second.category) == (4, "arm chair", 5, "object")
    np.testing.assert_allclose(first.frame.center, [1, -2, 0.5], atol=1e-4)
    again = Drawn.opened(drawn.file)
    before, after = drawn.boxes[4], again.boxes[4]
    corners = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, -1]]) / 2
    places = [
        {tuple(np.round(c * b.size @ b.rotation.T + b.center, 2)) for c in (*corners, *-corners)}
        for b in (before, after)
    ]
    assert len(places[0] & places[1]) >= 2 and after.holds(np.array([[1, -2, 0.5]])).all()


def test_a_box_is_drawn_in_to_the_points_inside() -> None:
    points = np.random.default_rng(0).uniform([-0.2, -0.3, 0.0], [0.2, 0.3, 0.8], (5000, 3))
    turn = DrawnBox(1, "", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 25.0).rotation
    floor = np.c_[np.random.default_rng(1).uniform(-0.6, 0.6, (2000, 2)), np.zeros(2000)]
    everything = np.concatenate([points @ turn.T, floor])
    box = DrawnBox(1, "chair", (0.05, 0.0, 0.4), (1.0, 1.0, 1.0), 25.0).fitted(everything, floor=0.0)
    np.testing.assert_allclose(box.size, [0.44, 0.64, 0.82], atol=0.02)
    np.testing.assert_allclose(box.center, [0, 0, 0.41], atol=0.02)
    alone = DrawnBox(1, "chair", (5.0, 0.0, 0.4), (1.0, 1.0, 1.0), 25.0)
    assert alone.fitted(everything, floor=0.0) == alone


def test_points_have_the_colours_of_their_pixels(scene: Scene) -> None:
    points, colors = colored_points(scene, max_points=2000, max_frames=5)
    assert len(points) == len(colors) <= 2000 and len(points) > 1000
    floor = scene.floor_height()
    assert floor is not None and np.quantile(points[:, 2], 0.01) == pytest.approx(floor, abs=0.03)


def test_the_page_draws_changes_fits_removes_and_saves(scene: Scene, tmp_path: Path) -> None:
    config = composed("boxes", (f"scene.root={scene.root}", "boxes.port=0", "boxes.max_points=5000")).boxes
    with build(config).opened(scene, tmp_path) as (url, page):
        assert urllib.request.urlopen(url, timeout=10).status == 200
        page.save()
        assert "no box to save" in page.told.content
        box = page.add(np.array([0.1, 0.2, 0.4]))
        page.change(box.id, category="chair", size=(0.5, 0.5, 0.0), yaw=20.0)
        assert page.drawn.boxes[1].size[2] == 0.02 and page.drawn.boxes[1].category == "chair"
        page.change(box.id, size=(3.0, 3.0, 3.0))
        page.fit(box.id)
        assert max(page.drawn.boxes[1].size) < 3.1
        page.add(np.zeros(3))
        page.remove(2)
        page.save()
        assert "objects.boxes=" in page.told.content
    (saved,) = read_boxes(tmp_path / scene.name / "boxes.yaml", np.eye(4))
    assert (saved.id, saved.category) == (1, "chair")

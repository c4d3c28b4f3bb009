"""Boxes drawn in a page: what is saved is what objects.boxes takes."""

import html
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.instances import read_boxes
from o2recon.scene import Scene
from o2recon.web.box_page import BoxPage
from o2recon.web.boxes import Drawn, DrawnBox, colored_points
from o2recon.web.viewer import free_port, running

pytest.importorskip("viser")


@pytest.fixture(scope="module")
def scene(tiny_room: Path) -> Scene:
    found: Scene = build(composed("run", (f"scene.root={tiny_room}",)).scene)
    return found


CHAIR = DrawnBox(4, "arm chair", (1.0, -2.0, 0.5), (0.4, 0.6, 1.0), 30.0)


@pytest.mark.parametrize("name", ["boxes.yaml", "boxes.json"])
def test_what_is_drawn_is_read_back_as_the_same_boxes(tmp_path: Path, name: str) -> None:
    drawn = Drawn(tmp_path / "new" / name, {4: CHAIR})
    drawn.add((0.0, 0.0, 0.4), (0.6, 0.6, 0.9), 0.0)
    assert drawn.done() and not drawn.done()
    first, second = read_boxes(drawn.file, np.eye(4))
    assert (first.id, first.category, second.id, second.category) == (4, "arm chair", 5, "object")
    np.testing.assert_allclose(first.frame.center, [1, -2, 0.5], atol=1e-4)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
    own = corners * CHAIR.size @ CHAIR.rotation.T + CHAIR.center
    gaps = np.linalg.norm(own[:, None] - first.corners, axis=-1)
    assert gaps.min(0).max() < 1e-4
    assert Drawn.opened(drawn.file).boxes == drawn.boxes


def test_boxes_of_another_form_keep_their_place(tmp_path: Path) -> None:
    file = tmp_path / "boxes.yaml"
    file.write_text("7: {category: table, corners: [[1.0, 0.2, 0.0], [2.2, 1.0, 0.75]]}")
    (box,) = Drawn.opened(file).boxes.values()
    assert box.holds(np.array([[1.01, 0.21, 0.01], [2.19, 0.99, 0.74]])).all()
    assert not box.holds(np.array([[0.98, 0.5, 0.5], [1.5, 1.02, 0.5], [1.5, 0.5, 0.77]])).any()


def test_annotations_of_a_data_set_are_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "41048190_3dod_annotation.json"
    file.write_text('{"data": [{"label": "chair", "segments": {"obbAligned": {}}}]}')
    with pytest.raises(ValueError, match="annotation of ARKitScenes"):
        Drawn.opened(file)


def test_every_step_is_written_and_can_be_undone(tmp_path: Path) -> None:
    drawn = Drawn(tmp_path / "boxes.yaml", {})
    drawn.boxes[4] = CHAIR
    drawn.done()
    for name in ("t", "ta", "table"):
        drawn.boxes[4] = replace(CHAIR, category=name)
        drawn.done("name of 4")
    del drawn.boxes[4]
    drawn.done()
    assert Drawn.opened(drawn.file).boxes == {}
    assert drawn.add((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0).id == 1
    for expected in ("table", "arm chair"):  # what was typed is one step
        assert drawn.undo() and drawn.boxes[4].category == expected
        assert Drawn.opened(drawn.file).boxes == drawn.boxes
    assert drawn.undo() and not drawn.boxes and not drawn.undo()


def test_what_something_else_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    one, other = (Drawn.opened(tmp_path / "boxes.yaml") for _ in range(2))
    one.boxes[4] = CHAIR
    one.done()
    before = one.file.read_bytes()
    other.boxes[4] = replace(CHAIR, category="mine")
    with pytest.raises(ValueError, match=r"changed by something else .*boxes-2.yaml now"):
        other.done()
    assert one.file.read_bytes() == before
    other.add((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0)
    other.done()
    assert len(Drawn.opened(tmp_path / "boxes-2.yaml").boxes) == 2


def test_a_face_is_pulled_and_the_one_opposite_stays() -> None:
    for axis in range(3):
        for sign in (-1, 1):
            out = sign * CHAIR.rotation[:, axis]
            near, far = (CHAIR.center + k * out * CHAIR.size[axis] / 2 for k in (1, -1))
            box = CHAIR.pulled(axis, sign, near + 0.25 * out + np.cross(out, [0.3, 0.2, 0.1]))
            assert box.size[axis] == pytest.approx(CHAIR.size[axis] + 0.25, abs=1e-3)
            np.testing.assert_allclose(box.center - out * box.size[axis] / 2, far, atol=2e-4)
            assert CHAIR.pulled(axis, sign, far - out).size[axis] == 0.02  # not through the other side
            assert CHAIR.pulled(axis, sign, near + 1e9 * out).size[axis] == 100


def test_a_box_that_is_resized_stays_on_the_floor() -> None:
    box = CHAIR.sized((0.5, 0.0, 2.0))
    assert box.size == (0.5, 0.02, 2.0) and box.center == (1.0, -2.0, 1.0)


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


@pytest.fixture(scope="module")
def opened(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, BoxPage]]:
    config = composed("boxes", (f"scene.root={scene.root}", "boxes.port=0", "boxes.max_points=50000")).boxes
    with build(config).opened(scene, tmp_path_factory.mktemp("work"), ["scene=a b"]) as found:
        yield found


def test_the_page_draws_changes_fits_removes_and_saves(opened: tuple[str, BoxPage]) -> None:
    url, page = opened
    assert urllib.request.urlopen(url, timeout=10).status == 200
    assert "saved in" not in page.panel.text
    floor = page.floor or 0.0
    box = page.place(np.array([0.1, 0.2, floor]))
    page.rename(" <b>chair  ")
    page.resize((0.5, 0.5, 0.0))
    page.turn(380.0)
    page.turn(float("nan"))
    page.resize((float("inf"), 1.0, 1.0))
    assert page.drawn.boxes[1] == replace(
        box, category="<b>chair", size=(0.5, 0.5, 0.02), yaw=20.0, center=(0.1, 0.2, 0.01)
    )
    page.resize((3.0, 3.0, 3.0))
    page.fit()
    assert max(page.drawn.boxes[1].size) < 3.1 and "points inside" in page.panel.text
    page.place(np.zeros(3))
    assert page.chosen == 2
    page.remove()
    assert page.chosen == 1
    assert f"'scene=a b' objects.boxes={page.drawn.file} object=all" in html.unescape(page.panel.text)
    (saved,) = read_boxes(page.drawn.file, np.eye(4))
    assert (saved.id, saved.category) == (1, "<b>chair")
    page.undo()
    assert [b.id for b in read_boxes(page.drawn.file, np.eye(4))] == [1, 2]


def test_a_disk_that_takes_nothing_is_told_on_the_page(opened: tuple[str, BoxPage], tmp_path: Path) -> None:
    page = opened[1]
    (tmp_path / "file").touch()
    file, page.drawn.file = page.drawn.file, tmp_path / "file" / "boxes.yaml"
    page.place(np.zeros(3))
    assert "file" in page.problem and page.problem in html.unescape(page.panel.text)
    page.drawn.file = file
    page.rename("bin")
    assert not page.problem and "bin" in {b.category for b in read_boxes(file, np.eye(4))}


STOOL = DrawnBox(1, "stool", (0.0, 0.0, 0.25), (0.4, 0.4, 0.5), 0.0)
CEILING = replace(STOOL, center=(0.0, 0.0, 2.4), size=(1.0, 1.0, 0.02))


@pytest.fixture
def stool(tmp_path: Path) -> Iterator[BoxPage]:
    """A page with points on the top of a stool, and on a ceiling 2.4 m above the floor."""
    generator = np.random.default_rng(0)
    points = np.concatenate(
        [
            generator.uniform(-0.5, 0.5, (4000, 3)) * (*box.size[:2], 0) + [0, 0, box.center[2] + box.size[2] / 2]
            for box in (STOOL, CEILING)
        ]
    )
    colors = np.full(points.shape, 90, np.uint8)
    with running("127.0.0.1", free_port("127.0.0.1", 0), "stool") as (server, _):
        drawn = Drawn(tmp_path / "boxes.yaml")
        yield BoxPage(server, drawn, points, colors, floor=0.0, point_m=0.01, command=lambda file: f"run {file}")


def down(x: float, y: float) -> Any:
    """A click from high above."""
    return SimpleNamespace(ray_origin=(x, y, 9.0), ray_direction=(0.0, 0.0, -1.0))


def test_a_click_makes_a_box_only_when_asked_and_chooses_one_otherwise(stool: BoxPage) -> None:
    stool.clicked(down(0.1, 0.1))
    assert not stool.drawn.boxes
    stool.add()
    stool.clicked(down(3.0, 3.0))
    assert stool.adding and "no point" in stool.panel.text and not stool.drawn.boxes
    stool.clicked(down(0.1, 0.1))
    assert not stool.adding
    np.testing.assert_allclose(stool.drawn.boxes[1].size, [0.44, 0.44, 0.52], atol=0.02)  # the stool, not the ceiling
    stool.place(np.array([2.0, 0.0, 0.0]))
    assert stool.chosen == 2 and "No point is inside" in stool.panel.text
    stool.clicked(down(-0.1, 0.1))
    assert stool.chosen == 1
    client: Any = SimpleNamespace(camera=SimpleNamespace(position=np.array([0, 0, 5.0]), look_at=np.zeros(3)))
    stool.place_ahead(client)
    assert len(stool.drawn.boxes) == 2
    stool.add()
    stool.place_ahead(client)
    assert stool.chosen == 3 and stool.drawn.boxes[3].size == stool.drawn.boxes[1].size


def test_a_ceiling_is_hidden_until_asked_for(stool: BoxPage) -> None:
    assert stool.has_ceiling
    stool.show_high(True)
    stool.add()
    stool.clicked(down(0.45, 0.45))
    assert stool.drawn.boxes[1].center[2] > 1.5

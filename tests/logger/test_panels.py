"""Pictures of a sphere in front of cameras of which everything is known."""

import numpy as np
import pytest
import trimesh
from logged_ball import ball

from o2recon.cameras import project
from o2recon.logger import Panels, RunFacts
from o2recon.logger.panels import NAMES, cropped, normal_picture
from o2recon.mesh import write_ply
from o2recon.mesh.raycast import Caster
from o2recon.report.colors import error_colors
from o2recon.types import Camera

NONE, FULL = (error_colors(np.array([d]), 0.05)[0] for d in (0.0, 1.0))


def test_a_run_has_every_panel_and_all_of_a_view_have_one_size(facts: RunFacts, panels: Panels) -> None:
    shown = panels(facts, meshed=True)
    assert len(shown) == 2
    for panel in shown:
        assert set(panel.pictures) == set(NAMES)
        assert len({picture.shape for picture in panel.pictures.values()}) == 1


def test_before_there_is_a_mesh_there_are_only_the_inputs(facts: RunFacts, panels: Panels) -> None:
    assert set(panels(facts, meshed=False)[0].pictures) == {"input", "mask", "inpainted"}


def test_the_true_sphere_has_hardly_an_error_and_a_larger_one_has(facts: RunFacts, panels: Panels) -> None:
    right = panels(facts, meshed=True)[0].pictures
    write_ply(facts.folder / "mesh.ply", ball(1.3))  # 9 cm off: beyond the scale
    wrong = panels(facts, meshed=True)[0].pictures
    for name in ("error", "truth_error"):
        assert _count(right[name], FULL) < 0.02 * right[name].shape[0] * right[name].shape[1]
    assert _count(wrong["error"], FULL) > 5 * max(_count(right["error"], FULL), 20)
    inside = wrong["truth_error"][(wrong["truth_error"] != 255).any(-1)].astype(float)
    shade = inside / np.maximum(inside.sum(-1, keepdims=True), 1)  # rendered with light and shade: hues remain
    assert np.abs(shade - FULL / FULL.astype(float).sum()).max() < 0.05


def test_a_cropped_camera_sees_points_where_the_crop_has_them() -> None:
    camera = Camera(np.array([[100.0, 0, 80], [0, 110.0, 60], [0, 0, 1]]), 160, 120)
    box = (slice(20, 80), slice(40, 120))
    points = np.random.default_rng(0).uniform([-0.3, -0.3, 1], [0.3, 0.3, 2], (50, 3))
    full = project(camera, np.eye(4), points)[0]
    small = cropped(camera, box, (160, 120))
    assert (small.width, small.height) == (160, 120)
    np.testing.assert_allclose(project(small, np.eye(4), points)[0], (full - [40, 20]) * 2)


@pytest.mark.parametrize(("turn", "expected"), [((0, 0, 0), (127.5, 127.5, 255)), ((0, np.pi / 4, 0), None)])
def test_a_plate_in_front_of_the_camera_is_blue(turn: tuple[float, ...], expected: tuple[float, ...] | None) -> None:
    plate = trimesh.creation.box(extents=[1, 1, 0.01])
    plate.apply_transform(trimesh.transformations.euler_matrix(*turn))
    plate.apply_translation([0, 0, 2])
    camera = Camera(np.array([[50.0, 0, 20], [0, 50.0, 15], [0, 0, 1]]), 40, 30)
    face = Caster(plate).depth_image(camera, np.eye(4))[1]
    middle = normal_picture(plate, face, np.eye(4))[15, 20]
    if expected is None:  # turned about y, so that it faces right or left: red changes, green does not
        half = 127.5 * np.sqrt(0.5)
        assert (
            abs(abs(middle[0] - 127.5) - half) < 1 and abs(middle[1] - 127.5) < 1 and abs(middle[2] - 127.5 - half) < 1
        )
    else:
        np.testing.assert_allclose(middle, expected, atol=0.6)
    assert (normal_picture(plate, np.full((2, 2), -1), np.eye(4)) == 255).all()


def _count(picture: np.ndarray, color: np.ndarray) -> int:
    return int((picture == color).all(-1).sum())

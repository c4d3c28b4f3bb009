"""A box drawn with a real pointer in a real browser, read back. Needs Chromium, its driver and selenium."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Browser, browsing, pixel

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.instances import Box, read_boxes
from o2recon.mesh.export import read_mesh
from o2recon.web.box_page import BoxPage

pytestmark = pytest.mark.slow
pytest.importorskip("viser")


@pytest.fixture
def opened(tiny_room: Path, tmp_path: Path) -> Iterator[tuple[str, BoxPage]]:
    scene = build(composed("run", (f"scene.root={tiny_room}",)).scene)
    config = composed("boxes", (f"scene.root={tiny_room}", "boxes.port=0", "boxes.max_points=60000")).boxes
    with build(config).opened(scene, tmp_path, [f"scene.root={tiny_room}"]) as found:
        yield found


def test_a_box_is_drawn_saved_and_read_back(opened: tuple[str, BoxPage], tiny_room: Path) -> None:
    url, page = opened
    low, high = read_mesh(tiny_room / "groundtruth" / "2.ply").bounds
    with browsing(url) as browser:
        client = connected(browser, page)
        browser.click_on("New box")
        browser.until(lambda: page.adding)
        browser.click_at(*pixel(client, np.array([*(low + high)[:2] / 2, high[2]])))
        browser.until(page.drawn.file.is_file)
        placed = saved(page)
        assert np.abs(placed.corners.min(0) - low).max() < 0.08 and np.abs(placed.corners.max(0) - high).max() < 0.08

        browser.type_over("object", "big box")
        browser.until(lambda: saved(page).category == "big box")

        time.sleep(2)
        drag_up(browser, client, page, metres=0.2)
        browser.until(
            lambda: saved(page) != placed and saved(page).frame.half_extents[2] > 1.1 * placed.frame.half_extents[2]
        )
        taller = saved(page)
        growth = 2 * (taller.frame.half_extents - placed.frame.half_extents)
        np.testing.assert_allclose(growth, [0, 0, 0.2], atol=0.04)
        assert taller.corners[:, 2].min() == pytest.approx(placed.corners[:, 2].min(), abs=1e-3)

        drag_foot(browser, client, page, np.array([0.25, 0.25, 0]), np.array([0.5, -0.2, 0]))
        browser.until(lambda: bool(np.linalg.norm(saved(page).frame.center - taller.frame.center) > 0.1))
        moved = saved(page)
        assert moved.frame.center[2] == pytest.approx(taller.frame.center[2], abs=1e-3)
        np.testing.assert_allclose(moved.frame.half_extents, taller.frame.half_extents, atol=1e-3)

        browser.keys("z", holding="\ue009")
        browser.until(lambda: np.allclose(saved(page).frame.center, taller.frame.center, atol=1e-3))
        own = page.drawn.boxes[1]
        assert own.category == "big box" and np.allclose(saved(page).frame.center, own.center, atol=1e-3)
        browser.driver.refresh()
        browser.until(lambda: "1 box, saved in" in browser.text)
        with browsing(url) as second:
            second.until(lambda: f"objects.boxes={page.drawn.file} object=all" in second.text)
            second.click_on("Remove")
        browser.until(lambda: "saved in" not in browser.text)
        assert page.drawn.opened(page.drawn.file).boxes == {}


def connected(browser: Browser, page: BoxPage) -> Any:
    """The browser's camera, once it shows the scan."""
    browser.until(lambda: bool(page.server.get_clients()))
    time.sleep(5)
    return next(iter(page.server.get_clients().values()))


def saved(page: BoxPage) -> Box:
    (box,) = read_boxes(page.drawn.file, np.eye(4))
    return box


def drag_up(browser: Browser, client: Any, page: BoxPage, *, metres: float) -> None:
    """Pull the arrow on the top face."""
    box = page.drawn.boxes[1]
    top = np.array(box.center) + [0, 0, box.size[2] / 2]
    arrow = np.array([0, 0, 50 * pixel_size(client, top)])
    browser.drag(pixel(client, top + arrow), pixel(client, top + arrow + [0, 0, metres]))


def drag_foot(browser: Browser, client: Any, page: BoxPage, at: np.ndarray, by: np.ndarray) -> None:
    """Drag the square at the foot. `at`: in shares of the handle's size; `by`: metres of the world."""
    box = page.drawn.boxes[1]
    foot = np.array(box.center) - [0, 0, box.size[2] / 2]
    start = foot + box.rotation @ at * 95 * pixel_size(client, foot)
    browser.drag(pixel(client, start), pixel(client, start + by))


def pixel_size(client: Any, point: np.ndarray) -> float:
    """Metres across a pixel there."""
    ahead = client.camera.look_at - client.camera.position
    depth = float((point - client.camera.position) @ ahead / np.linalg.norm(ahead))
    return float(depth * 2 * np.tan(client.camera.fov / 2) / client.camera.image_height)

"""The page in a real browser. Needs Chromium, its driver and selenium; skips without them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Browser, browsing, pixel

from o2recon.web.nodes import CameraNode, MeshNode

pytestmark = pytest.mark.slow
pytest.importorskip("viser")


@pytest.fixture
def opened(outputs: Path, make_viewer: Any) -> Iterator[Any]:
    with make_viewer().opened(outputs, outputs.parents[1] / "work") as page:
        yield page


@pytest.fixture
def browser(opened: Any) -> Iterator[Browser]:
    with browsing(opened.url) as page:
        page.until(lambda: bool(opened.server.get_clients()))
        page.choose("Scene", "room")
        page.until(lambda: opened.page.selection.scene == "room")
        yield page


def test_the_controls_change_what_is_shown(browser: Browser, opened: Any) -> None:
    page = opened.page
    browser.click_on("Ground truth")
    browser.until(lambda: "/objects/2/truth" in page.nodes)
    browser.click_on("Complete mesh")
    browser.until(lambda: "/objects/2/complete" not in page.nodes)
    browser.choose("Colours", "error")
    browser.until(lambda: page.nodes["/objects/2/truth"].layer == "error")
    browser.choose("Method", "quick / no_inpaint / seed 0")
    browser.until(lambda: page.selection.method == ("quick", "no_inpaint", "0"))
    browser.choose("Their picture", "masks")
    browser.until(lambda: {n.picture for n in page.nodes.values() if isinstance(n, CameraNode)} == {"masks"})
    browser.click_on("Cameras")
    browser.until(lambda: not any(isinstance(n, CameraNode) for n in page.nodes.values()))


def test_failed_objects_are_told_and_a_click_on_another_chooses_it(browser: Browser, opened: Any) -> None:
    browser.until(lambda: "too few views & <none>" in browser.text)
    browser.choose("Object", "2 chair")
    browser.click_on("Cameras")
    browser.click_on("Names")
    browser.click_on("Frame this object")
    browser.choose("Object", "4 chair")
    browser.until(lambda: opened.page.selection.object == "4")
    assert any(isinstance(n, MeshNode) for n in opened.page.nodes.values())
    client = next(iter(opened.server.get_clients().values()))
    time.sleep(3)
    browser.click_at(*pixel(client, np.array([2.0, 1.0, 0.45])))
    browser.until(lambda: opened.page.selection.object in ("2", "3"))  # both stand there, in the same place


def test_a_click_on_a_camera_looks_through_it_until_the_view_is_turned(browser: Browser, opened: Any) -> None:
    client = next(iter(opened.server.get_clients().values()))
    before = client.camera.fov
    taken_from, ahead = np.array([2.0, -1.5, 1.2]), np.array([0.0, 2.5, -0.7]) / np.hypot(2.5, 0.7)
    client.camera.position = taken_from - ahead
    client.camera.look_at = taken_from
    time.sleep(5)
    browser.click_at(*pixel(client, taken_from + 0.13 * ahead))
    browser.until(lambda: np.allclose(client.camera.position, taken_from, atol=1e-3))
    assert client.camera.fov == pytest.approx(2 * np.arctan(60 / 130), abs=1e-3)
    time.sleep(3)
    browser.drag()
    browser.until(lambda: client.camera.fov == pytest.approx(before, abs=1e-3))

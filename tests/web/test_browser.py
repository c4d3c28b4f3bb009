"""The page in a real browser. Needs Chromium, its driver and selenium; skips without them."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from o2recon.web.nodes import CameraNode, MeshNode

pytestmark = pytest.mark.slow
pytest.importorskip("viser")
selenium = pytest.importorskip("selenium")

WAIT_S = 60.0


class Browser:
    """Chromium on the page, as far as these tests use it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    @property
    def text(self) -> str:
        return str(self.driver.find_element("tag name", "body").text)

    def click_on(self, text: str) -> None:
        """A button, or the checkbox beside a label."""
        self.until(lambda: self._named(text) is not None)
        self._named(text).click()

    def choose(self, label: str, option: str) -> None:
        """One entry of a dropdown."""
        field = self.driver.find_element("id", self._named(label).get_attribute("for"))
        field.click()
        self.until(lambda: self._option(option) is not None)
        self._option(option).click()

    def click_at(self, x: float, y: float) -> None:
        """A place in the 3D view, pixels from its upper left corner."""
        canvas = self.driver.find_element("css selector", "canvas")
        from selenium.webdriver import ActionChains

        offset = (round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2))
        ActionChains(self.driver).move_to_element_with_offset(canvas, *offset).pause(1).click().perform()

    def drag(self) -> None:
        """Turn the view with the mouse."""
        from selenium.webdriver import ActionChains

        canvas = self.driver.find_element("css selector", "canvas")
        chain = ActionChains(self.driver).move_to_element_with_offset(canvas, -150, 120).click_and_hold()
        chain.move_by_offset(60, 10).pause(0.3).move_by_offset(40, 0).release().perform()

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "the page did not follow in time"
            time.sleep(0.2)

    def _named(self, text: str) -> Any:
        found = [*self.driver.find_elements("tag name", "label"), *self.driver.find_elements("tag name", "button")]
        return next((e for e in found if e.text.strip() == text), None)

    def _option(self, text: str) -> Any:
        options = self.driver.find_elements("css selector", "[role=option]")
        return next((e for e in options if e.is_displayed() and e.text.strip() == text), None)


@pytest.fixture
def opened(outputs: Path, make_viewer: Any) -> Iterator[Any]:
    with make_viewer().opened(outputs, outputs.parents[1] / "work") as page:
        yield page


@pytest.fixture
def browser(opened: Any) -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("there is no chromium with chromedriver on this machine")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    flags = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    for flag in [*flags, "--ignore-gpu-blocklist", "--window-size=1200,760"]:
        options.add_argument(flag)
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        chrome.get(opened.url)
        page = Browser(chrome)
        page.until(lambda: bool(opened.server.get_clients()))
        page.choose("Scene", "room")
        page.until(lambda: opened.page.selection.scene == "room")
        yield page
        problems = [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"]
        assert not problems, problems
    finally:
        chrome.quit()


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


def pixel(client: Any, point: np.ndarray) -> tuple[float, float]:
    """Where the browser shows a point of the world."""
    from scipy.spatial.transform import Rotation

    w, x, y, z = client.camera.wxyz
    local = Rotation.from_quat([x, y, z, w]).as_matrix().T @ (point - client.camera.position)
    focal = client.camera.image_height / 2 / np.tan(client.camera.fov / 2)
    u = client.camera.image_width / 2 + focal * local[0] / local[2]
    return float(u), float(client.camera.image_height / 2 + focal * local[1] / local[2])

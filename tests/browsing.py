"""A real browser on a page of viser's, for tests of what a person sees and does there."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

WAIT_S = 60.0
_FLAGS = (
    "--headless=new --no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist"
    " --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)


class Browser:
    """Chromium on the page, as far as tests use it. Pixels are counted from the upper left corner of the 3D view."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    @property
    def text(self) -> str:
        return str(self.driver.find_element("tag name", "body").text)

    def click_on(self, text: str) -> None:
        """A button, or the checkbox beside a label."""
        self.until(lambda: self._pressed(lambda: self._named(text)))

    def choose(self, label: str, option: str) -> None:
        """One entry of a dropdown."""
        self.until(lambda: self._pressed(lambda: self._field(label)))
        self.until(lambda: self._pressed(lambda: self._option(option)))

    def type_over(self, before: str, text: str) -> None:
        """Replace what stands in a field."""
        from selenium.webdriver import Keys

        def found() -> Any:
            fields = self.driver.find_elements("css selector", "input")
            return next((f for f in fields if f.is_displayed() and f.get_attribute("value") == before), None)

        self.until(lambda: self._pressed(found))
        field = self.driver.switch_to.active_element
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def click_at(self, x: float, y: float) -> None:
        self._at(x, y).pause(1).click().perform()

    def drag(self, start: tuple[float, float] = (-1.0, -1.0), end: tuple[float, float] = (-1.0, -1.0)) -> None:
        """From one place to another; without places, one that turns the view."""
        width, height = self._size()
        if start[0] < 0:
            start = width / 2 - 150, height / 2 + 120
            end = start[0] + 100, start[1] + 10
        chain = self._at(*start).pause(0.5).click_and_hold().pause(0.3)
        for x, y in np.diff(np.round(np.linspace(start, end, 6)).astype(int), axis=0).tolist():
            chain = chain.move_by_offset(x, y).pause(0.15)
        chain.release().perform()

    def keys(self, key: str, *, holding: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).key_down(holding).send_keys(key).key_up(holding).perform()

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "the page did not follow in time"
            time.sleep(0.2)

    def _size(self) -> tuple[int, int]:
        size = self.driver.find_element("css selector", "canvas").size
        return size["width"], size["height"]

    def _at(self, x: float, y: float) -> Any:
        from selenium.webdriver import ActionChains

        canvas = self.driver.find_element("css selector", "canvas")
        offset = (round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2))
        return ActionChains(self.driver).move_to_element_with_offset(canvas, *offset)

    def _pressed(self, find: Callable[[], Any]) -> bool:
        """False when it is not there, or was drawn anew between being found and clicked."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        try:
            found = find()
            if found is not None:
                found.click()
        except (NoSuchElementException, StaleElementReferenceException):
            return False
        return found is not None

    def _field(self, label: str) -> Any:
        found = self._named(label)
        return None if found is None else self.driver.find_element("id", found.get_attribute("for"))

    def _named(self, text: str) -> Any:
        found = [*self.driver.find_elements("tag name", "label"), *self.driver.find_elements("tag name", "button")]
        return next((e for e in found if e.text.strip() == text), None)

    def _option(self, text: str) -> Any:
        options = self.driver.find_elements("css selector", "[role=option]")
        return next((e for e in options if e.is_displayed() and e.text.strip() == text), None)


@contextlib.contextmanager
def browsing(url: str) -> Iterator[Browser]:
    """Chromium on an address; skips the test where there is none. Errors in its console fail the test at the end."""
    pytest.importorskip("selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("there is no chromium with chromedriver on this machine")
    from selenium import webdriver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in [*_FLAGS.split(), f"--user-data-dir={profile}", "--window-size=1200,760"]:
            options.add_argument(flag)
        chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            chrome.get(url)
            yield Browser(chrome)
            problems = [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"]
            assert not problems, problems
        finally:
            chrome.quit()


def pixel(client: Any, point: np.ndarray) -> tuple[float, float]:
    """Where a browser shows a point of the world."""
    from scipy.spatial.transform import Rotation

    w, x, y, z = client.camera.wxyz
    local = Rotation.from_quat([x, y, z, w]).as_matrix().T @ (point - client.camera.position)
    focal = client.camera.image_height / 2 / np.tan(client.camera.fov / 2)
    u = client.camera.image_width / 2 + focal * local[0] / local[2]
    return float(u), float(client.camera.image_height / 2 + focal * local[1] / local[2])

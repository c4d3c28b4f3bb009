"""The page in a real browser, painted with a real pointer. Needs Chromium, its driver and selenium; skips without."""

import shutil
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from o2recon.masks import painted_file
from o2recon.workspace import read_image

pytestmark = pytest.mark.slow
pytest.importorskip("uvicorn")
webdriver = pytest.importorskip("selenium.webdriver")
ActionChains, Keys = webdriver.ActionChains, webdriver.Keys

WAIT_S = 60.0
SIZE = 128


class Browser:
    """Chromium on the page. Positions are in image pixels."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)
        self.settle()

    def settle(self) -> None:
        """Wait until the last preview is shown."""
        self.until(lambda: self.driver.execute_script("return document.body.dataset.preview") == "done")

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "the page did not follow in time"
            time.sleep(0.05)

    def click(self, name: str) -> None:
        self.driver.find_element("id", name).click()

    def tool(self, name: str) -> None:
        self.driver.find_element("css selector", f"[data-tool={name}]").click()

    def text(self, name: str) -> str:
        return str(self.driver.find_element("id", name).text)

    def keys(self, *keys: str, holding: str | None = None) -> None:
        chain = ActionChains(self.driver)
        if holding:
            chain.key_down(holding)
        chain.send_keys(*keys)
        if holding:
            chain.key_up(holding)
        chain.perform()

    def place(self, point: tuple[float, float]) -> tuple[int, int]:
        """Where the window shows an image point: whole screen pixels."""
        box, data = self.driver.execute_script(
            "const c = document.getElementById('picture'); return [c.getBoundingClientRect(), c.dataset]"
        )
        scale, x, y = (float(data[k]) for k in ("scale", "x", "y"))
        return round(box["x"] + x + scale * point[0]), round(box["y"] + y + scale * point[1])

    def image_point(self, place: tuple[int, int]) -> np.ndarray:
        """The image point that the page takes for a place of the window."""
        box, data = self.driver.execute_script(
            "const c = document.getElementById('picture'); return [c.getBoundingClientRect(), c.dataset]"
        )
        scale, x, y = (float(data[k]) for k in ("scale", "x", "y"))
        return np.array([(place[0] - box["x"] - x) / scale, (place[1] - box["y"] - y) / scale])

    def stroke(self, *points: tuple[float, float], kind: str = "mouse") -> list[np.ndarray]:
        """Drag from point to point; returns where it really went."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        places = [self.place(p) for p in points]
        builder = ActionBuilder(self.driver, mouse=PointerInput(kind, f"my {kind}"), duration=0)
        pointer = builder.pointer_action
        pointer.move_to_location(*places[0])
        pointer.pointer_down()
        for place in places[1:]:
            pointer.move_to_location(*place)
        pointer.pointer_up()
        builder.perform()
        return [self.image_point(p) for p in places]

    def tap(self, point: tuple[float, float]) -> np.ndarray:
        return self.stroke(point)[0]


@pytest.fixture
def made(make_session: Callable[..., Any]) -> Any:
    return make_session(size=SIZE)


@pytest.fixture
def url(made: Any, make_annotator: Callable[..., Any]) -> Iterator[str]:
    with make_annotator().opened(made[0]) as address:
        yield address


@pytest.fixture
def make_browser(url: str) -> Iterator[Callable[..., Browser]]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("there is no chromium with chromedriver on this machine")
    running = []

    def make(width: int = 1200, height: int = 800, mobile: bool = False) -> Browser:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in ("--headless=new", "--no-sandbox", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        running.append(chrome)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        if mobile:
            chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
        return Browser(chrome)

    try:
        yield make
        problems = [e for chrome in running for e in chrome.get_log("browser") if e["level"] == "SEVERE"]
        assert not [p for p in problems if "412" not in p["message"]], problems
    finally:
        for chrome in running:
            chrome.quit()


@pytest.fixture
def browser(make_browser: Callable[..., Browser], url: str) -> Browser:
    page = make_browser()
    page.open(url)
    return page


def saved(made: Any) -> np.ndarray:
    """The file of the first proposed view, as it is on disk."""
    session, _, folder, _ = made
    image = read_image(painted_file(folder, session.best[0]))
    assert image.shape == (SIZE, SIZE) and set(np.unique(image)) <= {0, 255}
    return image > 0


def capsule(points: list[np.ndarray], radius: float) -> np.ndarray:
    """Closed form: pixels whose centre is within `radius` of the line through the points."""
    x, y = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    centers = np.stack([x, y], -1)
    mask = np.zeros((SIZE, SIZE), bool)
    for a, b in pairwise(points):
        along = np.clip(((centers - a) @ (b - a)) / max((b - a) @ (b - a), 1e-9), 0, 1)
        mask |= np.linalg.norm(centers - (a + along[..., None] * (b - a)), axis=-1) <= radius
    return mask


def differing(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.count_nonzero(first ^ second))


def save(browser: Browser) -> None:
    browser.keys("s", holding=Keys.CONTROL)
    browser.until(lambda: browser.text("state") == "Saved")
    browser.settle()


def test_a_stroke_is_the_file_that_is_saved_and_undo_takes_it_back(browser: Browser, made: Any) -> None:
    browser.keys("b")
    first = browser.stroke((20, 40), (40, 60), (30, 80))
    second = browser.stroke((70, 70), (90, 70))
    browser.settle()
    assert browser.text("state") == "Not saved yet" and not made[2].sketches.exists()
    save(browser)
    expected = capsule(first, 12) | capsule(second, 12)
    assert differing(saved(made), expected) <= 0.01 * expected.sum()
    browser.keys("z", holding=Keys.CONTROL)
    save(browser)
    assert differing(saved(made), capsule(first, 12)) <= 0.01 * expected.sum()
    browser.click("redo")
    save(browser)
    assert differing(saved(made), expected) <= 0.01 * expected.sum()


def test_the_eraser_and_the_held_shift_take_paint_away(browser: Browser, made: Any) -> None:
    painted = capsule(browser.stroke((30, 30), (90, 30), (90, 90)), 12)
    browser.tool("eraser")
    erased = capsule(browser.stroke((30, 30), (60, 30)), 12)
    browser.tool("brush")
    ActionChains(browser.driver).key_down(Keys.SHIFT).perform()
    erased |= capsule(browser.stroke((90, 70), (90, 90)), 12)
    ActionChains(browser.driver).key_up(Keys.SHIFT).perform()
    save(browser)
    assert differing(saved(made), painted & ~erased) <= 0.02 * painted.sum()


def test_a_polygon_is_filled_exactly(browser: Browser, made: Any) -> None:
    browser.keys("p")
    corners = [browser.tap(p) for p in ((20, 20), (100, 30), (60, 60), (90, 100), (25, 90))]
    browser.keys(Keys.ENTER)
    save(browser)
    from skimage.measure import grid_points_in_poly

    inside = grid_points_in_poly((SIZE, SIZE), np.array(corners)[:, ::-1] - 0.5)
    assert differing(saved(made), inside) <= 2


def test_the_proposal_is_accepted_and_its_effect_told(browser: Browser, made: Any) -> None:
    session = made[0]
    browser.keys("a")
    save(browser)
    view = session.views[session.best[0]]
    np.testing.assert_array_equal(saved(made), view.full(view.before.hidden))
    assert "% of your paint here counts" in browser.text("effect")
    assert "o2recon run object=1" in browser.text("command")


def test_zoom_and_pan_do_not_move_the_paint(browser: Browser, made: Any) -> None:
    browser.keys("+", "+")
    browser.tool("hand")
    browser.stroke((60, 60), (52, 66))
    browser.tool("brush")
    painted = capsule(browser.stroke((55, 60), (65, 72)), 12)
    browser.keys("0")
    save(browser)
    assert differing(saved(made), painted) <= 0.02 * painted.sum()


def test_a_finger_paints_and_two_fingers_zoom(make_browser: Callable[..., Browser], url: str, made: Any) -> None:
    page = make_browser(390, 844, mobile=True)
    page.open(url)
    painted = capsule(page.stroke((40, 50), (70, 60), kind="touch"), 12)
    before = float(page.driver.execute_script("return document.getElementById('picture').dataset.scale"))
    places = [page.place(p) for p in ((50, 64), (78, 64))]
    touches = lambda spread: [  # noqa: E731
        {"x": x + sign * spread, "y": y, "id": n} for n, ((x, y), sign) in enumerate(zip(places, (-1, 1), strict=True))
    ]
    for kind, points in (
        ("touchStart", touches(0)[:1]),
        ("touchStart", touches(0)),
        ("touchMove", touches(20)),
        ("touchMove", touches(40)),
        ("touchEnd", []),
    ):
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    scale = float(page.driver.execute_script("return document.getElementById('picture').dataset.scale"))
    assert scale > 1.2 * before
    page.settle()
    page.click("save")
    page.until(lambda: painted_file(made[2], made[0].best[0]).is_file())
    assert differing(saved(made), painted) <= 0.02 * painted.sum()  # the finger that began the pinch left nothing


def test_of_two_tabs_the_second_is_asked(make_browser: Callable[..., Browser], url: str, made: Any) -> None:
    first, second = make_browser(), make_browser()
    for page in (first, second):
        page.open(url)
    first.stroke((20, 40), (40, 40))
    save(first)
    theirs = saved(made)
    mine = capsule(second.stroke((80, 80), (100, 80)), 12)
    second.click("save")
    second.until(lambda: second.driver.find_element("id", "conflict").is_displayed())
    np.testing.assert_array_equal(saved(made), theirs)
    second.click("conflict-keep")
    second.until(lambda: second.text("state") == "Saved")
    assert differing(saved(made), mine) <= 0.01 * mine.sum()
    first.stroke((20, 60), (40, 60))
    first.click("save")
    first.until(lambda: first.driver.find_element("id", "conflict").is_displayed())
    first.click("conflict-load")
    first.until(lambda: first.text("state") == "Saved")
    assert differing(saved(made), mine) <= 0.01 * mine.sum()


def test_removing_the_sketch_deletes_the_file(browser: Browser, made: Any) -> None:
    browser.stroke((20, 40), (40, 40))
    save(browser)
    browser.click("remove")
    browser.until(lambda: browser.text("state") == "Nothing painted yet")
    assert not painted_file(made[2], made[0].best[0]).exists()


def test_leaving_with_unsaved_paint_is_guarded(browser: Browser, url: str) -> None:
    browser.stroke((20, 40), (40, 40))
    browser.settle()
    leave = "const e = new Event('beforeunload', {cancelable: true}); window.dispatchEvent(e);"
    prevented = leave + " return e.defaultPrevented"
    assert browser.driver.execute_script(prevented)
    save(browser)
    assert not browser.driver.execute_script(prevented)


@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_is_wider_than_the_window(make_browser: Callable[..., Browser], url: str, width: int) -> None:
    page = make_browser(width, 860, mobile=width < 500)
    page.open(url)
    for control in ("save", "undo", "redo", "accept", "clear", "size", "zoom-in", "help-button"):
        box = page.driver.find_element("id", control).rect
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, control
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width

"""Every address of the page, asked as the page does and as an attacker would."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from o2recon.web.annotator.app import Application, page_files
from o2recon.web.annotator.bits import pack, unpack
from o2recon.web.annotator.store import NO_FILE

TOKEN = "right-token_0123456789"
BASE = "http://127.0.0.1:8090"


class Asked:
    """A client of one session's page."""

    def __init__(self, made: Any) -> None:
        self.session, self.capture, self.folder, _ = made
        self.client = TestClient(Application(self.session).guarded(TOKEN), base_url=BASE, follow_redirects=False)

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        return self.client.request(method, f"/{TOKEN}/{path}", **options)

    def save(self, view: int, mask: np.ndarray, version: str = NO_FILE, size: str = "width=64&height=64") -> Any:
        return self("PUT", f"views/{view}/sketch?{size}", content=pack(mask), headers={"If-Match": version})


@pytest.fixture
def ask(make_session: Callable[..., Any]) -> Iterator[Asked]:
    yield Asked(make_session())


def square() -> np.ndarray:
    mask = np.zeros((64, 64), bool)
    mask[20:44, 4:24] = True
    return mask


def test_the_page_and_its_files(ask: Asked) -> None:
    page = ask("GET", "")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    for name in page_files():
        answer = ask("GET", f"page/{name}")
        assert answer.status_code == 200 and answer.content == page_files()[name]
        assert "http://" not in answer.text and "https://" not in answer.text  # nothing from elsewhere


def test_every_answer_forbids_what_the_page_does_not_need(ask: Asked) -> None:
    for answer in (ask("GET", ""), ask("GET", "nothing"), ask.client.get("/wrong/"), ask("PUT", "views/99/sketch")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"


def test_object_pictures_and_masks(ask: Asked) -> None:
    content = ask("GET", "object").json()
    assert (content["object"], content["category"], content["width"], content["height"]) == (1, "ball", 64, 64)
    view = content["best"][0]
    picture = cv2.imdecode(np.frombuffer(ask("GET", f"views/{view}/picture.jpg").content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (64, 64, 3)
    assert ask("GET", f"views/{view}/thumbnail.jpg").headers["content-type"] == "image/jpeg"
    masks = ask("GET", f"views/{view}/masks")
    parts = [unpack(masks.content[i * 512 : (i + 1) * 512], ask.session.camera) for i in range(4)]
    np.testing.assert_array_equal(parts[0], ask.capture.views[view].visible)
    np.testing.assert_array_equal(parts[1], ask.session.views[view].full(ask.session.views[view].before.hidden))
    assert not parts[3].any() and masks.headers["x-version"] == NO_FILE


def test_preview_answers_with_shares_and_pictures_for_every_view(ask: Asked) -> None:
    answer = ask("POST", "preview?views=0,10", content=pack(square()) + pack(np.zeros((64, 64), bool))).json()
    assert [v["view"] for v in answer["views"]] == list(ask.session.views) and set(answer["counted"]) == {"0"}
    effect = ask.session.effect({0: square()})
    own = unpack(base64.b64decode(answer["results"]["0"]), ask.session.camera)
    np.testing.assert_array_equal(own, ask.session.views[0].full(effect.after[0].hidden))
    kind, _, data = answer["views"][0]["overlay"].partition(",")
    overlay = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert kind == "data:image/png;base64" and overlay.shape[2] == 4 and overlay[..., 3].any()
    assert not list(ask.folder.path.glob("sketches/*"))  # a preview saves nothing


def test_save_load_and_remove(ask: Asked) -> None:
    saved = ask.save(0, square())
    assert saved.status_code == 200 and saved.json()["source"] == "painted"
    masks = ask("GET", "views/0/masks")
    np.testing.assert_array_equal(unpack(masks.content[3 * 512 :], ask.session.camera), square())
    assert masks.headers["x-version"] == saved.json()["version"]
    removed = ask("DELETE", "views/0/sketch", headers={"If-Match": saved.json()["version"]})
    assert removed.json() == {"version": NO_FILE, "source": "none"}


def test_the_second_of_two_pages_is_told(ask: Asked) -> None:
    first = ask.save(0, square()).json()["version"]
    refused = ask.save(0, ~square())
    assert refused.status_code == 412 and refused.json()["version"] == first
    assert ask("DELETE", "views/0/sketch", headers={"If-Match": NO_FILE}).status_code == 412
    assert ask.save(0, ~square(), version=first).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/object", "/wrong-token/", "/wrong-token/object", f"/{TOKEN}", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/object"],
)
def test_without_the_token_there_is_nothing(ask: Asked, path: str) -> None:
    answer = ask.client.get(path)
    assert answer.status_code == 403 and TOKEN not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1/x", "", "[::1"]
)
def test_a_rebound_name_is_refused(ask: Asked, host: str) -> None:
    assert ask("GET", "object", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8090", "127.0.0.1:9000", "[::1]:8090", "LOCALHOST"])
def test_the_machine_s_own_names_are_taken_through_any_tunnel(ask: Asked, host: str) -> None:
    assert ask("GET", "object", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:8090"])
def test_another_site_s_page_is_refused(ask: Asked, origin: str) -> None:
    sketch = "views/0/sketch"
    for method, path in (("GET", "object"), ("PUT", sketch), ("DELETE", sketch), ("POST", "preview")):
        assert ask(method, path, headers={"Origin": origin}).status_code == 403
    assert ask("GET", "object", headers={"Origin": BASE}).status_code == 200


def test_a_browser_that_says_cross_site_is_refused_unless_a_link_was_followed(ask: Asked) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert ask("GET", "object", headers=cross).status_code == 403
    assert ask("GET", "", headers={**cross, "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert ask("DELETE", "views/0/sketch", headers={**cross, "Sec-Fetch-Mode": "navigate"}).status_code == 403
    assert ask("GET", "object", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "page/../app.py",
        "page/%2e%2e/app.py",
        "page/..%2fapp.py",
        "page/%2e%2e%2f%2e%2e%2fapp.py",
        "page/..\\app.py",
        "page//etc/passwd",
        "page/index.html%00",
        "views/0/../../object.json",
        "views/..%2f..%2f/masks",
        "views/99/masks",
        "views/-1/masks",
        "views/0x0/masks",
        "views/99999999999999999999/picture.jpg",
        "objects/1/object.json",
    ],
)
def test_there_is_nothing_but_the_page_s_own_addresses(ask: Asked, path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code in (403, 404) and "root:" not in answer.text and "import" not in answer.text


def test_unknown_views_are_never_saved(ask: Asked) -> None:
    for view in ("99", "..%2f0", "1e1"):
        answer = ask("PUT", f"views/{view}/sketch?width=64&height=64", content=pack(square()))
        assert answer.status_code == 404
    assert not (ask.folder.path / "sketches").exists()


def test_giant_bodies_are_refused_with_and_without_their_length(ask: Asked) -> None:
    limit = 512 * len(ask.session.views)
    assert ask("PUT", "views/0/sketch?width=64&height=64", content=bytes(limit + 1)).status_code == 413
    streamed = ask("PUT", "views/0/sketch?width=64&height=64", content=iter([bytes(4096)] * 1000))
    assert streamed.status_code == 413
    assert ask("GET", "object", headers={"Content-Length": "1" * 30}).status_code == 413
    assert ask("GET", "object", headers={"Content-Length": "many"}).status_code == 413
    assert ask.save(0, square()).status_code == 200


@pytest.mark.parametrize("size", ["width=63&height=64", "width=32&height=128", "width=64", "", "width=a&height=64"])
def test_masks_of_another_size_are_refused(ask: Asked, size: str) -> None:
    assert ask.save(0, square(), size=size).status_code == 400
    assert not (ask.folder.path / "sketches").exists()


def test_bodies_of_a_wrong_length_and_empty_masks_are_refused(ask: Asked) -> None:
    for content in (b"", bytes(511), bytes(513), bytes(512)):
        answer = ask("PUT", "views/0/sketch?width=64&height=64", content=content)
        assert answer.status_code == 400 and answer.json()["error"]
    assert ask("POST", "preview?views=0,10", content=bytes(512)).status_code == 400
    assert ask("POST", "preview?views=0,x", content=bytes(1024)).status_code == 400
    assert ask("POST", "preview?views=0,99", content=bytes(1024)).status_code == 404
    assert ask("POST", "preview?views=0,0", content=bytes(1024)).status_code == 400


def test_other_methods_are_refused(ask: Asked) -> None:
    asked = (("POST", "object"), ("PUT", ""), ("PATCH", "views/0/sketch"), ("GET", "preview"), ("OPTIONS", "object"))
    for method, path in asked:
        answer = ask(method, path)
        assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers


def test_websockets_are_closed(ask: Asked) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), ask.client.websocket_connect(f"/{TOKEN}/"):
        pass


def test_a_full_disk_is_told_and_leaves_what_was_saved(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from o2recon.web.annotator import store

    version = ask.save(0, square()).json()["version"]

    def full(path: Any, image: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(store, "write_image", full)
    answer = ask.save(0, ~square(), version=version)
    assert answer.status_code == 507 and "No space left" in answer.json()["error"]
    assert ask.session.store.version(0) == version


def test_the_token_is_compared_in_constant_time(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from o2recon.web.annotator import guard

    seen: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(guard.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or a == b)
    assert ask("GET", "object").status_code == 200 and ask.client.get("/ab/object").status_code == 403
    assert seen == [(TOKEN.encode(), TOKEN.encode()), (b"ab", TOKEN.encode())]

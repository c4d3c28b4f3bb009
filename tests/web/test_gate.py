"""Hostile requests against both pages that viser serves: as raw bytes, so that no client tidies them up."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from o2recon.cli.build import build
from o2recon.cli.options import composed

viser = pytest.importorskip("viser")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}\r\nSec-WebSocket-Protocol: viser-v{viser.__version__}"


class Asked:
    """One page; requests are written by hand."""

    def __init__(self, url: str, server: Any) -> None:
        parts = urlsplit(url)
        self.server, self.port, self.path = server, int(parts.port or 0), parts.path
        self.own = f"127.0.0.1:{self.port}"

    def __call__(self, path: str, *lines: str, host: str | None = None) -> tuple[int, bytes]:
        """Status and the whole answer; 0 when the connection was closed without one."""
        head = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host or self.own}", *lines, "", ""])
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as opened:
            opened.sendall(head.encode("latin-1"))
            opened.settimeout(10)
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = opened.recv(65536)
                if not part:
                    break
                answer += part
            while b" 101 " not in answer[:20] and (part := opened.recv(65536)):
                answer += part
        return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0, answer


@pytest.fixture(scope="module", params=["view", "boxes"])
def ask(request: Any, outputs: Path, make_viewer: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    if request.param == "view":
        with make_viewer().opened(outputs, outputs.parents[1] / "work") as opened:
            yield Asked(opened.url, opened.server)
        return
    room = request.getfixturevalue("tiny_room")
    config = composed("boxes", (f"scene.root={room}", "boxes.port=0", "boxes.max_points=1000")).boxes
    scene = build(composed("run", (f"scene.root={room}",)).scene)
    with build(config).opened(scene, tmp_path_factory.mktemp("work")) as (url, page):
        yield Asked(url, page.server)


def test_only_this_machine_is_let_in_unless_asked_for() -> None:
    for stage in ("view", "boxes"):
        assert composed(stage, ("scene.root=x",))[stage].host == "127.0.0.1"


def test_the_page_and_its_socket_open_with_the_token(ask: Asked) -> None:
    status, answer = ask(ask.path)
    assert status == 200 and b"<html" in answer and len(ask.path) > 30
    for header in (b"frame-ancestors 'none'", b"nosniff", b"no-referrer", b"no-store"):
        assert header in answer
    for path in (ask.path, ask.path.removesuffix("/")):
        assert ask(path, UPGRADE, f"Origin: http://{ask.own}")[0] == 101


@pytest.mark.parametrize("path", ["/", "/index.html", "/wrong/", "//", "/%2e%2e/", "/\xff/", "*", "/?websocket=ws://x"])
def test_without_the_token_there_is_neither_page_nor_socket(ask: Asked, path: str) -> None:
    for lines in ((), (UPGRADE,), (UPGRADE, f"Origin: http://{ask.own}")):
        status, answer = ask(path, *lines)
        assert status in (0, 400, 403) and b"<html" not in answer and ask.path.strip("/").encode() not in answer
    assert ask(ask.path.removesuffix("/"))[0] == 403
    assert ask(ask.path[:-4] + "/")[0] == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9", "null", "http://localhost", None])
def test_another_sites_page_opens_no_socket(ask: Asked, origin: str | None) -> None:
    lines = () if origin is None else (f"Origin: {origin}",)
    assert ask(ask.path, UPGRADE, *lines)[0] == 403
    assert ask(ask.path, UPGRADE, f"Origin: http://{ask.own}", *lines)[0] == (101 if origin is None else 403)


def test_another_sites_page_gets_nothing_but_may_link(ask: Asked) -> None:
    assert ask(ask.path, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")[0] == 403
    assert ask(ask.path, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1/x", "0.0.0.0"])
def test_a_rebound_name_is_refused(ask: Asked, host: str) -> None:
    assert ask(ask.path, host=host)[0] == 403
    assert ask(ask.path, UPGRADE, f"Origin: http://{host}", host=host)[0] == 403


@pytest.mark.parametrize(
    "path",
    ["../../viser/_viser.py", "%2e%2e/%2e%2e/_viser.py", "..%2f..%2f_viser.py", "..\\..\\_viser.py", "/etc/passwd"],
)
def test_no_path_leaves_the_page(ask: Asked, path: str) -> None:
    status, answer = ask(ask.path + path)
    assert status in (403, 404) and b"import" not in answer and b"root:" not in answer


def test_heads_without_end_and_bodies_are_refused(ask: Asked) -> None:
    assert ask(ask.path, "X: " + "a" * 100_000)[0] in (0, 400, 431)
    assert ask(ask.path, *(f"X-{i}: 1" for i in range(1000)))[0] in (0, 400, 431)
    assert ask(ask.path, "Content-Length: 1000000")[0] in (0, 400, 413)
    assert ask("/" + "a" * 100_000)[0] in (0, 400, 403, 414)
    assert ask(ask.path)[0] == 200


def test_messages_beyond_the_limit_close_the_socket(ask: Asked) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect
    from websockets.typing import Origin, Subprotocol

    address = f"ws://{ask.own}{ask.path}"
    protocols = [Subprotocol(f"viser-v{viser.__version__}")]
    with connect(address, origin=Origin(f"http://{ask.own}"), subprotocols=protocols, max_size=None) as opened:
        with pytest.raises(ConnectionClosed) as closed:
            opened.send(bytes(2 << 20))
            for _ in range(1000):
                opened.recv(timeout=10)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
    assert ask(ask.path)[0] == 200


def test_a_visitor_gets_no_public_address(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*given: Any) -> None:
        raise AssertionError("a tunnel was opened")

    monkeypatch.setattr("viser._viser.ViserTunnel", opened)
    assert ask.server.request_share_url() is None


def test_a_viser_that_does_not_come_through_the_gate_is_not_shown() -> None:
    from o2recon.web.gate import gated

    with pytest.raises(RuntimeError, match="opens its port in another way"), gated("127.0.0.1"):
        pass

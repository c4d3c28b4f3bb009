"""Viser's server behind the annotator's guard: a token in every address, no other site's page, no tunnel to outside.

viser itself answers whoever reaches its port, web pages that open a socket to localhost among them, and opens a public
address for any visitor who asks.
"""

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from o2recon.web.annotator.guard import LOOPBACK, Guard

if TYPE_CHECKING:
    import viser

MAX_MESSAGE = 1 << 20
"""Bytes that a page may send at once; what it sends are moves of cameras and values of fields."""
EVERYWHERE = ("0.0.0.0", "::")
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STARTING = threading.Lock()


class Gate:
    """Answers requests that may not pass; hands the others, without their token, to viser's own `answer`."""

    def __init__(self, host: str, token: str) -> None:
        hosts = None if host in EVERYWHERE else (*LOOPBACK, f"[{host}]" if ":" in host else host)
        self._guard = Guard(_nothing, token=token, max_body=0, hosts=hosts)

    def __call__(self, answer: Callable[[Any, Any], Any] | None, connection: Any, request: Any) -> Any:
        """A response, or None to go on with a socket."""
        from websockets.datastructures import Headers
        from websockets.http11 import Response

        path = request.path.partition("?")[0]
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if is_socket and not path.endswith("/"):
            path += "/"  # the page opens its socket at its own address without the last slash
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in request.headers.raw_items()]
        refusal = self._guard.refusal({"method": "GET", "path": path, "headers": headers})
        if is_socket and refusal is None and not request.headers.get_all("Origin"):
            refusal = 403, "a socket needs its page's Origin"
        if refusal is not None:
            status, reason = refusal
            body = reason.encode()
            own = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body)), **HEADERS}
            return Response(status, "refused", Headers(own), body)
        request.path = "/" + path.removeprefix("/").partition("/")[2]
        found = answer(connection, request) if answer is not None else None
        if found is not None:
            for key, value in HEADERS.items():
                found.headers[key] = value
        return found


@contextlib.contextmanager
def gated(host: str) -> Iterator[str]:
    """While the block runs, a viser server on `host` that starts is behind a gate with a new token, which is yielded.

    RuntimeError when no server came through here: another viser, which then must not be shown to anybody.
    """
    import websockets.asyncio.server as home

    token, started = secrets.token_urlsafe(24), []
    gate, serve = Gate(host, token), home.serve

    def guarded(*args: Any, process_request: Any = None, **options: Any) -> Any:
        started.append(True)
        asked = lambda connection, request: gate(process_request, connection, request)  # noqa: E731
        return serve(*args, process_request=asked, **{**options, "max_size": MAX_MESSAGE})

    with _STARTING:
        home.serve = guarded  # type: ignore[misc, assignment]
        try:
            yield token
        finally:
            home.serve = serve  # type: ignore[misc]
    if not started:
        raise RuntimeError(
            "this version of viser opens its port in another way: install the one of constraints-dev.txt"
        )


def without_tunnel(server: "viser.ViserServer") -> None:
    """Refuse the page's wish for a public address."""
    server.request_share_url = lambda verbose=True: None  # type: ignore[method-assign]


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """The guard's application: none, only its refusals are asked for."""

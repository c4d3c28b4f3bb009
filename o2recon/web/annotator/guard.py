"""What stands before every request: who may ask, from which page, and how much may be sent."""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TooLarge(Exception):
    """The body turned out to be longer than the limit: raised where it is read, and `app` answers with 413."""


class Guard:
    """Lets a request through to `app` when

    - its Host is this machine's loopback name (a rebound domain name is not),
    - the first part of its path is the token, compared in constant time,
    - no other site's page sent it (Origin, Sec-Fetch-Site), and
    - its body has at most `max_body` bytes.

    `app` sees the path without the token. Every answer carries HEADERS.
    """

    def __init__(self, app: App, *, token: str, max_body: int, hosts: tuple[str, ...] | None = LOOPBACK) -> None:
        """`hosts`: names that the machine may be asked by; None: any, as long as the token is right."""
        self._app, self._token, self._max_body, self._hosts = app, token.encode(), max_body, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        refusal = self.refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        _, _, rest = scope["path"].removeprefix("/").partition("/")
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        await self._app(inner, self._limited(receive), send)

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason when a request may not pass, from its `method`, `path` and `headers`."""
        hosts = _values(scope, b"host")
        name = _name(hosts[0]) if len(hosts) == 1 else None
        if name is None or (self._hosts is not None and name not in self._hosts):
            return 403, "this page answers only to 127.0.0.1 and localhost"
        token, slash, _ = scope["path"].removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(errors="surrogateescape"), self._token) or not slash:
            return 403, "wrong address: use the one that o2recon printed, with its last slash"
        own = f"http://{hosts[0]}"
        if any(origin != own for origin in _values(scope, b"origin")):
            return 403, "another site's page may not ask"
        sites = _values(scope, b"sec-fetch-site")
        if any(site not in ("same-origin", "none") for site in sites) and not _follows(scope):
            return 403, "another site's page may not ask"
        lengths = _values(scope, b"content-length")
        if any(not n.isdigit() or int(n) > self._max_body for n in lengths):
            return 413, f"at most {self._max_body} bytes may be sent"
        return None

    def _limited(self, receive: Receive) -> Receive:
        count = 0

        async def limited() -> MutableMapping[str, Any]:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self._max_body:
                raise TooLarge(f"at most {self._max_body} bytes may be sent")
            return message

        return limited


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _follows(scope: Scope) -> bool:
    """Whether somebody follows a link, as from a terminal in the browser: the answer is shown, but not to that page."""
    return scope["method"] == "GET" and _values(scope, b"sec-fetch-mode") == ["navigate"]


def _name(host: str) -> str | None:
    """Host without its port, lower case; None when it is no host."""
    try:
        parts = urlsplit(f"http://{host}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if name is None or parts.netloc != host or parts.username is not None:
        return None
    return f"[{name}]" if ":" in name else name


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

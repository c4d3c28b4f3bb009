"""The page's addresses. Everything is behind the guard; nothing here makes a path from what a request says.

The only file that imports starlette.
"""

import threading
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from o2recon.web.annotator.bits import num_bytes, pack, unpack
from o2recon.web.annotator.guard import App, Guard, TooLarge
from o2recon.web.annotator.pictures import outline, overlay, picture, thumbnail
from o2recon.web.annotator.session import Session, SessionView, description, hidden_share
from o2recon.web.annotator.store import Changed

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Refused(ValueError):
    """A request that cannot be answered, with its status."""

    def __init__(self, status: int, reason: str, **more: Any) -> None:
        super().__init__(reason)
        self.status, self.content = status, {"error": reason, **more}


def page_files() -> dict[str, bytes]:
    """The page's own files, by name."""
    folder = files("o2recon.web.annotator") / "page"
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}


class Application:
    """The ASGI application of one session."""

    def __init__(self, session: Session) -> None:
        self._session, self._files = session, page_files()
        self._computing = threading.Lock()

    def guarded(self, token: str) -> App:
        """With its routes, behind the guard."""
        routes = [
            Route("/", self._answering(lambda request, _: self._file("index.html"))),
            Route("/page/{name}", self._answering(lambda request, _: self._file(request.path_params["name"]))),
            Route("/object", self._answering(self._object)),
            Route("/preview", self._answering(self._preview), methods=["POST"]),
            Route("/views/{view:int}/picture.jpg", self._answering(self._picture)),
            Route("/views/{view:int}/thumbnail.jpg", self._answering(self._thumbnail)),
            Route("/views/{view:int}/masks", self._answering(self._masks)),
            Route("/views/{view:int}/sketch", self._answering(self._save), methods=["PUT"]),
            Route("/views/{view:int}/sketch", self._answering(self._remove), methods=["DELETE"]),
        ]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        return Guard(app, token=token, max_body=num_bytes(self._session.camera) * len(self._session.views))

    def _answering(self, answer: Callable[[Request, bytes], Response]) -> Any:
        """The endpoint: its body is read whole, the work is done in a thread, a refusal becomes its status."""

        async def endpoint(request: Request) -> Response:
            try:
                return await run_in_threadpool(answer, request, await request.body())
            except TooLarge as problem:
                return JSONResponse({"error": str(problem)}, 413)
            except Refused as refusal:
                return JSONResponse(refusal.content, refusal.status)

        return endpoint

    def _file(self, name: str) -> Response:
        if name not in self._files:
            raise Refused(404, f"there is no file {name}")
        return Response(self._files[name], media_type=TYPES["." + name.rpartition(".")[2]])

    def _object(self, request: Request, body: bytes) -> Response:
        return _json(description(self._session))

    def _picture(self, request: Request, body: bytes) -> Response:
        return _octets(picture(self._view(request)), "image/jpeg")

    def _thumbnail(self, request: Request, body: bytes) -> Response:
        return _octets(thumbnail(self._view(request)), "image/jpeg")

    def _masks(self, request: Request, body: bytes) -> Response:
        """Visible, proposal, possible, sketch: packed one after the other. The version of the sketch is a header."""
        view = self._view(request)
        version = self._session.store.version(view.record.index)  # before the sketch: an older one is only refused
        nothing = np.zeros((view.record.camera.height, view.record.camera.width), bool)
        sketch = self._session.sketches().get(view.record.index, nothing)
        known = [view.full(m) for m in (view.window.named, view.before.hidden, view.before.possible)]
        response = _octets(b"".join(pack(m) for m in (*known, sketch)), "application/octet-stream")
        response.headers["x-version"] = version
        return response

    def _preview(self, request: Request, body: bytes) -> Response:
        """What the sketches of `views=` (their masks are the body), with the saved ones of the others, would do."""
        start = time.perf_counter()
        named = self._numbers(request.query_params.get("views", ""))
        length, camera = num_bytes(self._session.camera), self._session.camera
        for view in named:
            self._known(view)
        if len(body) != length * len(named) or len(set(named)) < len(named):
            raise Refused(400, f"masks of {len(named)} different views have {length * len(named)} bytes")
        unsaved = {v: unpack(body[i * length : (i + 1) * length], camera) for i, v in enumerate(named)}
        with self._computing:
            effect = self._session.effect(unsaved)
        views = self._session.views
        shares = [(hidden_share(v, v.before), hidden_share(v, effect.after[i])) for i, v in views.items()]
        content = {
            "views": [
                {"view": i, "before": round(b, 4), "after": round(a, 4), "overlay": overlay(v, effect.after[i])}
                for (i, v), (b, a) in zip(views.items(), shares, strict=True)
            ],
            "mean": [round(float(x), 4) for x in np.mean(shares, axis=0)],
            "counted": {str(i): list(pair) for i, pair in effect.counted.items()},
            "results": {str(i): outline(views[i], effect.after[i].hidden) for i in named},
            "milliseconds": round(1000 * (time.perf_counter() - start)),
        }
        return _json(content)

    def _save(self, request: Request, body: bytes) -> Response:
        view, camera = self._view(request).record.index, self._session.camera
        size = tuple(self._numbers(",".join(request.query_params.get(k, "") for k in ("width", "height"))))
        if size != (camera.width, camera.height):
            raise Refused(400, f"view {view} is {camera.width}x{camera.height}, the mask is not: reload the page")
        try:
            mask = unpack(body, camera)
            version = self._session.store.save(view, mask, expected=request.headers.get("if-match"))
        except Changed as changed:
            raise Refused(412, str(changed), version=changed.version) from changed
        except ValueError as problem:
            raise Refused(400, str(problem)) from problem
        except OSError as problem:
            raise Refused(507, f"{problem.filename} cannot be written: {problem.strerror}") from problem
        return _json({"version": version, "source": "painted"})

    def _remove(self, request: Request, body: bytes) -> Response:
        view = self._view(request).record.index
        try:
            self._session.store.remove(view, expected=request.headers.get("if-match"))
        except Changed as changed:
            raise Refused(412, str(changed), version=changed.version) from changed
        return _json({"version": self._session.store.version(view), "source": self._session.sources()[view]})

    def _view(self, request: Request) -> SessionView:
        return self._known(int(request.path_params["view"]))

    def _known(self, view: int) -> SessionView:
        if view not in self._session.views:
            raise Refused(404, f"{view} is no view of this object")
        return self._session.views[view]

    def _numbers(self, text: str) -> list[int]:
        """Views or sizes from 'a,b,c'."""
        parts = [p for p in text.split(",") if p]
        if not all(p.isascii() and p.isdigit() and len(p) < 9 for p in parts):
            raise Refused(400, "write numbers with commas between them")
        return [int(p) for p in parts]


def _json(content: Any) -> Response:
    return JSONResponse(content)


def _octets(content: bytes, kind: str) -> Response:
    return Response(content, media_type=kind)

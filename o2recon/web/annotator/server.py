"""`o2recon annotate`: a loopback server for one object's page, from its first line to Ctrl-C."""

import contextlib
import errno
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from o2recon.masks import Masks
from o2recon.scene import Scene
from o2recon.web.annotator.session import Session
from o2recon.workspace import ObjectFolder

HOST = "127.0.0.1"
_PORTS = 50
"""How many ports after the wanted one are tried."""
_LOG = logging.getLogger(__name__)


class Annotator:
    """Serves the page on which the hidden part of one object is painted. It listens on this machine's loopback only."""

    def __init__(self, *, port: int, num_views: int, min_angle_deg: float, min_share: float) -> None:
        """The yaml says what each value means. ValueError when one is out of range."""
        if not 0 <= port <= 65535:
            raise ValueError(f"annotate.port is {port}, but has to be within 1 and 65535 (0: any free one)")
        if num_views < 1:
            raise ValueError(f"annotate.num_views is {num_views}, but has to be at least 1")
        if not 0 <= min_angle_deg <= 180:
            raise ValueError(f"annotate.min_angle_deg is {min_angle_deg}, but has to be within 0 and 180")
        if not 0 <= min_share <= 1:
            raise ValueError(f"annotate.min_share is {min_share}, but has to be within 0 and 1")
        self._port = port
        self._choice: dict[str, Any] = {
            "num_views": num_views,
            "min_angle_deg": min_angle_deg,
            "min_share": min_share,
        }

    def load(self, scene: Scene, folder: ObjectFolder, masks: Masks, *, continue_with: str) -> Session:
        """Read one prepared object into memory; nothing of it need stay as it is afterwards.

        Raises as Session does, and ImportError when the page could not be served later.
        """
        _libraries()
        return Session(scene, folder, masks, continue_with=continue_with, **self._choice)

    def serve(self, session: Session) -> None:
        """Serve until Ctrl-C, then finish what is being saved. ValueError when no port is free."""
        with contextlib.suppress(KeyboardInterrupt), self._listening(session) as (server, listener, url):
            print(f"annotate: {url}  (Ctrl-C ends)", flush=True)
            server.run(sockets=[listener])
        print(f"annotate: ended; sketches are in {session.store.path(0).parent}", flush=True)

    @contextlib.contextmanager
    def opened(self, session: Session) -> Iterator[str]:
        """The page's address while the block runs, served from a thread."""
        with self._listening(session) as (server, listener, url):
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            try:
                yield url
            finally:
                server.should_exit = True
                thread.join()

    @contextlib.contextmanager
    def _listening(self, session: Session) -> Iterator[tuple[Any, socket.socket, str]]:
        """A server that is ready to run, its socket and its address with a new token."""
        uvicorn, app = _libraries()
        token = secrets.token_urlsafe(24)
        config = uvicorn.Config(
            app.Application(session).guarded(token),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        with _listener(self._port) as listener:
            port = listener.getsockname()[1]
            if self._port not in (0, port):
                _LOG.warning("port %d is taken: using %d", self._port, port)
            yield uvicorn.Server(config), listener, f"http://{HOST}:{port}/{token}/"


def _libraries() -> tuple[Any, Any]:
    """uvicorn, and the module that imports starlette. ImportError that names the extra when one is missing."""
    try:
        import uvicorn

        from o2recon.web.annotator import app
    except ImportError as problem:
        raise ImportError(f"the page needs starlette and uvicorn ({problem}): pip install 'o2recon[web]'") from problem
    return uvicorn, app


def _listener(wanted: int) -> socket.socket:
    """A loopback socket on `wanted` or the next free port; 0 asks for any. ValueError when there is none."""
    for port in range(wanted, min(wanted + _PORTS, 65535) + 1):
        try:
            return socket.create_server((HOST, port))
        except PermissionError as problem:
            raise ValueError(f"annotate.port={port} is not allowed here: take one above 1023") from problem
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
    raise ValueError(f"no port from {wanted} to {wanted + _PORTS} is free: set annotate.port to another")

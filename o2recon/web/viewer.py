"""`o2recon view`: a server for the page of one study, from its first line to Ctrl-C."""

import contextlib
import errno
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from o2recon.web.gate import EVERYWHERE, gated, without_tunnel
from o2recon.web.page import Page
from o2recon.web.placing import Drawing
from o2recon.web.study import open_study

if TYPE_CHECKING:
    import viser

_LOG = logging.getLogger(__name__)
_PORTS = 50
"""How many ports after the wanted one are tried."""


@dataclass(frozen=True)
class Opened:
    """A running page."""

    url: str
    page: Page
    server: "viser.ViserServer"


class Viewer:
    """Serves the page of one study."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        refresh_s: float,
        max_faces: int,
        error_range_cm: float,
        image_height: int,
        jpeg_quality: int,
        frustum_m: float,
    ) -> None:
        """The yaml says what each value means. ValueError when one is out of range."""
        positive = {"refresh_s": refresh_s, "max_faces": max_faces, "error_range_cm": error_range_cm}
        for name, value in {**positive, "image_height": image_height, "frustum_m": frustum_m}.items():
            if value <= 0:
                raise ValueError(f"view.{name} is {value}, but has to be above 0")
        if not 1 <= jpeg_quality <= 100:
            raise ValueError(f"view.jpeg_quality is {jpeg_quality}, but has to be within 1 and 100")
        if not 0 <= port <= 65535:
            raise ValueError(f"view.port is {port}, but has to be within 1 and 65535 (0: any free one)")
        self._host, self._port, self._refresh_s = host, port, refresh_s
        self._drawing = Drawing(max_faces, error_range_cm, image_height, jpeg_quality, frustum_m)

    def __call__(self, study_dir: Path, work_dir: Path) -> None:
        """Serve `outputs/<study>` with the prepared data of `work` until Ctrl-C.

        ValueError when the study has no runs or no port is free; ImportError without viser.
        """
        with contextlib.suppress(KeyboardInterrupt), self.opened(study_dir, work_dir) as opened:
            print(f"view: {opened.url}  (Ctrl-C ends)", flush=True)
            while True:
                time.sleep(self._refresh_s)
                opened.page.refresh()

    @contextlib.contextmanager
    def opened(self, study_dir: Path, work_dir: Path) -> Iterator[Opened]:
        """The page while the block runs; the server and its threads end with it."""
        study = open_study(study_dir, work_dir)
        port = free_port(self._host, self._port)
        if self._port not in (0, port):
            _LOG.warning("port %d is taken: using %d", self._port, port)
        with running(self._host, port, study_dir.name) as (server, url):
            yield Opened(url, Page(server, study, self._drawing), server)


def free_port(host: str, wanted: int, page: str = "view") -> int:
    """`wanted`, or the next port that is free on `host`; 0 asks for any. ValueError when there is none."""
    for port in range(wanted, min(wanted + _PORTS, 65535) + 1):
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            with socket.create_server((host, port), family=family) as probe:
                return int(probe.getsockname()[1])
        except PermissionError as problem:
            raise ValueError(f"{page}.port={port} is not allowed here: take one above 1023") from problem
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                text = f"{page}.host={host} is no address of this machine ({problem}): take 127.0.0.1"
                raise ValueError(text) from problem
    raise ValueError(f"no port from {wanted} to {wanted + _PORTS} is free on {host}: set {page}.port to another")


@contextlib.contextmanager
def running(host: str, port: int, study: str) -> Iterator[tuple["viser.ViserServer", str]]:
    """A viser server that says nothing of its own, behind a gate, and its address with the token.

    ImportError that names the extra when viser is missing.
    """
    try:
        import viser
    except ImportError as problem:
        raise ImportError(f"the viewer needs viser ({problem}): pip install 'o2recon[web]'") from problem
    log = logging.getLogger("websockets")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with _silent(), gated(host) as token:
            server = viser.ViserServer(host=host, port=port, label=f"o2recon: {study}", verbose=False)
        without_tunnel(server)
        shown = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
        try:
            yield server, f"http://{shown}:{server.get_port()}/{token}/"
        finally:
            with _silent():
                server.stop()
    finally:
        log.setLevel(level)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """viser prints about itself through rich's console whatever it is told; we print one line of our own."""
    import rich

    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before

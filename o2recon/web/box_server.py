"""`o2recon boxes`: the server of the page on which boxes are drawn, from its first line to Ctrl-C."""

import contextlib
import logging
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from o2recon.scene import Scene
from o2recon.web.box_page import BoxPage
from o2recon.web.boxes import Drawn, colored_points
from o2recon.web.viewer import free_port, running

_LOG = logging.getLogger(__name__)


class BoxDrawing:
    """Serves the page of one scan. `file`: what is drawn, in the form that objects.boxes takes; None:
    `<work>/<scene>/boxes.yaml`. `max_points` of at most `max_frames` frames are shown, `point_m` metres large."""

    def __init__(
        self, *, file: str | Path | None, host: str, port: int, max_points: int, max_frames: int, point_m: float
    ) -> None:
        if min(max_points, max_frames) < 1 or point_m <= 0:
            raise ValueError("boxes.max_points, boxes.max_frames and boxes.point_m have to be above 0")
        self.file, self.host, self.port = file, host, port
        self.max_points, self.max_frames, self.point_m = max_points, max_frames, point_m

    def __call__(self, scene: Scene, work: Path, given: Sequence[str] = ()) -> None:
        """Serve until Ctrl-C. `given`: the overrides that opened the scan, for the command that goes on.

        ValueError without points to draw in or a free port; ImportError without viser.
        """
        with self.opened(scene, work, given) as (url, page):
            print(f"boxes: {url}  (Ctrl-C ends; every change is saved in {page.drawn.file})", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
            if page.drawn.boxes:
                print(f"\nboxes: {len(page.drawn.boxes)} in {page.drawn.file}; next: {page.next}", flush=True)

    @contextlib.contextmanager
    def opened(self, scene: Scene, work: Path, given: Sequence[str] = ()) -> Iterator[tuple[str, BoxPage]]:
        """The page while the block runs."""
        drawn = Drawn.opened(Path(self.file) if self.file is not None else work / scene.name / "boxes.yaml")
        points, colors = colored_points(scene, max_points=self.max_points, max_frames=self.max_frames)
        port = free_port(self.host, self.port, "boxes")
        if self.port not in (0, port):
            _LOG.warning("port %d is taken: using %d", self.port, port)

        def command(file: Path) -> str:
            return shlex.join(["o2recon", "run", *given, f"objects.boxes={file}", "object=all"])

        with running(self.host, port, scene.name) as (server, url):
            floor = scene.floor_height()
            yield url, BoxPage(server, drawn, points, colors, floor=floor, point_m=self.point_m, command=command)

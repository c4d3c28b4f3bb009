"""Many runs in one process, and an hour of painting: memory, open files and threads must stay flat.

usage: python -m reliability.load [--runs 200] [--requests 3600] [--out FILE.csv]   (with tests/ on PYTHONPATH)

Runs: small objects from the scan to the scores, every fifth from a new scan folder that has to be prepared first, the
others from prepared data with another seed. Requests: what the annotator page sends in an hour, one a second, as fast
as the server answers: previews, thumbnails, masks, saves, removals, and one refused request in ten.
"""

import argparse
import contextlib
import csv
import gc
import http.client
import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf
from reliability.boxes import BoxScan
from sphere_capture import prepared

import o2recon
from o2recon.cli.main import status_of
from o2recon.web.annotator import Annotator, Session
from o2recon.web.annotator.bits import pack

CONF = Path(o2recon.__file__).parent / "conf"
SMALL = (
    *("experiment=smoke", "device=cpu", "object=1", "check=off", "reports=false", "volume.max_voxels=8000"),
    *("mesh.render_size=32", "mesh.spacing_m=0.05"),
)
RUNS_A_SCAN = 5
MEGABYTE = 2**20


@dataclass(frozen=True)
class Use:
    """What the process holds: megabytes in memory, open files and sockets, threads."""

    megabytes: float
    files: int
    threads: int


def used() -> Use:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    size = os.sysconf("SC_PAGE_SIZE")
    return Use(pages * size / MEGABYTE, len(os.listdir("/proc/self/fd")), threading.active_count())


def runs(count: int) -> Iterator[Use]:
    """What is used after every run. RuntimeError when one fails."""
    for first in range(0, count, RUNS_A_SCAN):
        with tempfile.TemporaryDirectory() as name:
            root = BoxScan((0.5, 0.4, 0.4 + 0.001 * first), 1.6).write(Path(name) / "scan")
            places = [f"scene.root={root}", f"work={name}/work", f"outputs={name}/outputs"]
            for seed in range(min(RUNS_A_SCAN, count - first)):
                said = io.StringIO()
                with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                    status = status_of(["run", *SMALL, *places, f"seed={seed}"])
                if status != 0:
                    raise RuntimeError(f"run {first + seed} ended with {status}: {said.getvalue()[-1000:]}")
                yield used()


def requests(count: int) -> Iterator[Use]:
    """What is used after every hundredth request. RuntimeError for an unexpected answer."""
    with tempfile.TemporaryDirectory() as name:
        capture, folder = prepared(Path(name))
        masks = instantiate(OmegaConf.load(CONF / "masks/auto.yaml"))
        choice: dict[str, Any] = {"num_views": 3, "min_angle_deg": 30.0, "min_share": 0.2}
        session = Session(capture, folder, masks, continue_with="o2recon run object=1", **choice)
        with Annotator(port=0, **choice).opened(session) as url:
            parts = urlsplit(url)
            page = Page(parts.hostname or "", int(parts.port or 0), parts.path, list(session.views))
            for index in range(count):
                page.ask(index)
                if (index + 1) % 100 == 0:
                    yield used()
            page.connection.close()


class Page:
    """Sends what the page in a browser would; every fiftieth request over a new connection."""

    def __init__(self, host: str, port: int, path: str, views: list[int]) -> None:
        self.place, self.path, self.views = (host, port), path, views
        self.connection = http.client.HTTPConnection(*self.place, timeout=60)
        self.rng = np.random.default_rng(0)

    def ask(self, index: int) -> None:
        if index % 50 == 0:
            self.connection.close()
            self.connection = http.client.HTTPConnection(*self.place, timeout=60)
        view = self.views[index % len(self.views)]
        mask = np.zeros((64, 64), bool)
        left, top = self.rng.integers(0, 40, 2)
        mask[top : top + 20, left : left + 20] = True
        size = "width=64&height=64"
        kinds: list[tuple[str, str, bytes, int]] = [
            *[("POST", f"preview?views={view}", pack(mask), 200)] * 4,
            ("GET", f"views/{view}/thumbnail.jpg", b"", 200),
            ("GET", f"views/{view}/masks", b"", 200),
            ("PUT", f"views/{view}/sketch?{size}", pack(mask), 200),
            ("GET", "object", b"", 200),
            ("DELETE", f"views/{view}/sketch", b"", 200),
            ("PUT", f"views/{view}/sketch?{size}", b"too short", 400),
        ]
        method, path, body, expected = kinds[index % len(kinds)]
        self.connection.request(method, self.path + path, body)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {content[:200]!r}")


def growth(uses: list[Use], *, warm: float = 0.3) -> Use:
    """From the first to the second half of what comes after a warm-up: caches of libraries fill in the beginning."""
    rest = np.array([astuple(u) for u in uses[int(len(uses) * warm) :]])
    first, second = (np.median(half, 0) for half in np.array_split(rest, 2))
    change = second - first
    return Use(float(change[0]), int(np.ceil(change[1])), int(np.ceil(change[2])))


def measured(kind: Callable[[int], Iterator[Use]], count: int, out: Path | None) -> Use:
    """The growth of one kind of load, printed; every measurement goes to `out`."""
    uses = []
    for use in kind(count):
        uses.append(use)
        if out is not None:
            new = not out.exists()
            with open(out, "a", newline="") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(["kind", "number", *(f.name for f in fields(Use))])
                writer.writerow([kind.__name__, len(uses), *astuple(use)])
    found = growth(uses)
    print(f"{count} {kind.__name__}: {uses[0]} at first, {uses[-1]} at the end; grew by {found}", flush=True)
    return found


def is_flat(found: Use, *, megabytes: float = 20.0) -> bool:
    return found.megabytes < megabytes and found.files <= 0 and found.threads <= 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--requests", type=int, default=3600)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    loads = ((runs, given.runs), (requests, given.requests))
    flat = [is_flat(measured(kind, count, given.out)) for kind, count in loads if count]
    sys.exit(0 if all(flat) else 1)


if __name__ == "__main__":
    main()

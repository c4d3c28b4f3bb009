"""How right are the masks of prepared objects, against the true amodal masks?

    python masks.py SCANS WORK [SHRINK] [OVERRIDE ...]

SCANS/<room> holds a scan with `amodal/<object>/<view>.png` and `sketches/<object>/`, WORK is what `o2recon prepare
work=WORK` wrote; only its volumes and visible masks are read. The mask stage runs anew, on a copy, in every mode of
MODES and with the overrides given (`masks.sketch_slack_share=0.02`); sketched frames that are no chosen views are added
to them. SHRINK=4 takes every fourth row and column of every image. Prints one row per object and mode and the means;
writes `masks.csv` here, or `masks_shrink_<n>.csv`.
"""

import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_module
from jaxtyping import Bool

from o2recon.cli.build import build
from o2recon.objects import visible_mask
from o2recon.scene import Scene
from o2recon.types import Camera, Frame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, read_image, write_image

MODES = ("carve", "sketch", "sketch+carve")
LEAST_HIDDEN = 0.1
"""Views in which a larger share of the object is hidden count."""


class Shrunk:
    """A scan of which only every nth row and column is looked at."""

    def __init__(self, scene: Scene, n: int) -> None:
        self.scene, self.n = scene, n
        camera = scene.camera
        intrinsics = camera.intrinsics * np.array([[1 / n], [1 / n], [1]])
        self.camera = Camera(intrinsics, camera.width // n, camera.height // n)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scene, name)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The image's middle rows and columns of every n."""
        start = self.n // 2
        return np.ascontiguousarray(image[start :: self.n, start :: self.n][: self.camera.height, : self.camera.width])

    def frame(self, index: int) -> Frame:
        frame = self.scene.frame(index)
        small = {k: self(getattr(frame, k)) for k in ("color", "depth", "instance")}
        return replace(frame, camera=self.camera, **small)

    def sketches(self, object_id: int) -> dict[int, np.ndarray]:
        return {i: self(mask) for i, mask in self.scene.sketches(object_id).items()}


def iou(mask: Bool[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]) -> float:
    """1 where both are empty."""
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def with_sketched_views(record: ObjectRecord, scene: Shrunk) -> ObjectRecord:
    """The record with the scan's camera and every sketched frame among its views."""
    known = {v.index for v in record.views}
    more = [
        ViewRecord(i, scene.camera, scene.poses[i], 0.0, False)
        for i in sorted(scene.sketches(record.object))
        if i not in known and i in scene.indices
    ]
    views = (*(replace(v, camera=scene.camera) for v in record.views), *more)
    return replace(record, views=views)


def copied(prepared: ObjectFolder, scene: Shrunk, to: Path) -> tuple[ObjectFolder, set[int]]:
    """What the mask stage reads, with the sketched views added; and the views that the object had before."""
    folder, record = ObjectFolder(to), prepared.read_record()
    folder.write_record(with_sketched_views(record, scene))
    folder.write_volume(prepared.read_volume())
    chosen, object_id = {v.index for v in record.views}, record.object
    for view in folder.read_record().views:
        i = view.index
        visible = (
            prepared.read_mask("masks/visible", i) if i in chosen else visible_mask(scene.scene.frame(i), object_id)
        )
        write_image(folder.image("masks/visible", i), scene(visible))
    return folder, chosen


def measure(stage: Any, scene: Shrunk, folder: ObjectFolder, chosen: set[int], scan: Path) -> dict[str, float]:
    """One row: means over the views that count, then over the sketched views and over the others that count."""
    record = folder.read_record()
    start = time.perf_counter()
    stage(scene, folder)
    seconds = time.perf_counter() - start
    counting, sketched = [], []
    for view in record.views:
        i = view.index
        truth = scene(read_image(scan / "amodal" / str(record.object) / f"{i}.png") > 0)
        visible, hidden = (folder.read_mask(f"masks/{kind}", i) for kind in ("visible", "hidden"))
        permitted = hidden | folder.read_mask("masks/possible", i) | folder.read_mask("masks/unknown", i)
        values = (
            iou(visible, truth),
            iou(visible | hidden, truth),
            iou(hidden, truth & ~visible),
            np.count_nonzero(truth & ~visible & ~permitted) / max(np.count_nonzero(truth & ~visible), 1),
            i in scene.sketches(record.object),
        )
        if i in chosen and np.count_nonzero(truth & ~visible) > LEAST_HIDDEN * np.count_nonzero(truth):
            counting.append(values)
        if values[-1]:
            sketched.append(values)
    table, drawn = (np.array(v, float).reshape(-1, 5) for v in (counting, sketched))
    others = table[table[:, 4] == 0]
    return {
        "views": len(table),
        "visible_iou": mean(table[:, 0]),
        "amodal_iou": mean(table[:, 1]),
        "hidden_iou": mean(table[:, 2]),
        "called_background": mean(table[:, 3]),
        "sketched_views": len(drawn),
        "visible_iou_sketched": mean(drawn[:, 0]),
        "amodal_iou_sketched": mean(drawn[:, 1]),
        "hidden_iou_sketched": mean(drawn[:, 2]),
        "amodal_iou_others": mean(others[:, 1]),
        "seconds": seconds,
    }


def mean(values: np.ndarray) -> float:
    """nan of nothing."""
    return float(values.mean()) if values.size else float("nan")


def rows(scans: Path, work: Path, shrink: int, overrides: list[str]) -> Iterator[dict[str, Any]]:
    for room in sorted(p.name for p in work.iterdir() if (scans / p.name / "amodal").is_dir()):
        with initialize_config_module("o2recon.conf", version_base="1.3"):
            config = compose("config", overrides=["stage=prepare", f"scene.root={scans / room}", *overrides])
        scene = Shrunk(build(config.scene), shrink)
        for path in sorted((work / room / "objects").iterdir(), key=lambda p: int(p.name)):
            with tempfile.TemporaryDirectory() as temporary:
                folder, chosen = copied(ObjectFolder(path), scene, Path(temporary) / "objects" / path.name)
                record = folder.read_record()
                for mode in MODES if scene.sketches(record.object) else ("carve",):
                    config.masks.mode = mode
                    row = measure(build(config.masks), scene, folder, chosen, scans / room)
                    yield {"object": f"{room} {path.name} {record.category}", "mode": mode, **row}


def summary(found: list[dict[str, Any]]) -> Iterator[str]:
    """Per mode: means over the views that count and over the objects, and the least gain over the visible mask."""
    for mode in MODES:
        own = [r for r in found if r["mode"] == mode]
        for views, suffix in (("views", ""), ("sketched_views", "_sketched")):
            counted = [r for r in own if r[views]]
            weights = [r[views] for r in counted]
            names = [f"{part}_iou{suffix}" for part in ("visible", "amodal", "hidden")]
            means = [np.average([r[n] for r in counted], weights=weights) for n in names]
            by_object = np.mean([r[names[1]] for r in counted])
            gains = [r[names[1]] - r[names[0]] for r in counted]
            yield (
                f"{mode}, {sum(weights)} {views}: visible {means[0]:.3f}, amodal {means[1]:.3f} (mean of"
                f" {len(counted)} objects {by_object:.3f}), hidden {means[2]:.3f}; least gain {min(gains):+.3f}"
            )


def main() -> None:
    options = sys.argv[3:]
    shrink = int(options.pop(0)) if options and options[0].isdigit() else 1
    found = []
    for row in rows(Path(sys.argv[1]), Path(sys.argv[2]), shrink, options):
        found.append(row)
        shown = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()]
        print("| " + " | ".join(shown) + " |", flush=True)
    name = "masks.csv" if shrink == 1 else f"masks_shrink_{shrink}.csv"
    with open(Path(__file__).parent / name, "w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in found)
    print("\n".join(summary(found)))


if __name__ == "__main__":
    main()

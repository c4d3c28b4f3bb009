"""Plants one fault into a scan in ScanNet's layout, reproducibly; what it does not touch is linked, not copied.

    python plant.py SCAN OUT --fault drift|wide|narrow|color [--degrees 1 --cm 2 --smooth 2] [--px 5] [--shift 6 -4]

`drift`: the poses walk off smoothly at random, by at most so much. `wide`, `narrow`: every object's outline lies `px`
pixels outside or inside of where it is; what a narrow one leaves is id 0. `color`: colour, and the ids that were drawn
on it, lie `shift` pixels (right, down) beside depth. All else, the truth too, stays.
"""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

CHANGED = {
    "drift": ("pose",),
    "wide": ("instance-filt",),
    "narrow": ("instance-filt",),
    "color": ("color", "instance-filt", "label-filt"),
}
"""Folders of the scan that a fault writes anew."""


def walk(count: int, *, degrees: float, cm: float, smooth: float, seed: int) -> Float[np.ndarray, "frames 6"]:
    """Rotation vectors (radians) and shifts (metres) of a random walk, smoothed over about `smooth` frames.

    On the whole it moves nowhere, since that nobody could see; the largest turn and the largest shift are the given.
    """
    steps = np.random.default_rng(seed).normal(size=(count, 6))
    path = gaussian_filter1d(np.cumsum(steps, 0), smooth, axis=0, mode="nearest")
    path -= path.mean(0)
    for part, largest in ((slice(0, 3), np.radians(degrees)), (slice(3, 6), cm / 100)):
        path[:, part] *= largest / np.linalg.norm(path[:, part], axis=1).max()
    return path


def drifted(pose: Float[np.ndarray, "4 4"], step: Float[np.ndarray, "6"]) -> Float[np.ndarray, "4 4"]:
    """The camera turned about itself and shifted, both in the world's axes."""
    moved = pose.copy()
    moved[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix() @ pose[:3, :3]
    moved[:3, 3] += step[3:]
    return moved


def outlined(ids: Int[np.ndarray, "height width"], px: int) -> Int[np.ndarray, "height width"]:
    """Every object's mask wider by `px` pixels, onto background and neighbours, or narrower when negative."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(px) + 1,) * 2)
    result = ids.copy()
    for object_id in np.unique(ids[ids > 0]):
        mask = (ids == object_id).astype(np.uint8)
        if px > 0:
            result[(cv2.dilate(mask, disc) > 0) & (ids != object_id)] = object_id
        else:
            result[(mask > 0) & (cv2.erode(mask, disc) == 0)] = 0
    return result


def shifted(image: Shaped[np.ndarray, "height width *channels"], right: int, down: int) -> np.ndarray:
    """The picture moved by whole pixels; its border repeats where nothing comes after it."""
    height, width = image.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return image[rows][:, columns]


def plant(scan: Path, out: Path, asked: argparse.Namespace) -> None:
    """Writes `out` anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for entry in sorted(scan.iterdir()):
        if entry.name not in CHANGED[asked.fault]:
            (out / entry.name).symlink_to(entry.resolve())
    for table in scan.resolve().parent.glob("*.tsv"):  # one label table may serve several scans
        if not any(out.glob("*.tsv")):
            (out / table.name).symlink_to(table)
    if asked.fault == "drift":
        _drift(scan, out, asked)
        return
    for folder in CHANGED[asked.fault]:
        change: Callable[[np.ndarray], np.ndarray] = lambda image: shifted(image, *asked.shift)  # noqa: E731
        if asked.fault != "color":
            change = lambda image: outlined(image, asked.px if asked.fault == "wide" else -asked.px)  # noqa: E731
        (out / folder).mkdir()
        for file in sorted((scan / folder).iterdir()):
            image = change(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
            cv2.imwrite(str(out / folder / f"{file.stem}.png"), image)


def _drift(scan: Path, out: Path, asked: argparse.Namespace) -> None:
    (out / "pose").mkdir()
    files = sorted((scan / "pose").glob("*.txt"), key=lambda f: int(f.stem))
    steps = walk(len(files), degrees=asked.degrees, cm=asked.cm, smooth=asked.smooth, seed=asked.seed)
    for file, step in zip(files, steps, strict=True):
        np.savetxt(out / "pose" / file.name, drifted(np.loadtxt(file), step), fmt="%.9f")


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fault", choices=sorted(CHANGED), required=True)
    parser.add_argument("--degrees", type=float, default=1.0)
    parser.add_argument("--cm", type=float, default=2.0)
    parser.add_argument("--smooth", type=float, default=2.0, help="frames")
    parser.add_argument("--px", type=int, default=5)
    parser.add_argument("--shift", type=int, nargs=2, default=(6, -4), metavar=("RIGHT", "DOWN"))
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    given = options()
    plant(given.scan, given.out, given)

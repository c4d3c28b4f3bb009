"""A COLMAP model in a folder: found, read and checked as a whole."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Lens
from o2recon.scene.readers.colmap_cameras import lens_of
from o2recon.scene.readers.colmap_files import ColmapImage, ColmapPoints, read_cameras, read_images, read_points

FOLDERS = (
    "sparse/0",
    "sparse",
    "colmap/sparse/0",
    "colmap/sparse",
    "colmap",
    "dense/sparse",
    "dense/0/sparse",
    "dense",
    ".",
)
"""Where the model lies in the captures of COLMAP, nerfstudio, gaussian splatting and ScanNet++."""


@dataclass(frozen=True)
class ColmapModel:
    """Poses, lenses and points of one reconstruction, in its own world and unit. `lenses` by camera id."""

    lenses: dict[int, Lens]
    images: tuple[ColmapImage, ...]
    points: ColmapPoints | None
    files: tuple[Path, ...]
    """Those it was read from."""

    def reliable_points(self, *, max_error: float, min_track: int) -> Float[np.ndarray, "points 3"] | None:
        """Points seen by at least `min_track` images with at most `max_error` pixels of error; None without any."""
        if self.points is None:
            return None
        points = self.points
        kept = (points.errors <= max_error) & (points.track_lengths >= min_track)
        kept &= np.isfinite(points.positions).all(1)
        return points.positions[kept]


def find_model(root: Path) -> Path | None:
    """The first folder of a capture that holds cameras and images, both as .bin or both as .txt."""
    for name in FOLDERS:
        if _suffix(root / name) is not None:
            return root / name
    return None


def other_models(folder: Path) -> tuple[Path, ...]:
    """Further reconstructions beside this one: COLMAP's mapper numbers the parts it could not join 0, 1, 2 ..."""
    if not folder.name.isdigit():
        return ()
    beside = (path for path in folder.parent.iterdir() if path.name.isdigit() and path != folder)
    return tuple(sorted(path for path in beside if _suffix(path) is not None))


def read_model(folder: Path) -> ColmapModel:
    """The model in `folder`; binary where there are both, as COLMAP does. Points may be missing.

    Rigs and frames of newer COLMAP are not needed: images carry their poses. ValueError, one line with the remedy, for
    damaged files, cameras that OpenCV cannot express and images of cameras that are not listed.
    """
    suffix = _suffix(folder)
    if suffix is None:
        raise ValueError(f"{folder} holds no COLMAP model: cameras and images must be there, as .bin or .txt")
    paths = [folder / f"{name}{suffix}" for name in ("cameras", "images", "points3D")]
    cameras, images = read_cameras(paths[0]), read_images(paths[1])
    used = sorted({image.camera for image in images})
    for camera in used:
        if camera not in cameras:
            raise ValueError(f"{paths[1]} names camera {camera}, which {paths[0].name} does not hold: write both again")
    try:
        lenses = {camera: lens_of(cameras[camera]) for camera in used}
    except ValueError as error:
        raise ValueError(f"{paths[0]}: {error}") from error
    there = paths[2].is_file()
    return ColmapModel(lenses, images, read_points(paths[2]) if there else None, tuple(paths[: 3 if there else 2]))


def _suffix(folder: Path) -> str | None:
    for suffix in (".bin", ".txt"):
        if all((folder / f"{name}{suffix}").is_file() for name in ("cameras", "images")):
            return suffix
    return None

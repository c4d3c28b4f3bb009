"""Sketches painted with `o2recon annotate`: they lie in the work folder, never in the capture."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from o2recon.types import Camera
from o2recon.workspace import ObjectFolder, read_image

_SUFFIX = "_class_inpaint mask"


def painted_file(folder: ObjectFolder, view: int) -> Path:
    """Where the painted sketch of a view lies, named as in the paper."""
    return folder.sketches / f"{view}{_SUFFIX}.png"


def painted_pattern(folder: ObjectFolder) -> Path:
    """Where painted sketches lie: a path with * for the frame's number."""
    return folder.sketches / f"*{_SUFFIX}.png"


def painted_files(folder: ObjectFolder) -> dict[int, Path]:
    """The painted sketches that exist, by view. ValueError for a file whose name has no frame number."""
    files = {}
    for path in sorted(folder.sketches.glob(painted_pattern(folder).name)):
        view = path.stem.removesuffix(_SUFFIX)
        if not (view.isascii() and view.isdigit()):
            raise ValueError(f"{path} names no frame: call it '<frame number>{_SUFFIX}.png' or delete it")
        files[int(view)] = path
    return files


def painted_sketches(folder: ObjectFolder, camera: Camera) -> dict[int, Bool[np.ndarray, "height width"]]:
    """The painted masks. ValueError for one that cannot be read or is not of the camera's size."""
    masks = {}
    for view, path in painted_files(folder).items():
        image = read_image(path)
        height, width = image.shape[:2]
        if image.ndim != 2 or (width, height) != (camera.width, camera.height):
            raise ValueError(
                f"{path} is {width}x{height} with {1 if image.ndim == 2 else image.shape[2]} channels, not"
                f" {camera.width}x{camera.height} with one: paint it again with 'o2recon annotate', or delete it"
            )
        masks[view] = image > 127
    return masks


def files_fingerprint(files: Iterable[Path]) -> str:
    """Hash of the files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]

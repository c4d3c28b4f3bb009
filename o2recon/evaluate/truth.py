"""Ground truth of one object: a closed mesh with points, or only an observed point set."""

import hashlib
import logging
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from o2recon.evaluate.sampling import sample_surface
from o2recon.mesh.load import load_geometry

_LOG = logging.getLogger(__name__)
OBSERVED_SURFACE = "observed surface"


@dataclass(frozen=True)
class Truth:
    """What an object really is. World, metres.

    `mesh`: None when the truth is only an observed point set; then only recall and completeness mean something.
    `normals`: None when unknown. `seen`: which points some frame of the scan saw; None when unknown (no split then).
    """

    object: int
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"] | None
    seen: Bool[np.ndarray, "points"] | None
    mesh: trimesh.Trimesh | None

    @property
    def observed_only(self) -> bool:
        return self.mesh is None

    @property
    def kind(self) -> str:
        """As result.json says it: mesh, or observed surface, of which only what is there counts."""
        return OBSERVED_SURFACE if self.observed_only else "mesh"


def load_truth(folder: Path | str, object_id: int, *, count: int = 100_000, seed: int = 0) -> Truth:
    """Truth from `<id>.ply` and, where it exists, `<id>_points.npz` (points, normals, seen).

    Without the npz, `count` samples of the mesh are the points; a PLY without faces is an observed point set.
    ValueError when there is nothing for this object or a file is damaged.
    """
    folder = Path(folder)
    mesh_file, points_file = folder / f"{object_id}.ply", folder / f"{object_id}_points.npz"
    if not mesh_file.is_file() and not points_file.is_file():
        raise ValueError(
            f"{mesh_file} is missing: there is no ground truth for object {object_id} (check groundtruth=DIR)"
        )
    geometry = _read_ply(mesh_file) if mesh_file.is_file() else None
    mesh = geometry if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces) else None
    if points_file.is_file():
        points, normals, seen = _read_points(points_file)
        return Truth(object_id, points, normals, seen, mesh)
    if mesh is None:
        assert geometry is not None
        return Truth(object_id, np.asarray(geometry.vertices, float), None, None, None)
    try:
        samples = sample_surface(mesh, count=count, seed=seed)
    except ValueError as error:
        raise ValueError(f"{mesh_file}: {error}: copy it again") from error
    return Truth(object_id, samples.points, samples.normals, None, mesh)


def find_truth(folder: Path | str | None, object_id: int) -> Truth | None:
    """Truth when there is any for this object, else None (logged): unlike `load_truth` absence is no error."""
    if folder is None:
        return None
    if not any((Path(folder) / name).is_file() for name in (f"{object_id}.ply", f"{object_id}_points.npz")):
        _LOG.info("no ground truth for object %d in %s", object_id, folder)
        return None
    return load_truth(folder, object_id)


ARRAY_DAMAGES = (OSError, ValueError, EOFError, MemoryError, RuntimeError, LookupError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise for damaged archives, and for hostile ones: giant shapes, encrypted members."""


def _read_ply(file: Path) -> trimesh.Trimesh | trimesh.PointCloud:
    geometry = load_geometry(file)
    if not isinstance(geometry, trimesh.Trimesh | trimesh.PointCloud) or len(geometry.vertices) == 0:
        raise ValueError(f"{file} holds no vertices: copy it again")
    return geometry


def _read_points(file: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    try:
        with open(file, "rb") as opened, np.load(opened) as stored:
            arrays = {k: stored[k] for k in ("points", "normals", "seen") if k in stored}
    except ARRAY_DAMAGES as error:
        raise ValueError(f"{file} cannot be read ({error}): copy it again") from error
    if "points" not in arrays:
        raise ValueError(f"{file} holds no array 'points'")
    shapes = {"points": (3,), "normals": (3,), "seen": ()}
    if any(a.dtype.kind not in "fiub" or a.ndim < 1 or a.shape[1:] != shapes[k] for k, a in arrays.items()):
        raise ValueError(f"{file}: points and normals must be numbers of shape (n, 3), seen (n,): write it again")
    if any(len(a) != len(arrays["points"]) for a in arrays.values()):
        raise ValueError(f"{file}: points, normals and seen have different lengths")
    normals, seen = arrays.get("normals"), arrays.get("seen")
    if normals is not None:
        normals = normals.astype(np.float64)
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return arrays["points"].astype(np.float64), normals, None if seen is None else seen.astype(bool)


def truth_fingerprint(folder: Path | str | None, object_id: int) -> str:
    """Hash of the contents of an object's truth files; 'none' when there are none."""
    names = (f"{object_id}.ply", f"{object_id}_points.npz")
    files = [] if folder is None else [Path(folder) / name for name in names]
    digest = hashlib.sha256()
    for file in (f for f in files if f.is_file()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16] if any(f.is_file() for f in files) else "none"

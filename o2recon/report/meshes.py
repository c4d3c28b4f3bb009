"""The meshes of a run and its truth, small enough for the page, with every colouring the files allow."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from o2recon.evaluate.truth import Truth, load_truth
from o2recon.report.colors import CLAY, GUESSED, SEEN, error_colors, evidence_colors, rgb
from o2recon.report.decimate import cluster_mean, simplify

_LOG = logging.getLogger(__name__)

_SAMPLES = 150_000
_MAX_POINTS = 40_000


@dataclass(frozen=True)
class PageMesh:
    """What the viewer draws. World, metres. Without faces: a point cloud. `colors`: per mode ("own", "evidence", "error")."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    colors: dict[str, UInt8[np.ndarray, "vertices 3"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """mesh.ply as it is on disk. `source`, `evidence`: None when the file does not carry them."""

    mesh: trimesh.Trimesh
    own: Float[np.ndarray, "vertices 3"] | None
    source: Int[np.ndarray, "vertices"] | None
    evidence: Float[np.ndarray, "vertices"] | None


def load_mesh(file: Path) -> Loaded | None:
    """None when the file is missing, damaged or empty (logged)."""
    if not file.is_file():
        return None
    try:
        mesh = trimesh.load(file, process=False)
    except (ValueError, IndexError, KeyError, EOFError, AttributeError) as problem:
        _LOG.warning("%s cannot be read as PLY (%s): the page shows no mesh", file, problem)
        return None
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        _LOG.warning("%s holds no faces: the page shows no mesh", file)
        return None
    own = np.asarray(mesh.visual.vertex_colors)[:, :3].astype(float) if mesh.visual.kind == "vertex" else None
    data = mesh.metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    names = data.dtype.names if isinstance(data, np.ndarray) and data.dtype.names else ()
    source, evidence = (np.asarray(data[n]).ravel() if n in names else None for n in ("source", "evidence"))
    if source is None:
        return Loaded(mesh, own, None, None)
    evidence = (source > 0).astype(float) if evidence is None else evidence.astype(float)
    return Loaded(mesh, own, source.astype(np.int64), evidence)


def load_truth_of(path: Path, object_id: str) -> Truth | None:
    """Truth from a folder with `<object>.ply` or from such a file; None when it cannot be read (logged)."""
    folder = path if path.is_dir() else path.parent
    try:
        return load_truth(folder, int(object_id))
    except ValueError as problem:
        _LOG.warning("no error colours: %s", problem)
        return None


def page_mesh(loaded: Loaded, truth: Truth | None, *, max_faces: int, error_range: float) -> PageMesh:
    """The mesh with at most `max_faces` faces. `error_range` in metres; errors are measured before simplifying."""
    mesh = loaded.mesh
    vertices = np.asarray(mesh.vertices, float)
    small = simplify(vertices, np.asarray(mesh.faces), max_faces)
    mode_colors = {"own": np.tile(rgb(CLAY), (len(vertices), 1)) if loaded.own is None else loaded.own}
    if loaded.source is not None and loaded.evidence is not None:
        mode_colors["evidence"] = evidence_colors(loaded.source, loaded.evidence)
    if truth is not None:
        distance = cKDTree(_surface_points(truth)).query(vertices, workers=-1)[0]
        mode_colors["error"] = error_colors(distance, error_range)
    colors = {k: cluster_mean(v, small.cluster).round().astype(np.uint8) for k, v in mode_colors.items()}
    return PageMesh(small.vertices, small.faces, colors)


def page_truth(truth: Truth, loaded: Loaded | None, *, max_faces: int, error_range: float) -> PageMesh:
    """The truth in the same colours: evidence = seen or hidden, error = distance to the prediction."""
    if truth.mesh is None:
        chosen = np.random.default_rng(0).permutation(len(truth.points))[:_MAX_POINTS]
        vertices, faces = truth.points[chosen], np.zeros((0, 3), int)
    else:
        small = simplify(*_refined(truth.mesh, max_faces), max_faces)
        vertices, faces = small.vertices, small.faces
    colors = {"own": np.tile(rgb(CLAY).astype(np.uint8), (len(vertices), 1))}
    own = None if truth.mesh is None or truth.mesh.visual.kind != "vertex" else truth.mesh.visual.vertex_colors
    if own is not None:
        nearest = cKDTree(np.asarray(truth.mesh.vertices)).query(vertices, workers=-1)[1]  # type: ignore[union-attr]
        colors["own"] = np.asarray(own)[nearest, :3].astype(np.uint8)
    if truth.seen is not None:
        seen = truth.seen[cKDTree(truth.points).query(vertices, workers=-1)[1]]
        colors["evidence"] = np.where(seen[:, None], rgb(SEEN), rgb(GUESSED)).astype(np.uint8)
    if loaded is not None:
        points = np.concatenate([_samples(loaded.mesh), loaded.mesh.vertices])
        colors["error"] = error_colors(cKDTree(points).query(vertices, workers=-1)[0], error_range)
    return PageMesh(vertices, faces, colors)


def _refined(mesh: trimesh.Trimesh, max_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Large triangles split, so that colours have vertices to sit on; about half of `max_faces` at most."""
    vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
    if len(faces) >= max_faces // 2:
        return vertices, faces
    edge = float(np.sqrt(8 * max(float(mesh.area), 1e-9) / max_faces))
    for _ in range(12):
        finer = trimesh.remesh.subdivide_to_size(vertices, faces, edge, max_iter=20)
        if len(finer[1]) <= max_faces:
            return np.asarray(finer[0]), np.asarray(finer[1])
        edge *= 1.3
    return vertices, faces


def _surface_points(truth: Truth) -> Float[np.ndarray, "points 3"]:
    if truth.mesh is None:
        return truth.points
    return np.concatenate([truth.points, _samples(truth.mesh), truth.mesh.vertices])


def _samples(mesh: trimesh.Trimesh) -> Float[np.ndarray, "points 3"]:
    return np.asarray(trimesh.sample.sample_surface(mesh, _SAMPLES, seed=0)[0], float)

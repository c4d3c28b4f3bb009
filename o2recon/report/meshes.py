"""The meshes of a run and its truth, small enough for the page, with every layer that the files allow."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from o2recon.evaluate.truth import Truth, load_truth
from o2recon.mesh.color import stored_colors
from o2recon.mesh.evidence import INPAINTED, SEEN, Evidence
from o2recon.mesh.export import read_evidence, read_mesh
from o2recon.report.colors import CLAY, rgb
from o2recon.report.simplify import cluster_mean, simplify

_LOG = logging.getLogger(__name__)

_SAMPLES = 50_000
_MAX_POINTS = 40_000


@dataclass(frozen=True)
class PageMesh:
    """What the viewer draws. World, metres. Without faces: a point cloud. `layers`: bytes per vertex, by name.

    "own": RGB. "evidence": 0 guessed, 1-254 in-painted by confidence, 255 seen. "error": 255 = the end of the scale.
    "hidden": 255 where no frame of the scan saw the true surface, 0 where one did.
    """

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    layers: dict[str, UInt8[np.ndarray, "vertices channels"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """mesh.ply as it is on disk. `own` (RGB), `evidence`: None when the file does not carry them."""

    mesh: trimesh.Trimesh
    own: UInt8[np.ndarray, "vertices 3"] | None
    evidence: Evidence | None


def load_mesh(file: Path) -> Loaded | None:
    """None when the file is missing, damaged or empty (logged unless missing)."""
    if not file.is_file():
        return None
    try:
        mesh = read_mesh(file)
        return Loaded(mesh, stored_colors(mesh), read_evidence(file))
    except ValueError as problem:
        _LOG.warning("the page shows no mesh: %s", problem)
        return None


def load_truth_of(path: Path, object_id: str) -> Truth | None:
    """Truth from a folder with `<object>.ply` or from such a file; None when it cannot be read (logged)."""
    folder = path if path.is_dir() else path.parent
    try:
        return load_truth(folder, int(object_id))
    except ValueError as problem:
        _LOG.warning("no error colours: %s", problem)
        return None


def page_mesh(loaded: Loaded, truth: Truth | None, *, max_faces: int, error_range: float) -> PageMesh:
    """The mesh with at most `max_faces` faces. `error_range` in metres; errors are measured before simplifying.

    A vertex is hidden when the nearest point of the truth is.
    """
    mesh = loaded.mesh
    vertices = np.asarray(mesh.vertices, float)
    small = simplify(vertices, np.asarray(mesh.faces), max_faces)
    chosen = np.unique(small.cluster, return_index=True)[1]
    own = _clay(len(vertices)) if loaded.own is None else loaded.own
    layers = {"own": cluster_mean(own, small.cluster).round().astype(np.uint8)}
    if loaded.evidence is not None:
        layers["evidence"] = _evidence_bytes(loaded.evidence)[chosen]
    if truth is not None:
        distance = cKDTree(_surface_points(truth)).query(vertices, workers=-1)[0]
        layers["error"] = error_bytes(cluster_mean(distance[:, None], small.cluster)[:, 0], error_range)
        layers |= _hidden_layer(truth, small.vertices)
    return PageMesh(small.vertices, small.faces, layers)


def page_truth(truth: Truth, *, max_faces: int) -> PageMesh:
    """The truth with its own colours and its hidden part."""
    if truth.mesh is None:
        chosen = np.random.default_rng(0).permutation(len(truth.points))[:_MAX_POINTS]
        vertices, faces = truth.points[chosen], np.zeros((0, 3), int)
    else:
        small = simplify(*_refined(truth.mesh, max_faces), max_faces)
        vertices, faces = small.vertices, small.faces
    own = None if truth.mesh is None else stored_colors(truth.mesh)
    layers = {"own": _clay(len(vertices))}
    if truth.mesh is not None and own is not None:
        layers["own"] = own[cKDTree(np.asarray(truth.mesh.vertices)).query(vertices, workers=-1)[1]]
    return PageMesh(vertices, faces, layers | _hidden_layer(truth, vertices))


def truth_error(truth: PageMesh, loaded: Loaded, *, error_range: float) -> UInt8[np.ndarray, "vertices 1"]:
    """What a run misses: the distance from the truth's vertices to its mesh, as the layer "error"."""
    samples = trimesh.sample.sample_surface(loaded.mesh, _SAMPLES, seed=0)[0]
    points = np.concatenate([np.asarray(samples), np.asarray(loaded.mesh.vertices)])
    return error_bytes(cKDTree(points).query(truth.vertices, workers=-1)[0], error_range)


def error_bytes(distance: Float[np.ndarray, "points"], limit: float) -> UInt8[np.ndarray, "points 1"]:
    """Distances in [0, limit] as 0 to 255; beyond `limit` 255. Same unit for both."""
    return np.rint(255 * np.clip(distance / limit, 0, 1)).astype(np.uint8)[:, None]


def _evidence_bytes(evidence: Evidence) -> UInt8[np.ndarray, "vertices 1"]:
    confidence = 1 + np.rint(253 * np.clip(evidence.value, 0, 1))
    values = np.select([evidence.source == SEEN, evidence.source == INPAINTED], [255, confidence], 0)
    return values.astype(np.uint8)[:, None]


def _hidden_layer(truth: Truth, vertices: np.ndarray) -> dict[str, np.ndarray]:
    if truth.seen is None:
        return {}
    seen = truth.seen[cKDTree(truth.points).query(vertices, workers=-1)[1]]
    return {"hidden": np.where(seen, 0, 255).astype(np.uint8)[:, None]}


def _clay(count: int) -> UInt8[np.ndarray, "count 3"]:
    return np.tile(rgb(CLAY).astype(np.uint8), (count, 1))


def _refined(mesh: trimesh.Trimesh, max_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Large triangles split, so that colours have vertices to sit on; about half of `max_faces` at most."""
    vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
    if len(faces) >= max_faces // 2:
        return vertices, faces
    edge = float(np.sqrt(16 * max(float(mesh.area), 1e-9) / max_faces))
    for _ in range(12):
        finer = trimesh.remesh.subdivide_to_size(vertices, faces, edge, max_iter=20)
        if len(finer[1]) <= max_faces:
            return np.asarray(finer[0]), np.asarray(finer[1])
        edge *= 1.4
    return vertices, faces


def _surface_points(truth: Truth) -> Float[np.ndarray, "points 3"]:
    if truth.mesh is None:
        return truth.points
    return np.concatenate([truth.points, np.asarray(truth.mesh.vertices)])

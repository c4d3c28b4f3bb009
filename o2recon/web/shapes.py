"""Meshes and points of the page: within a budget of faces, in the colours of one layer, kept as long as room is."""

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from o2recon.evaluate.truth import Truth
from o2recon.mesh.color import stored_colors
from o2recon.mesh.export import write_glb
from o2recon.report.colors import CLAY, GUESSED, SEEN, error_colors, evidence_colors, rgb
from o2recon.report.meshes import Loaded, load_mesh, load_truth_of
from o2recon.report.simplify import Simplified, cluster_mean, simplify
from o2recon.web.nodes import HiddenNode, MeshNode, TruthNode

_SAMPLES = 100_000
_MAX_POINTS = 40_000
_HIDDEN_POINTS = 4_000
_SHAPES, _MESHES, _TRUTHS = 192, 16, 32
"""How many of each are kept: a shape is about a megabyte, a mesh on disk or a truth a few."""


@dataclass(frozen=True)
class Shape:
    """World, metres, sRGB per vertex. Without faces: points. `is_open`: its inside can be seen."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    colors: UInt8[np.ndarray, "vertices 3"]
    is_open: bool

    def glb(self) -> bytes:
        """As a GLB with +y up. An open surface is there twice, the other way round too: browsers draw front sides."""
        vertices, faces, colors = self.vertices, self.faces, self.colors
        if self.is_open:
            vertices, colors = np.tile(vertices, (2, 1)), np.tile(colors, (2, 1))
            faces = np.concatenate([faces, faces[:, ::-1] + len(self.vertices)])
        mesh = trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "shape.glb"
            write_glb(file, {"shape": mesh})
            return file.read_bytes()


@lru_cache(_SHAPES)
def mesh_shape(node: MeshNode, *, max_faces: int, error_range: float) -> Shape | None:
    """The mesh of a run; clay where the file or the truth does not have the layer. None when it cannot be read.

    `error_range` in metres. Errors are measured before simplifying. Of an observed point set nobody knows what it
    lacks, so distances to it are no errors: clay too.
    """
    loaded = _mesh(node.file, node.stamp)
    if loaded is None:
        return None
    vertices = np.asarray(loaded.mesh.vertices, float)
    small = _small(node.file, node.stamp, max_faces)
    colors = _clay(len(vertices))
    if node.layer == "own" and loaded.own is not None:
        colors = loaded.own
    elif node.layer == "evidence" and loaded.evidence is not None:
        colors = evidence_colors(loaded.evidence)
    elif node.layer == "error" and node.truth is not None:
        truth = _truth(node.truth, node.object)
        if truth is not None and not truth.observed_only:
            colors = error_colors(cKDTree(_surface(truth)).query(vertices, workers=-1)[0], error_range)
    colors = cluster_mean(colors, small.cluster).round().astype(np.uint8)
    return Shape(small.vertices, small.faces, colors, not loaded.mesh.is_watertight)


@lru_cache(_SHAPES)
def truth_shape(node: TruthNode, *, max_faces: int, error_range: float) -> Shape | None:
    """The truth: "evidence" tells seen from hidden, "error" is the distance to the prediction (clay without one)."""
    truth = _truth(node.truth, node.object)
    if truth is None:
        return None
    vertices, faces = _truth_surface(truth, max_faces)
    colors = _clay(len(vertices))
    if node.layer == "own" and truth.mesh is not None:
        own = stored_colors(truth.mesh)
        if own is not None:
            colors = own[cKDTree(np.asarray(truth.mesh.vertices)).query(vertices, workers=-1)[1]]
    elif node.layer == "evidence" and truth.seen is not None:
        seen = truth.seen[cKDTree(truth.points).query(vertices, workers=-1)[1]]
        colors = np.where(seen[:, None], rgb(SEEN), rgb(GUESSED)).astype(np.uint8)
    elif node.layer == "error" and node.prediction is not None:
        loaded = _mesh(node.prediction, node.stamp)
        if loaded is not None:
            samples = trimesh.sample.sample_surface(loaded.mesh, _SAMPLES, seed=0)[0]
            colors = error_colors(cKDTree(np.asarray(samples)).query(vertices, workers=-1)[0], error_range)
    return Shape(vertices, faces, colors, truth.mesh is None or not truth.mesh.is_watertight)


@lru_cache(_SHAPES)
def hidden_points(node: HiddenNode) -> Float[np.ndarray, "points 3"] | None:
    """Points of the true surface that no frame saw, evenly thinned; None when the truth does not tell."""
    truth = _truth(node.truth, node.object)
    if truth is None or truth.seen is None:
        return None
    hidden = truth.points[~truth.seen]
    return _thinned(hidden, _HIDDEN_POINTS)


@lru_cache(_MESHES)
def _mesh(file: Path, _stamp: int) -> Loaded | None:
    return load_mesh(file)


@lru_cache(_SHAPES)
def _small(file: Path, _stamp: int, max_faces: int) -> Simplified:
    """The same for every layer."""
    loaded = _mesh(file, _stamp)
    assert loaded is not None
    return simplify(np.asarray(loaded.mesh.vertices, float), np.asarray(loaded.mesh.faces), max_faces)


@lru_cache(_TRUTHS)
def _truth(path: Path, object_id: str) -> Truth | None:
    return load_truth_of(path, object_id)


def _truth_surface(truth: Truth, max_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Large triangles split, so that colours have vertices to sit on; an observed point set stays points."""
    if truth.mesh is None:
        return _thinned(truth.points, _MAX_POINTS), np.zeros((0, 3), int)
    vertices, faces = np.asarray(truth.mesh.vertices, float), np.asarray(truth.mesh.faces)
    if len(faces) < max_faces // 2:
        edge = float(np.sqrt(16 * max(float(truth.mesh.area), 1e-9) / max_faces))
        vertices, faces = trimesh.remesh.subdivide_to_size(vertices, faces, edge, max_iter=20)
    small = simplify(np.asarray(vertices), np.asarray(faces), max_faces)
    return small.vertices, small.faces


def _surface(truth: Truth) -> Float[np.ndarray, "points 3"]:
    if truth.mesh is None:
        return truth.points
    return np.concatenate([truth.points, np.asarray(truth.mesh.vertices)])


def _thinned(points: Float[np.ndarray, "points 3"], count: int) -> Float[np.ndarray, "fewer 3"]:
    return points[np.random.default_rng(0).permutation(len(points))[:count]]


def _clay(count: int) -> UInt8[np.ndarray, "vertices 3"]:
    return np.tile(rgb(CLAY).astype(np.uint8), (count, 1))

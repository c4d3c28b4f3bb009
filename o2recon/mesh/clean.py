"""Which connected pieces of an extracted mesh belong to the object. Every rule keeps a closed mesh closed."""

import logging
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from o2recon.mesh.color import set_colors, stored_colors
from o2recon.mesh.raycast import Caster

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of a mesh. `volume` is signed: negative for a cavity's wall."""

    label: Int[np.ndarray, "faces"]
    area: Float[np.ndarray, "pieces"]
    volume: Float[np.ndarray, "pieces"]

    @property
    def count(self) -> int:
        return len(self.area)


def split(mesh: trimesh.Trimesh) -> Pieces:
    """Pieces connected by shared vertices; areas in m2, signed volumes in m3."""
    faces = np.asarray(mesh.faces)
    links = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(len(mesh.vertices),) * 2)
    _, of_vertex = connected_components(graph, directed=False)
    _, label = np.unique(of_vertex[faces[:, 0]], return_inverse=True)
    corners = mesh.triangles - mesh.bounds.mean(0)
    signed = np.einsum("fd,fd->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    return Pieces(label, np.bincount(label, mesh.area_faces), np.bincount(label, signed))


def remove_floaters(
    mesh: trimesh.Trimesh,
    *,
    min_area_share: float,
    min_evidence_share: float,
    min_evidence_area_share: float,
    evidence: Float[np.ndarray, "vertices"] | None = None,
) -> trimesh.Trimesh:
    """The mesh without floaters, cavities and pieces buried in others.

    A piece stays when its area is at least `min_area_share` of the largest piece's, or when views speak for it: at
    least `min_evidence_share` of its vertices have `evidence` > 0 and its area is at least `min_evidence_area_share` of
    the largest's (a leg whose thin joint was lost). Cavities (negative volume) go: furniture counts as solid, no view
    can say otherwise; so do pieces inside the largest one. An open mesh (a baseline) has neither.
    """
    if len(mesh.faces) == 0:
        return mesh
    pieces = split(mesh)
    share = pieces.area / pieces.area.max()
    keep = share >= min_area_share
    if evidence is not None:
        told = np.asarray(evidence > 0, float)[mesh.faces].mean(1)
        spoken = np.bincount(pieces.label, told) / np.bincount(pieces.label)
        keep |= (spoken >= min_evidence_share) & (share >= min_evidence_area_share)
    if mesh.is_watertight:
        keep &= pieces.volume > 0
        keep &= ~_buried(mesh, pieces, keep)
    if not keep.all():
        gone = pieces.area[~keep].sum() / pieces.area.sum()
        _LOG.info("dropped %d of %d pieces, %.2f %% of the area", (~keep).sum(), pieces.count, 100 * gone)
    return kept_faces(mesh, keep[pieces.label])


def kept_faces(mesh: trimesh.Trimesh, faces: Bool[np.ndarray, "faces"]) -> trimesh.Trimesh:
    """The mesh of these faces alone, vertices and their attributes in order, unused vertices gone."""
    used = np.zeros(len(mesh.vertices), bool)
    used[mesh.faces[faces]] = True
    renumbered = np.cumsum(used) - 1
    smaller = trimesh.Trimesh(mesh.vertices[used], renumbered[mesh.faces[faces]], process=False)
    rgb = stored_colors(mesh)
    if rgb is not None:
        set_colors(smaller, rgb[used])
    smaller.vertex_attributes.update({name: np.asarray(value)[used] for name, value in mesh.vertex_attributes.items()})
    return smaller


def _buried(mesh: trimesh.Trimesh, pieces: Pieces, keep: np.ndarray) -> Bool[np.ndarray, "pieces"]:
    """Pieces that lie inside the largest kept one."""
    buried = np.zeros(pieces.count, bool)
    if keep.sum() < 2:
        return buried
    largest = int(np.argmax(np.where(keep, pieces.area, -1)))
    caster = Caster(kept_faces(mesh, pieces.label == largest))
    _, first = np.unique(pieces.label, return_index=True)
    buried = caster.contains(np.asarray(mesh.vertices[mesh.faces[first, 0]]))
    buried[largest] = False
    return buried

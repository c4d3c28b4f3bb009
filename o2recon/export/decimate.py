"""Fewer faces for rendering and simulation, by quadric edge collapse."""

import logging

import manifold3d
import numpy as np
import trimesh

logger = logging.getLogger(__name__)
_APART = 2e-5
"""Metres by which sheets that came to touch are drawn apart: files keep it, nobody sees it."""


def decimated(mesh: trimesh.Trimesh, *, max_faces: int) -> trimesh.Trimesh:
    """About `max_faces` faces (Garland and Heckbert, Surface simplification using quadric error metrics, 1997).

    A closed mesh stays closed: where collapsing made sheets touch in an edge, they are drawn apart, and what would be
    open nevertheless stays as it is (logged). Vertex colours and attributes are not kept. ImportError without
    fast-simplification.
    """
    try:
        import fast_simplification
    except ImportError as error:
        raise ImportError("export needs fast-simplification: pip install 'o2recon[export]'") from error
    plain = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if len(mesh.faces) <= max_faces:
        return plain
    center = mesh.bounds.mean(0)
    vertices, faces = (mesh.vertices - center).astype(np.float32), mesh.faces.astype(np.int32)
    found = fast_simplification.simplify(vertices, faces, target_count=max_faces)
    fewer = _compact(found[0] + center, found[1])
    if not is_closed(plain) or is_closed(fewer):
        return fewer
    fewer = _drawn_apart(fewer)
    if is_closed(fewer):
        return fewer
    logger.warning("%d faces are kept: with %d the mesh would not stay closed", len(mesh.faces), max_faces)
    return plain


def _drawn_apart(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Vertices and edges that several sheets share get a copy per sheet, moved inwards by a hair."""
    solid = manifold3d.Manifold(manifold3d.Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32)))
    if solid.status() != manifold3d.Error.NoError:
        return mesh
    content = solid.to_mesh()
    split = trimesh.Trimesh(content.vert_properties[:, :3].astype(float), content.tri_verts, process=False)
    _, sheet, count = np.unique(split.vertices, axis=0, return_inverse=True, return_counts=True)
    shared = count[sheet.reshape(-1)] > 1
    moved = np.array(split.vertices)
    moved[shared] -= _APART * split.vertex_normals[shared]
    return trimesh.Trimesh(moved, split.faces, process=False)


def _compact(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    used, index = np.unique(faces, return_inverse=True)
    return trimesh.Trimesh(vertices[used], index.reshape(-1, 3), process=False)


def is_closed(mesh: trimesh.Trimesh) -> bool:
    """Whether the mesh bounds a volume: watertight, consistently oriented, and not inside out."""
    return bool(mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0)

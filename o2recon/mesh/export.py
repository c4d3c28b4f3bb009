"""PLY and GLB files, written atomically. PLY: scene coordinates. GLB: one root node turns +z up to +y up."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from o2recon.mesh.color import stored_colors
from o2recon.mesh.evidence import Evidence
from o2recon.mesh.gltf import Y_UP_TO_Z_UP, Glb
from o2recon.mesh.load import load_geometry
from o2recon.workspace import written_atomically

_LOG = logging.getLogger(__name__)
_PLY_TYPES = {"<f4": "float", "|u1": "uchar", "<i4": "int"}


def write_ply(path: Path, mesh: trimesh.Trimesh, *, evidence: Evidence | None = None) -> None:
    """Binary PLY: x y z, red green blue when the mesh has vertex colours, and `evidence`, `source` when given."""
    columns: list[tuple[str, str, np.ndarray]] = [
        (name, "<f4", np.asarray(mesh.vertices)[:, i]) for i, name in enumerate("xyz")
    ]
    rgb = stored_colors(mesh)
    if rgb is not None:
        columns += [(name, "|u1", rgb[:, i]) for i, name in enumerate(("red", "green", "blue"))]
    if evidence is not None:
        columns += [("evidence", "<f4", evidence.value), ("source", "|u1", evidence.source)]
    rows = np.zeros(len(mesh.vertices), dtype=[(name, kind) for name, kind, _ in columns])
    for name, _, values in columns:
        rows[name] = values
    faces = np.zeros(len(mesh.faces), dtype=[("count", "u1"), ("index", "<i4", 3)])
    faces["count"], faces["index"] = 3, mesh.faces
    header = ["ply", "format binary_little_endian 1.0", "comment o2recon: metres, scene coordinates"]
    header += [f"element vertex {len(rows)}", *(f"property {_PLY_TYPES[kind]} {name}" for name, kind, _ in columns)]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    with written_atomically(path) as temporary:
        temporary.write_bytes(("\n".join(header) + "\n").encode() + rows.tobytes() + faces.tobytes())


def read_mesh(path: Path, *, allow_empty: bool = False) -> trimesh.Trimesh:
    """Any mesh file as one mesh in scene coordinates, vertices as stored; GLB is turned back from +y up to +z up.

    ValueError when missing, damaged or, unless `allow_empty`, without faces.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path} is missing: mesh this object first")
    loaded = load_geometry(path, force="mesh")
    mesh = loaded if isinstance(loaded, trimesh.Trimesh) else trimesh.Trimesh()
    if len(mesh.faces) == 0 and not allow_empty:
        raise ValueError(f"{path} holds no faces")
    if Path(path).suffix.lower() in (".glb", ".gltf"):
        mesh.apply_transform(Y_UP_TO_Z_UP)
    return mesh


def read_evidence(path: Path) -> Evidence | None:
    """The evidence stored in one of our PLY files, None when it has none. ValueError when it is missing or damaged."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is missing: mesh this object first")
    rows = load_geometry(path).metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    names = rows.dtype.names if isinstance(rows, np.ndarray) else rows.keys() if isinstance(rows, dict) else None
    if not names or "evidence" not in names:
        return None
    if "source" not in names:
        raise ValueError(f"{path} holds 'evidence' without 'source': mesh this object again")
    return Evidence(np.array(rows["evidence"], np.float32).reshape(-1), np.array(rows["source"], np.uint8).reshape(-1))


def write_glb(path: Path, meshes: dict[str, trimesh.Trimesh]) -> None:
    """One GLB of named meshes in world metres: smooth normals, vertex colours (converted to linear, as glTF wants).

    Meshes with the vertex attributes `evidence` and `source` carry them on: see `Glb.add`.
    """
    writer = Glb()
    for name, mesh in meshes.items():
        writer.add(name, mesh)
    with written_atomically(path) as temporary:
        temporary.write_bytes(writer.content())


def write_scene(path: Path, mesh_files: Sequence[tuple[str, Path]]) -> None:
    """`scene.glb`: all objects of a scene in place, from their PLY files; damaged ones are left out and named.

    ValueError when there is no file.
    """
    if not mesh_files:
        raise ValueError(f"{path}: no object of this scene has a mesh")
    meshes: dict[str, trimesh.Trimesh] = {}
    for name, file in mesh_files:
        try:
            mesh, evidence = read_mesh(file), read_evidence(file)
        except ValueError as error:
            _LOG.warning("%s is written without one object: %s", path, error)
            continue
        if evidence is not None:
            mesh.vertex_attributes.update({"evidence": evidence.value, "source": evidence.source})
        meshes[name] = mesh
    if meshes:
        write_glb(path, meshes)

"""PLY and GLB files, written atomically. PLY: scene coordinates. GLB: one root node turns +z up to +y up."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from o2recon.mesh.color import stored_colors
from o2recon.mesh.evidence import Evidence
from o2recon.workspace import written_atomically

_Z_UP_TO_Y_UP = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
"""Column-major, as glTF stores it: (x, y, z) -> (x, z, -y). Read row by row it is the way back."""
_FLOAT, _UINT32, _UINT16 = 5126, 5125, 5123
_ARRAY, _ELEMENTS = 34962, 34963
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
    try:
        loaded = trimesh.load(path, process=False, force="mesh")
    except (ValueError, IndexError, KeyError, EOFError, struct.error) as error:
        raise ValueError(f"{path} cannot be read as a mesh ({error}): write it again") from error
    mesh = loaded if isinstance(loaded, trimesh.Trimesh) else trimesh.Trimesh()
    if len(mesh.faces) == 0 and not allow_empty:
        raise ValueError(f"{path} holds no faces")
    if Path(path).suffix.lower() in (".glb", ".gltf"):
        mesh.apply_transform(np.array(_Z_UP_TO_Y_UP, float).reshape(4, 4))
    return mesh


def read_evidence(path: Path) -> Evidence | None:
    """The evidence stored in one of our PLY files, None when it has none. ValueError when the file is missing."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is missing: mesh this object first")
    raw = trimesh.load(path, process=False).metadata.get("_ply_raw", {})
    rows = raw.get("vertex", {}).get("data")
    if rows is None or "evidence" not in (rows.dtype.names or ()):
        return None
    return Evidence(np.array(rows["evidence"], np.float32).reshape(-1), np.array(rows["source"], np.uint8).reshape(-1))


def write_glb(path: Path, meshes: dict[str, trimesh.Trimesh]) -> None:
    """One GLB of named meshes in world metres: smooth normals, vertex colours (converted to linear, as glTF wants)."""
    writer = _Glb()
    for name, mesh in meshes.items():
        writer.add(name, mesh)
    with written_atomically(path) as temporary:
        temporary.write_bytes(writer.content())


def write_scene(path: Path, mesh_files: Sequence[tuple[str, Path]]) -> None:
    """`scene.glb`: all objects of a scene in place, from their PLY files. ValueError when there is none."""
    if not mesh_files:
        raise ValueError(f"{path}: no object of this scene has a mesh")
    write_glb(path, {name: read_mesh(file) for name, file in mesh_files})


def srgb_to_linear(rgb: UInt8[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
    """IEC 61966-2-1: display values to linear light in [0, 1]."""
    c = rgb / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


class _Glb:
    """Collects buffers and the JSON tree of a binary glTF 2.0 file."""

    def __init__(self) -> None:
        self._binary = bytearray()
        self._tree: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "o2recon"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"name": "z_up_to_y_up", "matrix": _Z_UP_TO_Y_UP, "children": []}],
            "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.9}}],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
        }

    def add(self, name: str, mesh: trimesh.Trimesh) -> None:
        """Vertices are stored around the mesh's centre, which the node's translation holds: floats stay exact."""
        center = mesh.bounds.mean(0)
        local = (np.asarray(mesh.vertices) - center).astype(np.float32)
        attributes = {
            "POSITION": self._accessor(local, "VEC3", _FLOAT, bounds=True),
            "NORMAL": self._accessor(_unit(np.asarray(mesh.vertex_normals)).astype(np.float32), "VEC3", _FLOAT),
        }
        rgb = stored_colors(mesh)
        if rgb is not None:
            linear = srgb_to_linear(rgb)
            rgba = np.concatenate([linear, np.ones((len(linear), 1))], 1)
            color = np.rint(rgba * 65535).astype(np.uint16)
            attributes["COLOR_0"] = self._accessor(color, "VEC4", _UINT16, normalized=True)
        indices = np.asarray(mesh.faces, np.uint32).reshape(-1)
        primitive = {"attributes": attributes, "indices": self._accessor(indices, "SCALAR", _UINT32), "material": 0}
        self._tree["meshes"].append({"name": name, "primitives": [primitive]})
        self._tree["nodes"].append(
            {"name": name, "mesh": len(self._tree["meshes"]) - 1, "translation": center.tolist()}
        )
        self._tree["nodes"][0]["children"].append(len(self._tree["nodes"]) - 1)

    def _accessor(
        self, values: np.ndarray, kind: str, component: int, *, normalized: bool = False, bounds: bool = False
    ) -> int:
        data = np.ascontiguousarray(values).tobytes()
        target = _ELEMENTS if kind == "SCALAR" else _ARRAY
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data), "target": target}
        self._tree["bufferViews"].append(view)
        self._binary += data + b"\0" * (-len(data) % 4)
        accessor: dict[str, Any] = {
            "bufferView": len(self._tree["bufferViews"]) - 1,
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        self._tree["accessors"].append(accessor)
        return len(self._tree["accessors"]) - 1

    def content(self) -> bytes:
        tree = self._tree | {"buffers": [{"byteLength": len(self._binary)}]}
        text = json.dumps(tree, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(self._binary)
        head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
        return head + text + struct.pack("<I4s", len(self._binary), b"BIN\0") + bytes(self._binary)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors; +z where there is no direction, as glTF allows no zero normals."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), np.array([0.0, 0.0, 1.0]))

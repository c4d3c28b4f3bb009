"""Binary glTF 2.0: meshes with vertex colours, evidence or a texture under one root node that turns +z up to +y up."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8

from o2recon.mesh.color import stored_colors
from o2recon.mesh.evidence import Evidence

_Z_UP_TO_Y_UP = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
"""Column-major, as glTF stores it: (x, y, z) -> (x, z, -y)."""
Y_UP_TO_Z_UP: Float[np.ndarray, "4 4"] = np.array(_Z_UP_TO_Y_UP, float).reshape(4, 4)
"""The way back, which is the same list read row by row."""
_FLOAT, _UINT32, _UINT16 = 5126, 5125, 5123
_ARRAY, _ELEMENTS = 34962, 34963
_LINEAR, _LINEAR_MIPMAP_LINEAR, _CLAMP = 9729, 9987, 33071
_PBR = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
_LISTS = ("images", "textures", "samplers", "materials", "meshes", "accessors", "bufferViews")
_MIME = {".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True)
class TexturedMesh:
    """World, metres. Vertices are repeated where charts end. `uv` in [0, 1]: from the left and from the top of `image`
    (sRGB), as glTF has it."""

    vertices: Float[np.ndarray, "vertices 3"]
    normals: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "vertices 2"]
    image: UInt8[np.ndarray, "height width 3"]


class Glb:
    """Collects buffers and the JSON tree of one file."""

    def __init__(self) -> None:
        self._binary = bytearray()
        self._tree: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "o2recon"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"name": "z_up_to_y_up", "matrix": _Z_UP_TO_Y_UP, "children": []}],
            **{name: [] for name in _LISTS},
        }

    def add(self, name: str, mesh: trimesh.Trimesh) -> None:
        """A mesh with vertex normals and, where it has them, vertex colours.

        The vertex attributes `evidence` and `source` become `_EVIDENCE` and `_SOURCE` (float, as in the PLY) and the
        second colour layer COLOR_1 (see `Evidence.colors`): viewers show COLOR_0, modelling programs offer both.
        """
        center = mesh.bounds.mean(0)
        attributes = self._geometry(np.asarray(mesh.vertices) - center, np.asarray(mesh.vertex_normals))
        rgb = stored_colors(mesh)
        if rgb is not None:
            attributes["COLOR_0"] = self._color(rgb)
        if {"evidence", "source"} <= set(mesh.vertex_attributes):
            value, source = (np.asarray(mesh.vertex_attributes[key]) for key in ("evidence", "source"))
            attributes["COLOR_1"] = self._color(Evidence(value.astype(np.float32), source.astype(np.uint8)).colors)
            attributes["_EVIDENCE"] = self._accessor(value.astype(np.float32), "SCALAR", _FLOAT)
            attributes["_SOURCE"] = self._accessor(source.astype(np.float32), "SCALAR", _FLOAT)
        if not self._tree["materials"]:
            self._tree["materials"].append({"pbrMetallicRoughness": _PBR})
        self._place(name, attributes, np.asarray(mesh.faces), center, material=0)

    def add_textured(self, name: str, mesh: TexturedMesh, *, image: bytes, suffix: str) -> None:
        """`image`: the encoded texture, `suffix` (.jpg or .png) says how."""
        center = 0.5 * (mesh.vertices.min(0) + mesh.vertices.max(0))
        attributes = self._geometry(mesh.vertices - center, mesh.normals)
        attributes["TEXCOORD_0"] = self._accessor(mesh.uv.astype(np.float32), "VEC2", _FLOAT)
        tree = self._tree
        tree["images"].append({"name": name, "mimeType": _MIME[suffix], "bufferView": self._view(image, None)})
        wrap = {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAP_LINEAR, "wrapS": _CLAMP, "wrapT": _CLAMP}
        tree["samplers"].append(wrap)
        tree["textures"].append({"source": len(tree["images"]) - 1, "sampler": len(tree["samplers"]) - 1})
        texture = {"baseColorTexture": {"index": len(tree["textures"]) - 1}}
        tree["materials"].append({"name": name, "pbrMetallicRoughness": _PBR | texture})
        self._place(name, attributes, mesh.faces, center, material=len(tree["materials"]) - 1)

    def append(self, name: str, file: Path) -> None:
        """Everything of another file of this writer, its only mesh under a new `name`."""
        tree, binary = _read(file)
        offset, count = len(self._binary), {key: len(self._tree[key]) for key in _LISTS}
        self._binary += binary
        for view in tree["bufferViews"]:
            view["byteOffset"] += offset
        for entry in (*tree["accessors"], *tree.get("images", [])):
            entry["bufferView"] += count["bufferViews"]
        for texture in tree.get("textures", []):
            texture["source"] += count["images"]
            texture["sampler"] += count["samplers"]
        for material in tree["materials"]:
            if "baseColorTexture" in material["pbrMetallicRoughness"]:
                material["pbrMetallicRoughness"]["baseColorTexture"]["index"] += count["textures"]
        primitive = tree["meshes"][0]["primitives"][0]
        primitive["attributes"] = {k: v + count["accessors"] for k, v in primitive["attributes"].items()}
        primitive["indices"] += count["accessors"]
        primitive["material"] += count["materials"]
        tree["meshes"][0]["name"] = name
        for key in _LISTS:
            self._tree[key] += tree.get(key, [])
        self._node(name, tree["nodes"][1]["translation"])

    def content(self) -> bytes:
        """The file. Empty lists are left out: glTF allows none."""
        tree = {key: value for key, value in self._tree.items() if value or key not in _LISTS}
        tree |= {"buffers": [{"byteLength": len(self._binary)}]}
        text = json.dumps(tree, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(self._binary)
        head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
        return head + text + struct.pack("<I4s", len(self._binary), b"BIN\0") + bytes(self._binary)

    def _geometry(self, local: np.ndarray, normals: np.ndarray) -> dict[str, int]:
        """Vertices are stored around the mesh's centre, which the node's translation holds: floats stay exact."""
        return {
            "POSITION": self._accessor(local.astype(np.float32), "VEC3", _FLOAT, bounds=True),
            "NORMAL": self._accessor(_unit(normals).astype(np.float32), "VEC3", _FLOAT),
        }

    def _color(self, rgb: UInt8[np.ndarray, "vertices 3"]) -> int:
        rgba = np.concatenate([srgb_to_linear(rgb), np.ones((len(rgb), 1))], 1)
        return self._accessor(np.rint(rgba * 65535).astype(np.uint16), "VEC4", _UINT16, normalized=True)

    def _place(
        self, name: str, attributes: dict[str, int], faces: np.ndarray, center: np.ndarray, *, material: int
    ) -> None:
        indices = self._accessor(faces.astype(np.uint32).reshape(-1), "SCALAR", _UINT32)
        primitive = {"attributes": attributes, "indices": indices, "material": material}
        self._tree["meshes"].append({"name": name, "primitives": [primitive]})
        self._node(name, center.tolist())

    def _node(self, name: str, translation: Sequence[float]) -> None:
        """A child of the root that shows the last mesh."""
        nodes = self._tree["nodes"]
        nodes.append({"name": name, "mesh": len(self._tree["meshes"]) - 1, "translation": translation})
        nodes[0]["children"].append(len(nodes) - 1)

    def _accessor(
        self, values: np.ndarray, kind: str, component: int, *, normalized: bool = False, bounds: bool = False
    ) -> int:
        # faces alone are unsigned 32-bit integers
        view = self._view(np.ascontiguousarray(values).tobytes(), _ELEMENTS if component == _UINT32 else _ARRAY)
        accessor: dict[str, Any] = {
            "bufferView": view,
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

    def _view(self, data: bytes, target: int | None) -> int:
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        self._tree["bufferViews"].append(view if target is None else view | {"target": target})
        self._binary += data + b"\0" * (-len(data) % 4)
        return len(self._tree["bufferViews"]) - 1


def srgb_to_linear(rgb: UInt8[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
    """IEC 61966-2-1: display values to linear light in [0, 1]."""
    c = rgb / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def encoded(image: UInt8[np.ndarray, "height width 3"], suffix: str) -> bytes:
    """An RGB image as a file's content; JPEG at quality 92."""
    ok, buffer = cv2.imencode(suffix, image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix == ".jpg" else [])
    assert ok, suffix
    return buffer.tobytes()


def _read(file: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON tree and the buffer of a file that this writer wrote. ValueError for anything else."""
    content = Path(file).read_bytes()
    try:
        length = struct.unpack("<I", content[12:16])[0]
        tree = json.loads(content[20 : 20 + length])
        known = tree["asset"]["generator"] == "o2recon" and len(tree["nodes"]) == 2
    except (struct.error, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{file} is no GLB of one object from o2recon: export that object again")
    return tree, content[28 + length :]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors; +z where there is no direction, as glTF allows no zero normals."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), np.array([0.0, 0.0, 1.0]))

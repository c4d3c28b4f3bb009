"""Any geometry file, read by trimesh behind a guard: what is damaged is refused in one line, whatever trimesh does."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

MADE = "mesh.manifest.json"
"""Lies beside the meshes of a run."""
MAX_HEADER = 1 << 16
SIZES = {"char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2, "float16": 2}
SIZES |= {"int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4}
SIZES |= {"int64": 8, "uint64": 8, "double": 8, "float64": 8}
MAX_COORDINATE = 1e9
COUNT = re.compile(r"\d{1,12}")
FORMATS = (".ply", ".obj", ".off", ".stl", ".glb", ".gltf")
"""Others are not read: trimesh opens archives, XML and whatever else is installed for any ending that it knows."""
MAX_BESIDE = 1 << 28
"""Bytes of a file that a mesh names: materials, textures, buffers."""


class Beside(trimesh.resolvers.Resolver):
    """Files that a mesh names, from its own folder or below; ValueError for any other, also behind a link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def keys(self) -> list[str]:
        """None are listed: what a mesh does not name is not looked for."""
        return []

    def namespaced(self, namespace: str) -> "Beside":
        return Beside(self._path(namespace))

    def get(self, name: str) -> bytes:
        path = self._path(name)
        if not path.is_file() or path.stat().st_size > MAX_BESIDE:
            raise ValueError(f"{path} is no file, or a giant one")
        return path.read_bytes()

    def write(self, name: str, data: str | bytes) -> None:
        raise ValueError("reading a mesh writes nothing")

    def _path(self, name: str) -> Path:
        path = (self._folder / str(name).strip()).resolve()
        if not path.is_relative_to(self._folder):
            raise ValueError(f"it names {name!r:.80}, which leaves its folder")
        return path


def load_geometry(path: Path, **options: Any) -> Any:
    """What trimesh makes of a file, vertices as stored: they are numbers below 1e9, and corners of faces exist.

    ValueError, one line that names the file, when it is damaged. Sizes that a PLY file claims are compared with its
    length before any room is made for them; pictures that it names are not opened. Files that other formats name are
    opened below the mesh's own folder only.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} is no mesh that can be read: save it as one of {', '.join(FORMATS)}")
    if path.suffix.lower() == ".ply":
        check_ply(path)
        options["skip_materials"] = True
    try:
        geometry = _loaded(path, options)
    except Exception as error:  # trimesh has a loader per format, and damage raises nearly anything in them
        raise ValueError(f"{path} cannot be read as geometry ({_line(error)}): {_remedy(path)}") from error
    for part in _parts(geometry):
        vertices, faces = np.asarray(part.vertices, np.float64), getattr(part, "faces", np.zeros((0, 3), int))
        if not (np.abs(vertices) < MAX_COORDINATE).all():
            raise ValueError(f"{path} has vertices that are no numbers, or none in metres: {_remedy(path)}")
        if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise ValueError(f"{path} has faces with vertices that are not there: {_remedy(path)}")
    return geometry


def _loaded(path: Path, options: dict[str, Any]) -> Any:
    with open(path, "rb") as file:
        kind = path.suffix.lower().removeprefix(".")
        return trimesh.load(file, file_type=kind, resolver=Beside(path.parent), process=False, **options)


def check_ply(path: Path) -> None:
    """ValueError when the file is no PLY file, or shorter than its header's elements are at least."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, 2)
            file.seek(0)
            try:
                least = _least_bytes(file.read(MAX_HEADER))
            except ValueError as error:
                raise ValueError(f"{path} is no PLY file ({error}): {_remedy(path)}") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    if least > length:
        lacks = f"{least} bytes are needed for what its header lists, it has {length}"
        raise ValueError(f"{path} is damaged: {lacks}; {_remedy(path)}")


def _least_bytes(data: bytes) -> int:
    """Bytes of the header and of its elements when all lists are empty; a row of text has two at least."""
    head, end, _ = data.partition(b"end_header")
    lines = head.decode("latin-1").splitlines()
    if not end or not lines or lines[0].strip() != "ply":
        raise ValueError("its header has no beginning or no end")
    total, count, row, text = len(head) + len(b"end_header\n"), 0, 0, False
    for words in (line.split() for line in lines[1:]):
        if words[:1] == ["format"]:
            text = words[1:2] == ["ascii"]
        elif words[:1] == ["element"]:
            total, row = total + count * (2 if text else row), 0
            if len(words) != 3 or not COUNT.fullmatch(words[2]):
                raise ValueError("an element has no count")
            count = int(words[2])
        elif words[:1] == ["property"]:
            kind = words[2:3] if words[1:2] == ["list"] else words[1:2]
            if not kind or kind[0] not in SIZES:
                raise ValueError("a property has an unknown type")
            row += SIZES[kind[0]]
        elif words and words[0] not in ("comment", "obj_info"):
            raise ValueError("its header holds unknown lines")
        elif not words:
            raise ValueError("its header holds empty lines")
    return total + count * (2 if text else row)


def _parts(geometry: Any) -> list[Any]:
    """Meshes and point clouds; those inside, when it is a scene."""
    inner = getattr(geometry, "geometry", None)
    return [part for part in (inner.values() if isinstance(inner, dict) else [geometry]) if hasattr(part, "vertices")]


def _remedy(path: Path) -> str:
    """For a mesh of our own the command that makes it."""
    ours = (path.parent / MADE).is_file()
    return "'o2recon run' with the same options makes it again" if ours else "write it again"


def _line(error: Exception) -> str:
    """The first line of what trimesh says, or else the name of the error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

"""The points of a PLY file, text or binary, without what else it holds."""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float

TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
TYPES |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
TYPES |= {"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"}
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
MAX_HEADER = 1 << 16


def read_ply_points(path: Path) -> Float[np.ndarray, "points 3"]:
    """x y z of the vertices that are finite, in the file's frame and unit.

    ValueError, naming the file, when it is no PLY file, its vertices do not come first, or they are cut short. Source:
    Greg Turk's PLY description (1994), and the type names that Open3D and COLMAP write.
    """
    try:
        with open(path, "rb") as file:
            order, count, properties = _header(file)
            points = _text(file, count, properties) if not order else _binary(file, path, order, count, properties)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} holds no points ({str(error)[:200]}): write the point cloud again") from error
    return points[np.isfinite(points).all(1)]


def _header(file: BinaryIO) -> tuple[str, int, list[tuple[str, str]]]:
    """Byte order ("" for text), number of vertices, their properties (name, type)."""
    if file.readline(16).rstrip() != b"ply":
        raise ValueError("it is no PLY file")
    order: str | None = None
    elements: list[tuple[str, int]] = []
    properties: list[tuple[str, str]] = []
    while file.tell() < MAX_HEADER:
        line = file.readline(1000)
        words = line.decode("ascii", "replace").split()
        if not line:
            raise ValueError("its header has no end")
        if words[:1] == ["end_header"]:
            break
        if words[:1] == ["format"] and len(words) > 1:
            order = FORMATS.get(words[1])
        elif words[:1] == ["element"]:
            if len(words) != 3 or not re.fullmatch(r"\d{1,12}", words[2]):
                raise ValueError("one of its elements has no count")
            elements.append((words[1], int(words[2])))
        elif words[:1] == ["property"] and [name for name, _ in elements] == ["vertex"]:
            if len(words) != 3 or words[1] not in TYPES:
                raise ValueError("its vertices have properties that are no single numbers")
            properties.append((words[2], TYPES[words[1]]))
    names = [name for name, _ in properties]
    if order is None or not elements or elements[0][0] != "vertex" or len(set(names)) != len(names):
        raise ValueError("its header is none of a point cloud")
    if not {"x", "y", "z"} <= set(names):
        raise ValueError("its vertices have no x, y, z")
    return order, elements[0][1], properties


def _binary(
    file: BinaryIO, path: Path, order: str, count: int, properties: list[tuple[str, str]]
) -> Float[np.ndarray, "points 3"]:
    row = np.dtype([(name, order + kind) for name, kind in properties])
    if count * row.itemsize > path.stat().st_size - file.tell():
        raise ValueError(f"{count} vertices are more than it has bytes for")
    rows = np.fromfile(file, row, count)
    with np.errstate(invalid="ignore"):  # signalling nan
        return np.stack([rows[axis].astype(float) for axis in "xyz"], 1)


def _text(file: BinaryIO, count: int, properties: list[tuple[str, str]]) -> Float[np.ndarray, "points 3"]:
    columns = [[name for name, _ in properties].index(axis) for axis in "xyz"]
    points = []
    for _, line in zip(range(count), file, strict=False):
        words = line.split()
        if len(words) < len(properties):
            raise ValueError("one of its vertices has too few numbers")
        points.append([float(words[column]) for column in columns])
    if len(points) < count:
        raise ValueError(f"{count} vertices are more than it has lines for")
    return np.array(points, float).reshape(-1, 3)

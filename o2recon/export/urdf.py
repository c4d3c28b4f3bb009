"""URDF of one rigid object, with its meshes as OBJ files beside it. Frame of the object: +z up, metres."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.export.collision import Body, is_physical
from o2recon.mesh import TexturedMesh, encoded
from o2recon.workspace import written_atomically


def urdf(name: str, body: Body, *, visual: str, parts: Sequence[str]) -> str:
    """The XML of a robot with one link. `visual`, `parts`: mesh files beside the URDF.

    Axes of the inertial frame are the object's own. ValueError for a body that cannot be.
    """
    if not is_physical(body):
        raise ValueError(f"{name}: mass {body.mass} kg with inertia {body.inertia.tolist()} is that of no body")
    robot = ET.Element("robot", name=name)
    link = ET.SubElement(robot, "link", name="object")
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_numbers(body.center), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=f"{body.mass:.9g}")
    rows = {"ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2)}
    ET.SubElement(inertial, "inertia", {key: f"{body.inertia[at]:.9g}" for key, at in rows.items()})
    for kind, file in [("visual", visual), *(("collision", part) for part in parts)]:
        shape = ET.SubElement(link, kind, name=Path(file).stem)
        ET.SubElement(shape, "origin", xyz="0 0 0", rpy="0 0 0")
        ET.SubElement(ET.SubElement(shape, "geometry"), "mesh", filename=file, scale="1 1 1")
    ET.indent(robot)
    return ET.tostring(robot, encoding="unicode", xml_declaration=True) + "\n"


def write_obj(path: Path, meshes: Sequence[trimesh.Trimesh]) -> None:
    """Geometry alone; each mesh is an object of the file. Written atomically, like all files here."""
    lines, first = [], 1
    for i, mesh in enumerate(meshes):
        lines.append(f"o part_{i:03d}")
        lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in np.asarray(mesh.faces) + first]
        first += len(mesh.vertices)
    _write(path, "\n".join(lines) + "\n")


def write_textured_obj(path: Path, mesh: TexturedMesh, *, suffix: str) -> None:
    """OBJ, MTL and the texture (`suffix` .png or .jpg) beside each other, for programs that read no GLB."""
    image, material = path.with_suffix(suffix), path.with_suffix(".mtl")
    with written_atomically(image) as temporary:
        temporary.write_bytes(encoded(mesh.image, suffix))
    _write(material, f"newmtl surface\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nmap_Kd {image.name}\n")
    lines = [f"mtllib {material.name}", "o object", "usemtl surface"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertices]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in mesh.uv]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in mesh.normals]
    lines += [f"f {a}/{a}/{a} {b}/{b}/{b} {c}/{c}/{c}" for a, b, c in np.asarray(mesh.faces) + 1]
    _write(path, "\n".join(lines) + "\n")


def write_urdf(path: Path, content: str) -> None:
    """ValueError when a mesh that it names is not beside it."""
    for element in ET.fromstring(content.partition("?>")[2]).iter("mesh"):
        if not (path.parent / element.get("filename", "")).is_file():
            raise ValueError(f"{path} names {element.get('filename')}, which is not there: export the object again")
    _write(path, content)


def _write(path: Path, text: str) -> None:
    with written_atomically(path) as temporary:
        temporary.write_text(text)


def _numbers(values: Float[np.ndarray, "3"]) -> str:
    return " ".join(f"{v:.9g}" for v in values)

"""Where objects stand in their room: a frame per object, and the files of a scene that put them there."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from o2recon.mesh import Glb
from o2recon.types import ObjectFrame
from o2recon.workspace import write_json, written_atomically

ORIGINS = ("object", "scene")


def object_pose(vertices: Float[np.ndarray, "vertices 3"], frame: ObjectFrame, origin: str) -> Float[np.ndarray, "4 4"]:
    """Object to world. `object`: origin at the middle of the bottom of the mesh's own box along the axes of `frame`
    (+z up), so the object stands on z = 0. `scene`: the identity."""
    if origin not in ORIGINS:
        raise ValueError(f"export.origin={origin}: choose {' or '.join(ORIGINS)}")
    pose = np.eye(4)
    if origin == "scene":
        return pose
    local = vertices @ frame.rotation
    low, high = local.min(0), local.max(0)
    pose[:3, :3] = frame.rotation
    pose[:3, 3] = frame.rotation @ np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return pose


def into(pose: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
    """World points in the frame of a pose."""
    return (points - pose[:3, 3]) @ pose[:3, :3]


def described(pose: Float[np.ndarray, "4 4"]) -> dict[str, Any]:
    """A pose for JSON: position in metres, quaternions in both orders, matrix row by row."""
    x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()
    return {
        "position": pose[:3, 3].tolist(),
        "quaternion_wxyz": [w, x, y, z],
        "quaternion_xyzw": [x, y, z, w],
        "matrix": pose.tolist(),
    }


def write_placed(folder: Path, scene: str, exports: Sequence[tuple[Path, dict[str, Any]]], floor: float | None) -> None:
    """`scene_textured.glb` and `scene.json` in `folder` from runs below it: their folders and their exports' notes."""
    writer = Glb()
    objects: list[dict[str, Any]] = []
    for run, notes in sorted(exports, key=lambda item: item[1]["object"]):
        writer.append(f"{notes['object']}_{notes['category']}", run / "textured.glb")
        urdf = notes["simulation"].get("urdf")
        own = {"object": notes["object"], "category": notes["category"], "pose": notes["pose"]}
        files = {"textured": "textured.glb", "urdf": urdf}
        named = {k: None if v is None else (run / v).relative_to(folder).as_posix() for k, v in files.items()}
        objects.append(own | named | {"mass_kg": notes["simulation"].get("mass_kg")})
    with written_atomically(folder / "scene_textured.glb") as temporary:
        temporary.write_bytes(writer.content())
    conventions = "pose: object to scene; metres, +z up; the URDF's frame is the object's; the GLB's is the scene's"
    write_json(folder / "scene.json", {"scene": scene, "conventions": conventions, "floor": floor, "objects": objects})


def exported_in(folder: Path, seed: int) -> list[tuple[Path, dict[str, Any]]]:
    """All exported runs of one seed below a scene's folder, with their notes."""
    manifests = folder.glob(f"*/seed_{seed}/export.manifest.json")
    found = [(file.parent, dict(json.loads(file.read_text())["notes"])) for file in manifests]
    return [(run, notes) for run, notes in found if (run / "textured.glb").is_file()]

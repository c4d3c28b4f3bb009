"""Tiny results of made-up methods in every layout: spheres whose distances have a closed form."""

import json
from pathlib import Path

import numpy as np
import trimesh

CENTERS = {1: (0.0, 0.0, 1.0), 2: (3.0, 0.0, 1.0), 3: (0.0, 4.0, 1.0)}
RADIUS = 0.15


def sphere(object_id: int, *, radius: float = RADIUS) -> trimesh.Trimesh:
    """Object `object_id`, metres; vertices lie exactly on the sphere."""
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    mesh.apply_translation(CENTERS[object_id])
    return mesh


def write(file: Path, mesh: trimesh.Trimesh) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(file)
    return file


def write_cloud(file: Path, mesh: trimesh.Trimesh) -> Path:
    """The vertices alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    trimesh.PointCloud(np.asarray(mesh.vertices)).export(file)
    return file


def own_truth(folder: Path, ids: tuple[int, ...] = (1, 2, 3)) -> Path:
    """`<id>.ply` and a few points of it, of one scene."""
    for i in ids:
        mesh = sphere(i)
        write(folder / f"{i}.ply", mesh)
        points = np.asarray(mesh.triangles_center)
        np.savez(folder / f"{i}_points.npz", points=points, normals=mesh.face_normals, seen=points[:, 0] > 0)
    return folder


def published(root: Path, scene: str, *, offset: float = 0.0, ids: tuple[int, ...] = (1, 2, 3)) -> Path:
    """A method's folder in the original's layout; its spheres are `offset` larger than the true ones."""
    for i in ids:
        stem, mesh = root / scene / f"{scene}_scannet_obj_{i}_newfilled_5", sphere(i, radius=RADIUS + offset)
        write(Path(f"{stem}_full_mesh.ply"), mesh)
        write(Path(f"{stem}_mesh.ply"), mesh)
        write_cloud(Path(f"{stem}_pointcloud.ply"), mesh)
    return root


def published_truth(root: Path, scene: str, *, without_cad: tuple[int, ...] = ()) -> Path:
    """The original's two folders of truth, whose numbers are one below the ids."""
    for i in CENTERS:
        write_cloud(root / "scannet_gt" / scene / "gt" / f"obj_{i - 1}.ply", sphere(i))
        if i not in without_cad:
            write_cloud(root / "meshes-scan2cad-cleaned" / scene / f"scannet_{i - 1}_pointcloud.ply", sphere(i))
    return root


def annotated_scan(folder: Path, *, order: tuple[int, ...] = (1, 2, 3)) -> Path:
    """A fused mesh of all spheres and a floor with ScanNet's files; `order` of the groups in the aggregation."""
    floor = trimesh.creation.box([6, 6, 0.1])
    parts = [floor, *(sphere(i) for i in CENTERS)]
    write(folder / f"{folder.name}_vh_clean_2.ply", trimesh.util.concatenate(parts))
    segments = [np.full(len(parts[0].vertices), 7)]
    for i, part in zip(CENTERS, parts[1:], strict=True):  # two segments each: below and above the centre
        segments.append(10 * i + (np.asarray(part.vertices)[:, 2] > CENTERS[i][2]))
    indices = np.concatenate(segments).tolist()
    (folder / f"{folder.name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps({"segIndices": indices}))
    groups = [{"objectId": i - 1, "segments": [10 * i, 10 * i + 1], "label": f"ball {i}"} for i in order]
    groups.append({"objectId": 8, "segments": [7], "label": "floor"})
    (folder / f"{folder.name}_vh_clean.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    return folder

"""The files of an exported ScanNet scene, with the truth that real scans lack."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int

from o2recon.scene.synth.shell import LABELS
from o2recon.types import Camera

JPEG_QUALITY = 90
SEGMENT_CELL = 0.4
"""A segment of the scan is an instance's part inside one cell of this size (metres)."""


def write_png(path: Path, image: np.ndarray) -> None:
    """An 8 or 16 bit image; masks become 0 and 255."""
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    _write(path, image, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def write_jpeg(path: Path, color: np.ndarray) -> None:
    """An RGB image."""
    _write(path, np.ascontiguousarray(color[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _write(path: Path, image: np.ndarray, options: list[int]) -> None:
    ok, buffer = cv2.imencode(path.suffix, image, options)
    assert ok, path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.tobytes())


def write_matrix(path: Path, matrix: np.ndarray) -> None:
    """A 4x4 matrix as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, matrix, fmt="%.8f")


def write_intrinsics(folder: Path, camera: Camera) -> None:
    """Colour and depth share one camera; ScanNet puts pixel centres at integers."""
    matrix = np.eye(4)
    matrix[:3, :3] = camera.intrinsics
    matrix[:2, 2] -= 0.5
    for kind in ("color", "depth"):
        write_matrix(folder / "intrinsic" / f"intrinsic_{kind}.txt", matrix)
        write_matrix(folder / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4))


def write_label_table(folder: Path) -> None:
    """The rows of ScanNet's label table that synthetic rooms use."""
    header = ["id", "raw_category", "category", "count", "nyu40id", "eigen13id", "nyuClass", "nyu40class"]
    rows = [[str(label), name, name, "1", str(nyu40), "", name, name] for name, (label, nyu40) in LABELS.items()]
    text = "".join("\t".join(row) + "\n" for row in [header, *rows])
    (folder / "scannetv2-labels.combined.tsv").write_text(text)


def write_scan(
    folder: Path, name: str, mesh: trimesh.Trimesh, instance: Int[np.ndarray, "points"], categories: Sequence[str]
) -> None:
    """The scan's mesh with its segments and the objects they belong to. `instance`: of each vertex."""
    mesh.export(folder / f"{name}_vh_clean_2.ply")
    cells = np.floor(mesh.vertices / SEGMENT_CELL).astype(int)
    _, segments = np.unique(np.column_stack([instance, cells]), axis=0, return_inverse=True)
    segments = segments.ravel()
    groups = [
        {"id": i, "objectId": i, "segments": np.unique(segments[instance == i + 1]).tolist(), "label": category}
        for i, category in enumerate(categories)
    ]
    _write_json(
        folder / f"{name}_vh_clean.aggregation.json",
        {"sceneId": f"scannet.{name}", "appId": "synthetic", "segGroups": groups},
    )
    _write_json(
        folder / f"{name}_vh_clean_2.0.010000.segs.json",
        {"params": {"cell": str(SEGMENT_CELL)}, "sceneId": name, "segIndices": segments.tolist()},
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")


def write_truth_mesh(folder: Path, instance: int, mesh: trimesh.Trimesh) -> None:
    """Closed mesh of a whole object."""
    (folder / "groundtruth").mkdir(exist_ok=True)
    mesh.export(folder / "groundtruth" / f"{instance}.ply")


def write_truth_points(
    folder: Path,
    instance: int,
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    seen: np.ndarray,
) -> None:
    """Samples of the whole surface and which of them some view saw."""
    (folder / "groundtruth").mkdir(exist_ok=True)
    np.savez(
        folder / "groundtruth" / f"{instance}_points.npz",
        points=points.astype(np.float32),
        normals=normals.astype(np.float16),
        seen=seen,
    )


def read_png(path: Path) -> np.ndarray:
    """An image that was just written."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


def write_readme(folder: Path, name: str, records: Sequence[dict[str, Any]]) -> None:
    """What the folder holds, for people."""
    rows = "".join(
        f"| {r['instance']} | {r['category']} | {r['views']} | {r['unseen_share']:.0%} | "
        f"{r['mean_hidden_share_of_silhouette'] or 0:.0%} |\n"
        for r in records
    )
    (folder / "README.md").write_text(README.format(name=name, rows=rows))


README = """# {name}

A synthetic RGB-D scan written by `o2recon synth`, laid out like an exported ScanNet scene. All numbers are also in
`instances.json`; the settings that made it are in `manifest.json`.

| instance | category | views | surface unseen | silhouette hidden (mean) |
|---|---|---|---|---|
{rows}
* Metres, world +z up, floor z = 0. `pose/`: camera-to-world, OpenCV axes, exact. Integer pixel coordinates are pixel
  centres.
* `depth/`: uint16 millimetres, 0 = none. `instance-filt/`: 0 = no object. `label-filt/`: ids of the label table.
* `groundtruth/<id>.ply`: closed mesh. `groundtruth/<id>_points.npz`: `points`, `normals`, `seen` (some view has the
  point in its image, facing the camera, within 1 cm of the noise-free depth).
* `amodal/<id>/`: whole silhouettes. `sketches/<id>/`: the hidden part of two views, drawn roughly.
* "Silhouette hidden": 1 - visible / whole, over the views where the whole covers at least 1 % of the image.
"""

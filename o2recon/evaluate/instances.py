"""Ground truth from ScanNet's own annotation: the vertices of every instance on the scan's fused mesh.

Only surface that the scan observed is there, so such truth is a point set without faces (see `Truth.observed_only`).
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int

from o2recon.evaluate.surface import read_points
from o2recon.mesh.export import write_ply
from o2recon.scene.annotation import AGGREGATION, MESH, SEGMENTS, annotation_files

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Instance:
    """One annotated object. `object`: its id in instance images, ScanNet's objectId + 1. `points`: world, metres."""

    object: int
    label: str
    points: Float[np.ndarray, "points 3"]


def has_annotation(scene: Path) -> bool:
    """Whether a scene's folder holds the fused mesh, its segments and their aggregation."""
    return bool(annotation_files(scene))


def read_instances(scene: Path) -> tuple[Instance, ...]:
    """All instances that have vertices, by id. ValueError for missing, damaged or contradictory files."""
    mesh, segments = _only(scene, MESH), _only(scene, SEGMENTS)
    vertices = read_points(mesh)
    segment = _segment_of_vertex(segments)
    if len(segment) != len(vertices):
        raise ValueError(
            f"{segments} labels {len(segment)} vertices, {mesh.name} has {len(vertices)}: copy both from one release"
        )
    found = []
    for object_id, (label, ids) in sorted(read_groups(_aggregation(scene, segments)).items()):
        points = vertices[np.isin(segment, ids)]
        if len(points):
            found.append(Instance(object_id, label, points))
        else:
            _LOG.warning("%s: object %d (%s) has no vertex and is left out", scene.name, object_id, label)
    return tuple(found)


def instance_labels(scene: Path) -> dict[int, str]:
    """Object id -> category as annotated; {} where a folder has no aggregation."""
    files = sorted(scene.glob(AGGREGATION))
    return {object_id: label for object_id, (label, _) in read_groups(files[0]).items()} if files else {}


def write_instances(scene: Path, folder: Path) -> tuple[Path, ...]:
    """Write every instance as `<id>.ply` (vertices only), the form in which `load_truth` reads it."""
    return tuple(write_points(folder / f"{i.object}.ply", i.points) for i in read_instances(scene))


def write_points(file: Path, points: Float[np.ndarray, "points 3"]) -> Path:
    """A point set (world, metres) as a PLY without faces."""
    write_ply(file, trimesh.Trimesh(vertices=points, process=False))
    return file


def read_groups(file: Path) -> dict[int, tuple[str, list[int]]]:
    """Object id -> label and segments of an aggregation. ValueError when the file is damaged or names an id twice."""
    groups: dict[int, tuple[str, list[int]]] = {}
    try:
        for group in _json(file)["segGroups"]:
            object_id = int(group["objectId"]) + 1
            if object_id in groups:
                raise ValueError(f"objectId {object_id - 1} is there twice")
            groups[object_id] = (str(group.get("label", "")), [int(s) for s in group["segments"]])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} is no ScanNet aggregation ({error}): copy it again") from error
    return groups


def _segment_of_vertex(file: Path) -> Int[np.ndarray, "vertices"]:
    try:
        return np.asarray(_json(file)["segIndices"], dtype=np.int64).reshape(-1)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} holds no segIndices ({error}): copy it again") from error


def _aggregation(scene: Path, segments: Path) -> Path:
    """The aggregation made for these segments; of several that do not say so, the one that the original uses."""
    files = sorted(scene.glob(AGGREGATION))
    if not files:
        raise ValueError(f"{scene}/{AGGREGATION} is missing: copy ScanNet's annotation there")
    said = {file: str(_json(file).get("segmentsFile") or "") for file in files}
    matching = [file for file, name in said.items() if name.endswith(segments.name)]
    if matching:
        return matching[0]
    chosen = next((file for file in files if "_vh_clean." in file.name), files[0])
    if said[chosen]:
        _LOG.warning("%s was made for %s, used with %s", chosen, said[chosen], segments.name)
    return chosen


def _only(scene: Path, pattern: str) -> Path:
    files = sorted(scene.glob(pattern))
    if len(files) != 1:
        state = "is missing" if not files else f"is there {len(files)} times"
        raise ValueError(f"{scene}/{pattern} {state}: one is needed to build ground truth from ScanNet's annotation")
    return files[0]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as JSON ({error}): copy it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds no JSON object: copy it again")
    return content

"""What the page shows for a selection, as descriptions: nothing is loaded here; equal descriptions look the same."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from o2recon.report.collect import Run
from o2recon.types import ObjectRecord, ViewRecord
from o2recon.web.selection import Selection
from o2recon.web.standpoints import bounds_of
from o2recon.web.study import Study, object_name, stamp

Position = tuple[float, float, float]


@dataclass(frozen=True)
class MeshNode:
    """A run's mesh file in the colours of a layer. `stamp`: of the file, so that a new result is another node."""

    object: str
    file: Path
    stamp: int
    layer: str
    truth: Path | None


@dataclass(frozen=True)
class TruthNode:
    """The truth of an object; `prediction` (with its stamp) is what the layer "error" measures distances to."""

    object: str
    truth: Path
    layer: str
    prediction: Path | None
    stamp: int


@dataclass(frozen=True)
class HiddenNode:
    """Points of the true surface that no frame saw."""

    object: str
    truth: Path


@dataclass(frozen=True)
class CameraNode:
    """One chosen view of the selected object. `folder`: its prepared data, `stamp`: of its object.json."""

    folder: Path
    stamp: int
    index: int
    held_out: bool
    picture: str


@dataclass(frozen=True)
class LabelNode:
    """A text at a place in the world, metres."""

    text: str
    position: Position


@dataclass(frozen=True)
class GridNode:
    """The floor. World, metres: the middle of the square, and its side."""

    position: Position
    size: float


Node = MeshNode | TruthNode | HiddenNode | CameraNode | LabelNode | GridNode


def shown_nodes(study: Study, selection: Selection) -> dict[str, Node]:
    """Name in the scene tree -> what stands there."""
    nodes: dict[str, Node] = {}
    for run in study.runs_of(selection.scene, selection.method):
        if not selection.only or run.object == selection.object:
            nodes |= _object_nodes(study, selection, run)
        if selection.cameras and run.object == selection.object:
            nodes |= _camera_nodes(study, selection, run)
    if selection.grid:
        nodes["/floor"] = _floor(study, selection)
    return nodes


def selected_run(study: Study, selection: Selection) -> Run | None:
    return None if selection.object is None else study.run_of(selection.scene, selection.method, selection.object)


def view_record(study: Study, selection: Selection, index: int) -> ViewRecord | None:
    """The chosen view of the selected object with this frame number."""
    run = selected_run(study, selection)
    record = None if run is None else study.record(run)
    return None if record is None else next((v for v in record.views if v.index == index), None)


def _object_nodes(study: Study, selection: Selection, run: Run) -> dict[str, Node]:
    truth = study.truth_of(run)
    nodes: dict[str, Node] = {}
    complete = run.folder / "mesh.ply"
    for wanted, name, file in (
        (selection.complete, "complete", complete),
        (selection.visible, "visible", run.folder / "mesh_visible.ply"),
    ):
        if wanted and stamp(file):
            measured = truth if selection.layer == "error" else None
            nodes[f"/objects/{run.object}/{name}"] = MeshNode(run.object, file, stamp(file), selection.layer, measured)
    if truth is not None and selection.truth:
        prediction = complete if selection.layer == "error" and stamp(complete) else None
        nodes[f"/objects/{run.object}/truth"] = TruthNode(
            run.object, truth, selection.layer, prediction, stamp(prediction) if prediction else 0
        )
    if truth is not None and selection.hidden:
        nodes[f"/objects/{run.object}/hidden"] = HiddenNode(run.object, truth)
    record = study.record(run)
    if selection.labels and record is not None:
        text = object_name(run) if run.status == "ok" else f"{object_name(run)}: {run.status}"
        nodes[f"/labels/{run.object}"] = LabelNode(text, _above(record))
    return nodes


def _camera_nodes(study: Study, selection: Selection, run: Run) -> dict[str, Node]:
    record = study.record(run)
    if record is None:
        return {}
    folder = study.prepared(run).path
    time = stamp(folder / "object.json")
    return {
        f"/cameras/{run.object}/{view.index}": CameraNode(folder, time, view.index, view.held_out, selection.picture)
        for view in record.views
    }


def _floor(study: Study, selection: Selection) -> GridNode:
    """A square of whole metres under all prepared objects and the cameras of none."""
    records = [r for run in study.runs_of(selection.scene, selection.method) if (r := study.record(run)) is not None]
    if not records:
        return GridNode((0.0, 0.0, 0.0), 8.0)
    boxes = np.array([bounds_of(r) for r in records])
    low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
    floors = [r.floor for r in records if r.floor is not None]
    height = float(np.median(floors)) if floors else float(low[2])
    middle = np.round((low + high) / 2)
    size = float(2 * np.ceil((high - low)[:2].max() / 2 + 0.5))
    return GridNode((float(middle[0]), float(middle[1]), height), size)


def _above(record: ObjectRecord) -> Position:
    x, y, _ = record.frame.center
    return (float(x), float(y), float(bounds_of(record)[1, 2]) + 0.05)

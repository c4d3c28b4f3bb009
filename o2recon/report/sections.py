"""One object of the page: its views, its truth, and a panel per run."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from o2recon.evaluate.truth import Truth
from o2recon.report import figures, meshes, viewer
from o2recon.report.collect import Run, groundtruth_of, method_name, run_config
from o2recon.report.curves import Curve, read_curves
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunPanel:
    """One run. `mesh`, `truth_error`: ids of payloads on the page, None without; `row`: its place among all runs."""

    run: Run
    name: str
    path: str
    row: int
    mesh: str | None = None
    truth_error: str | None = None
    layers: tuple[str, ...] = ()
    pictures: Sequence[tuple[str, str]] = ()
    curves: Sequence[Curve] = ()
    config: str = ""


@dataclass(frozen=True)
class ObjectSection:
    """One object of one scene with all its runs. `azimuth`: where the camera stood, radians in the world's xy plane."""

    anchor: str
    scene: str
    object: str
    category: str
    facts: dict[str, Any]
    panels: list[RunPanel]
    thumbnail: str | None = None
    views: Sequence[figures.ViewFigure] = ()
    num_views: int = 0
    hidden: figures.HiddenShare | None = None
    azimuth: float = -1.0
    truth: str | None = None
    layers: tuple[str, ...] = ()
    """Of any mesh here: what can be chosen to look at."""


@dataclass(frozen=True, kw_only=True)
class Media:
    """How much of the pictures and meshes the page carries. `payloads`: what is collected, by id."""

    num_views: int
    view_height: int
    quality: int
    faces: int
    pictures: int
    error_range: float
    payloads: dict[str, str]

    def section(self, number: int, runs: Sequence[tuple[int, Run]], facts: dict[str, Any], work: Path) -> ObjectSection:
        """The object with everything there is to see. `runs`: with their places among all runs."""
        first = runs[0][1]
        folder = ObjectFolder(work / first.scene / "objects" / first.object)
        record = _record(folder)
        views = () if record is None else record.views
        shown = [
            figures.view_figure(folder, v, height=self.view_height, quality=self.quality)
            for v in figures.spread(views, self.num_views)
        ]
        truth_path = next((p for _, run in runs if (p := groundtruth_of(run)) is not None), None)
        truth = None if truth_path is None else meshes.load_truth_of(truth_path, first.object)
        truth_id, small = None, None
        if truth is not None:
            truth_id, small = f"truth-{number}", meshes.page_truth(truth, max_faces=self.faces)
            self.payloads[truth_id] = viewer.pack(small)
        panels = [self._panel(row, run, truth, small) for row, run in runs]
        found = {layer for panel in panels for layer in panel.layers} | set(small.layers if small else ())
        return ObjectSection(
            anchor=f"object-{number}",
            scene=first.scene,
            object=first.object,
            category=category_of(runs) or (record.category if record else ""),
            facts=facts,
            panels=panels,
            thumbnail=figures.thumbnail(folder, views, height=84, quality=self.quality),
            views=[v for v in shown if v is not None],
            num_views=len(views),
            hidden=figures.hidden_share(folder, views),
            azimuth=_azimuth(record),
            truth=truth_id,
            layers=tuple(sorted(found)),
        )

    def _panel(self, row: int, run: Run, truth: Truth | None, small: meshes.PageMesh | None) -> RunPanel:
        loaded = meshes.load_mesh(run.folder / "mesh.ply") if run.status == "ok" else None
        mesh_id, error_id = None, None
        layers: tuple[str, ...] = ()
        if loaded is not None:
            page = meshes.page_mesh(loaded, truth, max_faces=self.faces, error_range=self.error_range)
            mesh_id, layers = f"mesh-{row}", tuple(page.layers)
            self.payloads[mesh_id] = viewer.pack(page)
        if loaded is not None and small is not None:
            error_id = f"missed-{row}"
            self.payloads[error_id] = viewer.pack_bytes(meshes.truth_error(small, loaded, error_range=self.error_range))
        return RunPanel(
            run=run,
            name=panel_name(run),
            path="/".join(run.folder.parts[-5:]),
            row=row,
            mesh=mesh_id,
            truth_error=error_id,
            layers=layers,
            pictures=figures.render_pictures(
                run.folder, height=self.view_height, quality=self.quality, limit=self.pictures
            ),
            curves=read_curves(run.folder / "metrics.csv", 8),
            config=run_config(run),
        )


def plain_section(number: int, runs: Sequence[tuple[int, Run]], facts: dict[str, Any]) -> ObjectSection:
    """The object as numbers and verdicts: nothing of its pictures, meshes, configs and folders."""
    first = runs[0][1]
    panels = [RunPanel(run=run, name=panel_name(run), path="", row=row) for row, run in runs]
    return ObjectSection(f"object-{number}", first.scene, first.object, category_of(runs), facts, panels)


def category_of(runs: Sequence[tuple[int, Run]]) -> str:
    return next((run.category for _, run in runs if run.category), "")


def panel_name(run: Run) -> str:
    return method_name(run.method) + (f", seed {run.seed}" if run.seed != "0" else "")


def _record(folder: ObjectFolder) -> ObjectRecord | None:
    try:
        return folder.read_record()
    except (ValueError, KeyError, TypeError) as problem:
        _LOG.warning("no input views: %s", problem)
        return None


def _azimuth(record: ObjectRecord | None) -> float:
    """Direction, seen from the object, in which the cameras stood on average."""
    if record is None or not record.views:
        return -1.0
    positions = np.mean([v.camera_to_world[:3, 3] for v in record.views], 0) - record.frame.center
    return float(np.arctan2(positions[1], positions[0]))

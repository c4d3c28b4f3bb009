"""Scoring a mesh that somebody else made: with the truth alone, or with the prepared views where they are."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from o2recon.evaluate.evaluator import Evaluator
from o2recon.evaluate.instances import write_points
from o2recon.evaluate.layouts import Candidate
from o2recon.evaluate.protocol import protocol_values
from o2recon.evaluate.surface import Surface, read_points, read_surface
from o2recon.evaluate.truth import Truth, find_truth
from o2recon.mesh.export import read_evidence, write_ply
from o2recon.mesh.visible import DepthView, visible_part
from o2recon.workspace import ObjectFolder

_LOG = logging.getLogger(__name__)

PROTOCOL, CAD_PROTOCOL = "o2recon_protocol", "o2recon_protocol_cad"
PARTS = ("visible", "complete", "hidden")


@dataclass(frozen=True)
class References:
    """What one object is compared with. `folder` holds `<object>.ply` (None without); `cad`: a file of CAD points."""

    folder: Path | None
    cad: Path | None

    def truth(self, object_id: int) -> Truth | None:
        return find_truth(self.folder, object_id)

    def files(self, object_id: int) -> list[Path]:
        """The files that say what the object really is."""
        names = (f"{object_id}.ply", f"{object_id}_points.npz")
        own = [] if self.folder is None else [self.folder / name for name in names]
        return [f for f in (*own, self.cad) if f is not None and f.is_file()]


class MeshScorer:
    """Scores candidates with an evaluator and writes their meshes as those of a run.

    Without prepared views there is no verdict, and the split into seen and hidden only where the truth knows it.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def __call__(
        self, candidate: Candidate, references: References, prepared: ObjectFolder | None, out: Path
    ) -> dict[str, Any]:
        """`metrics`, `mesh`, `evidence`, `verdict` of result.json, and `notes`; mesh.ply and mesh_visible.ply in `out`.

        ValueError when the candidate has no mesh or a file of it is damaged.
        """
        if candidate.mesh is None:
            raise ValueError(candidate.error or "there is no mesh")
        surface = read_surface(candidate.mesh)
        truth = references.truth(candidate.object)
        visible = _visible(candidate, surface)
        if surface.mesh is None:
            done = self._cloud(surface, truth)
            write_points(out / "mesh.ply", surface.points)
        else:
            done = self._mesh(candidate, surface.mesh, visible, truth, references, prepared, out)
        metrics = done["metrics"]
        if metrics is not None and truth is not None and truth.mesh is None and candidate.cleaned is not None:
            metrics[PROTOCOL] = protocol_values(read_points(candidate.cleaned), truth.points)
        if references.cad is not None:
            done["metrics"] = self._with_cad(metrics, candidate, visible, references.cad)
        if truth is not None and surface.mesh is not None and _is_elsewhere(surface.mesh, truth):
            done["notes"].append("no part of it lies within 1 m of the truth: check scene, id, units and up axis")
        return done

    def failed(self, object_id: int, references: References) -> dict[str, Any] | None:
        """What an object without a usable mesh scores; None without truth."""
        truth = references.truth(object_id)
        metrics = None if truth is None else self._evaluator.metrics(None, None, truth)
        if references.cad is not None:
            values = protocol_values(np.zeros((0, 3)), read_points(references.cad))
            metrics = _with(metrics, values)
        return metrics

    def _mesh(
        self,
        candidate: Candidate,
        mesh: trimesh.Trimesh,
        visible: Surface | None,
        truth: Truth | None,
        references: References,
        prepared: ObjectFolder | None,
        out: Path,
    ) -> dict[str, Any]:
        assert candidate.mesh is not None
        evidence = read_evidence(candidate.mesh) if candidate.mesh.suffix.lower() == ".ply" else None
        fits = evidence is not None and len(evidence.value) == len(mesh.vertices)
        write_ply(out / "mesh.ply", mesh, evidence=evidence if fits else None)
        part = None if visible is None else visible.mesh
        if part is None and prepared is not None:
            part = self._seen_part(mesh, prepared)
        if part is not None:
            write_ply(out / "mesh_visible.ply", part)
        done: dict[str, Any] = {"evidence": {}, "verdict": None, "notes": []}
        if prepared is not None:
            folder = references.folder if truth is not None else None
            evaluation = self._evaluator(out / "mesh.ply", prepared, folder)
            verdict = evaluation.verdict
            done |= {"mesh": evaluation.mesh, "verdict": verdict, "evidence": verdict["evidence"] or {}}
            return done | {"metrics": evaluation.metrics}
        done["mesh"] = self._evaluator.properties(mesh, None)
        if part is None and truth is not None and truth.mesh is None and candidate.cleaned is None:
            done["notes"].append("original protocol with the whole mesh: nobody knows which part cameras saw")
        whole = part if part is not None else mesh
        return done | {"metrics": None if truth is None else self._evaluator.metrics(mesh, whole, truth)}

    def _seen_part(self, mesh: trimesh.Trimesh, prepared: ObjectFolder) -> trimesh.Trimesh:
        views = (prepared.read_view(view) for view in prepared.read_record().views)
        depths = (DepthView(v.camera, v.camera_to_world, v.depth) for v in views)
        return visible_part(mesh, depths, depth_sigma=self._evaluator.depth_sigma, margin=self._evaluator.margin)

    def _cloud(self, surface: Surface, truth: Truth | None) -> dict[str, Any]:
        """A point cloud has no surface: our metrics are null."""
        metrics: dict[str, Any] | None = None
        if truth is not None:
            reference = truth.points if truth.mesh is None else np.asarray(truth.mesh.vertices, float)
            metrics = dict.fromkeys(PARTS) | {PROTOCOL: protocol_values(surface.points, reference)}
        notes = ["a point cloud: only the original protocol applies"]
        record = {"vertices": len(surface.points), "faces": 0, "watertight": False}
        return {"metrics": metrics, "mesh": record, "evidence": {}, "verdict": None, "notes": notes}

    def _with_cad(
        self, metrics: dict[str, Any] | None, candidate: Candidate, visible: Surface | None, cad: Path
    ) -> dict[str, Any]:
        """Against CAD points: the vertices of the mesh that the original compares, else of the part that was seen."""
        assert candidate.mesh is not None
        if candidate.cad is None and visible is not None:
            points = visible.points
        else:
            points = read_points(candidate.cad or candidate.mesh)
        return _with(metrics, protocol_values(points, read_points(cad)))


def _with(metrics: dict[str, Any] | None, cad: dict[str, float | None]) -> dict[str, Any]:
    """Metrics with those against CAD points, which are the original's protocol where there is no other truth."""
    if metrics is None:
        metrics = dict.fromkeys(PARTS) | {PROTOCOL: cad}
    return metrics | {CAD_PROTOCOL: cad}


def _visible(candidate: Candidate, surface: Surface) -> Surface | None:
    """The part that cameras saw, where there is a file of it."""
    if candidate.visible is None or surface.mesh is None:
        return None
    return read_surface(candidate.visible)


def _is_elsewhere(mesh: trimesh.Trimesh, truth: Truth) -> bool:
    """Whether the boxes of mesh and truth are more than 1 m apart."""
    low, high = truth.points.min(0), truth.points.max(0)
    gap = np.maximum(mesh.bounds[0] - high, low - mesh.bounds[1])
    return bool(gap.max() > 1.0)

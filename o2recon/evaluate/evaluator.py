"""The evaluate stage: one mesh against the truth, and the verdict that needs none."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.evaluate.contact import floor_gap_cm, is_stable
from o2recon.evaluate.distances import checked_thresholds
from o2recon.evaluate.intersections import self_intersections
from o2recon.evaluate.metrics import score
from o2recon.evaluate.protocol import protocol_values, voxel_average
from o2recon.evaluate.seen import seen_points
from o2recon.evaluate.truth import Truth, find_truth
from o2recon.evaluate.verdict import Limits, failed_verdict, held_out_agreement, verdict
from o2recon.mesh.evidence import area_shares, vertex_evidence
from o2recon.mesh.export import read_evidence, read_mesh
from o2recon.mesh.mesh import summary
from o2recon.mesh.visible import DepthView
from o2recon.types import ObjectView
from o2recon.workspace import ObjectFolder

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """`metrics` as in result.json, None without truth; `verdict` as in `o2recon.evaluate.verdict`.

    `mesh`: what the mesh is by itself, as `o2recon.mesh.summary` says, with `self_intersections` (pairs of faces, None
    in a mesh too large), `floor_gap_cm` and `stable` (None where no floor is known); empty for a failure. `truth`: its
    kind, None without.
    """

    metrics: dict[str, Any] | None
    verdict: dict[str, Any]
    mesh: dict[str, Any] = field(default_factory=dict)
    truth: str | None = None


class Evaluator:
    """Scores meshes of prepared objects.

    `thresholds_cm`: of precision, recall and F-scores. `max_intersection_faces`: no search for self-intersections in
    larger meshes. `support_reach`: metres above the lowest vertex up to which vertices bear the object. `margin`:
    metres that a surface may be off a measured depth besides 2 sigma; sigma(z) = noise_offset + noise_factor
    (z - noise_start)^2. `voxel_size`: metres, of the original protocol's point clouds. `*_limits`: (good, fair) ends of
    the verdict's grades.
    """

    def __init__(
        self,
        *,
        thresholds_cm: Sequence[float | int],
        max_intersection_faces: int,
        support_reach: float,
        margin: float,
        noise_offset: float,
        noise_factor: float,
        noise_start: float,
        voxel_size: float,
        depth_residual_cm_limits: Sequence[float],
        silhouette_iou_limits: Sequence[float],
        guessed_limits: Sequence[float],
    ) -> None:
        self.thresholds_cm = checked_thresholds(thresholds_cm)
        self.max_intersection_faces = max_intersection_faces
        self.support_reach = support_reach
        self.margin = margin
        self.noise = (noise_offset, noise_factor, noise_start)
        self.voxel_size = voxel_size
        self.limits = Limits(
            depth_residual_cm=(depth_residual_cm_limits[0], depth_residual_cm_limits[1]),
            silhouette_iou=(silhouette_iou_limits[0], silhouette_iou_limits[1]),
            guessed=(guessed_limits[0], guessed_limits[1]),
        )

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Standard deviation of sensor depth, metres."""
        offset, factor, start = self.noise
        return offset + factor * (z - start) ** 2

    def __call__(self, mesh_file: Path | None, folder: ObjectFolder, groundtruth: Path | None) -> Evaluation:
        """Score `mesh_file` (PLY or GLB of scene coordinates; None = the object failed) of a prepared object.

        `mesh_visible.ply` beside it is what the original protocol compares. ValueError when a file is damaged.
        """
        record = folder.read_record()
        truth = find_truth(groundtruth, record.object)

        def every() -> Iterator[ObjectView]:
            return (folder.read_view(view) for view in record.views)

        mesh = read_mesh(mesh_file) if mesh_file is not None and mesh_file.is_file() else None
        visible = mesh
        if mesh is not None and mesh_file is not None and (mesh_file.parent / "mesh_visible.ply").is_file():
            visible = read_mesh(mesh_file.parent / "mesh_visible.ply", allow_empty=True)
        metrics = None if truth is None else self.metrics(mesh, visible, self.with_seen(truth, every))
        kind = None if truth is None else truth.kind
        if mesh is None or mesh_file is None:
            return Evaluation(metrics, failed_verdict("there is no mesh"), truth=kind)
        evidence = read_evidence(mesh_file) if mesh_file.suffix == ".ply" else None
        if evidence is None:
            evidence = vertex_evidence(mesh, every(), depth_sigma=self.depth_sigma, margin=self.margin)
        apart = (folder.read_view(view) for view in record.views if view.held_out)
        agreement = held_out_agreement(mesh, apart, depth_sigma=self.depth_sigma, margin=self.margin)
        shares = area_shares(mesh, evidence)
        facts = self.properties(mesh, record.floor)
        closed, pieces = facts["watertight"], facts["components"]
        told = verdict(agreement, shares, watertight=closed, pieces=pieces, limits=self.limits)
        return Evaluation(metrics, told, facts, kind)

    def properties(self, mesh: trimesh.Trimesh, floor: float | None) -> dict[str, Any]:
        """The `mesh` of `Evaluation`. World, metres; `floor` is its height, without which nobody knows what is up."""
        return summary(mesh) | {
            "self_intersections": self_intersections(mesh, max_faces=self.max_intersection_faces),
            "floor_gap_cm": None if floor is None else floor_gap_cm(mesh, floor),
            "stable": None if floor is None else is_stable(mesh, reach=self.support_reach),
        }

    def metrics(self, mesh: trimesh.Trimesh | None, visible: trimesh.Trimesh | None, truth: Truth) -> dict[str, Any]:
        """Our metrics and, under `o2recon_protocol`, the original's: the vertices of `visible` against the truth's.

        Against an observed point set the vertices are averaged in voxels first, as the original does.
        """
        points = np.zeros((0, 3)) if visible is None else np.asarray(visible.vertices, float)
        if truth.mesh is None:
            points = voxel_average(points, size=self.voxel_size)
        reference = truth.points if truth.mesh is None else np.asarray(truth.mesh.vertices, float)
        return score(mesh, truth, thresholds_cm=self.thresholds_cm) | {
            "o2recon_protocol": protocol_values(points, reference)
        }

    def with_seen(self, truth: Truth, prepared: Callable[[], Iterable[ObjectView]]) -> Truth:
        """`truth` with its `seen`, computed from the prepared views' depth where it does not say so itself."""
        if truth.seen is not None or truth.normals is None or truth.observed_only:
            return truth
        depths = [DepthView(v.camera, v.camera_to_world, v.depth) for v in prepared()]
        _LOG.info("object %d: what was seen is computed from its %d prepared views", truth.object, len(depths))
        seen = seen_points(truth.points, truth.normals, depths, depth_sigma=self.depth_sigma, margin=self.margin)
        return replace(truth, seen=seen)

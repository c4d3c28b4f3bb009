"""The mesh stage: from fields to the files a user gets."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import trimesh
from jaxtyping import Float

from o2recon.machine import give_memory_back, out_of_memory
from o2recon.mesh.clean import kept_faces, remove_floaters, split
from o2recon.mesh.color import Color, set_colors, stored_colors, vertex_colors
from o2recon.mesh.evidence import Evidence, area_shares, vertex_evidence
from o2recon.mesh.export import write_glb, write_ply
from o2recon.mesh.marching import Sdf, extract
from o2recon.mesh.raycast import Caster
from o2recon.mesh.render import orbit, render_looks
from o2recon.mesh.visible import DepthView, visible_faces
from o2recon.types import ObjectFrame, ObjectView
from o2recon.workspace import ObjectFolder, write_image

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeshResult:
    """The finished mesh (world, metres) and what `result.json` says about it."""

    mesh: trimesh.Trimesh
    evidence: Evidence
    summary: dict[str, int | float | bool]
    """vertices, faces, watertight, components, volume_m3."""
    shares: dict[str, float]
    """Shares of the surface seen, inpainted, guessed."""


class Mesher:
    """Turns a trained field into mesh.ply, mesh.glb, mesh_visible.ply and renders/*.png.

    `spacing_m`: cell size of marching cubes in metres; `max_resolution`: never more cells than this along the longest
    side. `block`, `safety`, `chunk`: see `extract`. `min_*_share`: see `remove_floaters`. `margin`: metres that a
    vertex may be off a measured depth besides 2 sigma. `noise_*`: sigma(z) = offset + factor (z - start)^2, metres.
    `render_size` pixels, `azimuths` and `elevation` degrees.
    """

    def __init__(
        self,
        *,
        spacing_m: float,
        max_resolution: int,
        block: int,
        safety: float,
        chunk: int,
        min_area_share: float,
        min_evidence_share: float,
        min_evidence_area_share: float,
        margin: float,
        noise_offset: float,
        noise_factor: float,
        noise_start: float,
        render_size: int,
        azimuths: Sequence[float | int],
        elevation: float | int,
    ) -> None:
        self.spacing_m = spacing_m
        self.max_resolution = max_resolution
        self.sampling = {"block": block, "safety": safety, "chunk": chunk}
        self.pieces = {
            "min_area_share": min_area_share,
            "min_evidence_share": min_evidence_share,
            "min_evidence_area_share": min_evidence_area_share,
        }
        self.margin = margin
        self.noise = (noise_offset, noise_factor, noise_start)
        self.render_size = render_size
        self.azimuths = [float(a) for a in azimuths]
        self.elevation = elevation

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Standard deviation of sensor depth, metres."""
        offset, factor, start = self.noise
        return offset + factor * (z - start) ** 2

    def __call__(
        self, sdf: Sdf, color: Color | None, folder: ObjectFolder, out: Path, *, device: str | torch.device = "cpu"
    ) -> MeshResult:
        """Mesh one object: `sdf` and `color` as in `extract` and `vertex_colors`; views of `folder`, files to `out`.

        ValueError when the field has no surface; then nothing is written.
        """
        record = folder.read_record()
        frame = record.frame
        longest = 2 * float(frame.half_extents.max())
        spacing = max(self.spacing_m, longest / self.max_resolution)
        mesh = self._extracted(sdf, frame, spacing, device)
        rgb = None
        if color is not None:
            rgb = vertex_colors(mesh, color, frame, chunk=int(self.sampling["chunk"]), device=device)
        return self.finish(mesh, rgb, (folder.read_view(v) for v in record.views), out, clean=True)

    def _extracted(self, sdf: Sdf, frame: ObjectFrame, spacing: float, device: str | torch.device) -> trimesh.Trimesh:
        """With the grid on `device`; in the machine's memory where that one's does not hold it."""
        try:
            return extract(sdf, frame, spacing_m=spacing, **self.sampling, device=device)  # type: ignore[arg-type]
        except (RuntimeError, MemoryError) as error:
            if torch.device(device).type == "cpu" or out_of_memory(error) is None:
                raise
        _LOG.warning("the memory of %s is short: the mesh is put together on the CPU", device)
        give_memory_back()  # the error is not held any more

        def carried(points: torch.Tensor) -> torch.Tensor:
            return sdf(points.to(device)).cpu()

        return extract(carried, frame, spacing_m=spacing, **self.sampling)  # type: ignore[arg-type]

    def finish(
        self, mesh: trimesh.Trimesh, rgb: np.ndarray | None, views: Iterable[ObjectView], out: Path, *, clean: bool
    ) -> MeshResult:
        """Add evidence and colours to any mesh (world, metres) and write the files. Also for baselines.

        `views` are looked at one after the other. `clean`: remove floaters first; not from a fused surface, whose
        pieces are all measured. `rgb` None: the mesh has its colours already, or none.
        """
        if rgb is not None:
            set_colors(mesh, rgb)
        depths: list[DepthView] = []

        def noted() -> Iterator[ObjectView]:
            for view in views:
                depths.append(DepthView(view.camera, view.camera_to_world, view.depth))
                yield view

        evidence = vertex_evidence(mesh, noted(), depth_sigma=self.depth_sigma, margin=self.margin)
        mesh.vertex_attributes.update({"evidence": evidence.value, "source": evidence.source})
        if clean:
            mesh = remove_floaters(mesh, evidence=evidence.value, **self.pieces)
        evidence = _stored_evidence(mesh)
        caster = Caster(mesh)
        faces = visible_faces(mesh, depths, depth_sigma=self.depth_sigma, margin=self.margin, caster=caster)
        visible = kept_faces(mesh, faces)
        result = MeshResult(mesh, evidence, summary(mesh), area_shares(mesh, evidence))
        write_ply(out / "mesh.ply", mesh, evidence=evidence)
        write_glb(out / "mesh.glb", {"object": mesh})
        write_ply(out / "mesh_visible.ply", visible, evidence=_stored_evidence(visible))
        self.render(mesh, evidence, caster, out / "renders")
        return result

    def render(self, mesh: trimesh.Trimesh, evidence: Evidence, caster: Caster, out: Path) -> None:
        """`caster` is that of `mesh`. Writes clay_<azimuth>.png, color_<azimuth>.png and evidence_<azimuth>.png."""
        looks = {"clay": None, "evidence": evidence.colors}
        rgb = stored_colors(mesh)
        if rgb is not None:
            looks["color"] = rgb
        size = self.render_size
        for azimuth in self.azimuths:
            camera, pose = orbit(mesh, width=2 * size, height=2 * size, azimuth=azimuth, elevation=self.elevation)
            pictures = render_looks(mesh, camera, pose, list(looks.values()), caster=caster)
            for name, picture in zip(looks, pictures, strict=True):
                smaller = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
                write_image(out / f"{name}_{azimuth:.0f}.png", smaller)


def summary(mesh: trimesh.Trimesh) -> dict[str, int | float | bool]:
    """The `mesh` entry of result.json. `volume_m3` is signed and only means something when watertight."""
    pieces = split(mesh)
    return {
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "watertight": bool(mesh.is_watertight and mesh.is_winding_consistent),
        "components": pieces.count,
        "volume_m3": float(pieces.volume.sum()),
    }


def _stored_evidence(mesh: trimesh.Trimesh) -> Evidence:
    attributes = mesh.vertex_attributes
    return Evidence(np.asarray(attributes["evidence"], np.float32), np.asarray(attributes["source"], np.uint8))

"""The stage: a finished run's mesh with a texture, and ready for a simulator."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import cKDTree

from o2recon.export.atlas import Atlas, filled, texels_of, unwrap
from o2recon.export.bake import Baker, Sigma, nearest_colors
from o2recon.export.collision import Collider, body_of, density_of, open_reason
from o2recon.export.decimate import decimated, is_closed
from o2recon.export.fidelity import held_out_psnr
from o2recon.export.placement import described, into, object_pose
from o2recon.export.urdf import urdf, write_obj, write_textured_obj, write_urdf
from o2recon.mesh import Glb, TexturedMesh, encoded, read_mesh, stored_colors
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder, written_atomically

logger = logging.getLogger(__name__)
TEXTURED = "textured.glb"
SIMULATION = "simulation"
_GREY = 180


class Exporter:
    """Writes textured.glb and, for a closed mesh, simulation/ (URDF, OBJ files) into a run's folder.

    `max_faces` of the textured mesh; the texture has about `resolution` texels squared, charts `padding` texels apart,
    stored as `texture_format` (jpg or png). `densities`: kg/m3 per category, with a `default`. `origin` of the
    simulated object: see `object_pose`. `baker`, `collider`: see there.
    """

    def __init__(
        self,
        *,
        max_faces: int,
        resolution: int,
        padding: int,
        texture_format: str,
        origin: str,
        densities: Mapping[str, float | int],
        baker: Baker,
        collider: Collider,
    ) -> None:
        if texture_format not in ("jpg", "png"):
            raise ValueError(f"export.texture_format={texture_format}: choose jpg or png")
        self.max_faces, self.resolution, self.padding = max_faces, resolution, padding
        self.suffix, self.origin, self.densities = f".{texture_format}", origin, dict(densities)
        self.baker, self.collider = baker, collider

    def __call__(self, run: Path, folder: ObjectFolder, depth_sigma: Sigma) -> dict[str, Any]:
        """Export `run`'s mesh.ply with the views of `folder`; `depth_sigma`: the sensor's noise at z, metres.

        Gives the notes for the manifest. ValueError when the mesh is missing or empty.
        """
        mesh, record = read_mesh(run / "mesh.ply"), folder.read_record()
        pose = object_pose(np.asarray(mesh.vertices), record.frame, self.origin)
        textured, notes = self.texture(mesh, folder, record, depth_sigma)
        writer = Glb()
        writer.add_textured("object", textured, image=encoded(textured.image, self.suffix), suffix=self.suffix)
        with written_atomically(run / TEXTURED) as temporary:
            temporary.write_bytes(writer.content())
        about = {"object": record.object, "category": record.category, "pose": described(pose), "texture": notes}
        return about | {"simulation": self._simulation(run / SIMULATION, mesh, textured, record, pose)}

    def texture(
        self, mesh: trimesh.Trimesh, folder: ObjectFolder, record: ObjectRecord, depth_sigma: Sigma
    ) -> tuple[TexturedMesh, dict[str, Any]]:
        """The mesh (world, metres) with fewer faces and a texture baked from the views that are not held out."""
        fewer = decimated(mesh, max_faces=self.max_faces)
        nearest = cKDTree(mesh.vertices).query(fewer.vertices)[1]
        atlas = unwrap(
            fewer, np.asarray(mesh.vertex_normals)[nearest], resolution=self.resolution, padding=self.padding
        )
        texels = texels_of(atlas)
        rgb = stored_colors(mesh)
        rgb = np.full((len(mesh.vertices), 3), _GREY, np.uint8) if rgb is None else rgb
        known = nearest_colors(np.asarray(mesh.vertices), rgb, texels.points)
        photos = self.baker.photos(fewer, folder, [v for v in record.views if not v.held_out], depth_sigma)
        baked = self.baker(texels, known, photos)
        textured = _textured(atlas, texels.inside, baked.color)
        views = [folder.read_view(v) for v in record.views if v.held_out]
        psnr = held_out_psnr(textured, mesh, rgb, views)
        notes = {
            "vertices": len(atlas.vertices),
            "faces": len(atlas.faces),
            "watertight": is_closed(fewer),
            "size_px": [atlas.width, atlas.height],
            "texel_mm": round(1000 * float(np.sqrt(fewer.area / max(len(texels.points), 1))), 3),
            "photographed": round(float(baked.seen.mean()), 4),
            "held_out_psnr_db": psnr,
        }
        return textured, notes

    def _simulation(
        self,
        out: Path,
        mesh: trimesh.Trimesh,
        textured: TexturedMesh,
        record: ObjectRecord,
        pose: Float[np.ndarray, "4 4"],
    ) -> dict[str, Any]:
        """simulation/ with object.urdf and its meshes; why there is none when the mesh is open."""
        for old in out.glob("object*"):
            old.unlink()
        if not is_closed(mesh):
            reason = open_reason(mesh)
            logger.warning("object %d (%s): no URDF: %s", record.object, record.category, reason)
            return {"urdf": None, "reason": reason}
        local = trimesh.Trimesh(into(pose, np.asarray(mesh.vertices)), mesh.faces, process=False)
        density = density_of(record.category, self.densities)
        body, shape = body_of(local, density=density), self.collider(local)
        stem = f"object_{record.object}"  # simulators that load several objects tell meshes apart by file name
        parts = [f"{stem}_part_{i:03d}.obj" for i in range(len(shape.parts))]
        moved = into(pose, textured.vertices), textured.normals @ pose[:3, :3]
        visual = TexturedMesh(*moved, textured.faces, textured.uv, textured.image)
        write_textured_obj(out / f"{stem}.obj", visual, suffix=self.suffix)
        write_obj(out / f"{stem}_collision.obj", [shape.closed])
        for name, part in zip(parts, shape.parts, strict=True):
            write_obj(out / name, [part])
        content = urdf(f"{stem}_{record.category}".replace(" ", "_"), body, visual=f"{stem}.obj", parts=parts)
        write_urdf(out / "object.urdf", content)
        return {
            "urdf": f"{SIMULATION}/object.urdf",
            "density_kg_m3": density,
            "mass_kg": round(body.mass, 4),
            "center_of_mass_m": body.center.tolist(),
            "inertia_kg_m2": body.inertia.tolist(),
            "collision_faces": len(shape.closed.faces),
            "parts": len(parts),
            "parts_volume_ratio": round(shape.volume_ratio, 4),
            "parts_cover": round(shape.covered, 4),
        }


def _textured(atlas: Atlas, inside: np.ndarray, color: np.ndarray) -> TexturedMesh:
    image = np.zeros((atlas.height, atlas.width, 3), np.uint8)
    image[inside] = np.rint(color).astype(np.uint8)
    uv = atlas.uv / [atlas.width, atlas.height]
    return TexturedMesh(atlas.vertices, atlas.normals, atlas.faces, uv, filled(image, inside))

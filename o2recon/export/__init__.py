"""Finished meshes for other programs: textured, and as closed convex parts with mass for simulators."""

from o2recon.export.atlas import Atlas, Texels, texels_of, unwrap
from o2recon.export.bake import Baked, Baker, Photos
from o2recon.export.collision import Body, Collider, Collision, body_of, density_of, is_physical
from o2recon.export.decimate import decimated, is_closed
from o2recon.export.export import Exporter
from o2recon.export.fidelity import held_out_psnr
from o2recon.export.placement import described, exported_in, object_pose, write_placed
from o2recon.export.urdf import urdf, write_obj, write_textured_obj, write_urdf

__all__ = [
    "Atlas",
    "Baked",
    "Baker",
    "Body",
    "Collider",
    "Collision",
    "Exporter",
    "Photos",
    "Texels",
    "body_of",
    "decimated",
    "density_of",
    "described",
    "exported_in",
    "held_out_psnr",
    "is_closed",
    "is_physical",
    "object_pose",
    "texels_of",
    "unwrap",
    "urdf",
    "write_obj",
    "write_placed",
    "write_textured_obj",
    "write_urdf",
]

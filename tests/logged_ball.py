"""The sphere of `sphere_scene` as a mesh, right or too large."""

import trimesh
from sphere_scene import sphere_scene


def ball(factor: float) -> trimesh.Trimesh:
    """`factor` times as large as it is; world, metres."""
    scene = sphere_scene(size=48)
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=factor * scene.radius)
    mesh.apply_translation(scene.frame.center)
    return mesh

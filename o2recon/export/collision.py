"""What a simulator needs of a closed mesh: few faces, convex parts, mass, centre of mass, inertia."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.export.decimate import decimated, is_closed


@dataclass(frozen=True)
class Body:
    """Mass properties of a homogeneous solid: kilograms, metres, kg m2. `inertia` is about the centre of mass, in the
    mesh's axes."""

    mass: float
    center: Float[np.ndarray, "3"]
    inertia: Float[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Collision:
    """`closed`: the object with few faces. `parts`: convex, closed, together about the object.

    `volume_ratio`: volume of the parts' union over that of the object; `covered`: share of the object inside the union.
    """

    closed: trimesh.Trimesh
    parts: tuple[trimesh.Trimesh, ...]
    volume_ratio: float
    covered: float


class Collider:
    """Makes collision shapes. `method`: coacd (approximate convex decomposition) or hull (one convex hull).

    `max_faces` of the closed copy that is decomposed; `threshold`: concavity that parts may keep, as CoACD counts it
    (0.01 many parts to 1 few); at most `max_parts` of `max_part_vertices` each (-1: no limit).
    """

    def __init__(
        self, *, method: str, max_faces: int, threshold: float, max_parts: int, max_part_vertices: int, seed: int
    ) -> None:
        if method not in ("coacd", "hull"):
            raise ValueError(f"export.collider.method={method}: choose coacd or hull")
        if not 0.01 <= threshold <= 1:
            raise ValueError(f"export.collider.threshold={threshold}: choose a number from 0.01 (many parts) to 1")
        self.method, self.max_faces, self.seed = method, max_faces, seed
        self.options = {"threshold": threshold, "max_convex_hull": max_parts, "max_ch_vertex": max_part_vertices}

    def __call__(self, mesh: trimesh.Trimesh) -> Collision:
        """Of a closed mesh (any frame, metres). ValueError when it is open; ImportError without coacd."""
        if not is_closed(mesh):
            raise ValueError(open_reason(mesh))
        closed = decimated(mesh, max_faces=self.max_faces)
        parts = (closed.convex_hull,) if self.method == "hull" else self._decomposed(closed)
        union = trimesh.boolean.union(parts, engine="manifold") if len(parts) > 1 else parts[0]
        common = trimesh.boolean.intersection([union, closed], engine="manifold")
        ratio, covered = union.volume / closed.volume, common.volume / closed.volume
        return Collision(closed, tuple(parts), float(ratio), float(covered))

    def _decomposed(self, mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, ...]:
        """Convex parts; their hulls are taken again, since CoACD's own may be convex only nearly."""
        try:
            import coacd
        except ImportError as error:
            raise ImportError(
                "convex parts need coacd: pip install 'o2recon[export]', or export.collider.method=hull for one hull"
            ) from error
        coacd.set_log_level("error")
        center = mesh.bounds.mean(0)
        shape = coacd.Mesh(np.asarray(mesh.vertices) - center, np.asarray(mesh.faces))
        found = coacd.run_coacd(shape, preprocess_mode="off", decimate=True, seed=self.seed, **self.options)
        hulls = [trimesh.convex.convex_hull(np.asarray(vertices)) for vertices, _ in found]
        for hull in hulls:
            hull.apply_translation(center)
        return tuple(hull for hull in hulls if is_closed(hull))


def body_of(mesh: trimesh.Trimesh, *, density: float | int) -> Body:
    """Mass properties of the solid that a closed `mesh` bounds (exact integrals over its faces); density in kg/m3.

    ValueError when the mesh is open or the inertia is that of no body.
    """
    if not is_closed(mesh):
        raise ValueError(open_reason(mesh))
    if density <= 0:
        raise ValueError(f"a density of {density} kg/m3: choose one above 0 in export.densities")
    center = mesh.bounds.mean(0)
    solid = trimesh.Trimesh(np.asarray(mesh.vertices) - center, mesh.faces, process=False)
    solid.density = density
    body = Body(float(solid.mass), solid.center_mass + center, np.asarray(solid.moment_inertia))
    if not is_physical(body):
        raise ValueError(f"the mesh bounds {mesh.volume:.2g} m3, whose inertia is that of no body: mesh it finer")
    return body


def is_physical(body: Body) -> bool:
    """Whether mass and principal moments are positive and no moment exceeds the sum of the other two."""
    moments = np.sort(np.linalg.eigvalsh(body.inertia))
    return bool(body.mass > 0 and moments[0] > 0 and moments[2] <= moments[0] + moments[1] + 1e-9 * moments[2])


def density_of(category: str, densities: Mapping[str, float | int]) -> float:
    """kg/m3 of a category: its own entry, else that of its last word (office chair: chair), else `default`."""
    name = category.strip().lower()
    found = next((densities[n] for n in (name, (name.split() or [""])[-1]) if n in densities), None)
    return float(densities["default"] if found is None else found)


def open_reason(mesh: trimesh.Trimesh) -> str:
    """Why there is no collision shape."""
    edges = trimesh.grouping.group_rows(mesh.edges_sorted, require_count=1)
    what = f"is open ({len(edges)} border edges)" if len(edges) else "does not bound a volume"
    return f"the mesh {what}, so it has no mass and no collision shape: use a method that closes surfaces"

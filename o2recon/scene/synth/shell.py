"""The room around the furniture: floor, ceiling, walls, skirting boards, pictures and lamps."""

from collections.abc import Sequence

import numpy as np
import trimesh

from o2recon.scene.synth.furniture import block
from o2recon.scene.synth.layout import Placed
from o2recon.scene.synth.render import Light, Surface
from o2recon.scene.synth.texture import Texture, color_of

LABELS = {
    "wall": (1, 1),
    "chair": (2, 5),
    "floor": (3, 2),
    "table": (4, 7),
    "couch": (6, 6),
    "shelf": (8, 15),
    "box": (26, 29),
    "lamp": (28, 35),
    "ceiling": (41, 22),
}
"""Label id and NYU40 id of every category, as in ScanNet's label table."""

_WALLS = (
    ((0.83, 0.8, 0.72), (0.78, 0.75, 0.66)),
    ((0.74, 0.8, 0.78), (0.68, 0.75, 0.73)),
    ((0.84, 0.77, 0.7), (0.79, 0.71, 0.63)),
)
_FLOORS = (
    ((0.68, 0.5, 0.33), (0.56, 0.38, 0.23)),
    ((0.55, 0.43, 0.33), (0.43, 0.32, 0.24)),
    ((0.72, 0.6, 0.46), (0.62, 0.5, 0.36)),
)


def lights_of(room_size: Sequence[float | int]) -> tuple[Light, ...]:
    """A wide lamp before the furniture and a weaker one at the side, both under the ceiling."""
    width, depth, height = room_size
    return (
        Light((0.36 * width, 0.32 * depth, height - 0.05), 0.9, 3.1),
        Light((0.86 * width, 0.45 * depth, height - 0.3), 0.5, 1.4),
    )


def shell(room_size: Sequence[float | int], seed: int) -> list[Surface]:
    """Closed walls with what is fixed to them; all of it background."""
    rng = np.random.default_rng([seed, 4])
    width, depth, height = (float(x) for x in room_size)
    wall = Texture("wallpaper", _WALLS[int(rng.integers(len(_WALLS)))], 0.12)
    floor = Texture("planks", _FLOORS[int(rng.integers(len(_FLOORS)))], 0.11)
    white = Texture("plain", ((0.9, 0.9, 0.88), (0.93, 0.93, 0.91)), 0.1)
    corners = np.array([[0, 0], [width, 0], [width, depth], [0, depth]])
    level = np.pad(corners, ((0, 0), (0, 1)))
    surfaces = [
        _surface(_quad(level), floor, "floor"),
        _surface(_quad(level[::-1] + np.array([0, 0, height])), white, "ceiling"),
    ]
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        foot = np.array([[*end, 0], [*start, 0], [*start, height], [*end, height]])
        surfaces.append(_surface(_quad(foot), wall, "wall"))
    surfaces.append(_surface(block((width, 0.012, 0.08), (width / 2, depth - 0.006, 0), bevel=0.003), white, "wall"))
    for x in (0.006, width - 0.006):
        surfaces.append(_surface(block((0.012, depth, 0.08), (x, depth / 2, 0), bevel=0.003), white, "wall"))
    return surfaces + _pictures(width, depth, rng)


def furniture_surfaces(placed: Sequence[Placed]) -> list[Surface]:
    """What the parts of all pieces look like in the room."""
    return [
        Surface(
            part.mesh.copy().apply_transform(piece.local_to_world),
            part.texture,
            np.linalg.inv(piece.local_to_world),
            piece.instance,
            LABELS[piece.furniture.category][0],
            True,
        )
        for piece in placed
        for part in piece.furniture.parts
    ]


def _pictures(width: float, depth: float, rng: np.random.Generator) -> list[Surface]:
    """Two framed pictures on the back wall."""
    surfaces = []
    frame = Texture("wood", ((0.25, 0.17, 0.1), (0.15, 0.1, 0.06)), 0.05)
    for share in (0.28, 0.68):
        x, w, h = width * (share + rng.uniform(-0.05, 0.05)), rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.5)
        z = 1.62 + rng.uniform(-0.03, 0.05)
        tone = rng.uniform(0.15, 0.85, (2, 3))
        paint = Texture("painting", (color_of(tone[0]), color_of(tone[1])), 0.1)
        surfaces.append(_surface(block((w, 0.02, h), (x, depth - 0.01, z)), frame, "wall"))
        canvas = block((w - 0.06, 0.004, h - 0.06), (x, depth - 0.022, z + 0.03), bevel=0.001)
        surfaces.append(_surface(canvas, paint, "wall"))
    return surfaces


def _surface(mesh: trimesh.Trimesh, texture: Texture, label: str) -> Surface:
    return Surface(mesh, texture, np.eye(4), 0, LABELS[label][0], False)


def _quad(corners: np.ndarray) -> trimesh.Trimesh:
    """Two triangles; their normals follow the right hand around the corners."""
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)

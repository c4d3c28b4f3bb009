"""Procedural furniture: closed, textured, of random proportions, with exact geometry.

Every piece stands on z = 0 around the origin and looks along -y (its back is at +y). It is drawn from its overlapping
closed parts, each with its own texture; the truth is their boolean union, so both have the same outer surface.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.scene.synth.texture import Texture, color_of

Size = Sequence[float | int]
Color = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """One closed mesh of one texture, in the frame of its piece of furniture (metres)."""

    mesh: trimesh.Trimesh
    texture: Texture


@dataclass(frozen=True)
class Furniture:
    """A piece of furniture. `mesh`: closed union of the parts. `category`: its name in ScanNet's label table."""

    kind: str
    category: str
    parts: tuple[Part, ...]
    mesh: trimesh.Trimesh


def hull(points: Float[np.ndarray, "points 3"]) -> trimesh.Trimesh:
    """The closed convex mesh around points."""
    return trimesh.Trimesh(points).convex_hull


def block(size: Size, at: Size, *, bevel: float = 0.004) -> trimesh.Trimesh:
    """A box with bevelled edges; `at` is the middle of its underside."""
    half = np.array(size) / 2
    bevel = min(bevel, 0.45 * float(min(half)) * 2)
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
    points = [corners * (half - bevel * (1 - np.eye(3)[axis])) for axis in range(3)]
    return hull(np.concatenate(points) + np.array(at) + (0, 0, half[2]))


def cushion(size: Size, at: Size, *, radius: float) -> trimesh.Trimesh:
    """A box rounded by a sphere of `radius`; `at` is the middle of its underside."""
    half = np.array(size) / 2
    radius = min(radius, 0.98 * float(half.min()))
    ball = trimesh.creation.icosphere(subdivisions=2, radius=radius).vertices
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T * (half - radius)
    return hull((corners[:, None] + ball[None]).reshape(-1, 3) + np.array(at) + (0, 0, half[2]))


def rod(start: Size, end: Size, start_radius: float, end_radius: float, *, sides: int = 16) -> trimesh.Trimesh:
    """A tapered rod with level ends from `start` to `end`."""
    angle = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], 1)
    return hull(np.concatenate([np.array(start) + circle * start_radius, np.array(end) + circle * end_radius]))


def build(kind: str, rng: np.random.Generator) -> Furniture:
    """A piece of furniture of random size and colour. ValueError for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"no furniture of kind {kind!r}: choose from {', '.join(KINDS)}")
    category, maker = KINDS[kind]
    parts = tuple(maker(rng))
    mesh = trimesh.boolean.union([part.mesh for part in parts], engine="manifold")
    return Furniture(kind, category, parts, trimesh.Trimesh(mesh.vertices, mesh.faces, process=False))


def _shades(rng: np.random.Generator, first: Color, second: Color) -> tuple[Color, Color]:
    """Both colours a little brighter or darker, and a little shifted in hue, alike."""
    gain = rng.uniform(0.88, 1.12) * (1 + 0.025 * rng.normal(size=3))
    return color_of(np.clip(first * gain, 0.02, 0.95)), color_of(np.clip(second * gain, 0.02, 0.95))


def wood(rng: np.random.Generator, axis: int) -> Texture:
    """Oak, walnut or pine with its grain along an axis."""
    tones = (
        ((0.62, 0.42, 0.24), (0.44, 0.27, 0.14)),
        ((0.36, 0.22, 0.13), (0.22, 0.12, 0.07)),
        ((0.8, 0.62, 0.4), (0.66, 0.46, 0.26)),
    )
    light, dark = tones[int(rng.integers(len(tones)))]
    return Texture("wood", _shades(rng, light, dark), 0.06, axis)


def cloth(rng: np.random.Generator, patterns: Sequence[str] = ("fabric", "fabric", "stripes", "checker")) -> Texture:
    """Upholstery in one of a few colours."""
    tones = (
        ((0.16, 0.36, 0.46), (0.26, 0.5, 0.6)),
        ((0.62, 0.22, 0.16), (0.74, 0.36, 0.26)),
        ((0.3, 0.4, 0.22), (0.44, 0.54, 0.32)),
        ((0.66, 0.5, 0.16), (0.78, 0.63, 0.3)),
        ((0.36, 0.3, 0.46), (0.5, 0.44, 0.6)),
    )
    dark, light = tones[int(rng.integers(len(tones)))]
    pattern = patterns[int(rng.integers(len(patterns)))]
    return Texture(pattern, _shades(rng, dark, light), float(rng.uniform(0.03, 0.05)))


def _along(texture: Texture, axis: int) -> Texture:
    return Texture(texture.pattern, texture.colors, texture.scale, axis)


def _chair(rng: np.random.Generator) -> list[Part]:
    width, depth = rng.uniform(0.4, 0.46), rng.uniform(0.4, 0.46)
    seat, top = rng.uniform(0.42, 0.46), rng.uniform(0.84, 0.98)
    radius, lean = rng.uniform(0.013, 0.019), rng.uniform(0.03, 0.07)
    frame, cover = wood(rng, 2), cloth(rng)
    x, y = width / 2 - 0.03, depth / 2 - 0.03
    parts = []
    for side in (-1, 1):
        parts.append(
            Part(rod((side * (x + 0.01), -y - 0.01, 0), (side * x, -y, seat + 0.01), radius * 0.75, radius), frame)
        )
        parts.append(
            Part(rod((side * (x + 0.01), y + 0.02, 0), (side * x, y, seat + 0.02), radius * 0.75, radius * 1.1), frame)
        )
        parts.append(
            Part(rod((side * x, y, seat), (side * (x - 0.005), y + lean, top), radius * 1.1, radius * 0.9), frame)
        )
    parts.append(Part(block((width - 0.03, depth - 0.03, 0.05), (0, 0, seat - 0.045), bevel=0.008), _along(frame, 0)))
    parts.append(Part(cushion((width, depth, 0.06), (0, 0, seat - 0.01), radius=0.028), cover))
    if rng.random() < 0.5:
        low = seat + 0.14
        middle = y + lean * (low - seat) / (top - seat)
        panel = [(s * (x - 0.003), middle + e * 0.012, low) for s in (-1, 1) for e in (-1, 1)]
        panel += [(s * (x - 0.006), y + lean * 0.98 + e * 0.012, top - 0.015) for s in (-1, 1) for e in (-1, 1)]
        parts.append(Part(hull(np.array(panel)), cover))
    else:
        count = int(rng.integers(2, 4))
        for height in np.linspace(seat + 0.17, top - 0.075, count):
            middle = y + lean * (height + 0.03 - seat) / (top - seat)
            parts.append(Part(block((2 * x, 0.022, 0.065), (0, middle, height), bevel=0.006), _along(frame, 0)))
    return parts


def _table(rng: np.random.Generator) -> list[Part]:
    width, depth = rng.uniform(1.15, 1.45), rng.uniform(0.72, 0.85)
    height, top, leg = rng.uniform(0.72, 0.76), rng.uniform(0.03, 0.045), rng.uniform(0.045, 0.065)
    plate = wood(rng, 0)
    x, y = width / 2 - leg, depth / 2 - leg
    parts = [Part(block((width, depth, top), (0, 0, height - top), bevel=0.008), plate)]
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = [(sx * x + a * leg * 0.35, sy * y + b * leg * 0.35, 0) for a in (-1, 1) for b in (-1, 1)]
            head = [(sx * x + a * leg / 2, sy * y + b * leg / 2, height - top / 2) for a in (-1, 1) for b in (-1, 1)]
            parts.append(Part(hull(np.array(foot + head)), _along(plate, 2)))
        parts.append(Part(block((0.022, 2 * y, 0.035), (sx * x, 0, height - top - 0.03)), _along(plate, 1)))
        parts.append(Part(block((2 * x, 0.022, 0.035), (0, sx * y, height - top - 0.03)), plate))
    return parts


def _sofa(rng: np.random.Generator) -> list[Part]:
    width, depth = rng.uniform(1.5, 1.85), rng.uniform(0.78, 0.9)
    seat, top, arm = rng.uniform(0.4, 0.45), rng.uniform(0.74, 0.84), rng.uniform(0.14, 0.19)
    foot, back = rng.uniform(0.025, 0.04), rng.uniform(0.18, 0.22)
    cover = cloth(rng, ("fabric",))
    pillow, leg = cloth(rng, ("stripes", "checker")), wood(rng, 2)
    inner = width - 2 * arm
    parts = [Part(block((width - 0.02, depth - 0.02, seat - 0.13 - foot), (0, 0, foot), bevel=0.015), cover)]
    parts.append(
        Part(cushion((width - 0.04, back, top - foot - 0.01), (0, (depth - back) / 2, foot + 0.01), radius=0.06), cover)
    )
    for side in (-1, 1):
        at = (side * (width - arm) / 2, 0.0, foot + 0.005)
        parts.append(Part(cushion((arm, depth, seat + rng.uniform(0.14, 0.18) - foot), at, radius=0.05), cover))
        for end in (-1, 1):
            x, y = side * (width / 2 - 0.07), end * (depth / 2 - 0.07)
            parts.append(Part(rod((x, y, 0), (x, y, foot + 0.03), 0.02, 0.025), leg))
    count = 2 if inner < 1.35 else 3
    for i in range(count):
        x = -inner / 2 + inner / count * (i + 0.5)
        seat_size = (inner / count + 0.006, depth - back + 0.02, 0.17)
        parts.append(Part(cushion(seat_size, (x, -back / 2 - 0.01, seat - 0.165), radius=0.04), cover))
        rest_size = (inner / count - 0.005, 0.15, top - seat - 0.01)
        parts.append(Part(cushion(rest_size, (x, depth / 2 - back - 0.04, seat - 0.02), radius=0.06), cover))
    loose_side = float(rng.choice((-1, 1)))
    loose = cushion(
        (0.38, 0.13, 0.34), (loose_side * (inner / 2 - 0.22), depth / 2 - back - 0.15, seat - 0.025), radius=0.06
    )
    return [*parts, Part(loose, pillow)]


def _shelf(rng: np.random.Generator) -> list[Part]:
    width, depth, height = rng.uniform(0.7, 0.95), rng.uniform(0.28, 0.36), rng.uniform(1.1, 1.6)
    board = rng.uniform(0.022, 0.032)
    panel = wood(rng, 2)
    parts = [Part(block((width - board, 0.016, height - 0.02), (0, depth / 2 - 0.009, 0.01)), panel)]
    for side in (-1, 1):
        parts.append(Part(block((board, depth, height), (side * (width - board) / 2, 0, 0)), panel))
    count = int(np.rint(height / 0.36))
    for i, z in enumerate(np.linspace(0.05, height - board - 0.003, count + 1)):
        parts.append(Part(block((width - board, depth - 0.006, board), (0, 0, z)), _along(panel, 0)))
        if i < count and rng.random() < 0.75:
            size = (rng.uniform(0.3, 0.55) * width, depth * 0.75, rng.uniform(0.5, 0.75) * 0.3)
            x = rng.uniform(-1, 1) * (width - 2 * board - size[0]) / 2 * 0.9
            parts.append(Part(block(size, (x, depth * 0.06, z + board - 0.004), bevel=0.012), cloth(rng)))
    return parts


def _lamp(rng: np.random.Generator) -> list[Part]:
    height, pole, shade = rng.uniform(1.35, 1.65), rng.uniform(0.011, 0.015), rng.uniform(0.17, 0.22)
    metal = Texture("plain", ((0.12, 0.12, 0.13), (0.2, 0.2, 0.21)), 0.05)
    drop = rng.uniform(0.24, 0.3)
    outer = rod((0, 0, height - drop), (0, 0, height), shade, shade * 0.72, sides=32)
    inner = rod((0, 0, height - drop - 0.01), (0, 0, height - 0.012), shade - 0.012, shade * 0.72 - 0.012, sides=32)
    cover = trimesh.boolean.difference([outer, inner], engine="manifold")
    parts = [Part(trimesh.Trimesh(cover.vertices, cover.faces, process=False), cloth(rng, ("fabric", "stripes")))]
    parts.append(Part(rod((0, 0, 0), (0, 0, 0.03), 0.15, 0.14, sides=32), metal))
    parts.append(Part(rod((0, 0, 0.01), (0, 0, height - 0.004), pole, pole), metal))
    return parts


def _box(rng: np.random.Generator) -> list[Part]:
    width, depth, height = rng.uniform(0.4, 0.55), rng.uniform(0.34, 0.42), rng.uniform(0.38, 0.5)
    body = Texture("checker", _shades(rng, (0.75, 0.58, 0.36), (0.6, 0.42, 0.24)), 0.07)
    lid = wood(rng, 0)
    cover = Part(block((width + 0.02, depth + 0.02, 0.06), (0, 0, height - 0.06), bevel=0.01), lid)
    handle = Part(block((0.14, 0.03, 0.035), (0, 0, height - 0.006), bevel=0.01), lid)
    return [Part(block((width, depth, height - 0.03), (0, 0, 0), bevel=0.01), body), cover, handle]


KINDS: dict[str, tuple[str, Callable[[np.random.Generator], list[Part]]]] = {
    "chair": ("chair", _chair),
    "table": ("table", _table),
    "sofa": ("couch", _sofa),
    "shelf": ("shelf", _shelf),
    "lamp": ("lamp", _lamp),
    "box": ("box", _box),
}

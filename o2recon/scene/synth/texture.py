"""Procedural colours: soft patterns by position on a surface, so that every view sees the same one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

Points = Float[np.ndarray, "points 3"]
Plane = Float[np.ndarray, "points 2"]
Colors = Float[np.ndarray, "points 3"]


def color_of(values: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    """An array as a colour."""
    return float(values[0]), float(values[1]), float(values[2])


def _noise_tile(seed: int, size: int = 32) -> Float[np.ndarray, "x y z"]:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size, size)), 1.0, mode="wrap")
    return (noise / noise.std()).astype(np.float32)


_TILE = _noise_tile(0)


def noise(points: Points, period: float | Sequence[float | int]) -> Float[np.ndarray, "points"]:
    """Smooth noise, zero mean, unit variance; features of about 3 cells of `period` metres each."""
    coordinates = (points / np.asarray(period)).T % _TILE.shape[0]
    return map_coordinates(_TILE, coordinates, order=1, mode="grid-wrap")


def soft_square(x: Float[np.ndarray, "points"], sharpness: float = 6.0) -> Float[np.ndarray, "points"]:
    """A square wave of period 1 with soft flanks, in [0, 1]."""
    return 0.5 + 0.5 * np.tanh(sharpness * np.sin(2 * np.pi * x))


def facing_plane(points: Points, normals: Points) -> Plane:
    """The two coordinates across the axis that the surface faces most: (horizontal, vertical) on upright faces."""
    axis = np.abs(normals).argmax(1)
    first = np.where(axis == 0, points[:, 1], points[:, 0])
    second = np.where(axis == 2, points[:, 1], points[:, 2])
    return np.stack([first, second], 1)


@dataclass(frozen=True)
class Texture:
    """A pattern of two display colours with features of `scale` metres, along `axis` where it has a grain."""

    pattern: str
    colors: tuple[tuple[float, float, float], tuple[float, float, float]]
    scale: float
    axis: int = 0

    def __call__(self, points: Points, normals: Points) -> Colors:
        """Colours at points given in the frame of the thing they belong to (metres)."""
        first, second = np.asarray(self.colors, np.float32)
        share, gain = _PATTERN[self.pattern](self, points, normals)
        color = first + (second - first) * np.clip(share, 0, 1)[:, None]
        return np.clip(color * gain[:, None], 0, 1).astype(np.float32)


Pattern = tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]


def _plain(texture: Texture, points: Points, normals: Points) -> Pattern:
    return 0.5 + 0.25 * noise(points, texture.scale), np.ones(len(points))


def _wood(texture: Texture, points: Points, normals: Points) -> Pattern:
    period = [texture.scale * 0.25] * 3
    period[texture.axis] = texture.scale * 6
    warp = noise(points, [p * 4 for p in period])
    return 0.5 + 0.3 * noise(points, period) + 0.25 * np.sin(6 * warp), 1 + 0.04 * warp


def _stripes(texture: Texture, points: Points, normals: Points) -> Pattern:
    along = facing_plane(points, normals)[:, 0]
    return soft_square(along / (2 * texture.scale)), 1 + 0.05 * noise(points, 0.012)


def _checker(texture: Texture, points: Points, normals: Points) -> Pattern:
    plane = facing_plane(points, normals) / (2 * texture.scale)
    wave = np.sin(2 * np.pi * plane[:, 0]) * np.sin(2 * np.pi * plane[:, 1])
    return 0.5 + 0.5 * np.tanh(8 * wave), 1 + 0.04 * noise(points, 0.01)


def _fabric(texture: Texture, points: Points, normals: Points) -> Pattern:
    share = 0.5 + 0.22 * noise(points, texture.scale) + 0.2 * noise(points, 0.008)
    return share, 1 + 0.04 * noise(points, 0.1)


def _planks(texture: Texture, points: Points, normals: Points) -> Pattern:
    across = points[:, 1] / texture.scale
    row = np.floor(across)
    along = points[:, 0] / (texture.scale * 8) + row * 0.618
    plank = np.floor(along)
    tone = np.sin(row * 12.9898 + plank * 78.233) * 43758.5453
    tone = tone - np.floor(tone)
    seam = np.minimum(np.abs(across - np.rint(across)), 8 * np.abs(along - np.rint(along)))
    grain = noise(points + tone[:, None], (0.25, 0.012, 1.0))
    return 0.2 + 0.6 * tone + 0.13 * grain, 1 - 0.3 * np.exp(-((seam / 0.06) ** 2))


def _wallpaper(texture: Texture, points: Points, normals: Points) -> Pattern:
    along = facing_plane(points, normals)[:, 0]
    share = soft_square(along / (2 * texture.scale), 3.0) + 0.08 * noise(points, 0.12)
    return share, 1 + 0.025 * noise(points, 0.02)


def _painting(texture: Texture, points: Points, normals: Points) -> Pattern:
    share = 0.5 + 0.5 * np.sin(3 * noise(points, 0.08) + points[:, 2] * 9)
    return share, 0.9 + 0.35 * noise(points + 7.0, 0.05)


_PATTERN: dict[str, Callable[[Texture, Points, Points], Pattern]] = {
    "plain": _plain,
    "wood": _wood,
    "stripes": _stripes,
    "checker": _checker,
    "fabric": _fabric,
    "planks": _planks,
    "wallpaper": _wallpaper,
    "painting": _painting,
}

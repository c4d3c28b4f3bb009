"""Drawings of the contact sheet: text, cameras and objects from above, residuals."""

import colorsys
import textwrap
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.scene import Scene
from o2recon.types import Frame

PAPER, INK, PALE = (250, 250, 248), (40, 40, 40), (215, 215, 210)
FONT = cv2.FONT_HERSHEY_SIMPLEX
COLUMNS = 90
"""Depth pixels across that are drawn of a frame."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)
"""Metres a scale bar may stand for."""
AGREES = 3.0
"""Percent: residuals up to it are drawn as agreeing."""

Picture = UInt8[np.ndarray, "rows columns 3"]
Color = tuple[int, int, int]


def hue(object_id: int) -> Color:
    """A strong colour, different for neighbouring ids."""
    red, green, blue = colorsys.hsv_to_rgb(0.09 + 0.382 * object_id % 1, 0.85, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def written(text: str, width: int, *, color: Color, size: float, margin: int) -> Picture:
    """Text on paper, broken into lines that fit `width` pixels."""
    plain = text.encode("ascii", "replace").decode()
    (advance, height), _ = cv2.getTextSize("x" * 20, FONT, size, 1)
    lines = textwrap.wrap(plain, max(int((width - 2 * margin) / (advance / 20)), 8)) or [""]
    step = round(height * 1.9)
    paper = np.full((step * len(lines) + 8, width, 3), PAPER, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(paper, line, (margin, step * (number + 1)), FONT, size, color, 1, cv2.LINE_AA)
    return paper


def from_above(scene: Scene, frames: Sequence[Frame], names: Mapping[int, str], size: tuple[int, int]) -> Picture:
    """Measured points (objects in their colours), and every camera as a wedge that points where it looks.

    Early cameras are blue, late ones red.
    """
    poses = np.array([scene.poses[i] for i in scene.indices])
    points, ids = _points(frames)
    across = _plane(scene.up)
    eyes, looks = poses[:, :3, 3] @ across.T, poses[:, :3, 2] @ across.T
    places = points @ across.T
    paper = np.full((size[1], size[0], 3), PAPER, np.uint8)
    extent = np.concatenate([eyes, _within(places)])
    low, high = extent.min(0), extent.max(0)
    scale = float(0.86 * min(size / np.maximum(high - low, 1e-6)))

    def pixels(at: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        return (at - (low + high) / 2) * [scale, -scale] + np.array(size) / 2

    for object_id in (0, *names):
        dots = np.rint(pixels(places[ids == object_id] if object_id else places)).astype(int)
        inside = ((dots >= 0) & (dots < size)).all(1)
        paper[dots[inside, 1], dots[inside, 0]] = hue(object_id) if object_id else PALE
    length = 0.045 * min(size)
    for number, (eye, look) in enumerate(zip(pixels(eyes), looks * [1, -1], strict=True)):
        late = number / max(len(eyes) - 1, 1)
        _wedge(paper, eye, look * length, (round(220 * late), 60, round(220 * (1 - late))))
    for object_id, name in names.items():
        own = places[ids == object_id]
        if len(own):
            column, row = np.rint(pixels(np.median(own, 0)[None])[0]).astype(int).tolist()
            labelled(paper, f"{object_id} {name}", (column - 20, row))
    _scale_bar(paper, scale)
    return paper


def _points(frames: Sequence[Frame]) -> tuple[Float[np.ndarray, "points 3"], np.ndarray]:
    points, ids = [np.zeros((0, 3))], [np.zeros(0, int)]
    for frame in frames:
        step = max(frame.camera.width // COLUMNS, 1)
        sparse = (slice(step // 2, None, step),) * 2
        depth = frame.depth[sparse].astype(float)
        world = unproject(frame.camera, frame.camera_to_world, pixel_centers(frame.camera)[sparse], depth)
        points.append(world[depth > 0])
        ids.append(frame.instance[sparse][depth > 0])
    return np.concatenate(points), np.concatenate(ids)


def _plane(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "2 3"]:
    """Two directions across `up`: x and y of a world with +z up."""
    right = np.cross([0.0, 1, 0], up) if abs(up[1]) < 0.9 else np.cross([0.0, 0, 1], up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(up, right)])


def _within(places: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "corners 2"]:
    """Corners of the middle 98 % of the points: single wrong depths must not shrink the plan."""
    return np.percentile(places, [1, 99], axis=0) if len(places) else np.zeros((0, 2))


def _wedge(paper: Picture, eye: Float[np.ndarray, "2"], look: Float[np.ndarray, "2"], color: Color) -> None:
    side = np.array([-look[1], look[0]]) * 0.45
    corners = np.rint([eye, eye + look + side, eye + look - side]).astype(np.int32)
    cv2.polylines(paper, [corners], True, color, 1, cv2.LINE_AA)


def labelled(paper: Picture, text: str, at: tuple[int, int]) -> None:
    """Write on what is drawn there already; `at`: left end of the base line (column, row)."""
    plain = text.encode("ascii", "replace").decode()
    (width, height), _ = cv2.getTextSize(plain, FONT, 0.45, 1)
    column, row = at
    behind = paper[max(row - height - 3, 0) : row + 5, max(column - 3, 0) : column + width + 3]
    behind[:] = (0.3 * behind + 0.7 * np.array(PAPER)).astype(np.uint8)
    cv2.putText(paper, plain, at, FONT, 0.45, INK, 1, cv2.LINE_AA)


def _scale_bar(paper: Picture, scale: float) -> None:
    metres = max((s for s in STEPS if s * scale < paper.shape[1] / 3), default=STEPS[0])
    bottom, end = paper.shape[0] - 24, 20 + round(metres * scale)
    cv2.line(paper, (20, bottom), (end, bottom), INK, 2)
    labelled(paper, f"{metres:g} m; cameras: first blue, last red", (20, bottom - 8))


def histogram(counts: Sequence[int], edges: Sequence[float], size: tuple[int, int]) -> Picture:
    """Bars of residuals in percent of the depth; those that agree are green."""
    width, height = size
    paper = np.full((height, width, 3), PAPER, np.uint8)
    left, bottom, top = 20, height - 60, 50
    columns = np.linspace(left, width - 20, len(edges)).round().astype(int)
    for i, count in enumerate(counts):
        tall = round((bottom - top) * count / max(*counts, 1))
        agrees = max(abs(edges[i]), abs(edges[i + 1])) <= AGREES + 0.5
        color = (60, 150, 90) if agrees else (200, 120, 110)
        cv2.rectangle(paper, (columns[i] + 1, bottom - tall), (columns[i + 1] - 1, bottom), color, -1)
    cv2.line(paper, (left, bottom), (width - 20, bottom), INK, 1)
    for percent in (edges[0], 0.0, edges[-1]):
        column = int(np.interp(percent, edges, columns)) - (20 if percent > 0 else 0)
        labelled(paper, f"{percent:+.0f}%" if percent else "0", (column - 14, bottom + 18))
    labelled(paper, "depth carried from one view to another,", (left, 18))
    labelled(paper, "against the depth measured there", (left, 36))
    return paper

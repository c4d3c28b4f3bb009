"""Whether colour lies where depth does: rims of objects are edges in both."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

WIDTH = 320
"""Pixels across at which edges are compared."""
REACH = 0.12
"""Largest offset that is looked for, of the width."""
JUMP = 0.08
"""Of 1 / depth, across a rim."""
HOLE = 5
"""Pixels without depth that a rim may lose to the sensor's shadow."""
STEEP = 3.0
"""A rim's jump against the slopes beside it."""
CONTRAST = 12.0
"""Grey levels per pixel: stronger edges count no more, or the strongest textures would decide."""
CLEAR = 5.0
"""Standard deviations by which the best offset must stand out."""
OBVIOUS = 6.5
"""So many, and no other size is tried."""
SIZES = (1.0, *np.round(np.geomspace(0.8, 1.25, 15), 3))
"""Sizes of colour against depth that are looked for when at its own size nothing stands out."""
LEAST_RIMS = 300


@dataclass(frozen=True)
class ColorOffset:
    """Colour lies `right` and `down` (pixels of the given pictures) of where depth has it, and `size` times as large.

    `clear`: standard deviations by which this offset stands out among all others; `rims`: number of edge pixels;
    `steady`: both halves of the frames say the same.
    """

    right: float
    down: float
    size: float
    clear: float
    rims: int
    steady: bool

    @property
    def is_tested(self) -> bool:
        return self.rims >= LEAST_RIMS and self.clear >= CLEAR and self.steady


@dataclass(frozen=True)
class _Edges:
    rims: tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "m 2"]]
    """Points (u, v) on upright and on level rims."""
    spectra: tuple[np.ndarray, np.ndarray]
    """Fourier transforms of colour's edges across and along."""
    shape: tuple[int, int]


def color_offset(
    pictures: Sequence[tuple[UInt8[np.ndarray, "rows columns 3"], Float[np.ndarray, "rows columns"]]],
) -> ColorOffset:
    """The offset at which the rims in depth meet the most colour contrast, over all pictures (colour, depth) together.

    Sensor shadows shift a rim alike on both sides of an object, so they cancel.
    """
    step = max(1, round(pictures[0][0].shape[1] / WIDTH))
    views = [_edges(color, depth, step) for color, depth in pictures]
    number = sum(len(points) for view in views for points in view.rims)
    best: ColorOffset | None = None
    for size in SIZES:
        halves = [_meetings(views[first::2], float(size)) for first in (0, 1)]
        right, down, clear = _peak(halves[0] + halves[1])
        steady = all(np.hypot(r - right, d - down) <= 2.5 for r, d, _ in map(_peak, halves))
        found = ColorOffset(right * step, down * step, float(size), clear, number, steady)
        if best is None or found.clear > best.clear:
            best = found
        if size == 1.0 and found.is_tested and found.clear > OBVIOUS:
            break
    assert best is not None
    return best


def _edges(color: np.ndarray, depth: np.ndarray, step: int) -> _Edges:
    sparse = (slice(step // 2, None, step),) * 2
    whole = cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray = np.asarray(cv2.GaussianBlur(whole, (0, 0), 0.5 * step))[sparse]
    spectra = []
    for across, along in ((1, 0), (0, 1)):
        contrast = np.minimum(np.abs(cv2.Sobel(gray, cv2.CV_32F, across, along)) / 8, CONTRAST)
        contrast = cv2.GaussianBlur(contrast, (0, 0), 0.8)
        spectra.append(np.fft.rfft2(contrast - contrast.mean()))
    inverse = np.zeros(gray.shape)
    np.divide(1, depth[sparse], out=inverse, where=depth[sparse] > 0)
    return _Edges(rims(inverse), (spectra[0], spectra[1]), (gray.shape[0], gray.shape[1]))


def rims(
    inverse: Float[np.ndarray, "rows columns"],
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "m 2"]]:
    """Points (u, v) of upright and of level rims, at which 1 / depth jumps; 0 where there is no depth."""
    return _upright_rims(inverse), _upright_rims(inverse.T)[:, ::-1]


def _upright_rims(inverse: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rims 2"]:
    """(u, v) halfway between neighbours in a row, holes of the sensor left out, between which 1 / depth jumps."""
    columns = np.arange(inverse.shape[1])
    last = np.maximum.accumulate(np.where(inverse > 0, columns, -1), 1)
    before = np.pad(last[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    near = (inverse > 0) & (before >= 1) & (columns - before <= HOLE) & (columns < len(columns) - 1)
    row, right = np.nonzero(near)
    left = before[row, right]
    jump = np.abs(inverse[row, right] - inverse[row, left])
    beyond_left, beyond_right = inverse[row, left - 1], inverse[row, right + 1]
    slope = np.maximum(np.abs(inverse[row, left] - beyond_left), np.abs(inverse[row, right] - beyond_right))
    rim = (beyond_left > 0) & (beyond_right > 0)
    rim &= jump > JUMP * np.minimum(inverse[row, left], inverse[row, right])
    rim &= jump > STEEP * slope * (right - left)
    return np.stack([(left + right + 1) / 2, row + 0.5], 1)[rim]


def _meetings(views: Sequence[_Edges], size: float) -> Float[np.ndarray, "rows columns"]:
    """Contrast met by the rims for every offset (down, right) up to the reach, in the middle no offset."""
    if not views:
        return np.zeros((3, 3))
    total = np.zeros(views[0].spectra[0].shape, complex)
    height, width = views[0].shape
    middle = np.array([width, height]) / 2
    for view in views:
        for points, spectrum in zip(view.rims, view.spectra, strict=True):
            image = _drawn((points - middle) * size + middle, width, height)
            total += np.conj(np.fft.rfft2(image)) * spectrum
    met = np.fft.fftshift(np.fft.irfft2(total, s=(height, width)))
    reach = min(round(REACH * width), height // 2 - 1)
    return met[height // 2 - reach : height // 2 + reach + 1, width // 2 - reach : width // 2 + reach + 1]


def _drawn(points: Float[np.ndarray, "n 2"], width: int, height: int) -> Float[np.ndarray, "height width"]:
    """Points in an image, each shared by the four pixels around it."""
    corner = np.floor(points - 0.5).astype(int)
    rest = points - 0.5 - corner
    image = np.zeros((height + 2, width + 2))
    inside = (corner >= -1).all(1) & (corner < [width, height]).all(1)
    (column, row), (u, v) = corner[inside].T + 1, rest[inside].T
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        np.add.at(image, (row + down, column + right), np.abs(1 - right - u) * np.abs(1 - down - v))
    return image[1:-1, 1:-1]


def _peak(met: Float[np.ndarray, "rows columns"]) -> tuple[float, float, float]:
    """(right, down) of the largest value, between pixels, and its height in standard deviations above the mean.

    A largest value at the border is no maximum: its height is 0.
    """
    deviation = met.std()
    row, column = np.unravel_index(met.argmax(), met.shape)
    if not deviation or min(row, column) == 0 or max(row, column) == len(met) - 1:
        return 0.0, 0.0, 0.0
    middle = met.shape[0] // 2
    down = row - middle + _between(met[:, column], int(row))
    right = column - middle + _between(met[row], int(column))
    return float(right), float(down), float((met.max() - met.mean()) / deviation)


def _between(line: Float[np.ndarray, "n"], at: int) -> float:
    """Where the parabola through a maximum and its neighbours has its top."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, top, after = line[at - 1 : at + 2]
    bend = before - 2 * top + after
    return float((before - after) / (2 * bend)) if bend < 0 else 0.0

"""Depth of one view carried into another and compared with what was measured there, under any hypothesis."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.cameras import unnormalized_rays
from o2recon.check.views import Views
from o2recon.types import Camera

TOLERANCE = 0.03
"""Of the depth: pixels closer than that agree."""
WORST = 0.1
"""Of the depth: how much a single pixel can cost, an occluded one too."""
BEND = 0.06
"""Largest second difference of 1 / depth, in shares of it: 0 on planes, large at the rims of objects."""
LEAST_OVERLAP = 0.25
"""Share of the pixels that should land on a measured one; what is missing from it costs like a wrong pixel."""


@dataclass(frozen=True)
class Hypothesis:
    """How the capture may have been meant. Depth in metres from the scene's: z = scale * d; see `kind` for others."""

    poses: Float[np.ndarray, "views 4 4"]
    camera: Camera
    scale: float = 1.0
    kind: str = "z"
    """z; distance (the files hold the distance along the ray: z = scale * d / |ray|); inverse (z = scale / d)."""


@dataclass(frozen=True)
class Agreement:
    """How well depth agrees between the views of all pairs. Residuals are shares of the depth."""

    share: float
    """Of the compared pixels, those that agree within 3 % of the depth."""
    through: float
    """Of the compared pixels, those that the other camera looked through: impossible, unlike occlusion."""
    median: float
    """Of the absolute residual, over compared pixels that are not occluded by more than the worst."""
    overlap: float
    """Of the pixels, those that land on a measured one."""
    cost: float
    """What hypotheses are compared by: in [0, 1], 0 for perfect agreement with enough overlap."""
    residuals: Float[np.ndarray, "compared"]

    @property
    def is_tested(self) -> bool:
        return self.overlap >= LEAST_OVERLAP / 2


@dataclass(frozen=True)
class Samples:
    """The pixels that are compared, chosen once. `inverse` is 1 / d (for the kind `inverse` d itself), nan at rims."""

    views: Views
    inverse: Float[np.ndarray, "views height width"]
    pixels: Int[np.ndarray, "views samples 2"]
    """(column, row); only the first `counts` of a view are meant."""
    counts: Int[np.ndarray, "views"]

    def under(self, hypothesis: Hypothesis) -> Agreement:
        """Carry the samples of every pair's first view into its second."""
        first, second = self.views.pairs.T
        column, row = np.moveaxis(self.pixels[first], -1, 0)
        meant = np.arange(self.pixels.shape[1]) < self.counts[first][:, None]
        rays = unnormalized_rays(hypothesis.camera, self.pixels[first] + 0.5)
        value = np.where(meant, self.inverse[first[:, None], row, column], 1.0)
        points = rays * (hypothesis.scale / value / _stretch(hypothesis.kind, rays))[..., None]
        move = np.linalg.inv(hypothesis.poses[second]) @ hypothesis.poses[first]
        points = points @ move[:, :3, :3].transpose(0, 2, 1) + move[:, None, :3, 3]
        z = points[..., 2]
        ahead = meant & (z > 1e-9)
        flat = points / np.where(ahead, z, 1.0)[..., None]
        at = (flat @ hypothesis.camera.intrinsics.T)[..., :2] - 0.5
        there = self._at(second, at, ahead) * _stretch(hypothesis.kind, flat) / hypothesis.scale
        off = (z * there - 1)[np.isfinite(there)]
        return _agreement(off, int(meant.sum()))

    def _at(
        self,
        view: Int[np.ndarray, "pairs"],
        at: Float[np.ndarray, "pairs samples 2"],
        ahead: Bool[np.ndarray, "pairs samples"],
    ) -> Float[np.ndarray, "pairs samples"]:
        """`inverse` of each pair's second view between pixels (1 / z of a plane is linear there); nan where unknown."""
        height, width = self.inverse.shape[1:]
        inside = ahead & (at >= 0).all(-1) & (at[..., 0] < width - 1) & (at[..., 1] < height - 1)
        at = np.where(inside[..., None], at, 0.0)
        corner = at.astype(int)
        (x, y), (u, v) = np.moveaxis(corner, -1, 0), np.moveaxis(at - corner, -1, 0)
        image, view = self.inverse, view[:, None]
        top = image[view, y, x] * (1 - u) + image[view, y, x + 1] * u
        bottom = image[view, y + 1, x] * (1 - u) + image[view, y + 1, x + 1] * u
        return np.where(inside, top * (1 - v) + bottom * v, np.nan)

    def fewer(self, count: int) -> "Samples":
        """The first `count` samples of every other pair: quicker, for long searches."""
        views = replace(self.views, pairs=self.views.pairs[::2])
        return replace(self, views=views, pixels=self.pixels[:, :count], counts=np.minimum(self.counts, count))


def sampled(views: Views, *, inverted: bool, count: int) -> Samples:
    """`count` pixels of each view on smooth surfaces, the same for the same views. `inverted`: for the kind inverse."""
    with np.errstate(divide="ignore"):
        given = views.depth if inverted else 1 / views.depth
    inverse = _smooth(np.where(views.depth > 0, given, np.nan))
    pixels, counts = np.zeros((len(inverse), count, 2), int), np.zeros(len(inverse), int)
    generator = np.random.default_rng(0)
    for view, image in enumerate(inverse):
        rows, columns = np.nonzero(np.isfinite(image))
        chosen = generator.permutation(len(rows))[:count]
        counts[view] = len(chosen)
        pixels[view, : len(chosen)] = np.stack([columns[chosen], rows[chosen]], -1)
    return Samples(views, inverse, pixels, counts)


def _smooth(image: Float[np.ndarray, "views height width"]) -> Float[np.ndarray, "views height width"]:
    """nan where the surface ends or bends sharply."""
    center = image[:, 1:-1, 1:-1]
    across = np.abs(image[:, 1:-1, 2:] + image[:, 1:-1, :-2] - 2 * center)
    along = np.abs(image[:, 2:, 1:-1] + image[:, :-2, 1:-1] - 2 * center)
    smooth = np.full(image.shape, np.nan)
    with np.errstate(invalid="ignore"):
        smooth[:, 1:-1, 1:-1] = np.where(np.maximum(across, along) < BEND * center, center, np.nan)
    return smooth


def _stretch(kind: str, rays: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape"]:
    """What the files' depth is divided by to give z, at rays with z = 1."""
    return np.linalg.norm(rays, axis=-1) if kind == "distance" else np.ones(rays.shape[:-1])


def _agreement(off: Float[np.ndarray, "compared"], asked: int) -> Agreement:
    size = np.abs(off)
    seen = size[off < WORST]
    needed = max(len(off), LEAST_OVERLAP * asked, 1.0)
    missing = needed - len(off)
    return Agreement(
        share=float((size < TOLERANCE).sum() / max(len(off), 1)),
        through=float((off <= -TOLERANCE).sum() / max(len(off), 1)),
        median=float(np.median(seen)) if len(seen) else float("inf"),
        overlap=len(off) / max(asked, 1),
        cost=float((np.minimum(size, WORST).sum() / WORST + missing) / needed),
        residuals=off,
    )

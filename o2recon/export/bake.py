"""Colours of surface points from the photographs that saw them, and from the field where none did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Shaped
from scipy.spatial import cKDTree

from o2recon.export.atlas import Texels
from o2recon.inpaint import Reproject, SourceView, source_view
from o2recon.masks import erode
from o2recon.mesh import Caster
from o2recon.progress import track
from o2recon.types import ViewRecord
from o2recon.workspace import ObjectFolder, read_image

Sigma = Callable[[np.ndarray], np.ndarray]
_FADE_FROM, _NEIGHBOURS = 40_000, 24
"""Seen points from which colours are carried on, and how many of them speak for one unseen point."""
_FAR_OFF = 40.0
"""Grey levels by which known colours may be off and still carry detail."""


@dataclass(frozen=True)
class Photos:
    """The views to bake from. `views[i].depth` is the mesh's own where the view saw it, `gains` their exposures."""

    views: Sequence[SourceView]
    gains: Float[np.ndarray, "views 3"]


@dataclass(frozen=True)
class Baked:
    """sRGB in [0, 255] of every texel inside the charts; `seen`: by at least one view."""

    color: Float[np.ndarray, "texels 3"]
    seen: Bool[np.ndarray, "texels"]


class Baker:
    """Blends the best views of each texel (see Reproject) over colours that are known everywhere.

    A view may say something where its mask says so and its sensor depth, where it has one, agrees with the mesh within
    `margin` plus `num_sigmas` of its noise, `edge_px` away from steps of the mesh's depth. Where no view saw the
    surface, the photographed colours nearby go over into the known ones within `fade_m` metres. `chunk` texels are
    blended at a time.
    """

    def __init__(
        self,
        *,
        reproject: Reproject,
        margin: float,
        num_sigmas: float,
        edge_px: int,
        fade_m: float,
        chunk: int,
        seed: int,
    ) -> None:
        self.reproject = reproject
        self.margin, self.num_sigmas, self.edge_px = margin, num_sigmas, edge_px
        self.fade_m, self.chunk, self.seed = fade_m, chunk, seed

    def photos(
        self, mesh: trimesh.Trimesh, folder: ObjectFolder, records: Sequence[ViewRecord], depth_sigma: Sigma
    ) -> Photos:
        """The views' photographs, z-tested against `mesh` (world, metres), and their exposures."""
        sources = [self._source(folder, record) for record in track(records, description="texture: views")]
        gains = self.reproject.gains(sources, depth_sigma, seed=self.seed)
        caster = Caster(mesh)
        return Photos([self._tested(s, caster, depth_sigma) for s in sources], gains)

    def __call__(self, texels: Texels, known: Float[np.ndarray, "texels 3"], photos: Photos) -> Baked:
        """`known`: sRGB in [0, 255] of every texel, used where nothing was seen."""
        color = known.astype(np.float32)
        trust = np.zeros(len(color), np.float32)
        starts = range(0, len(color), self.chunk)
        for start in track(starts, description="texture: texels"):
            part = slice(start, start + self.chunk)
            copied = self.reproject(
                texels.points[part], texels.normals[part], np.ones(3), photos.views, photos.gains, _no_noise
            )
            trust[part] = copied.confidence
            seen = copied.confidence > 0
            color[part][seen] = copied.color[seen]
        seen = trust > 0
        near = texels.points[seen], color[seen], known[seen]
        color[~seen] = faded(*near, texels.points[~seen], color[~seen], reach=self.fade_m, seed=self.seed)
        return Baked(np.clip(color, 0, 255), seen)

    def _source(self, folder: ObjectFolder, record: ViewRecord) -> SourceView:
        return source_view(
            record,
            np.ascontiguousarray(read_image(folder.image("images", record.index))),
            folder.read_depth("depth", record.index),
            folder.read_mask("masks/visible", record.index),
            erode_px=0,
        )

    def _tested(self, photo: SourceView, caster: Caster, depth_sigma: Sigma) -> SourceView:
        z, face = caster.depth_image(photo.camera, photo.camera_to_world)
        hit = face >= 0
        z = np.where(hit, z, 0).astype(np.float32)
        far = self.margin + self.num_sigmas * depth_sigma(z)
        agrees = hit & ((photo.depth <= 0) | (np.abs(z - photo.depth) < far))
        visible = erode(photo.usable, self.reproject.erode_px)
        step = np.maximum(*(np.abs(np.gradient(z, axis=axis)) for axis in (0, 1))) > self.margin
        return replace(photo, depth=z, usable=visible & agrees & erode(hit & ~step, self.edge_px))


def nearest_colors(
    vertices: Float[np.ndarray, "vertices 3"],
    colors: Shaped[np.ndarray, "vertices 3"],
    points: Float[np.ndarray, "points 3"],
) -> Float[np.ndarray, "points 3"]:
    """Colours at points near a finely triangulated surface: the three nearest vertices, weighted by closeness."""
    distance, index = cKDTree(vertices).query(points, k=min(3, len(vertices)))
    distance, index = distance.reshape(len(points), -1), index.reshape(len(points), -1)
    weight = 1 / np.maximum(distance, 1e-6)
    return np.einsum("nk,nkd->nd", weight / weight.sum(1, keepdims=True), colors[index].astype(float))


def faded(
    points: Float[np.ndarray, "points 3"],
    colors: Float[np.ndarray, "points 3"],
    known: Float[np.ndarray, "points 3"],
    others: Float[np.ndarray, "others 3"],
    known_others: Float[np.ndarray, "others 3"],
    *,
    reach: float,
    seed: int,
) -> Float[np.ndarray, "others 3"]:
    """Colours of `others`: near `points` corrected by what is seen there, going over into the known ones at `reach`.

    Where the known colours are nearly right, their difference to the seen ones is added, which keeps their detail;
    where they are far off, that would give hues nobody saw, so the seen colours themselves are carried on.
    """
    if len(points) == 0 or len(others) == 0:
        return known_others.astype(np.float32)
    chosen = np.random.default_rng(seed).permutation(len(points))[:_FADE_FROM]
    distance, index = cKDTree(points[chosen]).query(others, k=min(_NEIGHBOURS, len(chosen)), distance_upper_bound=reach)
    distance, index = distance.reshape(len(others), -1), index.reshape(len(others), -1)
    near = np.isfinite(distance)
    index = chosen[np.where(near, index, 0)]
    weight = near / (np.where(near, distance, 0) + 0.02 * reach) ** 2
    weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-12)
    mean = np.einsum("nk,nkd->nd", weight, colors[index])
    offset = mean - np.einsum("nk,nkd->nd", weight, known[index])
    alike = np.exp(-((np.abs(offset).mean(1, keepdims=True) / _FAR_OFF) ** 2))
    corrected = alike * (known_others + offset) + (1 - alike) * mean
    share = np.clip(1 - distance[:, :1] / reach, 0, 1)
    share = share * share * (3 - 2 * share)
    return (share * corrected + (1 - share) * known_others).astype(np.float32)


def _no_noise(z: np.ndarray) -> np.ndarray:
    """The z-test against the mesh's own depth: that has none."""
    return np.zeros_like(z)

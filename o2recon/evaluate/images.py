"""How a mesh's vertex colours agree with pictures, pixel by pixel where both show the object."""

from dataclasses import dataclass, field

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int, UInt8
from skimage.metrics import structural_similarity

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import ObjectView

_WINDOW = 11
"""Pixels across SSIM's Gaussian window of sigma 1.5 (Wang et al. 2004)."""
_SMALLEST_ERROR = 1e-10
"""PSNR ends at 100 dB: pictures that are equal have a number, too."""


def vertex_color_image(
    mesh: trimesh.Trimesh,
    rgb: UInt8[np.ndarray, "vertices 3"],
    view: ObjectView,
    depth: Float[np.ndarray, "height width"],
    face: Int[np.ndarray, "height width"],
) -> Float[np.ndarray, "pixels 3"]:
    """sRGB in [0, 1], without any shading, of the pixels with face >= 0, row by row.

    `depth` (z, metres) and `face` are what `Caster.depth_image` gives for `view`; mesh in the world, metres.
    """
    hit = face >= 0
    rays = unnormalized_rays(view.camera, pixel_centers(view.camera)[hit]) @ view.camera_to_world[:3, :3].T
    points = view.camera_to_world[:3, 3] + rays * depth[hit][:, None]
    corners = np.asarray(mesh.faces)[face[hit]]
    weights = trimesh.triangles.points_to_barycentric(np.asarray(mesh.vertices)[corners], points)
    color = np.einsum("nc,ncd->nd", np.nan_to_num(weights), rgb[corners] / 255.0)
    return np.asarray(np.clip(color, 0, 1))


@dataclass
class ImageAgreement:
    """PSNR and SSIM over chosen pixels, pooled over any number of views. Colours are sRGB in [0, 1]."""

    _squared: list[np.ndarray] = field(default_factory=list)
    _similarity: list[np.ndarray] = field(default_factory=list)

    def add(
        self,
        rendered: Float[np.ndarray, "height width 3"],
        truth: Float[np.ndarray, "height width 3"],
        compared: Bool[np.ndarray, "height width"],
    ) -> None:
        """One view. `rendered` counts only where `compared`: elsewhere both pictures are taken as equal."""
        if not compared.any():
            return
        window = _window_around(compared)
        inside = compared[window]
        a, b = np.where(inside[..., None], rendered[window], truth[window]), truth[window]
        self._squared.append(((a - b)[inside] ** 2).ravel())
        if min(inside.shape) >= _WINDOW:
            options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
            _, similarity = structural_similarity(a, b, channel_axis=2, data_range=1.0, full=True, **options)
            self._similarity.append(similarity[inside].ravel())

    @property
    def psnr_db(self) -> float | None:
        """-10 log10 of the mean squared error, at most 100; None without pixels."""
        if not self._squared:
            return None
        return float(-10 * np.log10(max(float(np.concatenate(self._squared).mean()), _SMALLEST_ERROR)))

    @property
    def ssim(self) -> float | None:
        """Mean of scikit-image's SSIM map, at most 1; None without pixels."""
        return float(np.concatenate(self._similarity).mean()) if self._similarity else None


def _window_around(compared: Bool[np.ndarray, "height width"]) -> tuple[slice, slice]:
    """Rows and columns of the compared pixels and of all that SSIM's window reaches from them."""
    slices = []
    for axis in (1, 0):
        index = np.nonzero(compared.any(axis))[0]
        slices.append(slice(max(int(index[0]) - _WINDOW, 0), int(index[-1]) + _WINDOW + 1))
    return slices[0], slices[1]

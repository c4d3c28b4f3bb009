"""One view while it is being painted: the window around the object, and what is in it so far."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.inpaint.classical import nearest_color
from o2recon.inpaint.geometry import CompletedGeometry
from o2recon.inpaint.sources import SourceView
from o2recon.masks import Crop, crop_camera
from o2recon.types import Camera, ViewRecord

NOTHING, PHOTOGRAPHED, COPIED, WARPED, PAINTED = range(5)
"""Where the colour of a pixel comes from (inpainted/origin): `WARPED` was painted in another view first."""


@dataclass
class Canvas:
    """A view's window. `image`, `confidence` and `origin` change while painting, the rest does not.

    `fused`: the depth is that of surface which some frame saw. `nearest`: a hidden pixel's surface is at least this far
    (the depth of what covers it, 0 = unknown).
    """

    view: ViewRecord
    crop: Crop
    visible: Bool[np.ndarray, "height width"]
    hidden: Bool[np.ndarray, "height width"]
    fused: Bool[np.ndarray, "height width"]
    nearest: Float[np.ndarray, "height width"]
    geometry: CompletedGeometry
    image: UInt8[np.ndarray, "height width 3"]
    confidence: Float[np.ndarray, "height width"]
    origin: UInt8[np.ndarray, "height width"]

    @property
    def camera(self) -> Camera:
        """The camera whose image is the window."""
        return crop_camera(self.view.camera, self.crop)

    @property
    def rest(self) -> Bool[np.ndarray, "height width"]:
        """Hidden pixels that no other view's photograph could be copied to."""
        return self.hidden & (self.origin != COPIED)

    @property
    def painted(self) -> Bool[np.ndarray, "height width"]:
        """Hidden pixels that an in-painter coloured, here or in the view that they were warped from."""
        return (self.origin == PAINTED) | (self.origin == WARPED)

    def copy(self) -> "Canvas":
        """The same view, to be painted on its own."""
        return replace(self, image=self.image.copy(), confidence=self.confidence.copy(), origin=self.origin.copy())

    def full_image(self, photo: UInt8[np.ndarray, "rows columns 3"]) -> UInt8[np.ndarray, "rows columns 3"]:
        """The whole photograph with the window as it is now."""
        full = photo.copy()
        full[self.crop.window] = self.image
        return full

    def on_photo(self, values: np.ndarray) -> np.ndarray:
        """Values of the window's pixels at the size of the photograph, zero outside the window."""
        full = np.zeros((self.view.camera.height, self.view.camera.width, *values.shape[2:]), values.dtype)
        full[self.crop.window] = values
        return full

    def points(self, where: Bool[np.ndarray, "height width"]) -> tuple[np.ndarray, np.ndarray]:
        """World points (metres) and outward unit normals (world, 0 = unknown) of pixels that have a depth."""
        camera, pose = self.camera, self.view.camera_to_world
        depth = self.geometry.depth[where].astype(float)
        points = unproject(camera, pose, pixel_centers(camera)[where], depth)
        return points, self.geometry.normal[where] @ pose[:3, :3].T

    def as_source(self) -> SourceView:
        """The window as a view to copy painted pixels from, on the completed surface.

        The colours of painted pixels go on beyond them, so that nothing else bleeds in between pixels.
        """
        depth, painted = self.geometry.depth, self.painted
        image = nearest_color(self.image, painted) if painted.any() else self.image
        return SourceView(
            self.view.index, self.camera, self.view.camera_to_world, image, depth, painted & (depth > 0), 1.0
        )

    def put(
        self,
        where: Bool[np.ndarray, "height width"],
        color: Float[np.ndarray, "pixels 3"],
        confidence: Float[np.ndarray, "pixels"],
        origin: int,
    ) -> Bool[np.ndarray, "height width"]:
        """Set the pixels of `where` whose confidence is above 0; returns which they were."""
        sure = confidence > 0
        given = where.copy()
        given[where] = sure
        self.image[given] = np.rint(color[sure]).astype(np.uint8)
        self.confidence[given] = confidence[sure]
        self.origin[given] = origin
        return given

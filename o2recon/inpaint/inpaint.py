"""The in-painting stage: colour, depth and normals of the hidden parts, each pixel with its confidence."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.inpaint.geometry import CompletedGeometry, complete_geometry
from o2recon.inpaint.painter import Painter
from o2recon.inpaint.reproject import Reproject
from o2recon.inpaint.sources import SourceView, source_view
from o2recon.masks import Crop, crop_camera, erode, object_crop
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import ObjectRecord, ViewRecord, Volume
from o2recon.volume import seen_surface
from o2recon.workspace import ObjectFolder, read_image, write_image

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Target:
    """One view's window: what is there before painting."""

    view: ViewRecord
    crop: Crop
    color: UInt8[np.ndarray, "height width 3"]
    visible: Bool[np.ndarray, "height width"]
    hidden: Bool[np.ndarray, "height width"]
    geometry: CompletedGeometry


class Inpaint:
    """Writes inpainted/{image,depth,normal,confidence}; visible pixels stay as they were photographed.

    First `reproject` copies what other views saw (None: nothing is copied), then `painter` paints the rest of the
    hidden pixels (None: they keep confidence 0). `edge_px`: colours this near to the mask's edge are no example for the
    painter. `observed_evidence`: from here on the completed surface may stand in for depth missing on visible pixels.
    """

    def __init__(
        self,
        *,
        reproject: Reproject | None,
        painter: Painter | None,
        edge_px: int,
        observed_evidence: float,
        crop_margin_px: int,
        seed: int,
    ) -> None:
        self.reproject = reproject
        self.painter = painter
        self.edge_px = edge_px
        self.observed_evidence = observed_evidence
        self.crop_margin_px = crop_margin_px
        self.seed = seed

    @property
    def name(self) -> str:
        """What runs, for logs and result files: 'reproject+telea', 'none' ..."""
        parts = ["reproject"] if self.reproject else []
        return "+".join(parts + ([self.painter.name] if self.painter else [])) or "none"

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: the in-painter that ran and, over all hidden pixels, the shares that were copied and painted."""
        logger.info("in-painter: %s", self.name)
        record, volume = folder.read_record(), folder.read_volume()
        sources = [self._source(folder, v) for v in record.views]
        gains = np.ones((len(sources), 3))
        if self.reproject is not None:
            gains = self.reproject.gains(sources, scene.depth_sigma, seed=self.seed)
        hidden = copied = painted = 0
        for k, view in enumerate(track(record.views, description="in-painting")):
            target = self._target(folder, record, volume, view, sources[k])
            image, confidence, by_copy = self._paint(scene, record, target, k, sources, gains)
            _write(folder, target, sources[k].color, image, confidence)
            hidden += int(target.hidden.sum())
            copied += int(by_copy.sum())
            painted += int(((confidence > 0) & target.hidden & ~by_copy).sum())
        logger.info("in-painting: %d hidden pixels, %d copied from other views, %d painted", hidden, copied, painted)
        return {
            "inpainter": self.name,
            "hidden_pixels": hidden,
            "copied_share": round(copied / max(hidden, 1), 4),
            "painted_share": round(painted / max(hidden, 1), 4),
            "gain_range": [round(float(gains.min()), 4), round(float(gains.max()), 4)],
        }

    def _source(self, folder: ObjectFolder, view: ViewRecord) -> SourceView:
        return source_view(
            view,
            np.ascontiguousarray(read_image(folder.image("images", view.index))),
            folder.read_depth("depth", view.index),
            folder.read_mask("masks/visible", view.index),
            erode_px=self.reproject.erode_px if self.reproject else 0,
        )

    def _target(
        self, folder: ObjectFolder, record: ObjectRecord, volume: Volume, view: ViewRecord, photo: SourceView
    ) -> _Target:
        visible, hidden = (folder.read_mask(f"masks/{k}", view.index) for k in ("visible", "hidden"))
        crop = object_crop(
            record.frame, view.camera, view.camera_to_world, visible | hidden, margin_px=self.crop_margin_px
        )
        here = crop.window
        visible, hidden = visible[here], hidden[here] & ~visible[here]
        sensor = photo.depth[here]
        lost = visible & (sensor <= 0)
        surface = seen_surface(volume, crop_camera(view.camera, crop), view.camera_to_world, hidden | lost)
        stand_in = lost & (surface.evidence >= self.observed_evidence)
        geometry = complete_geometry(
            np.where(stand_in, surface.depth, sensor),
            visible,
            hidden,
            surface.depth,
            surface.normal,
            np.where(hidden, sensor, 0),
        )
        color = np.ascontiguousarray(photo.color[here])
        return _Target(view, crop, color, visible, hidden, geometry)

    def _paint(
        self,
        scene: Scene,
        record: ObjectRecord,
        target: _Target,
        k: int,
        sources: list[SourceView],
        gains: Float[np.ndarray, "views 3"],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The window's image, its confidence, and which pixels were copied."""
        image = target.color.copy()
        confidence = target.visible.astype(np.float32)
        copied = np.zeros_like(target.hidden)
        ask = target.hidden & (target.geometry.depth > 0)
        if self.reproject is not None and ask.any():
            camera, pose = crop_camera(target.view.camera, target.crop), target.view.camera_to_world
            points = unproject(camera, pose, pixel_centers(camera)[ask], target.geometry.depth[ask].astype(float))
            normals = target.geometry.normal[ask] @ pose[:3, :3].T
            others = [s for i, s in enumerate(sources) if i != k]
            result = self.reproject(points, normals, gains[k], others, np.delete(gains, k, 0), scene.depth_sigma)
            copied[ask] = result.confidence > 0
            image[copied] = np.rint(result.color[result.confidence > 0]).astype(np.uint8)
            confidence[ask] = result.confidence
        rest = target.hidden & ~copied
        if self.painter is not None and rest.any():
            known = erode(target.visible, self.edge_px) | copied
            prompt = f"a {record.category}, no background"
            known = known if known.any() else target.visible
            image, sure = self.painter(image, rest, known=known, prompt=prompt, seed=self.seed + target.view.index)
            confidence = np.where(rest, sure, confidence).astype(np.float32)
        return image, confidence, copied


def _write(
    folder: ObjectFolder,
    target: _Target,
    photo: UInt8[np.ndarray, "height width 3"],
    image: UInt8[np.ndarray, "h w 3"],
    confidence: Float[np.ndarray, "h w"],
) -> None:
    """Full-size files of one view; outside the window the photograph, no depth, no confidence."""
    index, camera, here = target.view.index, target.view.camera, target.crop.window
    full = photo.copy()
    full[here] = image
    write_image(folder.image("inpainted/image", index), full)
    depth = np.zeros((camera.height, camera.width), np.float32)
    depth[here] = target.geometry.depth
    folder.write_depth("inpainted/depth", index, depth)
    normal = np.zeros((camera.height, camera.width, 3), np.float32)
    normal[here] = target.geometry.normal
    folder.write_normal("inpainted/normal", index, normal)
    sure = np.zeros((camera.height, camera.width), np.uint8)
    sure[here] = np.rint(confidence * 255).astype(np.uint8)
    write_image(folder.image("inpainted/confidence", index), sure)

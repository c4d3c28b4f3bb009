"""The mask stage: for every chosen view what is hidden and claimed, possible, or unknown."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation

from o2recon.masks.crop import Crop, crop_camera, object_crop, object_pixels
from o2recon.masks.given import GivenMasks
from o2recon.masks.hidden import Claims, carved_claims, given_claims, occlusion_margin, settle
from o2recon.masks.labels import PixelLabels, pixel_labels
from o2recon.masks.notes import ViewNotes, left_out, view_notes, warnings_of
from o2recon.masks.painted import files_fingerprint, painted_files, painted_pattern, painted_sketches
from o2recon.masks.sketches import LiftedSketch, carry, lift
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.transforms import world_to_voxel
from o2recon.types import Frame, ObjectRecord, ViewRecord, Volume
from o2recon.volume import SeenSurface, permitted_behind, seen_surface
from o2recon.workspace import ObjectFolder, write_image

logger = logging.getLogger(__name__)

MODES = ("auto", "carve", "sketch", "sketch+carve", "given")


@dataclass(frozen=True)
class Window:
    """One view of the object, reduced to its window: what `Masks` judges claims by."""

    crop: Crop
    labels: PixelLabels
    named: Bool[np.ndarray, "height width"]
    margin: Float[np.ndarray, "height width"]
    permitted: Bool[np.ndarray, "height width"]
    """Permitted volume lies behind what was measured; only asked where the object is not visible."""
    surface: SeenSurface
    """Only asked where something permitted may be covered."""


class Masks:
    """Writes masks/{hidden,possible,unknown,claim}/<view>.png.

    Sketches are those of the scan and those painted with `o2recon annotate`, which win in their views.

    `mode`: 'carve' claims what the completed surface says, 'sketch' only what a person painted, 'sketch+carve' both;
    'auto' is 'sketch+carve' where there are sketches, else 'carve'; 'given' takes the masks of `given` as they are.
    Confidences are in [0, 1], `margin` in metres, `..._share` of the object's size in the image where it is a length.
    """

    def __init__(
        self,
        *,
        mode: str,
        margin: float,
        num_sigmas: float,
        dropout_share: float,
        observed_evidence: float,
        observed_confidence: float,
        completed_confidence: float,
        sketch_confidence: float,
        sketch_slack_share: float,
        crop_margin_share: float,
        given: GivenMasks,
        given_confidence: float,
        large_share: float,
        max_beyond_share: float,
        max_left_out: float,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"masks.mode is '{mode}': choose one of {', '.join(MODES)}")
        self.mode = mode
        self.margin = margin
        self.num_sigmas = num_sigmas
        self.dropout_share = dropout_share
        self.observed_evidence = observed_evidence
        self.observed_confidence = observed_confidence
        self.completed_confidence = completed_confidence
        self.sketch_confidence = sketch_confidence
        self.sketch_slack_share = sketch_slack_share
        self.crop_margin_share = crop_margin_share
        self.given = given
        self.given_confidence = given_confidence
        self.large_share = large_share
        self.max_beyond_share = max_beyond_share
        self.max_left_out = max_left_out

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: the mode that ran, hidden share of the amodal mask per view and how much of it is beyond the carved
        bound, warnings. ValueError for bad sketches or given masks."""
        record, volume = folder.read_record(), folder.read_volume()
        sketches = {}
        if "sketch" in self.mode or self.mode == "auto":
            sketches = scene.sketches(record.object) | painted_sketches(folder, scene.camera)
        files = {v: sketch_file(scene.root, record.object, v) for v in sketches} | painted_files(folder)
        mode = self._resolve(sketches, record, files, scene.root)
        visible = {v.index: folder.read_mask("masks/visible", v.index) for v in record.views}
        given = self.given.read(record.object, list(visible), scene.camera) if mode == "given" else {}
        logger.info("masks: mode %s, %d sketches", mode, len(sketches))
        lifted = [self._lift(scene, record, volume, v, files[v], m, mode) for v, m in sorted(sketches.items())]
        notes: dict[int, ViewNotes] = {}
        for view in track(record.views, description="masks"):
            i, frame = view.index, scene.frame(view.index)
            window = self.window(scene, record, volume, frame, visible[i], given=given.get(i))
            claims = self._given_claims(window, given[i]) if given else self.claims(view, window, lifted, mode)
            _write(folder, view, window.crop, claims)
            notes[i] = view_notes(claims, window.named, window.permitted, window.crop, visible[i].shape)
        shares = {
            k: {str(i): round(getattr(n, k), 4) for i, n in notes.items()} for k in ("hidden_share", "beyond_share")
        }
        return {"mode": mode, "sketches": sorted(sketches), **shares, "warnings": self._warnings(notes, visible, given)}

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """What this stage reads besides the stage before: a hash of the painted sketches or of the given masks."""
        if self.mode == "given":
            return self.given.inputs(int(folder.path.name))
        files = painted_files(folder) if self.mode != "carve" else {}
        return {"sketches": files_fingerprint(files.values())} if files else {}

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """Where people put what this stage reads, with * in the names."""
        if self.mode == "given":
            return self.given.watched(int(folder.path.name))
        return [painted_pattern(folder)] if self.mode != "carve" else []

    def _resolve(
        self, sketches: dict[int, np.ndarray], record: ObjectRecord, files: dict[int, Path], root: Path
    ) -> str:
        for index, sketch in sketches.items():
            if not sketch.any():
                raise ValueError(f"{files[index]} is an empty mask: paint the hidden part or delete the file")
        if self.mode == "auto":
            return "sketch+carve" if sketches else "carve"
        if "sketch" in self.mode and not sketches:
            raise ValueError(
                f"{sketch_file(root, record.object, record.views[0].index).parent} has no sketches, but masks.mode is"
                f" '{self.mode}': paint some or set masks.mode=carve"
            )
        return self.mode

    def window(
        self,
        scene: Scene,
        record: ObjectRecord,
        volume: Volume,
        frame: Frame,
        visible: np.ndarray | None,
        *,
        given: np.ndarray | None = None,
    ) -> Window:
        """The frame as the claims see it, wide enough for the `given` mask. `visible`: the view's visible mask as it is
        on disk; None: its ids."""
        named = frame.instance == record.object if visible is None else visible
        size = object_pixels(record.frame, frame.camera, frame.camera_to_world)
        whole = named if given is None else named | given
        margin_px = _pixels(self.crop_margin_share, size)
        crop = object_crop(record.frame, frame.camera, frame.camera_to_world, whole, margin_px=margin_px)
        here, named = crop.window, named[crop.window]
        instance = np.where(
            named, record.object, np.where(frame.instance[here] == record.object, 0, frame.instance[here])
        )
        labels = pixel_labels(instance, frame.depth[here], record.object, dropout_px=_pixels(self.dropout_share, size))
        margin = occlusion_margin(scene.depth_sigma(labels.depth), margin=self.margin, num_sigmas=self.num_sigmas)
        camera, pose = crop_camera(frame.camera, crop), frame.camera_to_world
        limit = np.where(labels.depth > 0, labels.depth + margin, 0)
        permitted = permitted_behind(volume, camera, pose, limit, ~named)
        return Window(crop, labels, named, margin, permitted, seen_surface(volume, camera, pose, permitted))

    def claims(self, view: ViewRecord, window: Window, lifted: list[LiftedSketch], mode: str) -> Claims:
        """What `mode` (any but 'auto') claims in one view from the completed surface and the lifted sketches."""
        labels, surface = window.labels, window.surface
        claims = carved_claims(
            labels,
            window.named,
            surface.depth if "carve" in mode else np.zeros_like(surface.depth),
            surface.evidence,
            window.permitted,
            window.margin,
            observed_evidence=self.observed_evidence,
            observed_confidence=self.observed_confidence,
            completed_confidence=self.completed_confidence,
        )
        if not lifted:
            return claims
        confidence = claims.confidence
        for sketch in lifted:
            painted = carry(sketch, labels, window.margin, view.camera, view.camera_to_world, window.crop)
            confidence = np.maximum(confidence, np.where(painted, self.sketch_confidence, 0))
        return settle(labels, window.named, confidence.astype(np.float32), window.permitted)

    def _given_claims(self, window: Window, given: Bool[np.ndarray, "height width"]) -> Claims:
        own, complete = given[window.crop.window], self.given.kind == "complete"
        return given_claims(window.labels, window.named, own, complete=complete, given_confidence=self.given_confidence)

    def _lift(
        self, scene: Scene, record: ObjectRecord, volume: Volume, index: int, file: Path, sketch: np.ndarray, mode: str
    ) -> LiftedSketch:
        if index not in scene.indices:
            raise ValueError(
                f"{file} belongs to frame {index}, which is not usable"
                f" ({scene.skipped.get(index, 'not in the scan')}): delete the sketch or repair the frame"
            )
        frame = scene.frame(index)
        return self.lifted(frame, self.window(scene, record, volume, frame, None), record, volume, sketch, mode)

    def lifted(
        self, frame: Frame, window: Window, record: ObjectRecord, volume: Volume, sketch: np.ndarray, mode: str
    ) -> LiftedSketch:
        """A sketch of the frame as world points: without what is visible and, when `mode` carves, without what is
        not permitted."""
        painted = np.zeros(frame.depth.shape, bool)
        painted[window.crop.window] = (sketch & (frame.instance != record.object))[window.crop.window]
        surface = np.zeros(frame.depth.shape, np.float32)
        surface[window.crop.window] = window.surface.depth
        seen = np.where(frame.instance == record.object, frame.depth, 0).astype(np.float32)
        slack_px = _pixels(self.sketch_slack_share, object_pixels(record.frame, frame.camera, frame.camera_to_world))
        lifted = lift(painted, seen, surface, frame.camera, frame.camera_to_world, slack_px=slack_px)
        if "carve" not in mode:
            return lifted
        keep = _in_permitted(volume, lifted.points)
        return LiftedSketch(lifted.points[keep], lifted.spacing[keep])

    def _warnings(
        self, notes: dict[int, ViewNotes], visible: dict[int, np.ndarray], given: dict[int, np.ndarray]
    ) -> list[str]:
        """Said once for all views, and logged."""
        found = warnings_of(notes, large_share=self.large_share, max_beyond_share=self.max_beyond_share)
        if given and self.given.kind == "complete":
            found += left_out(visible, given, max_left_out=self.max_left_out)
        for warning in found:
            logger.warning("masks: %s", warning)
        return found


def _pixels(share: float, size: float) -> int:
    """A length given as a share of the object's size (pixels), at least 1."""
    return max(round(share * size), 1)


def sketch_file(root: Path, object_id: int, view: int) -> Path:
    """Where a scan keeps the sketch of an object in a view."""
    return root / "sketches" / str(object_id) / f"{view}_class_inpaint mask.png"


def _in_permitted(volume: Volume, points: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, "points"]:
    """True within a voxel of permitted volume."""
    shape = np.array(volume.permitted.shape)
    voxel = np.rint(world_to_voxel(volume.grid, points)).astype(int)
    inside = ((voxel >= 0) & (voxel < shape)).all(-1)
    i, j, k = np.clip(voxel, 0, shape - 1).T
    return inside & binary_dilation(volume.permitted, iterations=1)[i, j, k]


def _write(folder: ObjectFolder, view: ViewRecord, crop: Crop, claims: Claims) -> None:
    """Full-size images of the window; outside it everything is background."""
    for kind, mask in (
        ("hidden", claims.hidden),
        ("possible", claims.possible),
        ("unknown", claims.unknown),
        ("claim", np.rint(claims.confidence * 255).astype(np.uint8)),
    ):
        full = np.zeros((view.camera.height, view.camera.width), mask.dtype)
        full[crop.window] = mask
        write_image(folder.image(f"masks/{kind}", view.index), full)

"""The stage: chooses objects and views, finds the object frame, writes what the later stages start from."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool

from o2recon.objects.frame import ObjectBox
from o2recon.objects.select import Selector
from o2recon.objects.similarity import ClipSimilarity
from o2recon.objects.stored import StoredScores
from o2recon.objects.views import Views
from o2recon.poses import PosedScene
from o2recon.progress import track
from o2recon.scene import Kept, Scene, Selection
from o2recon.types import Frame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, write_image

SPECK_PIXELS = 10
"""Smaller pieces of a mask are labelling noise."""

log = logging.getLogger(__name__)


class Objects:
    """`select` says which objects of a scene are kept (see Selector for the filters); a call writes one of them."""

    def __init__(
        self,
        *,
        min_mask_share: float,
        min_frames: int,
        background_nyu40: Sequence[int],
        background_labels: Sequence[int],
        aliases: Mapping[str, str],
        overrides: Mapping[Any, Mapping[str, Any]],
        views: Views,
        box: ObjectBox,
    ) -> None:
        self.select_objects = Selector(
            min_mask_share=min_mask_share,
            min_frames=min_frames,
            background_nyu40=background_nyu40,
            background_labels=background_labels,
            aliases=aliases,
            overrides=overrides,
        )
        self.views, self.box = views, box
        self.similarity = views.score if isinstance(views.score, ClipSimilarity) else None

    def on(self, device: str) -> "Objects":
        """Where the views' score runs if it is a network; returns itself."""
        if self.similarity is not None:
            self.similarity.on(device)
        return self

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """What decides the result beside config and files: the network or the file that scores views, if one does."""
        score = self.views.score
        return {"view score": score.identity} if isinstance(score, (ClipSimilarity, StoredScores)) else {}

    def select(self, scene: Scene) -> Selection:
        """Objects kept and dropped. Reads the instance and label images of all frames."""
        return self.select_objects(scene)

    def __call__(self, scene: Scene, folder: ObjectFolder, kept: Kept) -> dict[str, Any]:
        """Write object.json, images/, depth/ and masks/visible/ of the chosen views; returns notes for the manifest.

        ValueError when no frame measured the object's depth.
        """
        if self.similarity is not None:
            self.similarity.prepare()
        cloud = self.box.cloud(object_id=kept.id)
        scores: dict[int, float] = {}
        for frame in track(scene.frames(kept.frames), description=f"object {kept.id}: views", total=len(kept.frames)):
            scores[frame.index] = self.views.score(frame, visible_mask(frame, kept.id), kept.category)
            cloud.add(frame)
        points, floor = cloud.points(), scene.floor_height()
        object_frame = self.box(scene, kept.id, points, floor)
        chosen = self.views.choose(scores, scene.poses)
        held_out = self.views.held_out(chosen)
        records = []
        for frame in scene.frames(chosen):
            _write_view(folder, frame, kept.id)
            records.append(
                ViewRecord(
                    index=frame.index,
                    camera=frame.camera,
                    camera_to_world=frame.camera_to_world,
                    score=scores[frame.index],
                    held_out=frame.index in held_out,
                    correction=_correction(scene, frame.index),
                )
            )
        _remove_others(folder, chosen)
        same = bool((scene.capture_to_world == np.eye(4)).all())
        record = ObjectRecord(
            *(scene.name, kept.id, kept.category, object_frame, tuple(records), floor),
            capture_to_world=None if same else scene.capture_to_world,
        )
        folder.write_record(record)
        if self.similarity is not None:
            self.similarity.write(folder, scores, record)
        return {
            "category": kept.category,
            "candidate_views": len(scores),
            "views": len(records),
            "cloud_points": len(points),
            "box_m": [round(float(2 * x), 4) for x in object_frame.half_extents],
            "skipped_frames": {str(i): reason for i, reason in sorted(scene.skipped.items())},
        } | ({"poses": scene.notes} if isinstance(scene, PosedScene) else {})


def _correction(scene: Scene, index: int) -> tuple[float, float] | None:
    found = scene.corrections.get(index) if isinstance(scene, PosedScene) else None
    return None if found is None else (found.degrees, found.cm)


def visible_mask(frame: Frame, object_id: int) -> Bool[np.ndarray, "height width"]:
    """Pixels with the object's id, without specks of a few pixels."""
    mask = (frame.instance == object_id).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= SPECK_PIXELS
    large[0] = False
    return large[labels]


def _write_view(folder: ObjectFolder, frame: Frame, object_id: int) -> None:
    write_image(folder.image("images", frame.index), frame.color)
    folder.write_depth("depth", frame.index, frame.depth)
    write_image(folder.image("masks/visible", frame.index), visible_mask(frame, object_id))


def _remove_others(folder: ObjectFolder, chosen: tuple[int, ...]) -> None:
    """Views of an earlier choice must not be taken for this one's."""
    for kind in ("images", "depth", "masks/visible"):
        for path in (folder.path / kind).iterdir():
            if path.stem.isdigit() and int(path.stem) not in chosen:
                path.unlink()

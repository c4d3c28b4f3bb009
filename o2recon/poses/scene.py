"""A scene whose poses were refined for one object, and the choice that keeps those that were given."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from o2recon.files import write_json
from o2recon.manifest import fingerprint, package_version
from o2recon.poses.motion import between
from o2recon.poses.pairs import choose_pairs
from o2recon.poses.sights import Sight, own_cloud, region_of, sight
from o2recon.poses.solve import Adjustment, Agreement
from o2recon.progress import track
from o2recon.scene.derived import DerivedScene
from o2recon.scene.scene import Scene
from o2recon.types import Frame

log = logging.getLogger(__name__)
MIN_FRAMES = 3
TEST_EVERY = 5
"""Every so many pairs of frames are kept for judging."""
NOTHING_MM, NOTHING_CONTRAST = 0.5, 0.01
"""Differences between frames below which they agree perfectly."""


@dataclass(frozen=True)
class Correction:
    """How far refinement turned a frame's view of the object (degrees) and moved it (cm, at the object)."""

    degrees: float
    cm: float


@runtime_checkable
class Source(Protocol):
    """What becomes of the poses for one object, seen in `frames`. `folder`: where what is made may be kept.

    `inputs`: what decides the poses beside the scene; nothing where they stay.
    """

    def inputs(self) -> dict[str, str]: ...
    def __call__(self, scene: Scene, folder: Path, *, object_id: int, frames: Sequence[int]) -> Scene: ...


class PosedScene(DerivedScene):
    """`base` with other poses. `corrections`: of the frames that show the object; `notes`: what was found."""

    def __init__(
        self,
        base: Scene,
        *,
        poses: Mapping[int, Float[np.ndarray, "4 4"]],
        corrections: Mapping[int, Correction],
        notes: Mapping[str, Any],
        identity: str,
    ) -> None:
        super().__init__(base, identity=identity)
        self.poses = {i: poses.get(i, pose) for i, pose in base.poses.items()}
        self.corrections, self.notes = dict(corrections), dict(notes)

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        frame = self.base.frame(index)
        return replace(frame, camera_to_world=self.poses.get(index, frame.camera_to_world))

    def skip(self, index: int, reason: str) -> None:
        """See Scene.skip."""
        super().skip(index, reason)
        self.base.poses.pop(index, None)


class Given:
    """The poses as they are."""

    def inputs(self) -> dict[str, str]:
        """Nothing: as before there was a choice."""
        return {}

    def __call__(self, scene: Scene, folder: Path, *, object_id: int, frames: Sequence[int]) -> Scene:
        """The scene itself."""
        return scene


class Refined:
    """All frames of an object aligned with each other on depth (point to plane) and colour within `around` metres of it
    and on its silhouette, before anything is fused; other frames follow their neighbours.

    `max_frames`, evenly chosen, take part, at about `width` columns with `num_points` points each, each with `partners`
    others. `adjustment` solves for the poses. They are kept only when pairs of frames that had no part in it agree
    better than before by `min_gain`, a share of their mean distance or difference in colour; a capture without drift
    stays as it is, exactly. `in_training`: what training goes on to do with them, for whoever trains; None: nothing.
    """

    def __init__(
        self,
        *,
        around: float,
        width: int,
        num_points: int,
        partners: int,
        max_frames: int,
        min_gain: float,
        adjustment: Adjustment,
        in_training: object | None,
    ) -> None:
        if not 0 <= min_gain < 1:
            raise ValueError(f"poses.min_gain is {min_gain}; it must lie between 0 and 1: 0.1 is 10 %")
        if max_frames < MIN_FRAMES or num_points < 50 or partners < 1:
            raise ValueError(
                f"poses has max_frames={max_frames}, num_points={num_points}, partners={partners}; at least"
                f" {MIN_FRAMES}, 50 and 1 are needed"
            )
        self.around, self.width, self.num_points, self.partners = around, width, num_points, partners
        self.max_frames, self.min_gain, self.adjustment = max_frames, min_gain, adjustment
        self.in_training = in_training

    def inputs(self) -> dict[str, str]:
        """A hash of the options, as far as they decide what is prepared."""
        own = {k: v for k, v in vars(self).items() if k != "in_training"}
        options = {k: vars(v) if k == "adjustment" else v for k, v in own.items()}
        return {"poses": fingerprint(options)}

    def __call__(self, scene: Scene, folder: Path, *, object_id: int, frames: Sequence[int]) -> Scene:
        """Refined poses of all frames, kept in `folder`; the given ones when these agree as well as they can."""
        content = [package_version(), scene.fingerprint(), self.inputs(), object_id, sorted(frames)]
        identity = fingerprint(content)
        file = folder / f"{object_id}-{identity}.json"
        stored = json.loads(file.read_text()) if file.is_file() else None
        if stored is None:
            stored = self._made(scene, object_id, frames)
            write_json(file, stored)
            _say(object_id, stored["notes"])
        return PosedScene(
            scene,
            poses={int(i): np.array(pose) for i, pose in stored["poses"].items()},
            corrections={int(i): Correction(**c) for i, c in stored["corrections"].items()},
            notes=stored["notes"],
            identity=f"poses {identity}",
        )

    def _made(self, scene: Scene, object_id: int, frames: Sequence[int]) -> dict[str, Any]:
        sights = self._sights(scene, object_id, frames)
        if sights is None:
            return {"poses": {}, "corrections": {}, "notes": _notes(False, None, None, {}, "too few frames show it")}
        region, views = sights
        pairs = choose_pairs(views, partners=self.partners)
        tests = pairs[::TEST_EVERY]
        fitted = [pair for n, pair in enumerate(pairs) if n % TEST_EVERY]
        given = [v.given for v in views]
        before = self.adjustment.agreement(views, tests, given)
        motions = self.adjustment(views, fitted, region.center)
        after = self.adjustment.agreement(views, tests, [m(v.given) for m, v in zip(motions, views, strict=True)])
        if (why := self._objection(before, after)) is not None:
            return {"poses": {}, "corrections": {}, "notes": _notes(False, before, after, {}, why)}
        motion = between({v.index: m for v, m in zip(views, motions, strict=True)}, scene.indices)
        corrections = {i: Correction(motion[i].degrees, motion[i].cm) for i in frames if i in motion}
        return {
            "poses": {i: m(scene.poses[i]).tolist() for i, m in motion.items()},
            "corrections": {i: asdict(c) for i, c in corrections.items()},
            "notes": _notes(True, before, after, corrections, None),
        }

    def _objection(self, before: Agreement, after: Agreement) -> str | None:
        """Why the given poses stay; None when they do not."""
        pairs = [(before.distance_mm, after.distance_mm, NOTHING_MM)]
        if before.contrast is not None and after.contrast is not None:
            pairs.append((before.contrast, after.contrast, NOTHING_CONTRAST))
        if all(last > (1 - self.min_gain) * first or first < least for first, last, least in pairs):
            return "frames agree as well as they can"
        if any(last > (1 + self.min_gain) * first + least for first, last, least in pairs):
            return "depth and colour contradict each other"
        if after.contradicted > before.contradicted + 0.005:
            return "silhouettes would agree less"
        return None

    def _sights(self, scene: Scene, object_id: int, frames: Sequence[int]) -> tuple[Any, list[Sight]] | None:
        usable = [i for i in frames if i in scene.poses]
        chosen = [usable[k] for k in np.unique(np.linspace(0, len(usable) - 1, self.max_frames).round().astype(int))]
        clouds = [own_cloud(f, object_id) for f in scene.frames(chosen[:: max(len(chosen) // 40, 1)])]
        region = region_of(clouds, around=self.around)
        if region is None or len(chosen) < MIN_FRAMES:
            return None
        blurs = self.adjustment.blurs if self.adjustment.color_weight else []
        found = track(scene.frames(chosen), description=f"object {object_id}: poses", total=len(chosen))
        views = [
            sight(f, object_id, region, scene.depth_sigma, width=self.width, num_points=self.num_points, blurs=blurs)
            for f in found
        ]
        telling = [v for v in views if len(v.points) >= self.num_points // 10]
        return None if len(telling) < MIN_FRAMES else (region, telling)


def _notes(
    used: bool,
    before: Agreement | None,
    after: Agreement | None,
    corrections: Mapping[int, Correction],
    reason: str | None,
) -> dict[str, Any]:
    """For the manifest and `result.json`. Distances: mean between frames that had no part, before and after."""
    degrees, cm = ([getattr(c, k) for c in corrections.values()] for k in ("degrees", "cm"))
    return {
        "refined": used,
        "reason": reason,
        "frames_apart_mm": [round(a.distance_mm, 2) if a else None for a in (before, after)],
        "contradicted_share": [round(a.contradicted, 4) if a else None for a in (before, after)],
        "contrast_apart": [round(a.contrast, 4) if a and a.contrast is not None else None for a in (before, after)],
        "median_degrees": round(float(np.median(degrees)), 3) if degrees else 0.0,
        "largest_degrees": round(max(degrees), 3) if degrees else 0.0,
        "median_cm": round(float(np.median(cm)), 3) if cm else 0.0,
        "largest_cm": round(max(cm), 3) if cm else 0.0,
    }


def _say(object_id: int, notes: Mapping[str, Any]) -> None:
    before, after = (f"{x:.1f}" if x is not None else "?" for x in notes["frames_apart_mm"])
    if not notes["refined"]:
        log.info("object %d: poses stay as given: %s (%s mm apart)", object_id, notes["reason"], before)
        return
    log.info(
        "object %d: poses moved by %.2f degrees and %.2f cm (median; at most %.2f and %.2f): frames are %s mm apart"
        " instead of %s",
        *(object_id, notes["median_degrees"], notes["median_cm"], notes["largest_degrees"], notes["largest_cm"]),
        *(after, before),
    )

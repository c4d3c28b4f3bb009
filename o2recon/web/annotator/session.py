"""One object on the page: its views in memory, what is painted in them, and what that does to the masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from o2recon.masks import Claims, LiftedSketch, Masks, Window
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import Camera, Frame, ObjectRecord, ViewRecord
from o2recon.web.annotator.choice import choose_views
from o2recon.web.annotator.store import SketchStore
from o2recon.workspace import ObjectFolder

Painted = Mapping[int, Bool[np.ndarray, "height width"]]


@dataclass(frozen=True)
class SessionView:
    """One chosen view: its picture, its window and what is claimed in it without any sketch."""

    record: ViewRecord
    frame: Frame
    window: Window
    before: Claims

    def full(self, mask: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "height width"]:
        """A mask of the window on the whole image."""
        image = np.zeros((self.record.camera.height, self.record.camera.width), bool)
        image[self.window.crop.window] = mask
        return image


@dataclass(frozen=True)
class Effect:
    """What sketches do: the claims of every view with them, and how many pixels of each sketch they make hidden.

    `counted`: by painted view (pixels painted beside the visible part, those of them that are claimed).
    """

    after: dict[int, Claims]
    counted: dict[int, tuple[int, int]]


class Session:
    """Everything that the page asks for. Reads the capture and the prepared object once; later only sketches.

    The preview is the mask stage itself (`masks`), so what the page shows is what a run will make of the sketches.
    """

    def __init__(
        self,
        scene: Scene,
        folder: ObjectFolder,
        masks: Masks,
        *,
        num_views: int,
        min_angle_deg: float,
        min_share: float,
        continue_with: str,
    ) -> None:
        """`continue_with`: the command that uses the sketches.

        ValueError when `masks` ignores sketches, the object is not prepared, or a sketch cannot be used.
        """
        if masks.mode in ("carve", "given"):
            raise ValueError(
                f"masks={masks.mode} ignores sketches: leave it out to paint, and to run with what was painted"
            )
        self.record, self.volume = folder.read_record(), folder.read_volume()
        self.store, self.continue_with = SketchStore(folder, scene.camera), continue_with
        self._masks, self._mode = masks, "sketch" if masks.mode == "sketch" else "sketch+carve"
        self.from_scan = scene.sketches(self.record.object)
        self.views = {
            v.index: self._view(scene, folder, v) for v in track(self.record.views, description="reading views")
        }
        self._elsewhere = self._lift_elsewhere(scene)
        self._lifted: dict[int, tuple[bytes, LiftedSketch]] = {}
        self.best = self._best(num_views, min_angle_deg, min_share)

    @property
    def camera(self) -> Camera:
        """All views have the same grid."""
        return self.record.views[0].camera

    def sketches(self) -> dict[int, Bool[np.ndarray, "height width"]]:
        """What a run would use now, by view: painted ones, and those of the scan where nothing is painted."""
        return {**self.from_scan, **self.store.read()}

    def sources(self) -> dict[int, str]:
        """Where the sketch of each view comes from: 'painted', 'scan' or 'none'."""
        painted = self.store.read()
        return {v: "painted" if v in painted else "scan" if v in self.from_scan else "none" for v in self.views}

    def effect(self, unsaved: Painted) -> Effect:
        """What a run would claim with the sketches as they are, those of `unsaved` (all-false: none) replaced."""
        painted = {v: m for v, m in {**self.sketches(), **unsaved}.items() if m.any() and v in self.views}
        lifted = {view: self._lift(view, mask) for view, mask in painted.items()}
        sketches = [*lifted.values(), *self._elsewhere]
        if not sketches:
            return Effect({i: view.before for i, view in self.views.items()}, {})
        after = {i: self._masks.claims(v.record, v.window, sketches, self._mode) for i, v in self.views.items()}
        return Effect(after, {i: self._counted(self.views[i], mask, after[i]) for i, mask in painted.items()})

    def _view(self, scene: Scene, folder: ObjectFolder, record: ViewRecord) -> SessionView:
        frame = scene.frame(record.index)
        named = folder.read_mask("masks/visible", record.index)
        window = self._masks.window(scene, self.record, self.volume, frame, named)
        return SessionView(record, frame, window, self._masks.claims(record, window, [], "carve"))

    def _lift(self, view: int, mask: Bool[np.ndarray, "height width"]) -> LiftedSketch:
        """As the mask stage does it; the last mask of every view is remembered."""
        key = np.packbits(mask).tobytes()
        known = self._lifted.get(view)
        if known is None or known[0] != key:
            at = self.views[view]
            known = (key, self._masks.lifted(at.frame, at.window, self.record, self.volume, mask, self._mode))
            self._lifted[view] = known
        return known[1]

    def _lift_elsewhere(self, scene: Scene) -> list[LiftedSketch]:
        """Sketches in frames that are no chosen views: they count, but cannot be changed here."""
        lifted = []
        for index, mask in sorted(self.sketches().items()):
            if index not in self.views and index in scene.indices:
                frame = scene.frame(index)
                window = self._masks.window(scene, self.record, self.volume, frame, None)
                lifted.append(self._masks.lifted(frame, window, self.record, self.volume, mask, self._mode))
        return lifted

    def _best(self, num_views: int, min_angle_deg: float, min_share: float) -> tuple[int, ...]:
        """By the proposal's area; by what is permitted where the proposal is empty everywhere."""
        areas = {i: float(view.before.hidden.sum()) for i, view in self.views.items()}
        if not any(areas.values()):
            areas = {i: float(view.before.possible.sum()) for i, view in self.views.items()}
        return choose_views(
            areas,
            {i: view.record.camera_to_world[:3, 3] for i, view in self.views.items()},
            self.record.frame.center,
            count=num_views,
            min_angle_deg=min_angle_deg,
            min_share=min_share,
        )

    @staticmethod
    def _counted(view: SessionView, mask: Bool[np.ndarray, "height width"], after: Claims) -> tuple[int, int]:
        beside = mask & ~view.full(view.window.named)
        return int(beside.sum()), int((beside & view.full(after.hidden)).sum())


def hidden_share(view: SessionView, claims: Claims) -> float:
    """Hidden share of the amodal mask, in [0, 1], as the mask stage notes it."""
    hidden, visible = int(claims.hidden.sum()), int(view.window.named.sum())
    return hidden / max(hidden + visible, 1)


def description(session: Session) -> dict[str, Any]:
    """What the page has to know first, as plain JSON."""
    record: ObjectRecord = session.record
    sources = session.sources()
    return {
        "scene": record.scene,
        "object": record.object,
        "category": record.category,
        "width": session.camera.width,
        "height": session.camera.height,
        "best": list(session.best),
        "views": [
            {
                "view": i,
                "hidden_share": round(hidden_share(view, view.before), 4),
                "source": sources[i],
                "version": session.store.version(i),
            }
            for i, view in session.views.items()
        ],
        "elsewhere": sorted(set(session.sketches()) - set(session.views)),
        "folder": str(session.store.path(0).parent),
        "continue_with": session.continue_with,
    }

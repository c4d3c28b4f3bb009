"""A scene whose outlines were corrected."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from o2recon.outlines.votes import IdVotes, corrected, grown
from o2recon.progress import track
from o2recon.scene.derived import DerivedScene
from o2recon.scene.made import MadeImages, Write
from o2recon.scene.scene import DamagedFrame, Scene
from o2recon.types import Frame

log = logging.getLogger(__name__)


@runtime_checkable
class Source(Protocol):
    """What becomes of a scene's outlines. `folder`: where what is made of the whole scene may be kept."""

    def __call__(self, scene: Scene, folder: Path) -> Scene: ...


class OutlinedScene(DerivedScene):
    """`base` with the ids in `made`; its labels stay."""

    def __init__(self, base: Scene, made: MadeImages) -> None:
        super().__init__(base, identity=f"outlines {made.identity}")
        self._images = made

    def make(self) -> None:
        """See DerivedScene.make."""
        super().make()
        self._images.make()

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        frame = self.base.frame(index)
        ids = self._images.read(index)
        return frame if ids is None else replace(frame, instance=ids.astype(np.int32))

    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.instance."""
        if index in self.skipped:
            raise DamagedFrame(self.skipped[index])
        ids = self._images.read(index)
        return self.base.instance(index) if ids is None else ids.astype(np.int32)


class Voted:
    """Outlines moved by up to `reach_px` pixels to where the frames together see one surface end and another begin.

    Before, masks grow by `grow_px` pixels into what has no id: where all of them fall short no frame can vote for the
    rest. `max_frames`, evenly chosen, vote (see IdVotes for `spacing`); see `corrected` for `majority` and `min_votes`.
    """

    def __init__(
        self,
        *,
        reach_px: int,
        grow_px: int,
        spacing: float,
        power: float,
        majority: float,
        min_votes: float,
        max_frames: int,
    ) -> None:
        if not 1 <= reach_px <= 40:
            raise ValueError(f"outlines.reach_px is {reach_px}; it must lie between 1 and 40 pixels")
        if not 0 <= grow_px <= 40:
            raise ValueError(f"outlines.grow_px is {grow_px}; it must lie between 0 and 40 pixels: 0 grows nothing")
        if spacing <= 0 or majority < 1 or max_frames < 1:
            raise ValueError(
                f"outlines has spacing={spacing}, majority={majority}, max_frames={max_frames}; spacing must be above"
                " 0, the others at least 1"
            )
        self.reach_px, self.spacing, self.majority, self.min_votes = reach_px, spacing, majority, min_votes
        self.power, self.max_frames, self.grow_px = power, max_frames, grow_px

    def __call__(self, scene: Scene, folder: Path) -> Scene:
        """The scene with corrected ids, kept in `folder`; made when the first frame is asked for."""
        content = {"scene": scene.fingerprint(), **vars(self)}
        return OutlinedScene(scene, MadeImages(folder, content=content, make=_Making(self, scene)))


class _Making:
    """Votes of the frames of `scene`, then the ids of each one."""

    def __init__(self, options: Voted, scene: Scene) -> None:
        self._options, self._scene = options, scene

    def __call__(self, write: Write) -> dict[str, Any]:
        """Notes: share of the pixels that changed."""
        options, scene = self._options, self._scene
        chosen = scene.indices[:: max(-(-len(scene.indices) // options.max_frames), 1)]
        votes = IdVotes(spacing=options.spacing, reach_px=options.reach_px, power=options.power)
        for frame in track(scene.frames(chosen), description="outlines: votes", total=len(chosen)):
            votes.add(self._grown(frame))
        winners = votes.winners()
        changed, pixels = 0, 0
        for frame in track(scene.frames(), description="outlines", total=len(scene.indices)):
            ids = corrected(self._grown(frame), winners, majority=options.majority, min_votes=options.min_votes)
            changed, pixels = changed + int((ids != frame.instance).sum()), pixels + ids.size
            write(frame.index, ids.astype(np.uint16))
        share = changed / max(pixels, 1)
        log.info("outlines: %.2f %% of the pixels of %s went to another object", 100 * share, scene.name)
        return {"changed_share": round(share, 5)}

    def _grown(self, frame: Frame) -> Frame:
        return replace(frame, instance=grown(frame.instance, self._options.grow_px))

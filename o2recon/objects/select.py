"""Which objects of a scene are kept, and why the others are not."""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Int

from o2recon.progress import track
from o2recon.scene import Dropped, Kept, Scene, Selection

LABEL_STRIDE = 2
"""Labels are counted on every second row and column."""

log = logging.getLogger(__name__)


class Selector:
    """Filters by size, number of frames and class.

    `min_mask_share`: of the pixels, after a 3x3 opening, in at least `min_frames` frames. Background by the NYU40 class
    or label id of the label that most of the object's pixels carry. `aliases` replaces category names; `overrides`
    {id: {"category": name}} names one object, which then is no background either.
    """

    def __init__(
        self,
        *,
        min_mask_share: float,
        min_frames: int,
        background_nyu40: Sequence[int],
        background_labels: Sequence[int],
        aliases: Mapping[str, str],
        overrides: Mapping[Any, Mapping[str, Any]],
    ) -> None:
        if not 0 < min_mask_share < 1:
            raise ValueError(f"objects.min_mask_share is {min_mask_share}; it must lie between 0 and 1: 0.01 is 1 %")
        self.min_mask_share, self.min_frames = min_mask_share, min_frames
        self.background_nyu40, self.background_labels = frozenset(background_nyu40), frozenset(background_labels)
        self.aliases = dict(aliases)
        self.overrides = {int(object_id): dict(values) for object_id, values in overrides.items()}
        for object_id, values in self.overrides.items():
            if unknown := set(values) - {"category"}:
                raise ValueError(f"objects.overrides.{object_id} sets {sorted(unknown)}; only 'category' can be set")

    def __call__(self, scene: Scene) -> Selection:
        """One pass over the instance and label images of all usable frames. ValueError when they hold no object."""
        shares: dict[int, dict[int, float]] = defaultdict(dict)
        votes: dict[int, Counter[int]] = defaultdict(Counter)
        thin = False
        read = scene.each(lambda i: (scene.instance(i), scene.label(i)))
        for index, (instance, label) in track(read, description="objects", total=len(scene.indices)):
            ids = opened(instance)
            thin = thin or bool(instance.any())
            for object_id, count in zip(*np.unique(ids, return_counts=True), strict=True):
                shares[int(object_id)][index] = float(count / ids.size)
            _count_labels(ids[::LABEL_STRIDE, ::LABEL_STRIDE], label[::LABEL_STRIDE, ::LABEL_STRIDE], votes)
        shares.pop(0, None)
        if not shares and thin:
            raise ValueError(
                f"{scene.root} holds object ids, but nowhere as much as 3 x 3 pixels of one: scan thin objects from"
                " nearer, or give larger images"
            )
        if not shares:
            raise ValueError(
                f"{scene.root} holds no object ids, only 0: export its instance images, or let instances= make them"
            )
        for object_id in set(self.overrides) - set(shares):
            log.warning("objects.overrides.%d has no effect: %s has no such object", object_id, scene.name)
        verdicts = [self._judge(scene, i, shares[i], votes[i]) for i in sorted(shares)]
        return Selection(
            scene=scene.name,
            num_frames=len(scene.indices),
            kept=tuple(v for v in verdicts if isinstance(v, Kept)),
            dropped=tuple(v for v in verdicts if isinstance(v, Dropped)),
        )

    def _judge(self, scene: Scene, object_id: int, shares: dict[int, float], votes: Counter[int]) -> Kept | Dropped:
        label = votes.most_common(1)[0][0] if votes else 0
        known = scene.labels.get(label)
        category = known.raw_category if known else "object"
        category = self.aliases.get(category, category)
        frames = tuple(sorted(i for i, share in shares.items() if share >= self.min_mask_share))
        named = "category" in self.overrides.get(object_id, {})
        if named:
            category = str(self.overrides[object_id]["category"])
        background = label in self.background_labels or (known and known.nyu40 in self.background_nyu40)
        reason = None
        if not named and scene.labels and background:  # a capture without a label table calls nothing background
            reason = f"background (label {label}): name it with objects.overrides.{object_id}.category=... to keep it"
        elif len(frames) < self.min_frames:
            reason = (
                f"a mask of at least {self.min_mask_share:.2%} of the pixels in {len(frames)} of {len(scene.indices)}"
                f" frames, at least {self.min_frames} are needed: lower objects.min_frames or objects.min_mask_share,"
                " or add frames"
            )
        if reason is not None:
            return Dropped(object_id, category, len(frames), max(shares.values()), reason)
        return Kept(object_id, category, frames, tuple(shares[i] for i in frames))


def opened(instance: Int[np.ndarray, "height width"]) -> Int[np.ndarray, "height width"]:
    """Every id's mask after a 3x3 opening, all at once; 0 elsewhere. Pixels outside the image count as the object."""
    values = instance.astype(np.uint16)
    kernel = np.ones((3, 3), np.uint8)
    core = np.where(cv2.erode(values, kernel) == cv2.dilate(values, kernel), values, 0)
    height, width = values.shape
    padded = np.pad(core, 1)
    keep = np.zeros(values.shape, bool)
    for row in range(3):
        for column in range(3):
            keep |= padded[row : row + height, column : column + width] == values
    return np.where(keep, instance, 0)


def _count_labels(ids: np.ndarray, labels: np.ndarray, votes: dict[int, Counter[int]]) -> None:
    inside = ids > 0
    pairs, counts = np.unique(ids[inside].astype(np.int64) << 32 | labels[inside], return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        votes[pair >> 32][pair & 0xFFFFFFFF] += count

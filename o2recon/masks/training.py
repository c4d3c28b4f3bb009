"""Masks that O2-Recon's training data bring with them."""

from pathlib import Path
from typing import Any

import numpy as np

from o2recon.progress import track
from o2recon.scene import Scene, TrainingFolder
from o2recon.workspace import ObjectFolder, write_image


class TrainingMasks:
    """Writes masks/{hidden,possible,unknown,claim} as `folder` has them: hidden is what lies in `mask/` and was not
    photographed, all else that is not visible is background.

    `given_confidence`: how sure a hidden pixel shows the object. Data that we wrote say for themselves how sure, and
    where nothing is known: there the mask term stays silent, and the object is possible behind what was measured.
    """

    mode = "given"
    """As of Masks: sketches are of no account."""

    def __init__(self, *, folder: TrainingFolder, given_confidence: float) -> None:
        if not 0 < given_confidence <= 1:
            raise ValueError(f"masks.given_confidence is {given_confidence}; it must lie above 0 and at most at 1")
        self.folder, self.given_confidence = folder, given_confidence

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """Nothing beside the scene's files."""
        return {}

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """Nothing, likewise."""
        return []

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: hidden share of the mask per view."""
        shares = {}
        for view in track(folder.read_record().views, description="masks"):
            given = self.folder.read(view.index, view.camera)
            visible = folder.read_mask("masks/visible", view.index)
            hidden = given.mask & ~visible
            claim = np.full(hidden.shape, self.given_confidence) if given.claim is None else given.claim
            silent = np.zeros_like(hidden) if given.confidence is None else (given.confidence == 0) & ~given.mask
            pictures = {
                "hidden": hidden,
                "possible": silent & ~visible & (given.depth > 0),
                "unknown": silent & ~visible & (given.depth <= 0),
                "claim": np.rint(np.where(hidden, claim, 0) * 255).astype(np.uint8),
            }
            for kind, picture in pictures.items():
                write_image(folder.image(f"masks/{kind}", view.index), picture)
            shares[str(view.index)] = round(float(hidden.sum()) / max(int(given.mask.sum()), 1), 4)
        return {"mode": "training data", "sketches": [], "hidden_share": shares, "warnings": []}

"""What may be claimed where an object is covered (rules.md, 'Hidden mask and what may be claimed'). Pure functions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.masks.labels import PixelLabels, dilate


@dataclass(frozen=True)
class Claims:
    """What is claimed about the object in one view.

    `confidence`: in [0, 1], > 0 exactly on the hidden pixels (disjoint from the visible ones). `possible`, `unknown`:
    silent pixels, disjoint from each other and from the hidden ones. Everything else that is not visible is background.
    """

    confidence: Float[np.ndarray, "height width"]
    possible: Bool[np.ndarray, "height width"]
    unknown: Bool[np.ndarray, "height width"]

    @property
    def hidden(self) -> Bool[np.ndarray, "height width"]:
        return self.confidence > 0


def occlusion_margin(
    sigma: Float[np.ndarray, "height width"], *, margin: float, num_sigmas: float
) -> Float[np.ndarray, "height width"]:
    """How far behind a measured surface something must lie to be covered by it: margin + num_sigmas sigma, metres."""
    return (margin + num_sigmas * sigma).astype(np.float32)


def covered(
    labels: PixelLabels,
    surface_depth: Float[np.ndarray, "height width"],
    margin: Float[np.ndarray, "height width"],
) -> Bool[np.ndarray, "height width"]:
    """True where a surface at z = `surface_depth` (0 = none) lies behind another one, or where nothing was measured.

    Drop-out along the object's own edge is judged by what is measured beside it: there the background is no cover.
    """
    behind = (labels.depth <= 0) | (surface_depth > labels.depth + margin)
    return (surface_depth > 0) & (labels.other | labels.unknown) & behind


def carved_claims(
    labels: PixelLabels,
    named: Bool[np.ndarray, "height width"],
    surface_depth: Float[np.ndarray, "height width"],
    evidence: Float[np.ndarray, "height width"],
    permitted: Bool[np.ndarray, "height width"],
    margin: Float[np.ndarray, "height width"],
    *,
    observed_evidence: float,
    observed_confidence: float,
    completed_confidence: float,
) -> Claims:
    """Claims from the completed surface and the permitted volume.

    `named`: pixels of the visible mask as it is on disk. `surface_depth`, `evidence`: the completed surface seen from
    here. `permitted`: permitted volume lies behind the measured surface. The covered surface is claimed, with
    `observed_confidence` where its evidence says that some frame saw it; drop-out inside the object counts as observed.
    """
    over = covered(labels, surface_depth, margin)
    observed = over & (evidence >= observed_evidence)
    confidence = np.where(over, completed_confidence, 0.0)
    confidence = np.where(observed | (labels.visible & ~named), observed_confidence, confidence)
    return settle(labels, named, confidence.astype(np.float32), permitted)


def given_claims(
    labels: PixelLabels,
    named: Bool[np.ndarray, "height width"],
    given: Bool[np.ndarray, "height width"],
    *,
    complete: bool,
    given_confidence: float,
) -> Claims:
    """Claims of somebody who knows: the `given` mask is the object, all else is not, whatever was measured there.

    `complete`: the mask shows all of the object. If not, it only shows what is hidden, and the slits that a hand leaves
    between it and the visible part are unknown.
    """
    nothing = np.zeros_like(given)
    claims = settle(labels, named, np.where(given, given_confidence, 0).astype(np.float32), nothing)
    return Claims(claims.confidence, nothing, nothing if complete else claims.unknown & ~labels.unknown)


def settle(
    labels: PixelLabels,
    named: Bool[np.ndarray, "height width"],
    confidence: Float[np.ndarray, "height width"],
    permitted: Bool[np.ndarray, "height width"],
) -> Claims:
    """Exclusive masks from the claims. Slits of one or two pixels between claimed and visible parts are unknown."""
    confidence = np.where(named, 0, confidence).astype(np.float32)
    hidden = confidence > 0
    slit = labels.other & ~hidden & dilate(hidden, 1) & dilate(named, 2)
    unknown = (labels.unknown | slit) & ~hidden & ~named
    possible = permitted & labels.other & ~hidden & ~unknown
    return Claims(confidence, possible, unknown)

"""Relative depth of a network, joined on to the depth that is known around a gap in the same picture."""

import numpy as np
from jaxtyping import Bool, Float

from o2recon.depth.alignment import CONVENTIONS, Alignment, align, metres, plain_depth
from o2recon.masks import harmonic_fill

__all__ = ["CONVENTIONS", "Alignment", "align", "aligned_depth", "plain_depth"]


def aligned_depth(
    alignment: Alignment,
    relative: Float[np.ndarray, "height width"],
    depth: Float[np.ndarray, "height width"],
    known: Bool[np.ndarray, "height width"],
    gap: Bool[np.ndarray, "height width"],
) -> Float[np.ndarray, "height width"]:
    """z in metres in the `gap`, zero elsewhere: scale relative + shift + c.

    c is the membrane that the remaining error of the known pixels around the gap stretches over it, so that the depth
    joins on without a step.
    """
    y = alignment(relative)
    safe = np.maximum(depth, 1e-6)
    rest = np.where(known, (1 / safe if alignment.inverse else safe) - y, 0)
    y += harmonic_fill(rest[..., None], known, gap)[..., 0]
    return np.where(gap, metres(alignment, y), 0).astype(np.float32)

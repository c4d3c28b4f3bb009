"""The frozen records of training: what rays, renderer and field say, in torch tensors.

The object frame is that of `types.ObjectFrame`.
"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class RayBatch:
    """Rays in the object frame with all that the losses compare them to. Distances are along the ray, object units."""

    origins: Float[Tensor, "rays 3"]
    directions: Float[Tensor, "rays 3"]
    near: Float[Tensor, "rays"]
    far: Float[Tensor, "rays"]
    color: Float[Tensor, "rays 3"]
    """RGB in [0, 1]."""
    normal: Float[Tensor, "rays 3"]
    """Object frame, unit, towards the camera; zero where no cue."""
    surface_distance: Float[Tensor, "rays"]
    """Distance to the object's surface, seen or in-painted; 0 where unknown."""
    free_distance: Float[Tensor, "rays"]
    """The ray was seen to be empty up to here (noise margin already taken off); 0 where nothing is known."""
    sigma: Float[Tensor, "rays"]
    """Standard deviation of `surface_distance`."""
    opacity: Float[Tensor, "rays"]
    """Target of the mask term: 1 on the object, 0 on background."""
    opacity_weight: Float[Tensor, "rays"]
    """0 where the mask term is silent, else the confidence of its target."""
    confidence: Float[Tensor, "rays"]
    """Weight of the colour, depth and normal terms; 0 = silent."""
    view: Int[Tensor, "rays"]


@dataclass(frozen=True)
class RenderOutput:
    """What rendering a RayBatch gives. `samples` lie at `t` along each ray, one section between two neighbours."""

    color: Float[Tensor, "rays 3"]
    ray_distance: Float[Tensor, "rays"]
    """sum(weights * t) / max(opacity, eps), object units."""
    normal: Float[Tensor, "rays 3"]
    opacity: Float[Tensor, "rays"]
    t: Float[Tensor, "rays samples"]
    sdf: Float[Tensor, "rays samples"]
    weights: Float[Tensor, "rays sections"]
    gradient: Float[Tensor, "gradient_points 3"]
    """SDF gradients at the points where they were computed (top-weighted samples and the eikonal subset)."""


@dataclass(frozen=True)
class FieldOutput:
    """What a field says at points of the object frame."""

    sdf: Float[Tensor, "points"]
    gradient: Float[Tensor, "points 3"] | None
    """d(sdf)/d(point), from ordinary forward operations: first-order autograd differentiates it."""
    feature: Float[Tensor, "points channels"]
    residual: Float[Tensor, "points"]
    """The fine field's share of `sdf`; 0 in the coarse stage, and where there is no coarse field beside it."""


@dataclass(frozen=True)
class FieldPoints:
    """Points anywhere in the object's box, what the field says there and what the completed volume says there."""

    points: Float[Tensor, "points 3"]
    sdf: Float[Tensor, "points"]
    gradient: Float[Tensor, "points 3"]
    residual: Float[Tensor, "points"]
    evidence: Float[Tensor, "points"]
    """1 where the surface near the point was observed, 0 where nothing but the completion speaks."""
    prior_sdf: Float[Tensor, "points"]
    """The completed volume's SDF, object units."""
    hull_distance: Float[Tensor, "points"]
    """Distance to the permitted volume, object units; 0 inside it."""

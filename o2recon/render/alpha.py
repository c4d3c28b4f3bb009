"""From SDF values along rays to opacities and weights (NeuS), all through log-sigmoids."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def log_survival(
    sdf_start: Float[Tensor, "rays sections"], sdf_end: Float[Tensor, "rays sections"], inv_s: Float[Tensor, ""]
) -> Float[Tensor, "rays sections"]:
    """log(1 - alpha) of each section: log Phi(sdf_end) - log Phi(sdf_start), at most 0; Phi(f) = sigmoid(inv_s f)."""
    change = functional.logsigmoid(sdf_end * inv_s) - functional.logsigmoid(sdf_start * inv_s)
    return change.clamp(max=0)


def section_alpha(
    sdf_start: Float[Tensor, "rays sections"], sdf_end: Float[Tensor, "rays sections"], inv_s: Float[Tensor, ""]
) -> Float[Tensor, "rays sections"]:
    """Opacity of each ray section from the SDF at its ends (NeuS, eq. 13).

    The share of the logistic CDF lost along the section; zero where the SDF grows, since there the ray leaves the
    surface. The SDF is in object-frame units. Computed from log-sigmoids: far from the surface both CDFs saturate.
    """
    return -torch.expm1(log_survival(sdf_start, sdf_end, inv_s))


def section_weights(
    survival: Float[Tensor, "rays sections"],
) -> tuple[Float[Tensor, "rays sections"], Float[Tensor, "rays"]]:
    """weights_i = alpha_i prod_{j < i} (1 - alpha_j), and opacity = 1 - prod (1 - alpha), from log(1 - alpha)."""
    total = survival.cumsum(-1)
    weights = torch.exp(total - survival) * -torch.expm1(survival)
    return weights, -torch.expm1(total[:, -1])


def crossing_share(
    sdf_start: Float[Tensor, "rays sections"], sdf_end: Float[Tensor, "rays sections"]
) -> Float[Tensor, "rays sections"]:
    """Where in a section, in [0, 1], its weight sits: at the zero of the linear SDF, or at the end nearest to it.

    Half-way where the SDF does not fall. Differentiable where the SDF changes sign.
    """
    fall = sdf_start - sdf_end
    falling = fall > 1e-6
    share = (sdf_start / torch.where(falling, fall, torch.ones_like(fall))).clamp(0, 1)
    return torch.where(falling, share, torch.full_like(share, 0.5))

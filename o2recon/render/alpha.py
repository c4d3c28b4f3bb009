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
    """Where in a section, in [0, 1], its surface is: at the zero of the linear SDF, or at the end nearest to it.

    Half-way where the SDF does not fall.
    """
    fall = sdf_start - sdf_end
    falling = fall > 1e-6
    share = (sdf_start / torch.where(falling, fall, torch.ones_like(fall))).clamp(0, 1)
    return torch.where(falling, share, torch.full_like(share, 0.5))


def mean_share(
    sdf_start: Float[Tensor, "rays sections"], sdf_end: Float[Tensor, "rays sections"], inv_s: Float[Tensor, ""]
) -> Float[Tensor, "rays sections"]:
    """Mean position in a section, in [0, 1], of the weight that NeuS's density puts there when the SDF is linear in it.

    With Phi(f) = sigmoid(inv_s f): (integral of Phi over the section - Phi_end) / (Phi_start - Phi_end), the integral
    being (softplus(inv_s f_start) - softplus(inv_s f_end)) / (inv_s (f_start - f_end)). Differentiable, so that the
    rendered distance follows the surface exactly. Where next to nothing is lost, `crossing_share`, without a gradient.
    """
    start, end = sdf_start * inv_s, sdf_end * inv_s
    lost = torch.sigmoid(start) - torch.sigmoid(end)
    counts = lost > 1e-3
    fall = torch.where(counts, start - end, torch.ones_like(start))
    integral = (functional.softplus(start) - functional.softplus(end)) / fall
    share = (integral - torch.sigmoid(end)) / torch.where(counts, lost, torch.ones_like(lost))
    return torch.where(counts, share, crossing_share(sdf_start, sdf_end).detach())

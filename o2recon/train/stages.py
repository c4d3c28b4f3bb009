"""Where training stands: the coarse stage, the fade-in of the fine levels, the least sharpness of the surface."""

import math
from collections.abc import Sequence

from torch import nn


class Stages:
    """Schedule of the field; depends on the step alone.

    The coarse field trains alone for `coarse_share` of the steps, then the fine levels fade in one after the other over
    `fade_share` of them. `inv_s_floor` (start, end; per object unit) rises geometrically and keeps the surface from
    staying soft; None leaves the sharpness to learning.
    """

    def __init__(self, *, coarse_share: float, fade_share: float, inv_s_floor: Sequence[float] | None) -> None:
        if not (0 <= coarse_share <= 1 and 0 <= fade_share <= 1):
            raise ValueError(f"stages: coarse_share={coarse_share} and fade_share={fade_share} must lie in 0..1")
        self.coarse_share, self.fade_share = coarse_share, fade_share
        self.inv_s_floor = None if inv_s_floor is None else (float(inv_s_floor[0]), float(inv_s_floor[1]))

    def apply(self, field: nn.Module, step: int, num_steps: int) -> None:
        """Set the field to where it should be at `step`."""
        done = step / max(num_steps, 1)
        coarse = done / self.coarse_share if done < self.coarse_share else 1.0
        faded = min((done - self.coarse_share) / self.fade_share, 1.0) if self.fade_share else 1.0
        levels = num_fine_levels(field)
        set_progress(field, coarse, min(max(faded * levels, 1e-3), levels) if coarse >= 1 else 0.0)
        if self.inv_s_floor is not None:
            start, end = self.inv_s_floor
            field.set_inv_s_floor(math.exp((1 - done) * math.log(start) + done * math.log(end)))  # type: ignore[operator]


def num_fine_levels(field: nn.Module) -> int:
    """Levels of the fine encoding; 1 for one that has no levels."""
    return int(getattr(field.fine_encoding, "num_levels", 1))


def set_progress(field: nn.Module, fraction_coarse: float, fine_levels_active: float) -> None:
    """See Cascade.set_progress."""
    field.set_progress(fraction_coarse, fine_levels_active)  # type: ignore[operator]

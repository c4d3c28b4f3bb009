"""What every cascaded field shares: where training stands, and how sharp the surface is."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.field.encoding import Encoding

PARTS = ("both", "coarse", "fine")


class StagedField(nn.Module):
    """A coarse field and a fine one that fades in on top of it.

    `parts` "coarse" leaves the fine field out, "fine" the coarse one; the fine one then speaks from the first step on.
    gate is 0 in the coarse stage, and so is direction_gate, by which view directions are multiplied.
    inv_s = max(exp(10 v), floor) is the surface's sharpness; v is learnt, the floor is 0 unless a schedule sets it.
    """

    gate: Tensor
    direction_gate: Tensor
    inv_s_floor: Tensor

    def __init__(self, *, fine_encoding: Encoding, initial_sharpness: float, parts: str) -> None:
        super().__init__()
        if parts not in PARTS:
            raise ValueError(f"field.parts={parts}: must be one of {', '.join(PARTS)}")
        self.parts = parts
        self.fine_encoding = fine_encoding
        self.sharpness = nn.Parameter(torch.tensor(float(initial_sharpness)))
        for name in ("gate", "direction_gate", "inv_s_floor"):
            self.register_buffer(name, torch.zeros(()))
        self.fine_is_on = False
        self.set_progress(0.0, 0.0)

    @property
    def coarse_is_on(self) -> bool:
        return self.parts != "fine"

    @property
    def inv_s(self) -> Float[Tensor, ""]:
        """1 / s of the logistic density, per object unit."""
        return torch.maximum(torch.exp(10 * self.sharpness), self.inv_s_floor)

    def set_inv_s_floor(self, floor: float) -> None:
        """Keep `inv_s` at or above `floor`; where the floor holds, `inv_s` is not learnt."""
        self.inv_s_floor.fill_(floor)

    def set_progress(self, fraction_coarse: float, fine_levels_active: float) -> None:
        """Where training stands: the coarse stage ends at `fraction_coarse` = 1; then the fine levels fade in."""
        whole = float(getattr(self.fine_encoding, "num_levels", 1))
        levels = {"both": fine_levels_active, "coarse": 0.0, "fine": whole}[self.parts]
        self.direction_gate.fill_(float(fraction_coarse >= 1))
        self.gate.fill_(min(max(levels, 0.0), 1.0))
        self.fine_encoding.set_active_levels(levels)
        self.fine_is_on = levels > 0

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self.fine_is_on = bool(self.gate > 0)

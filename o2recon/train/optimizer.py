"""Adam with a learning rate per kind of parameter, linear warm-up and cosine decay."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GroupedAdam:
    """Learning rates by the names of the field's `parameter_groups()`: tables, networks, sharpness.

    It rises linearly over the first `warm_up_steps`, then falls along half a cosine to `final_share` of itself. It
    depends on the step alone, so nothing of it has to be saved.
    """

    def __init__(
        self,
        *,
        learning_rates: dict[str, float],
        betas: Sequence[float],
        epsilon: float,
        warm_up_steps: int,
        final_share: float,
    ) -> None:
        self.learning_rates, self.betas, self.epsilon = dict(learning_rates), (betas[0], betas[1]), epsilon
        self.warm_up_steps, self.final_share = warm_up_steps, final_share

    def build(self, groups: dict[str, list[nn.Parameter]]) -> torch.optim.Adam:
        """The optimiser of a field's `parameter_groups()`; ValueError when one of them has no rate.

        Fused, which is two to three times faster on small networks. On a GPU its rates are tensors, so that a CUDA
        graph of it sees them change.
        """
        missing = sorted(set(groups) - set(self.learning_rates))
        if missing:
            raise ValueError(
                f"optimizer.learning_rates lacks {', '.join(missing)}: give each group of parameters a rate"
            )
        parameters = [
            {"params": list(group), "lr": self.learning_rates[name], "full_lr": self.learning_rates[name]}
            for name, group in groups.items()
            if len(group)
        ]
        optimizer = torch.optim.Adam(parameters, betas=self.betas, eps=self.epsilon, fused=True)
        self.place(optimizer)
        return optimizer

    def place(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the optimiser fit the device of its parameters, also after it was loaded from another one's state."""
        for group in optimizer.param_groups:
            device, rate = group["params"][0].device, group["full_lr"]
            group["capturable"] = device.type == "cuda"
            group["lr"] = torch.full((), rate, device=device) if group["capturable"] else rate

    def set_rates(self, optimizer: torch.optim.Optimizer, step: int, num_steps: int, *, factor: float = 1.0) -> None:
        """The learning rates of `step` of `num_steps`, times `factor`."""
        share = self.share(step, num_steps) * factor
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(group["full_lr"] * share)
            else:
                group["lr"] = group["full_lr"] * share

    def share(self, step: int, num_steps: int) -> float:
        """Share of the full learning rate at `step`, in (0, 1]."""
        if step < self.warm_up_steps:
            return (step + 1) / self.warm_up_steps
        done = (step - self.warm_up_steps) / max(num_steps - self.warm_up_steps, 1)
        return self.final_share + (1 - self.final_share) * (1 + math.cos(math.pi * min(done, 1))) / 2

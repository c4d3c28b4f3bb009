"""Training ends early when held-out depth is not explained any better: the rest of the schedule is run through fast."""

import logging
import math
from typing import Any

import pytorch_lightning as pl

from o2recon.train.reconstruction import Reconstruction

log = logging.getLogger(__name__)
ERROR = "val/depth_residual_cm"


class EarlyStop:
    """Held-out depth is flat when its error was `patience` validations long no better, by `min_delta_cm`, than before.

    Then what is left of the schedule (learning rates, fine levels, sharpness) is run through in `cool_down_steps`, so
    that the field settles as at the end of a whole training. 0 stops where it stands.
    """

    def __init__(self, *, patience: int, min_delta_cm: float, cool_down_steps: int) -> None:
        if patience < 1 or min_delta_cm < 0 or cool_down_steps < 0:
            raise ValueError(
                f"train.early_stop: patience={patience} must be >= 1, min_delta_cm={min_delta_cm} and "
                f"cool_down_steps={cool_down_steps} >= 0"
            )
        self.patience, self.min_delta_cm, self.cool_down_steps = patience, min_delta_cm, cool_down_steps

    def is_flat(self, errors: list[float]) -> bool:
        """`errors` in centimetres, one per validation, the newest last."""
        before, lately = errors[: -self.patience], errors[-self.patience :]
        return bool(before) and min(lately) > min(before) - self.min_delta_cm


class EarlyStopping(pl.Callback):
    """Watches one training. Goes on where a checkpoint left it."""

    def __init__(self, rule: EarlyStop) -> None:
        self.rule = rule
        self.errors: list[float] = []
        self.last = 0
        """Step of the newest error."""

    def state_dict(self) -> dict[str, Any]:
        return {"errors": self.errors, "last": self.last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.errors, self.last = list(state_dict["errors"]), state_dict["last"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        if pl_module.data.val_table is None:
            log.info("no view is held out: training does not stop early")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        self._note(pl_module)

    def _note(self, module: Reconstruction) -> None:
        if module.step <= self.last:  # a resumed run validates there again
            return
        error, self.last = module.validation.get(ERROR, math.inf), module.step
        self.errors.append(error)
        if module.shortened is not None or not self.rule.is_flat(self.errors):
            return
        end = module.step + self.rule.cool_down_steps
        if end >= module.num_steps:
            return
        log.info(
            "held-out depth is flat at %.2f cm: training ends at step %d instead of %d", error, end, module.num_steps
        )
        module.shorten(end)

"""The LightningModule: field, renderer and losses joined; one training step is a block of optimiser steps."""

from collections.abc import Callable
from typing import Any, TypedDict

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.data import Draw, PointBatch
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.search import SurfaceSearch
from o2recon.train.stages import Stages
from o2recon.train.validation import HeldOut
from o2recon.types import FieldPoints, RayBatch, RenderOutput

Loss = Callable[[RenderOutput, RayBatch, FieldPoints], Float[Tensor, ""]]


class Term(TypedDict):
    """One loss term as the config gives it."""

    weight: float
    loss: Loss


class TrainingDiverged(RuntimeError):
    """A loss is not finite any more; the message is one line."""


class Reconstruction(pl.LightningModule):
    """One object's field in training. `losses`: name -> {weight, loss}, or None for a term that is off.

    `search` finds the field's surface along rays without a measured one; None leaves that to the renderer.
    Everything random depends on `seed` and the step alone. `scale`: metres per object unit, for validation.
    """

    def __init__(
        self,
        *,
        field: nn.Module,
        renderer: Callable[..., RenderOutput],
        losses: dict[str, Term | None],
        optimizer: GroupedAdam,
        stages: Stages,
        search: SurfaceSearch | None,
        num_steps: int,
        seed: int,
        scale: float,
        config: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.field, self.renderer = field, renderer
        self.terms = {name: term for name, term in losses.items() if term is not None and term["weight"] != 0}
        self.grouped_adam, self.stages, self.search = optimizer, stages, search
        self.num_steps, self.seed, self.config = num_steps, seed, config
        self.step = 0
        """Optimiser steps done."""
        self.block_means: dict[str, float] = {}
        """Means of the last block: train/loss/<term> (unweighted), train/loss/total, train/inv_s."""
        self.held_out = HeldOut(scale=scale, search=search)
        self.validation: dict[str, float] = {}
        """Results of the last validation."""

    def configure_optimizers(self) -> torch.optim.Adam:
        return self.grouped_adam.build(self.field)

    def training_step(self, block: list[Draw], block_index: int) -> None:
        """Optimise once per draw. TrainingDiverged when their loss is not finite."""
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        sums: dict[str, Tensor] = {}
        for draw in block:
            self.stages.apply(self.field, draw.step, self.num_steps)
            self.grouped_adam.set_rates(optimizer.optimizer, draw.step, self.num_steps)
            losses = self.losses(draw)
            _assert_finite(losses, draw.step)
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            optimizer.step()
            for name, value in losses.items():
                sums[name] = sums[name] + value.detach() if name in sums else value.detach()
            self.step = draw.step + 1
        self.block_means = {f"train/loss/{name}": float(value) / len(block) for name, value in sums.items()}
        self.block_means["train/inv_s"] = float(self.field.inv_s.detach())  # type: ignore[union-attr, operator]

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """Every term, unweighted, and their weighted sum `total`."""
        generator = torch.Generator(device=draw.rays.near.device).manual_seed((self.seed + 7) * 2_000_003 + draw.step)
        rays = draw.rays if self.search is None else self.search.guided(self.field.sdf, draw.rays)  # type: ignore[arg-type]
        cos_anneal_ratio = min(2 * draw.step / self.num_steps, 1.0)
        output = self.renderer(self.field, rays, generator=generator, cos_anneal_ratio=cos_anneal_ratio)
        points = field_points(self.field, draw.points)
        values = {name: term["loss"](output, draw.rays, points) for name, term in self.terms.items()}
        values["total"] = sum(
            (self.terms[name]["weight"] * value for name, value in values.items()), torch.zeros((), device=self.device)
        )
        return values

    def on_validation_epoch_start(self) -> None:
        self.held_out.reset()

    def validation_step(self, rays: RayBatch, index: int) -> None:
        self.held_out.update(self.renderer, self.field, rays)

    def on_validation_epoch_end(self) -> None:
        self.validation = self.held_out.compute()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["o2recon"] = {
            "step": self.step,
            "num_steps": self.num_steps,
            "seed": self.seed,
            "config": self.config,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["o2recon"]["step"]

    def on_fit_start(self) -> None:
        """The data go where the field is, and continue where it stopped."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        data.move_to(self.device)
        data.first_step = self.step


def field_points(field: nn.Module, points: PointBatch) -> FieldPoints:
    """The field at points that were drawn from the volume."""
    out = field.sdf_and_gradient(points.points)  # type: ignore[operator]
    return FieldPoints(
        points=points.points,
        sdf=out.sdf,
        gradient=out.gradient,
        residual=out.residual,
        evidence=points.evidence,
        prior_sdf=points.prior_sdf,
        hull_distance=points.hull_distance,
    )


def _assert_finite(losses: dict[str, Tensor], step: int) -> None:
    if torch.isfinite(losses["total"]):
        return
    wrong = ", ".join(name for name, value in losses.items() if not torch.isfinite(value))
    raise TrainingDiverged(
        f"training diverged at step {step}: loss {wrong} not finite; lower train.optimizer.learning_rates"
    )

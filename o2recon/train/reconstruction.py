"""The LightningModule: field, renderer and losses joined; one training step is a block of optimiser steps."""

from collections.abc import Callable
from typing import Any, TypedDict

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.data import Draw, ObjectData, PointBatch, step_seed
from o2recon.losses import of_the_whole_batch
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.peers import Peers
from o2recon.train.replay import Replay
from o2recon.train.search import SurfaceSearch
from o2recon.train.semantic import NovelViews
from o2recon.train.stages import Stages
from o2recon.train.validation import HeldOut

SEMANTIC = 3 * 10**6
"""Added to the step in the seeds of semantic steps."""
PEERS = 10**7
"""Added to the step, times the process's number, in the seeds of what processes draw for themselves."""

TOTAL = "train/loss/total"
EXPLODED = 100.0
"""A block's mean loss, in means of the first block, from which on training counts as diverged."""

Loss = Callable[[RenderOutput, RayBatch, FieldPoints], Float[Tensor, ""]]


class Term(TypedDict):
    """One loss term as the config gives it."""

    weight: float
    loss: Loss


class TrainingDiverged(RuntimeError):
    """A loss or a parameter is not finite any more, or the loss explodes; the message is one line."""


class Reconstruction(pl.LightningModule):
    """One object's field in training. `losses`: name -> {weight, loss}, or None for a term that is off.

    `search` finds the field's surface along rays without a measured one; None leaves that to the renderer.
    Everything random depends on `seed` and the step alone. `scale`: metres per object unit, for validation. `graph`: on
    a GPU the whole step, from the draw of its rays to the optimiser, is one CUDA graph. `semantic`: the loss that has
    optimiser steps of its own, and a graph of its own.
    `peers`: the processes that share every step's rays; None: there is only this one. `rate_factor` scales all
    learning rates.
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
        graph: bool,
        config: dict[str, Any] | None,
        semantic: NovelViews | None = None,
        peers: Peers | None = None,
        rate_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.field, self.renderer = field, renderer
        self.terms = {name: term for name, term in losses.items() if term is not None and term["weight"] != 0}
        parts = [renderer, *(term["loss"] for term in self.terms.values())]
        self.scheduled: list[Any] = [part for part in parts if hasattr(part, "set_step")]
        """Renderer and losses that change with the step, as far as they do."""
        self.grouped_adam, self.stages, self.search = optimizer, stages, search
        self.num_steps, self.seed, self.graph, self.config = num_steps, seed, graph, config
        self.semantic = semantic
        self.peers = peers or Peers(torch.device("cpu"))
        self.step = 0
        """Optimiser steps done."""
        self.shortened: tuple[int, int] | None = None
        """Step from which the rest of the schedule is run through fast, and the one at which it ends, if it is."""
        self.rate_factor = rate_factor
        """Share of the learning rates that is taken; less than 1 since a training that diverged was rolled back."""
        self.first_total: float | None = None
        """Mean loss of the first block."""
        self.block_means: dict[str, float] = {}
        """Means of the last block: train/loss/<term> (unweighted), train/loss/total, train/inv_s; and, when it had
        semantic steps, train/loss/semantic (weighted)."""
        self.held_out = HeldOut(scale=scale, search=search)
        self.validation: dict[str, float] = {}
        """Results of the last validation."""
        self.pose_notes: dict[str, Any] | None = None
        """How far views were moved; None: not asked for."""

    def configure_optimizers(self) -> torch.optim.Adam:
        return self.grouped_adam.build(self.field.parameter_groups())  # type: ignore[operator]

    def on_fit_start(self) -> None:
        """The data go where the field is, and continue where it stopped."""
        self.data: ObjectData = self.trainer.datamodule  # type: ignore[attr-defined]
        self.data.move_to(self.device)
        self.data.first_step = self.step

    def on_train_start(self) -> None:
        """With the checkpoint, if any, loaded: everything that the steps keep in tensors."""
        wrapped = self.optimizers()
        assert not isinstance(wrapped, list)
        self.adam = wrapped.optimizer
        self.grouped_adam.place(self.adam)
        self.generator = torch.Generator(self.device)
        self.history = torch.zeros(self.data.steps_per_block, len(self.terms) + 1, device=self.device)
        """Loss terms of the block's steps, `total` last."""
        self.row = torch.zeros(1, dtype=torch.long, device=self.device)
        """The row of the next step."""
        alone = self.peers.size == 1
        self.noise = self.generator if alone else torch.Generator(self.device)
        """What places samples on rays."""
        graph, others = self.graph and self.peers.can_be_captured, () if alone else (self.noise,)
        self.replay = Replay(self._optimise, generator=self.generator, graph=graph, others=others)
        self.semantic_generator = torch.Generator(self.device)
        self.semantic_sum = torch.zeros((), device=self.device)
        """Of the block's semantic losses."""
        self.semantic_replay = Replay(self._optimise_semantic, generator=self.semantic_generator, graph=graph)
        self.trainer.should_stop = self.step >= self.end

    def training_step(self, block: range, block_index: int) -> None:
        """Optimise once per step of the block. TrainingDiverged when a loss is not finite."""
        self.row.zero_()
        self.semantic_sum.zero_()
        num_semantic = 0
        for step in block:
            scheduled = self.stand_at(step)
            for part in self.scheduled:
                part.set_step(scheduled)
            self.grouped_adam.set_rates(self.adam, scheduled, self.num_steps, factor=self.rate_factor)
            self.generator.manual_seed(step_seed(self.seed, step))
            if self.noise is not self.generator:
                self.noise.manual_seed(step_seed(self.seed, PEERS * (self.peers.rank + 1) + step))
            self.replay()
            if self.semantic is not None and self.semantic.is_due(step, self.num_steps):
                self.semantic_generator.manual_seed(step_seed(self.seed, SEMANTIC + step))
                self.semantic_replay()
                num_semantic += 1
        self.step = block.stop
        self.peers.average([self.history])
        names, history = [*self.terms, "total"], self.history[: len(block)].double().cpu()
        _assert_finite(names, history, block.start)
        means = zip(names, history.mean(0).tolist(), strict=True)
        self.block_means = {f"train/loss/{name}": value for name, value in means}
        self._assert_calm(block.start)
        if num_semantic:
            mean = self.semantic_sum.double().cpu()[None, None] / num_semantic
            _assert_finite(["semantic"], mean, block.start)
            self.block_means["train/loss/semantic"] = float(mean)
        self.block_means["train/inv_s"] = float(self.field.inv_s.detach())  # type: ignore[union-attr, operator]
        self.trainer.should_stop = self.step >= self.end

    def stand_at(self, step: int) -> int:
        """The field as it is at `step`; gives the step of the whole schedule."""
        was_on, scheduled = getattr(self.field, "fine_is_on", None), self.scheduled_step(step)
        self.stages.apply(self.field, scheduled, self.num_steps)
        if getattr(self.field, "fine_is_on", None) != was_on:
            self.replay.forget()
            self.semantic_replay.forget()
        return scheduled

    def _assert_calm(self, first_step: int) -> None:
        total = self.block_means[TOTAL]
        self.first_total = total if self.first_total is None else self.first_total
        if total > EXPLODED * self.first_total:
            terms = {k: v for k, v in self.block_means.items() if k.startswith("train/loss/") and k != TOTAL}
            worst = max(terms, key=lambda k: self.terms[k.removeprefix("train/loss/")]["weight"] * terms[k])
            raise TrainingDiverged(
                f"training diverged at step {first_step}: the loss is {total / self.first_total:.0f} times that of the"
                f" start, most of it {worst.removeprefix('train/loss/')}; lower train.optimizer.learning_rates"
            )

    @property
    def end(self) -> int:
        """The step at which training is over."""
        return self.num_steps if self.shortened is None else self.shortened[1]

    def shorten(self, end: int) -> None:
        """Run through the rest of the schedule until step `end`, with the block that holds it, and stop there."""
        self.shortened = (self.step, end)
        self.trainer.should_stop = self.step >= end

    def scheduled_step(self, step: int) -> int:
        """The step of the whole schedule that `step` takes."""
        if self.shortened is None or step <= self.shortened[0]:
            return step
        start, end = self.shortened
        done = min((step - start) / max(end - start, 1), 1.0)
        return min(round(start + done * (self.num_steps - start)), self.num_steps - 1)

    def validate(self) -> None:
        """A validation beside Lightning's own."""
        self.on_validation_epoch_start()
        for index, rays in enumerate(self.data.val_dataloader()):
            self.validation_step(rays, index)
        self.on_validation_epoch_end()

    def _optimise(self) -> None:
        """One step, all of it on the device."""
        losses = self.losses(self.data.draw(self.generator))
        self.adam.zero_grad(set_to_none=True)
        losses["total"].backward()
        self._average_gradients()
        self.adam.step()
        self.history.index_copy_(0, self.row, torch.stack([value.detach() for value in losses.values()])[None])
        self.row.add_(1)

    def _optimise_semantic(self) -> None:
        """The semantic loss's own step, with the same optimiser."""
        assert self.semantic is not None
        loss = self.semantic(self.field, self.semantic_generator)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self._average_gradients()
        self.adam.step()
        self.semantic_sum.add_(loss.detach())

    def _average_gradients(self) -> None:
        parameters = [p for group in self.adam.param_groups for p in group["params"]]
        self.peers.average([p.grad for p in parameters if p.grad is not None])

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """Every term, unweighted, and their weighted sum `total`; of several processes this one's part, the mean over
        whom is that of all the step's rays."""
        rays = draw.rays if self.search is None else self.search.guided(self.field.sdf, draw.rays)  # type: ignore[arg-type]
        output = self.renderer(self.field, rays, generator=self.noise)
        points = field_points(self.field, draw.points)
        with of_the_whole_batch(self.peers.total, self.peers.size):
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
        self.validation = self.peers.said_by_first(self.held_out.compute())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["o2recon"] = {
            "step": self.step,
            "num_steps": self.num_steps,
            "seed": self.seed,
            "config": self.config,
            "shortened": None if self.shortened is None else list(self.shortened),
            "rate_factor": self.rate_factor,
            "first_total": self.first_total,
            "sample_share": self.data.sample_share,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["o2recon"]["step"]
        shortened = checkpoint["o2recon"].get("shortened")  # since 2026-11-22
        self.shortened = None if shortened is None else (shortened[0], shortened[1])
        self.rate_factor = min(self.rate_factor, checkpoint["o2recon"].get("rate_factor", 1.0))
        self.first_total = checkpoint["o2recon"].get("first_total")


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


def _assert_finite(names: list[str], history: Tensor, first_step: int) -> None:
    """`history` [steps terms]: one row per step from `first_step` on."""
    finite = torch.isfinite(history)
    if finite.all():
        return
    row = int((~finite.all(-1)).nonzero()[0])
    wrong = ", ".join(name for name, fine in zip(names, finite[row].tolist(), strict=True) if not fine)
    raise TrainingDiverged(
        f"training diverged at step {first_step + row}: loss {wrong} not finite; lower train.optimizer.learning_rates"
    )

"""Train one object: warm start, Lightning's Trainer, checkpoints to continue from."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import nn

from o2recon.data import ObjectData
from o2recon.machine import answers, device_error, give_memory_back, out_of_memory
from o2recon.tensors import RenderOutput
from o2recon.train.callbacks import DirectWriter, LastCheckpoint, MetricsFile, MissedValidation, StepProgress, Watch
from o2recon.train.checkpoint import LAST, PREVIOUS, build_field, usable_checkpoint
from o2recon.train.ddp import Ddp, Join
from o2recon.train.early_stop import EarlyStop, EarlyStopping
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.peers import Peers
from o2recon.train.poses import METRICS, MovingViews, PoseRefinement
from o2recon.train.reconstruction import Reconstruction, Term, TrainingDiverged
from o2recon.train.search import SurfaceSearch
from o2recon.train.semantic import NovelViews, Semantic
from o2recon.train.stages import Stages
from o2recon.train.surroundings import precision, quiet_lightning, repeatable
from o2recon.train.warm_start import WarmStart
from o2recon.workspace import ObjectFolder

log = logging.getLogger(__name__)
PRECISIONS = ("highest", "high", "medium")
LOWERED = 0.1
"""Of the learning rates, once a training has diverged."""
LEAST_SHARE = 1 / 8
"""Of the rays and points a step, where memory is short."""


class Fit:
    """Trains fields. `device`: auto, cpu, cuda or cuda:<n>. `steps_per_block` optimiser steps are one of Lightning.

    `warm_start` None starts from the field's own initial values, `early_stop` None takes all `num_steps`. `*_every`
    count optimiser steps. On a GPU a step is one CUDA graph with `cuda_graph`, and `matmul_precision` (highest, high,
    medium) says how exactly networks multiply.
    """

    def __init__(
        self,
        *,
        optimizer: GroupedAdam,
        stages: Stages,
        search: SurfaceSearch | None,
        warm_start: WarmStart | None,
        early_stop: EarlyStop | None,
        num_steps: int,
        steps_per_block: int,
        log_every: int,
        validate_every: int,
        checkpoint_every: int,
        cuda_graph: bool,
        matmul_precision: str,
        device: str,
    ) -> None:
        self.optimizer, self.stages, self.search, self.warm_start = optimizer, stages, search, warm_start
        self.early_stop = early_stop
        self.num_steps, self.steps_per_block = num_steps, steps_per_block
        self.log_every, self.validate_every, self.checkpoint_every = log_every, validate_every, checkpoint_every
        if matmul_precision not in PRECISIONS:
            raise ValueError(f"matmul_precision={matmul_precision}: must be one of {', '.join(PRECISIONS)}")
        self.cuda_graph, self.matmul_precision = cuda_graph, matmul_precision
        self.device = _device(device)

    def __call__(
        self,
        folder: ObjectFolder,
        out: Path,
        *,
        data: Callable[..., ObjectData],
        field: nn.Module,
        renderer: Callable[..., RenderOutput],
        losses: dict[str, Term | None],
        seed: int,
        semantic: Semantic | None = None,
        config: dict[str, Any] | None = None,
        resume: bool = True,
        watch: Watch | None = None,
        ddp: Ddp | None = None,
        poses: PoseRefinement | None = None,
    ) -> Reconstruction:
        """Train `field` (in place) on `folder`; writes `out`/metrics.csv and `out`/checkpoints/last.ckpt.

        `data(folder=, seed=)` makes the ObjectData. `config`: resolved plain containers with at least `field`; kept in
        the checkpoint for `load_field`. With `resume` one of the same config is continued, bit for bit on a CPU.
        A training that diverges goes back to its last checkpoint once and on with a tenth of the rates. Where memory is
        short it goes on from there with half of the rays and points a step (`sample_share` of its data), down to an
        eighth; after an error of a device that still answers, once as it was. `semantic`: the loss at novel poses;
        None: without it. `watch` is told what goes to metrics.csv. `ddp`: the processes that share every step's rays;
        None: this one alone. `poses` moves the views as it goes on; None: they stay. Raises TrainingDiverged,
        ValueError for unprepared or unusable data, what memory and devices fail with, or RuntimeError when another
        process failed.
        """
        if not resume:
            for path in (LAST, PREVIOUS):
                (out / path).unlink(missing_ok=True)
        previous, factor, share = usable_checkpoint(out, config, self.num_steps)
        task = _Task(folder, out, data, field, renderer, losses, seed, semantic, config, previous, factor, share, poses)
        initial = {name: value.clone() for name, value in field.state_dict().items()}
        while True:
            try:
                return self._whole(task, watch, ddp)
            except (RuntimeError, MemoryError) as error:
                task = self._once_more(task, error)
            give_memory_back()  # the error is not held any more
            field.load_state_dict(initial)
            field.train()  # it may have failed in a validation
            task = replace(task, previous=usable_checkpoint(out, config, self.num_steps).path)

    def _once_more(self, task: "_Task", error: Exception) -> "_Task":
        """What to try after `error`; raises it when there is nothing left to try."""
        memory, device = out_of_memory(error), device_error(error)
        if isinstance(error, TrainingDiverged) and task.rate_factor == 1:
            log.warning("%s: once more from the last checkpoint, with %g of the rates", error, LOWERED)
            return replace(task, rate_factor=LOWERED)
        if memory is not None and task.sample_share > LEAST_SHARE:
            share, reason = task.sample_share / 2, " ".join(str(memory).split()) or type(memory).__name__
            told = "object %s: memory is short (%s): once more from the last checkpoint, with %g of the rays and points"
            log.warning(told, task.folder.path.name, reason, share)
            return replace(task, sample_share=share)
        if device is not None and not task.tried_again and answers(str(self.device)):
            log.warning("object %s: %s: once more from the last checkpoint", task.folder.path.name, device)
            return replace(task, tried_again=True)
        raise error

    def _whole(self, task: "_Task", watch: Watch | None, ddp: Ddp | None) -> Reconstruction:
        """In this process, or in all of them."""
        if ddp is None:
            return self._part(task, watch, Peers(self.device), nullcontext)
        others = replace(task, field=None) if task.config and "field" in task.config else task
        with ddp.processes(self.device, partial(self._part, others, None)) as (peers, join):
            return self._part(task, watch, peers, join)

    def _part(self, task: "_Task", watch: Watch | None, peers: Peers, join: Join) -> Reconstruction:
        """What one process does; the first one writes."""
        data = task.data(folder=task.folder, seed=task.seed)
        data.take_share(task.sample_share)
        data.setup()
        data.steps_per_block, data.num_steps, data.share = self.steps_per_block, self.num_steps, peers.share
        assert data.frame is not None
        scale = data.frame.scale
        graph = self.cuda_graph and peers.can_be_captured
        if self.cuda_graph and not graph and peers.device.type == "cuda":
            log.info("kernels are launched one by one: only NCCL's messages can be part of a CUDA graph")
        field = task.built_field()
        module = Reconstruction(
            field=field,
            renderer=task.renderer,
            losses=task.losses,
            optimizer=self.optimizer,
            stages=self.stages,
            search=self.search,
            num_steps=self.num_steps,
            seed=task.seed,
            scale=scale,
            graph=graph,
            config=task.config,
            semantic=task.novel_views(peers.device),
            peers=peers,
            rate_factor=task.rate_factor,
        )
        with repeatable(), precision(self.matmul_precision, peers.device):
            field.to(peers.device)
            data.move_to(peers.device)
            if task.previous is None and self.warm_start is not None and peers.rank == 0:
                start = partial(self.warm_start, scale=scale, seed=task.seed, share=task.sample_share)
                start(field, data.volume, graph=self.cuda_graph)
            with join():
                peers.copy_first([*field.parameters(), *field.buffers()])
                self._train(module, data, task, watch)
        return module

    def _train(
        self,
        module: Reconstruction,
        data: ObjectData,
        task: "_Task",
        watch: Watch | None,
    ) -> None:
        peers, previous = module.peers, task.previous
        blocks = max(self.validate_every // self.steps_per_block, 1)
        callbacks: list[pl.Callback] = []
        if self.early_stop is not None:  # before what writes checkpoints
            callbacks.append(EarlyStopping(self.early_stop))
        if peers.rank == 0:
            shown = StepProgress(description=f"training {data.folder.path.name}")
            more = () if task.poses is None else METRICS
            metrics = MetricsFile(path=task.out / "metrics.csv", every=self.log_every, watch=watch, more=more)
            saved = LastCheckpoint(path=task.out / LAST, previous=task.out / PREVIOUS, every=self.checkpoint_every)
            callbacks = [shown, metrics, *callbacks, saved]
        if task.poses is not None:  # before what writes metrics
            callbacks.insert(0, MovingViews(task.poses, starts_warm=self.warm_start is not None))
        callbacks.append(MissedValidation(every=blocks * self.steps_per_block))
        with quiet_lightning():
            trainer = pl.Trainer(
                accelerator="gpu" if peers.device.type == "cuda" else "cpu",
                devices=[peers.device.index or 0] if peers.device.type == "cuda" else 1,
                max_epochs=-1,  # the module stops after `num_steps`
                val_check_interval=blocks,
                check_val_every_n_epoch=None,
                limit_val_batches=1.0 if data.val_table is not None else 0,
                num_sanity_val_steps=0,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                callbacks=callbacks,
                plugins=[DirectWriter()],
            )
            trainer.fit(module, datamodule=data, ckpt_path=None if previous is None else str(previous))
            if trainer.received_sigterm:  # Lightning does not say so when it was in the last block
                raise SIGTERMException
        if peers.size > 1:  # NCCL cannot end before the graphs that hold its messages
            module.replay.forget()
            module.semantic_replay.forget()


@dataclass(frozen=True)
class _Task:
    """What to train; the same in all processes. `previous`: the checkpoint to continue from. `rate_factor`: share of
    the learning rates. `sample_share`: of the rays and points a step. `tried_again`: after a device's error."""

    folder: ObjectFolder
    out: Path
    data: Callable[..., ObjectData]
    field: nn.Module | None
    renderer: Callable[..., RenderOutput]
    losses: dict[str, Term | None]
    seed: int
    semantic: Semantic | None
    config: dict[str, Any] | None
    previous: Path | None
    rate_factor: float
    sample_share: float
    poses: PoseRefinement | None
    tried_again: bool = False

    def novel_views(self, device: torch.device) -> NovelViews | None:
        return None if self.semantic is None else self.semantic.of(self.folder, device, share=self.sample_share)

    def built_field(self) -> nn.Module:
        """The field; one like it where only its config is known: not every field can be sent to another process."""
        return self.field if self.field is not None else build_field((self.config or {})["field"], seed=self.seed)


def _device(device: str) -> torch.device:
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdigit())):
        raise ValueError(f"device={device}: must be auto, cpu, cuda or cuda:<number>")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device("cuda", int(number or 0)) if kind == "cuda" else torch.device("cpu")

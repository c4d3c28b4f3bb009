"""Train one object: warm start, Lightning's Trainer, checkpoints to continue from."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from o2recon.data import ObjectData
from o2recon.train.callbacks import DirectWriter, LastCheckpoint, MetricsFile, MissedValidation, StepProgress, Watch
from o2recon.train.checkpoint import build_field, read_checkpoint
from o2recon.train.ddp import Ddp, Join
from o2recon.train.early_stop import EarlyStop, EarlyStopping
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.peers import Peers
from o2recon.train.reconstruction import Reconstruction, Term, TrainingDiverged
from o2recon.train.search import SurfaceSearch
from o2recon.train.semantic import Semantic
from o2recon.train.stages import Stages
from o2recon.train.warm_start import WarmStart
from o2recon.types import RenderOutput
from o2recon.workspace import ObjectFolder

log = logging.getLogger(__name__)
PRECISIONS = ("highest", "high", "medium")
LAST, PREVIOUS = Path("checkpoints", "last.ckpt"), Path("checkpoints", "previous.ckpt")
LOWERED = 0.1
"""Of the learning rates, once a training has diverged."""


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
    ) -> Reconstruction:
        """Train `field` (in place) on `folder`; writes `out`/metrics.csv and `out`/checkpoints/last.ckpt.

        `data(folder=, seed=)` makes the ObjectData. `config`: resolved plain containers with at least `field`; kept in
        the checkpoint for `load_field`. With `resume` one of the same config is continued, bit for bit on a CPU.
        A training that diverges goes back to its last checkpoint once and on with a tenth of the rates. `semantic`: the
        loss at novel poses; None: without it. `watch` is told what goes to metrics.csv. `ddp`: the processes that share
        every step's rays; None: this one alone. Raises TrainingDiverged, ValueError for unprepared or unusable data, or
        RuntimeError when another process failed.
        """
        if not resume:
            for path in (LAST, PREVIOUS):
                (out / path).unlink(missing_ok=True)
        previous, factor = _usable_checkpoint(out, config, self.num_steps)
        task = _Task(folder, out, data, field, renderer, losses, seed, semantic, config, previous, factor)
        initial = {name: value.clone() for name, value in field.state_dict().items()}
        try:
            return self._whole(task, watch, ddp)
        except TrainingDiverged as error:
            if factor < 1:
                raise
            previous, _ = _usable_checkpoint(out, config, self.num_steps)
            log.warning("%s: once more from the last checkpoint, with %g of the rates", error, LOWERED)
            field.load_state_dict(initial)
            return self._whole(replace(task, previous=previous, rate_factor=LOWERED), watch, ddp)

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
            semantic=None if task.semantic is None else task.semantic.of(task.folder, peers.device),
            peers=peers,
            rate_factor=task.rate_factor,
        )
        with _repeatable(), _precision(self.matmul_precision, peers.device):
            field.to(peers.device)
            data.move_to(peers.device)
            if task.previous is None and self.warm_start is not None and peers.rank == 0:
                self.warm_start(field, data.volume, scale=scale, seed=task.seed, graph=self.cuda_graph)
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
            metrics = MetricsFile(path=task.out / "metrics.csv", every=self.log_every, watch=watch)
            saved = LastCheckpoint(path=task.out / LAST, previous=task.out / PREVIOUS, every=self.checkpoint_every)
            callbacks = [shown, metrics, *callbacks, saved]
        callbacks.append(MissedValidation(every=blocks * self.steps_per_block))
        with _quiet_lightning():
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
        if peers.size > 1:  # NCCL cannot end before the graphs that hold its messages
            module.replay.forget()
            module.semantic_replay.forget()


@dataclass(frozen=True)
class _Task:
    """What to train; the same in all processes. `previous`: the checkpoint to continue from. `rate_factor`: share of
    the learning rates."""

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

    def built_field(self) -> nn.Module:
        """The field; one like it where only its config is known: not every field can be sent to another process."""
        return self.field if self.field is not None else build_field((self.config or {})["field"], seed=self.seed)


def _usable_checkpoint(out: Path, config: dict[str, Any] | None, num_steps: int) -> tuple[Path | None, float]:
    """The newest checkpoint that can be read and belongs to the same config, and its share of the learning rates.

    None and 1 when there is none; the log says why training starts again.
    """
    for path in (out / LAST, out / PREVIOUS):
        if not path.is_file():
            continue
        try:
            saved = read_checkpoint(path)["o2recon"]
        except ValueError as error:
            log.warning("%s; training goes on from the one before, or starts again", error)
            continue
        if saved["config"] != config or saved["num_steps"] != num_steps:
            log.info("%s was made with another config: training starts again", path)
            break
        log.info("training continues from step %d of %d", saved["step"], saved["num_steps"])
        return path, saved.get("rate_factor", 1.0)
    return None, 1.0


def _device(device: str) -> torch.device:
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdigit())):
        raise ValueError(f"device={device}: must be auto, cpu, cuda or cuda:<number>")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device("cuda", int(number or 0)) if kind == "cuda" else torch.device("cpu")


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's remarks about devices, and without the warnings named here."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # said of a run with device=cpu on a machine with a GPU: it was asked for
            warnings.filterwarnings("ignore", "GPU available but not used")
            # said wherever Slurm is installed; an object is trained by one process
            warnings.filterwarnings("ignore", "The `srun` command is available")
            # 2026-11-22: Lightning 2.6.6 asks torch 2.13's pytrees in an old way; nothing a user could do about it
            warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _precision(name: str, device: torch.device) -> Iterator[None]:
    """How float32 matrices are multiplied on a GPU; a CPU keeps what it has."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def _repeatable() -> Iterator[None]:
    """Sums in one order on the CPU, and as it was before afterwards. Where there is a GPU, scatters stay free."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]

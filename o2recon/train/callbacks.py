"""Progress bar with ETA, metrics.csv, and the checkpoint that a killed run continues from."""

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities.exceptions import SIGTERMException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from o2recon.train.reconstruction import Reconstruction, TrainingDiverged
from o2recon.workspace import written_atomically

Watch = Callable[[int, dict[str, float]], None]
"""Told an optimiser step and what was computed there, under the keys of metrics.csv."""


class StepProgress(pl.Callback):
    """Optimiser steps done, elapsed and remaining time, on stderr. `description` stands in front."""

    def __init__(self, *, description: str) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.progress.add_task(description, total=None, note="")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        self.progress.update(self.task, total=pl_module.num_steps, completed=pl_module.step)
        self.progress.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, Reconstruction)
        note = f"loss {pl_module.block_means['train/loss/total']:.3f}"
        self.progress.update(self.task, completed=pl_module.step, note=note)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.progress.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.progress.stop()


class MetricsFile(pl.Callback):
    """Appends one row per block that passes a multiple of `every` steps, and one per validation, to metrics.csv.

    Columns: step, seconds, train/loss/<term>, train/loss/total, train/inv_s, `more`, val/...; empty where not
    computed. A resumed run cuts the rows that lie behind its checkpoint.
    `watch` is told every row as (step, values), first of all those that a resumed run kept.
    """

    VALIDATION = ("val/depth_residual_cm", "val/depth_within_2cm", "val/silhouette_iou", "val/psnr_db")

    def __init__(self, *, path: Path, every: int, watch: Watch | None = None, more: Sequence[str] = ()) -> None:
        self.path, self.every, self.watch, self.more = path, every, watch, more
        self.columns: list[str] = []
        self.validated = 0
        """Step of the newest validation's row."""
        self.start = time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        names = [*pl_module.terms, *(["semantic"] if pl_module.semantic else []), "total"]
        losses = [f"train/loss/{name}" for name in names]
        self.columns = ["step", "seconds", *losses, "train/inv_s", *self.more, *self.VALIDATION]
        kept: list[dict[str, str]] = []
        if self.path.is_file() and pl_module.step:
            with open(self.path, newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= pl_module.step]
        self.validated = max((int(row["step"]) for row in kept if row.get(self.VALIDATION[0])), default=0)
        self.start = time.perf_counter() - (float(kept[-1]["seconds"]) if kept else 0.0)
        with written_atomically(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
        if self.watch is not None:
            for row in kept:
                values = {k: float(v) for k, v in row.items() if v and k not in ("step", "seconds")}
                self.watch(int(row["step"]), values)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, _: int
    ) -> None:
        assert isinstance(pl_module, Reconstruction)
        step = pl_module.step
        if step // self.every > (step - len(batch)) // self.every:
            self._append(step, pl_module.block_means)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        if pl_module.step > self.validated:
            self._append(pl_module.step, pl_module.validation)
            self.validated = pl_module.step

    def _append(self, step: int, values: dict[str, float]) -> None:
        row = {"step": step, "seconds": f"{time.perf_counter() - self.start:.2f}"}
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writerow({**row, **{name: f"{value:.6g}" for name, value in values.items()}})
        if self.watch is not None:
            self.watch(step, values)


class MissedValidation(pl.Callback):
    """Does what a killed run did not get to: a checkpoint is written before the validation of the same step.

    `every`: optimiser steps between validations. Last among the callbacks, which then hear of it as of any other.
    """

    def __init__(self, *, every: int) -> None:
        self.every = every

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        validates = pl_module.step % self.every == 0 or pl_module.step >= pl_module.end
        if pl_module.step == 0 or not validates or pl_module.data.val_table is None:
            return
        pl_module.validate()
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            callback.on_validation_end(trainer, pl_module)


class DirectWriter(TorchCheckpointIO):
    """Writes checkpoints where they belong. Lightning's own writer goes through the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


class LastCheckpoint(pl.Callback):
    """Keeps `path` at most `every` steps old, and writes it at the end and on SIGTERM; replaced atomically.

    The one before is kept as `previous`, for the day on which the disk damages the last one. TrainingDiverged instead
    of writing when a parameter is not finite.
    """

    def __init__(self, *, path: Path, previous: Path, every: int) -> None:
        self.path, self.previous, self.every = path, previous, every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, _: int
    ) -> None:
        assert isinstance(pl_module, Reconstruction)
        step = pl_module.step
        if step // self.every > (step - len(batch)) // self.every or step >= pl_module.end:
            self._write(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A validation may have ended the training."""
        assert isinstance(pl_module, Reconstruction)
        if pl_module.step == pl_module.end < pl_module.num_steps:
            self._write(trainer, pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Lightning raises this one between two blocks."""
        assert isinstance(pl_module, Reconstruction)
        if isinstance(exception, SIGTERMException) and pl_module.step > pl_module.data.first_step:
            self._write(trainer, pl_module)

    def _write(self, trainer: pl.Trainer, module: Reconstruction) -> None:
        wrong = [name for name, value in module.field.named_parameters() if not value.isfinite().all()]
        if wrong:
            raise TrainingDiverged(
                f"training diverged at step {module.step}: {wrong[0]} of the field is not finite; lower"
                " train.optimizer.learning_rates"
            )
        with written_atomically(self.path) as temporary:
            trainer.save_checkpoint(temporary)
            if self.path.is_file():
                os.replace(self.path, self.previous)

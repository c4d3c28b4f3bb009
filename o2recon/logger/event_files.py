"""Event files for TensorBoard."""

import importlib
import shutil
from pathlib import Path
from typing import Any

from o2recon.logger.csv_files import METRICS, CsvLogger, RunLog, read_curves
from o2recon.logger.facts import RunFacts, numbers
from o2recon.logger.panels import Panels
from o2recon.logger.summary import Summary
from o2recon.report import collect_runs
from o2recon.report.formats import to_markdown

FOLDER = "tensorboard"


class TensorBoardLogger(CsvLogger):
    """`<run>/tensorboard` per run and `outputs/<study>/tensorboard` for the comparison.

    `media` "none" leaves pictures out. ImportError when TensorBoard is not installed.
    """

    def __init__(self, *, media: str, views: Panels) -> None:
        try:
            self._writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as error:
            raise ImportError("logger=tensorboard needs TensorBoard: pip install 'o2recon[tensorboard]'") from error
        self._views = None if media == "none" else views

    def opened(self, facts: RunFacts) -> RunLog:
        shutil.rmtree(facts.folder / FOLDER, ignore_errors=True)  # a continued run repeats what it had written
        return _TensorBoardRun(facts, self._writer(facts.folder / FOLDER), self._views)

    def compare(self, folder: Path) -> None:
        """The tables as text."""
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        summary = Summary(collect_runs(folder))
        with self._writer(folder / FOLDER) as writer:
            writer.add_text("study/methods", to_markdown(summary.methods))
            writer.add_text("study/runs", to_markdown(summary.runs))
            for key, value in summary.numbers.items():
                writer.add_scalar(key, value)


class _TensorBoardRun(RunLog):
    def __init__(self, facts: RunFacts, writer: Any, views: Panels | None) -> None:
        super().__init__(facts)
        self._writer, self._views, self._step = writer, views, 0
        writer.add_text("tags", ", ".join((*facts.tags, f"group:{facts.group}", f"job_type:{facts.stage}")))

    def curves(self, step: int, values: dict[str, float]) -> None:
        self._step = max(self._step, step)
        for key, value in values.items():
            self._writer.add_scalar(key, value, step)

    def finished(self, result: dict[str, Any]) -> None:
        if not self._step:  # trained before
            for step, values in read_curves(self.facts.folder / METRICS):
                self.curves(step, values)
        for key, value in numbers(result).items():
            self._writer.add_scalar(key, value, self._step)
        if result["error"]:
            self._writer.add_text("error", result["error"])
        if self._views is not None and not self.failed:
            for panel in self._views(self.facts, meshed=self.facts.stage != "train"):
                for name, picture in panel.pictures.items():
                    self._writer.add_image(f"views/{name}/{panel.caption}", picture, self._step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()

"""Curves, panels and results of a job, under the same keys in CSV files, TensorBoard and Weights & Biases."""

from o2recon.logger.csv_files import CsvLogger, RunLog
from o2recon.logger.event_files import TensorBoardLogger
from o2recon.logger.facts import RunFacts
from o2recon.logger.panels import Panels
from o2recon.logger.wandb_runs import WandbLogger

__all__ = ["CsvLogger", "Panels", "RunFacts", "RunLog", "TensorBoardLogger", "WandbLogger"]

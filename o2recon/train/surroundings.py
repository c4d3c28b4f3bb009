"""What is set for the time of a training, and put back afterwards: warnings, precision, the order of sums."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def quiet_lightning() -> Iterator[None]:
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
def precision(name: str, device: torch.device) -> Iterator[None]:
    """How float32 matrices are multiplied on a GPU; a CPU keeps what it has."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def repeatable() -> Iterator[None]:
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
